/// Pairs of a certificate and its key, made for these tests alone and known to everybody.
enum TestPairs {
    /// For localhost, good for a hundred years.
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBmjCCAUGgAwIBAgIUXGETt34UlhjCCu0Habbu2zRUnxAwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEzMDIyMjQxOFoYDzIxMjYxMTA2
        MjIyNDE4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAARFtFbGvwwNnyF0FuyH/NUEXf5FbYBtAhkNQZTLQx3GJ2mKc1bsjLjo
        RgbvvC+gCRE7Ra72N7UCr02e3R5zjYqzo28wbTAdBgNVHQ4EFgQU2Ekr7WQQXmgB
        w3XdsGxQDfvw90EwHwYDVR0jBBgwFoAU2Ekr7WQQXmgBw3XdsGxQDfvw90EwDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDRwAwRAIgdsLeniO+HMd+WwrkjloRf6RQj0Ggvbmek5Gm2EPnntgCIAuC
        JzgWC8kYOt1NW9FrbjDFfUCEZhPG6E9rOjOCbsYd
        -----END CERTIFICATE-----
        """

    /// Its key.
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGVss8K2c16jcaxok
        qQKF+8inY0OrU62D8aROG9izBuChRANCAARFtFbGvwwNnyF0FuyH/NUEXf5FbYBt
        AhkNQZTLQx3GJ2mKc1bsjLjoRgbvvC+gCRE7Ra72N7UCr02e3R5zjYqz
        -----END PRIVATE KEY-----
        """

    /// For a server called second.
    static let otherCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBejCCAR+gAwIBAgIUGfkZYIEYAKhr4zI1eg36T/k984owCgYIKoZIzj0EAwIw
        ETEPMA0GA1UEAwwGc2Vjb25kMCAXDTI2MTEzMDIyMjQxOFoYDzIxMjYxMTA2MjIy
        NDE4WjARMQ8wDQYDVQQDDAZzZWNvbmQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
        AAQiNusRE3Tq3WFfY4m9uj3+UMaaLCw3lxJncwf2fCKybWwZ+nUcHVNnW5FrU20r
        IrEMCIWp0DyJ804iXSKf7YNMo1MwUTAdBgNVHQ4EFgQUCRH/E6eNh3tpU275PNS+
        DPrPz/AwHwYDVR0jBBgwFoAUCRH/E6eNh3tpU275PNS+DPrPz/AwDwYDVR0TAQH/
        BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAl+XwinY3swGr06w2YH9RgMHSlju1
        r76ZCtj5/kYPymMCIQDm+pgzIqVP4V02s6EHjepG8HIiU3a6PRi0UvyLHPPdaA==
        -----END CERTIFICATE-----
        """

    /// Its key.
    static let otherKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgodQr1/nX8yEuQQ9z
        FijhEgRlRd5Gk9DFHxcR3RhmgjehRANCAAQiNusRE3Tq3WFfY4m9uj3+UMaaLCw3
        lxJncwf2fCKybWwZ+nUcHVNnW5FrU20rIrEMCIWp0DyJ804iXSKf7YNM
        -----END PRIVATE KEY-----
        """

    /// It ended before it began to be used.
    static let expiredCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBCDCBrgIBBDAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwHhcN
        MjYxMTMwMjIyNDE4WhcNMjYxMTI5MjIyNDE4WjAMMQowCAYDVQQDDAF4MFkwEwYH
        KoZIzj0CAQYIKoZIzj0DAQcDQgAErBE2Je/7aj9eVVOS8GCKXUtR41r/WF/oSH7x
        39kblhGAC16qy8KE3yjOP1HzLFfaszSsIyccdOWMiq4r230VgTAKBggqhkjOPQQD
        AgNJADBGAiEAtcwNmqvdjZLXDUT/mX5uIsTyJ+oBi4EVVyBY3z9YDk0CIQDT2yNm
        P4lqWfqQCA1CEm7ewHhZqlaoJ1bpNfw2jsypkQ==
        -----END CERTIFICATE-----
        """

    /// Its key.
    static let expiredKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZ/iOYoLvwDHWTl2Y
        L337uTPaBip9bSWjAx3SIHn3ACGhRANCAASsETYl7/tqP15VU5LwYIpdS1HjWv9Y
        X+hIfvHf2RuWEYALXqrLwoTfKM4/UfMsV9qzNKwjJxx05YyKrivbfRWB
        -----END PRIVATE KEY-----
        """
}
