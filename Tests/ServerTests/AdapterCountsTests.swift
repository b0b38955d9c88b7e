import Testing

@testable import Server

/// Series of `/metrics` whose names strangers choose.
@Suite struct AdapterCountsTests {
    private func page(_ counts: AdapterCounts) -> [Substring] {
        var page = PrometheusText()
        counts.print(into: &page)
        return page.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    }

    @Test func onlySoManyNamesAreToldApart() {
        let counts = AdapterCounts(limit: 2)
        for name in ["a", "b", "c", "a", "d"] { counts.add(name) }
        #expect(
            page(counts) == [
                #"resa_adapter_requests_total{adapter="a"} 2"#, #"resa_adapter_requests_total{adapter="b"} 1"#,
                #"resa_adapter_requests_total{adapter="(others)"} 2"#,
            ])
    }

    @Test func adaptersThatAreGoneLeaveNoSeries() {
        let counts = AdapterCounts(limit: 2)
        for name in ["a", "b"] { counts.add(name) }
        counts.keep(["b", "never asked for"])
        counts.add("c")
        #expect(page(counts).count == 2 && counts.names.sorted() == ["b", "c"])
        counts.keep([])
        #expect(page(counts).isEmpty)
    }

    @Test func namesThatNobodyServesAreNotCounted() async throws {
        var settings = ServerSettings.patient
        settings.maxAdapterSeries = 1
        try await Server.test(settings: settings) { client in
            for name in ["no-such", "torn", "another", "math-lora", "r1-sae"] {
                _ = try await client.post(completionPath, #"{"prompt": "a", "adapters": ["\#(name)"]}"#)
            }
            let lines = try await client.get("/metrics").text.split(separator: "\n").filter { $0.hasPrefix(AdapterCounts.metric) }
            #expect(
                lines == [
                    #"resa_adapter_requests_total{adapter="math-lora"} 1"#, #"resa_adapter_requests_total{adapter="(others)"} 1"#,
                ])
        }
    }
}
