// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/tls_identity.hpp"

#include "http_server/openssl_error.hpp"

#include <z360/log.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <sys/stat.h>

#include <stdexcept>
#include <string_view>

namespace z360::http {
namespace {

namespace ssl = boost::asio::ssl;

/// Clients that offer HTTP/2 and HTTP/1.1 are told 1.1; without an answer some would assume the former.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size, void*) {
    static constexpr std::string_view k_ours("\x08http/1.1", 9);
    unsigned char* chosen = nullptr;
    const auto* ours = reinterpret_cast<const unsigned char*>(k_ours.data());
    if (SSL_select_next_proto(&chosen, out_size, ours, static_cast<unsigned>(k_ours.size()), in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/// A key with a pass phrase must not make the server ask for one on its terminal.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

std::shared_ptr<ssl::context> make_context(const std::string& certificate, const std::string& key) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX* native = context->native_handle();
    if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1)
        throw std::runtime_error("TLS 1.2 is not available: " + openssl_error());
    // Of TLS 1.2 what TLS 1.3 has kept: whoever records today and gets the key later reads no password.
    if (SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        throw std::runtime_error("TLS 1.2 is not available with forward secrecy: " + openssl_error());
    (void)SSL_CTX_set_options(
        native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                    SSL_OP_IGNORE_UNEXPECTED_EOF
    );
    (void)SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS); // idle connections hold no TLS buffers
    SSL_CTX_set_alpn_select_cb(native, &choose_protocol, nullptr);
    SSL_CTX_set_default_passwd_cb(native, &no_passphrase);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(native, certificate.c_str()) != 1)
        throw std::runtime_error(
            "TLS certificate file " + certificate + ": " + openssl_error() +
            "; expected a PEM chain, own certificate first"
        );
    const bool used = SSL_CTX_use_PrivateKey_file(native, key.c_str(), SSL_FILETYPE_PEM) == 1;
    if (!used && ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH)
        throw std::runtime_error(
            "TLS key file " + key + ": " + openssl_error() +
            "; expected the PEM private key, without a pass phrase, of the certificate in " + certificate
        );
    if (!used || SSL_CTX_check_private_key(native) != 1)
        throw std::runtime_error(
            "TLS key file " + key + " is not the key of the certificate in " + certificate
        );
    return context;
}

void look_at(const std::string& path, std::int64_t* out) {
    struct stat s{};
    if (::stat(path.c_str(), &s) != 0) return;
    out[0] = s.st_mtim.tv_sec * 1'000'000'000 + s.st_mtim.tv_nsec;
    out[1] = s.st_ctim.tv_sec * 1'000'000'000 + s.st_ctim.tv_nsec;
    out[2] = s.st_size;
    out[3] = static_cast<std::int64_t>(s.st_ino);
}

} // namespace

std::string identity_fault(const std::string& certificate_file, const std::string& key_file) {
    try {
        (void)make_context(certificate_file, key_file);
        const auto status = read_certificate(certificate_file);
        return status.ok() ? std::string() : "TLS certificate file " + status.error;
    } catch (const std::exception& e) {
        return e.what();
    }
}

tls_identity::tls_identity(std::string certificate_file, std::string key_file, port::metrics& metrics)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)), metrics_(metrics) {
    loaded_ = look(); // before reading: a change in between is then seen as one
    load();
}

tls_identity::fingerprint tls_identity::look() const {
    fingerprint f{};
    look_at(certificate_file_, f.data());
    look_at(key_file_, f.data() + 4);
    return f;
}

// With `now`: only a certificate that clients take now, unless they do not take the one in use either.
void tls_identity::load(std::optional<time_point> now) {
    auto context = make_context(certificate_file_, key_file_);
    auto status = read_certificate(certificate_file_);
    if (!status.ok()) throw std::runtime_error("TLS certificate file " + status.error);
    const auto fault = now && status_.fault_at(*now).empty() ? status.fault_at(*now) : std::string();
    if (!fault.empty())
        throw std::runtime_error(
            "TLS certificate file " + certificate_file_ + ": " + status.subject + " is " + fault +
            "; the one in use is good until " + iso8601(status_.not_after)
        );
    context_ = std::move(context);
    status_ = std::move(status);
    alarm_.reset();
}

void tls_identity::refresh(time_point now) {
    const auto seen = look();
    if (seen != loaded_) {
        try {
            load(now);
            loaded_ = seen;
            failed_ = {};
            metrics_.count("tls_reloads_total", {{"result", "ok"}});
            log::info(
                "tls_certificate_reloaded",
                {{"subject", status_.subject}, {"not_after", iso8601(status_.not_after)}}
            );
        } catch (const std::exception& e) {
            if (seen != failed_) {
                failed_ = seen;
                metrics_.count("tls_reloads_total", {{"result", "failed"}});
                log::error(
                    "tls_certificate_reload_failed",
                    {{"error", e.what()}, {"served", "the previous certificate"}}
                );
            }
        }
    }
    // Above 0: what lies there is not what is served, and a restart would not do what is expected of it.
    metrics_.gauge("tls_files_refused", seen == loaded_ ? 0 : 1);
    watch_expiry(now);
}

void tls_identity::watch_expiry(time_point now) {
    const double left = days_left(now);
    metrics_.gauge("tls_certificate_days_left", left);
    const auto alarm = certificate_alarm(left);
    if (!alarm || (alarm_ && *alarm_ <= *alarm)) return;
    alarm_ = alarm;
    metrics_.count("tls_certificate_alarms_total", {{"days", std::to_string(*alarm)}});
    const bool urgent = *alarm <= 7;
    log::write(
        urgent ? log::level::error : log::level::warn, "tls_certificate_expires",
        {{"file", certificate_file_},
         {"subject", status_.subject},
         {"not_after", iso8601(status_.not_after)},
         {"days_left", left},
         {"fix", "replace the certificate and key files; they are reloaded by themselves"}}
    );
}

} // namespace z360::http
