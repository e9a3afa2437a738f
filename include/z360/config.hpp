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
        std::size_t max_connections_per_address = 500; ///< 0: no such limit; trusted proxies have none
        std::size_t webhook_connections = 200; ///< on top of max_connections, for the carrier's routes alone
        std::size_t max_header_bytes = 16 * 1024;
        std::size_t max_body_bytes = 1024 * 1024;
        millis read_timeout{10'000}; ///< from the first byte of a request to its last
        millis idle_timeout{60'000}; ///< keep-alive between requests
        millis write_timeout{10'000};
        std::string tls_certificate_file; ///< PEM chain; empty: plain HTTP behind a TLS-terminating proxy
        std::string tls_key_file;
        std::vector<std::string> trusted_proxies; ///< addresses or CIDRs whose X-Forwarded-… headers count
        bool allow_plain_api = false; ///< the API also over plain HTTP; for development on one machine only
    } http;
    struct metrics_t {
        std::string address = "127.0.0.1";
        std::uint16_t port = 0; ///< of a listener for metrics and health alone; 0: none
        secret token;           ///< bearer token that opens details to other machines; empty: loopback only
    } metrics;
    struct server_t {
        std::string environment = "production"; ///< in bearer tokens and in names at Telnyx: a-z, 0-9, '-'
        std::string public_url; ///< https://… under which clients reach us; empty: taken from the request
        bool sandbox = false; ///< a playground for client developers: shown in replies, never for real calls
        millis drain_delay{5'000}; ///< after SIGTERM: /readyz says 503, everybody is still served
    } server;
    struct secrets_t {
        std::string key_file; ///< keys for secrets at rest; needed to serve (see --generate-key)
    } secrets;
    struct database_t {
        secret url; ///< postgresql://… ; may hold a password
        unsigned connections = 6;
        unsigned api_connections = 3; ///< of the device and admin API, apart from the calls'
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
        std::string connection_id;            ///< call control application that our dials use
        std::string credential_connection_id; ///< connection that the devices' credentials hang on (D7)
        /// Where numbers without a calling code are at home: "US", or "CONNECTION=US"; empty: nowhere.
        std::vector<std::string> default_countries;
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
    struct reconcile_t { ///< asking the carrier when webhooks do not come
        bool enabled = true;
        millis deliveries_every{15'000}; ///< its list of failed deliveries
        millis sweep_every{60'000};      ///< its list of living legs
        millis silence{45'000};          ///< of a talk, before its session is asked about
        unsigned questions_per_second = 10;
    } reconcile;
    struct recordings_t {      ///< our own copies of what the carrier records
        std::string folder;    ///< where they are kept; with s3_bucket: where they are collected first
        std::string s3_bucket; ///< empty: they are kept in the folder, or, without one, at the carrier alone
        std::string s3_endpoint; ///< https://host[:port]
        std::string s3_region = "us-east-1";
        std::string s3_prefix; ///< of all keys
        std::string s3_access_key_id;
        secret s3_secret_access_key;
        bool s3_path_style = false;    ///< bucket in the path, as MinIO wants it
        bool remove_originals = false; ///< at the carrier, once a copy is kept
        unsigned keep_days = 0;        ///< 0: for ever; an organisation may say otherwise
        unsigned parallel = 8;         ///< copies at once
        millis link_life{600'000};     ///< of the addresses that replies have
        [[nodiscard]] bool configured() const { return !folder.empty(); }
    } recordings;
    struct retention_t { ///< days that rows are kept; 0: for ever
        unsigned raw_events_days = 7;
        unsigned dead_letters_days = 30; ///< also doubles of known events with other bytes
        unsigned calls_days = 400;       ///< with legs, commands and timeline
        unsigned push_attempts_days = 90;
    } retention;
    struct push_t {                ///< telling phones by APNs and FCM; without keys nobody is told
        std::string apns_key_file; ///< .p8, mode 600; read again when it changes. Empty: no APNs
        std::string apns_key_id;
        std::string apns_team_id;
        std::vector<std::string> apns_bundle_ids; ///< apps that are pushed to
        std::string apns_default_bundle_id;       ///< of devices that named none; empty: they are not told
        std::string apns_host;                    ///< empty: Apple's; the same of the others
        std::uint16_t apns_port = 443;
        std::string apns_sandbox_host;
        std::uint16_t apns_sandbox_port = 443;
        std::string fcm_service_account_file;  ///< JSON, mode 600; read again when it changes. Empty: no FCM
        std::vector<std::string> fcm_packages; ///< Android apps whose pushes no other app may take
        std::string fcm_host;
        std::uint16_t fcm_port = 443;
        bool any_token_host = false; ///< the account's token_uri may lead anywhere; with server.sandbox alone
        std::string ca_file;         ///< PEM file of authorities to trust instead of the system's
        secret proxy;                ///< HTTP proxy; empty: https_proxy of the environment, as for Telnyx
        unsigned retry_percent = 10; ///< of first attempts
        [[nodiscard]] bool configured() const {
            return !apns_key_file.empty() || !fcm_service_account_file.empty();
        }
    } push;
    struct log_t {
        log::level level = log::level::info;
        bool json = false;
        millis slow_event{250}; ///< a webhook that takes so long is told of; 0: none is
    } logging;
    struct credentials_t {
        millis life{30LL * 86'400'000}; ///< of a SIP credential
        unsigned rotate_percent = 80;   ///< of its life: it is replaced
        millis overlap{72LL * 3'600'000};
        bool password_in_replies = false; ///< old clients: the password in every reply (SEC-03 wants: no)
        unsigned max_browsers = 5;        ///< per person; the longest idle one goes (B50)
        unsigned requests_per_second = 10;
        millis compare_every{900'000};
        millis stray_age{600'000};
        millis registration_budget{2'500
        }; ///< how long a registration waits for Telnyx before it says pending
    } credentials;
    struct auth_t {
        std::string introspection_url; ///< asks the web product whose cookie it is; empty: no cookies
        millis introspection_cache{30'000};
        std::string cookie_name =
            "z360_session"; ///< of the product's session, as the API's document names it
        std::vector<std::string> allowed_origins; ///< https origins that may send cookies or read replies
        bool native_webviews = true; ///< so may the pages inside native apps (capacitor://localhost and such)
        millis device_sliding{30LL * 86'400'000};
        millis device_absolute{180LL * 86'400'000};
    } auth;
    struct apple_t {
        std::vector<std::string> client_ids; ///< accepted `aud`: bundle ids; empty: no Sign in with Apple
        std::string keys_url = "https://appleid.apple.com/auth/keys";
        std::string issuer = "https://appleid.apple.com";
    } apple;
    struct clients_t {                         ///< what client_config tells the apps (D12)
        std::string ws_url;                    ///< wss://…; empty: public_url with /app
        std::vector<std::string> min_versions; ///< "ios=1.2.0": below it registration gets 426 (CFG-07)
        std::vector<std::string> latest_versions;
        std::vector<std::string> store_urls;   ///< "ios=https://…"
        std::vector<std::string> jwt_from_sdk; ///< "android=3.4.0": from this SDK on no password (CFG-03)
        std::vector<std::string> bundle_ids;   ///< allowed at registration; empty: any
        bool force_relay = false;              ///< TURN only (B7)
        bool empty_push_tokens = false;        ///< old clients: an empty push token counts as left out
        bool blanks_in_device_ids = false;     ///< old clients: a device's own id may hold blanks
    } clients;
    struct limits_t { ///< requests of one subject (SEC-04)
        unsigned register_per_minute = 10;
        unsigned credentials_per_minute = 10;
        unsigned reveal_per_hour = 3;
        unsigned poll_per_minute = 120;
        unsigned read_per_minute = 120;
        unsigned admin_per_minute = 1'200;
        unsigned address_per_minute = 3'000;
        unsigned failed_auth_per_minute = 10;
    } limits;
    call::policy calls;           ///< defaults for organisations without settings of their own
    struct outbound_t {           ///< calls that devices place
        bool enabled = true;      ///< false: none but to emergency numbers, of no organisation
        unsigned at_once = 100;   ///< of an organisation that does not say otherwise
        unsigned per_minute = 20; ///< that one person begins, likewise
    } outbound;
    millis device_life{30LL * 24 * 3600 * 1000}; ///< a device silent for longer is not rung (B10)
    millis unknown_session_wait{60'000
    }; ///< how long events of unknown sessions are kept before dead-lettering
    millis shutdown_limit{10'000};
};

} // namespace z360
