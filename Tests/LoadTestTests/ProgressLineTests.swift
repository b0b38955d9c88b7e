import LoadTest
import Testing

/// What a display says of a run.
@Suite struct ProgressLineTests {
    @Test func ratesAndWhatIsLeft() {
        var line = ProgressLine()
        #expect(line.text(RunProgress(phase: .preparing), hasBar: true) == "resa bench: preparing")
        var progress = RunProgress(phase: .measuring)
        (progress.maxRequests, progress.elapsed, progress.answered, progress.inFlight) = (100, 2, 24, 4)
        #expect(
            line.text(progress, hasBar: false) == "measuring 24 %, 24/100 answered, 4 in flight, 12.0 requests/s, 0 tokens/s, 7 s left")
        // A second of 50 pieces moves the rate half of the way.
        (progress.elapsed, progress.answered, progress.failed, progress.pieces) = (3, 49, 1, 50)
        #expect(
            line.text(progress, hasBar: true)
                == "measuring [############............] 50 %, 49/100 answered, 1 failed, 4 in flight, 16.3 requests/s, 25.0 tokens/s, 3 s left"
        )
        // Another phase begins anew.
        (progress.phase, progress.elapsed) = (.warmingUp, 4)
        #expect(line.text(progress, hasBar: false).hasPrefix("warm-up 50 %") && line.text(progress, hasBar: false).contains(", 0 tokens/s"))
    }
}
