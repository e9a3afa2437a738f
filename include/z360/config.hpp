// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Settings, parsed and validated once at the start, immutable afterwards. Key `a.b` is the flag --a.b, the
// environment variable Z360_A_B and `b` in table [a] of the TOML file; flags win over environment over file.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/call/route.hpp>
#include <z360/log.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace z360 {

/// All settings of one process, with their defaults.
struct config {
    struct http_t {
        std::string address = "0.0.0.0";
        std::uint16_t port = 8080;
        std::size_t max_connections = 2000;
        std::size_t max_header_bytes = 16 * 1024;
        std::size_t max_body_bytes = 1024 * 1024;
        millis read_timeout{10'000}; ///< from the first byte of a request to its last
        millis idle_timeout{60'000}; ///< keep-alive between requests
        millis write_timeout{10'000};
        std::string tls_certificate_file; ///< PEM chain; empty: plain HTTP behind a TLS-terminating proxy
        std::string tls_key_file;
    } http;
    struct database_t {
        secret url; ///< postgresql://… ; may hold a password
        unsigned connections = 6;
        millis acquire_timeout{500};
        millis statement_timeout{2'000};
    } database;
    struct redis_t {
        secret url; ///< redis://[:password@]host:port[/db]; empty: run without Redis (correct, but alone)
        millis budget{50};                ///< longest wait for any Redis operation
        std::string key_prefix = "z360:"; ///< in front of every key: several environments may share one Redis
    } redis;
    struct telnyx_t {
        std::vector<std::string> public_keys; ///< base64 of 32 bytes each; several during a rotation
        secret api_key;
        std::string base_url = "https://api.telnyx.com/v2";
        std::string connection_id; ///< call control application that our dials use
        std::string sip_domain = "sip.telnyx.com";
        std::string webhook_url; ///< sent with each dial when set; empty: the application's own
        millis connect_timeout{1'000};
        millis attempt_timeout{3'000};
        millis hedge_after{500};     ///< identical resend when nothing came back
        unsigned dials_per_5s = 150; ///< Telnyx's account limit, shared by all nodes
        secret client_state_key;     ///< MAC key of client_state; empty: derived from the API key
    } telnyx;
    struct spool_t {
        std::string directory =
            "/var/lib/z360-voip/spool"; ///< empty: no spool; webhooks get 503 without Postgres
        std::size_t max_bytes = 256 * 1024 * 1024;
    } spool;
    struct log_t {
        log::level level = log::level::info;
        bool json = false;
    } logging;
    call::policy calls;                          ///< defaults for organisations without settings of their own
    millis device_life{30LL * 24 * 3600 * 1000}; ///< a device silent for longer is not rung (B10)
    millis unknown_session_wait{60'000
    }; ///< how long events of unknown sessions are kept before dead-lettering
    millis shutdown_limit{10'000};
};

} // namespace z360
