// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/tls.hpp"

#include <boost/asio/ip/address.hpp>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <string_view>

namespace z360::adapter::http2 {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::string_view k_alpn("\x02h2", 3);

const unsigned char* bytes(std::string_view s) {
    return reinterpret_cast<const unsigned char*>(s.data());
}

std::string reason() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? "no detail" : text;
}

} // namespace

std::shared_ptr<ssl::context> client_context(const std::string& ca_file) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    SSL_CTX* native = context->native_handle();
    ERR_clear_error();
    if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1)
        throw std::runtime_error("TLS 1.2 is not available: " + reason());
    if (SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        throw std::runtime_error("TLS 1.2 is not available with forward secrecy: " + reason());
    if (SSL_CTX_set_alpn_protos(native, bytes(k_alpn), static_cast<unsigned>(k_alpn.size())) != 0)
        throw std::runtime_error("TLS: ALPN cannot be set");
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    (void)SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    const bool loaded = ca_file.empty()
                            ? SSL_CTX_set_default_verify_paths(native) == 1
                            : SSL_CTX_load_verify_locations(native, ca_file.c_str(), nullptr) == 1;
    if (!loaded)
        throw std::runtime_error(
            (ca_file.empty() ? std::string("the system's certificate authorities")
                             : "the file of certificate authorities " + ca_file) +
            " cannot be read: " + reason() + "; expected PEM"
        );
    return context;
}

void expect_host(SSL* ssl, const std::string& host) {
    boost::system::error_code name;
    (void)boost::asio::ip::make_address(host, name);
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl);
    bool set = false;
    if (name) {
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        set =
            X509_VERIFY_PARAM_set1_host(verify, host.c_str(), host.size()) == 1 &&
            SSL_ctrl(
                ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str())
            ) == 1;
    } else {
        set = X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) == 1;
    }
    // A connection that would take any certificate is worse than none.
    if (!set) throw std::runtime_error("TLS: the host " + host + " cannot be verified");
}

std::string handshake_fault(SSL* ssl, const std::string& otherwise) {
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict == X509_V_OK) return otherwise;
    return std::string("the server's certificate: ") + X509_verify_cert_error_string(verdict);
}

bool speaks_h2(const SSL* ssl) {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &chosen, &size);
    return std::string_view(reinterpret_cast<const char*>(chosen), size) == "h2";
}

} // namespace z360::adapter::http2
