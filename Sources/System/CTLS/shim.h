#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// Macros, and callbacks whose arguments Swift cannot name.

static inline int resa_tls_set_least_version(SSL_CTX *context) { return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION); }

static inline void resa_tls_configure(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

static inline size_t resa_tls_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

static inline BIO *resa_tls_memory(void) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio) BIO_set_mem_eof_return(bio, -1);
    return bio;
}

static inline int resa_tls_choose_http(
    SSL *session, const unsigned char **out, unsigned char *out_count, const unsigned char *in, unsigned int in_count, void *context) {
    (void)session;
    (void)context;
    static const unsigned char wanted[] = "\x08http/1.1";
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_count, wanted, sizeof wanted - 1, in, in_count) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static inline void resa_tls_speak_http(SSL_CTX *context) { SSL_CTX_set_alpn_select_cb(context, resa_tls_choose_http, NULL); }

static inline int resa_tls_no_password(char *buffer, int size, int writing, void *context) {
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static inline void resa_tls_ask_for_no_password(SSL_CTX *context) { SSL_CTX_set_default_passwd_cb(context, resa_tls_no_password); }
