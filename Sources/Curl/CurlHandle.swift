import CCurl

// Curl: libcurl's easy handles as owned values, and a client of many requests at once on one thread. Knows no API and no file that is fetched.

/// One libcurl easy handle with its list of header lines; used by one thread at a time.
package final class CurlHandle {
    package let pointer: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?

    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Nil when libcurl cannot be started.
    package init?() {
        guard Self.isReady, let made = curl_easy_init() else { return nil }
        pointer = UnsafeMutableRawPointer(made)
    }

    deinit {
        curl_easy_cleanup(pointer)
        curl_slist_free_all(headers)
    }

    /// Takes back all options; connections stay.
    package func reset() {
        curl_easy_reset(pointer)
        curl_slist_free_all(headers)
        headers = nil
    }

    package func set(_ option: CURLoption, _ value: Int) { _ = resa_curl_set_long(pointer, option, value) }

    /// The text is copied.
    package func set(_ option: CURLoption, _ value: String) { _ = resa_curl_set_string(pointer, option, value) }

    /// Complete lines, in place of earlier ones.
    package func set(headers lines: [String]) {
        let old = headers
        headers = nil
        for line in lines { headers = curl_slist_append(headers, line) ?? headers }
        _ = resa_curl_set_headers(pointer, headers)
        curl_slist_free_all(old)
    }

    /// - Parameter info: one whose value is a `long`.
    package func number(_ info: CURLINFO) -> Int {
        var value = 0
        return resa_curl_get_long(pointer, info, &value) == CURLE_OK ? value : 0
    }

    /// Runs the request to its end, on this thread.
    package func perform() -> CURLcode { curl_easy_perform(pointer) }
}
