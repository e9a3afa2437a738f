// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/keys.hpp"

#include "app/key_builders.hpp"
#include "app/values.hpp"
#include "wire/countries.hpp"

#include <array>
#include <cctype>
#include <cstdint>

namespace z360::app {
namespace {

std::string check_spoken(std::string_view v) {
    // Telnyx's speak takes 3000 characters.
    if (v.size() > 3000 || !is_printable(v))
        return "too long or with control characters; at most 3000 bytes on one line";
    return {};
}
std::string check_voice(std::string_view v) {
    for (const char c : v)
        if (c <= 0x20 || c == 0x7F) return "no voice name; give e.g. AWS.Polly.Joanna-Neural";
    return v.size() <= 200 ? "" : "no voice name; give e.g. AWS.Polly.Joanna-Neural";
}
std::string check_digits(std::string_view v) {
    if (v.size() <= 32 && v.find_first_not_of("0123456789") == std::string_view::npos) return {};
    return "not digits; copy the id from the Telnyx portal";
}
std::string check_prefix(std::string_view v) {
    for (const char c : v)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
            std::string_view("_-.:").find(c) == std::string_view::npos)
            return "only letters, digits and _ - . : may be in it; end it with a colon, e.g. z360:";
    return v.size() <= 64 ? "" : "longer than 64 characters; shorten it";
}
std::string check_api_key(std::string_view v) {
    for (const char c : v)
        if (c <= 0x20 || c >= 0x7F) return "blanks or control characters in it; give the key alone";
    return v.size() >= 8 && v.size() <= 512
               ? ""
               : "not 8 to 512 characters; copy the whole key from the Telnyx portal";
}
std::string check_metrics_token(std::string_view v) {
    for (const char c : v)
        if (c <= 0x20 || c >= 0x7F) return "blanks or control characters in it; give the token alone";
    return v.size() >= 16 && v.size() <= 512
               ? ""
               : "not 16 to 512 characters; make one with: openssl rand -hex 32";
}
std::string check_mac_key(std::string_view v) {
    return v.size() >= 32 && v.size() <= 512
               ? ""
               : "not 32 to 512 characters; make one with: openssl rand -base64 32";
}

key_spec log_level() {
    constexpr std::array<std::string_view, 5> k_names{"debug", "info", "warn", "error", "critical"};
    key_spec k{
        .name = "log.level",
        .help = "Least severe lines that are written.",
        .range = "debug, info, warn, error, critical"
    };
    k.set = [=](config& c, const std::string& v) {
        for (std::size_t i = 0; i < k_names.size(); ++i) {
            if (v == k_names[i]) {
                c.logging.level = static_cast<log::level>(i);
                return std::string{};
            }
        }
        return std::string("no log level; give debug, info, warn, error or critical");
    };
    k.show = [=](const config& c) { return std::string(k_names[static_cast<std::size_t>(c.logging.level)]); };
    return k;
}

constexpr std::int64_t k_day = 86'400'000;

// Who may see figures and details.
void add_metrics_keys(std::vector<key_spec>& k) {
    k.push_back(text(
        "metrics.address", "Address of the listener for metrics and health alone.", "IPv4 or IPv6 address",
        false, check_ip_address, [](auto& c) -> auto& { return c.metrics.address; }
    ));
    k.push_back(number(
        "metrics.port", "Its port; 0: no such listener, /metrics is where everything is.", "", 0, 65535,
        [](auto& c) -> auto& { return c.metrics.port; }
    ));
    k.push_back(secret_key(
        "metrics.token", "Opens /metrics and the details of /readyz to other machines than this one.",
        "16 to 512 characters", key_kind::secret, check_metrics_token,
        [](auto& c) -> auto& { return c.metrics.token; }
    ));
}

// How long rows are kept. Below the least a webhook's id would not be known any more when it is sent again
// (BE-34).
template <class Member>
key_spec days_kept(std::string name, std::string help, std::int64_t least, Member at) {
    constexpr std::int64_t k_most = 36'500;
    auto k = number(std::move(name), std::move(help), "", 0, k_most, at);
    if (least <= 1) return k;
    const auto range = "0, or " + std::to_string(least) + " to " + std::to_string(k_most);
    k.range = range;
    k.set = [=, any = k.set](config& c, const std::string& v) {
        auto wanted = c;
        auto problem = any(wanted, v);
        if (problem.empty() && at(wanted) != 0 && at(wanted) < least)
            problem = "too short: a webhook that is sent again must be known; give " + range;
        if (problem.empty()) at(c) = at(wanted);
        return problem;
    };
    return k;
}

void add_retention_keys(std::vector<key_spec>& k) {
    constexpr std::int64_t k_week = 7;
    k.push_back(days_kept(
        "retention.raw_events_days", "Days that processed webhooks are kept; 0: for ever.", k_week,
        [](auto& c) -> auto& { return c.retention.raw_events_days; }
    ));
    k.push_back(days_kept(
        "retention.dead_letters_days", "Days that webhooks nobody could use are kept; 0: for ever.", k_week,
        [](auto& c) -> auto& { return c.retention.dead_letters_days; }
    ));
    k.push_back(days_kept(
        "retention.calls_days", "Days that calls, their commands and timelines are kept; 0: for ever.", 1,
        [](auto& c) -> auto& { return c.retention.calls_days; }
    ));
    k.push_back(days_kept(
        "retention.push_attempts_days", "Days that requests to push providers are kept; 0: for ever.", 1,
        [](auto& c) -> auto& { return c.retention.push_attempts_days; }
    ));
}

// What is asked when webhooks do not come; each limit is for all nodes together.
void add_reconcile_keys(std::vector<key_spec>& k) {
    k.push_back(boolean(
        "reconcile.enabled", "Ask Telnyx when webhooks do not come; off only for tests.",
        [](auto& c) -> auto& { return c.reconcile.enabled; }
    ));
    k.push_back(duration(
        "reconcile.deliveries_every_ms", "How often webhooks that were delivered to nobody are fetched.",
        1'000, 3'600'000, [](auto& c) -> auto& { return c.reconcile.deliveries_every; }
    ));
    k.push_back(duration(
        "reconcile.sweep_every_ms", "How often the legs that live at Telnyx are compared with ours.", 1'000,
        3'600'000, [](auto& c) -> auto& { return c.reconcile.sweep_every; }
    ));
    k.push_back(duration(
        "reconcile.silence_ms", "A talk that nothing was heard of for so long is asked about.", 1'000,
        3'600'000, [](auto& c) -> auto& { return c.reconcile.silence; }
    ));
    k.push_back(number(
        "reconcile.questions_per_second", "Most sessions asked about in a second.", "", 1, 100,
        [](auto& c) -> auto& { return c.reconcile.questions_per_second; }
    ));
}

std::vector<key_spec> all_keys() {
    constexpr std::int64_t k_mib = 1024LL * 1024;
    std::vector<key_spec> k;
    k.push_back(text(
        "http.address", "Address to listen on.", "IPv4 or IPv6 address", false, check_ip_address,
        [](auto& c) -> auto& { return c.http.address; }
    ));
    k.push_back(number(
        "http.port", "Port to listen on; 0 takes any free one.", "", 0, 65535,
        [](auto& c) -> auto& { return c.http.port; }
    ));
    k.push_back(number(
        "http.max_connections", "Connections at a time; more are turned away.", "", 1, 100'000,
        [](auto& c) -> auto& { return c.http.max_connections; }
    ));
    k.push_back(number(
        "http.max_connections_per_address",
        "Of them from one address, or one IPv6 /64; 0: no limit. Proxies of trusted_proxies have none.", "",
        0, 100'000, [](auto& c) -> auto& { return c.http.max_connections_per_address; }
    ));
    k.push_back(number(
        "http.webhook_connections", "Further connections, which serve the carrier's webhooks alone.", "", 0,
        100'000, [](auto& c) -> auto& { return c.http.webhook_connections; }
    ));
    k.push_back(number(
        "http.max_header_bytes", "Longest request header.", "bytes", 1024, k_mib,
        [](auto& c) -> auto& { return c.http.max_header_bytes; }
    ));
    k.push_back(number(
        "http.max_body_bytes", "Longest request body.", "bytes", 1024, 64 * k_mib,
        [](auto& c) -> auto& { return c.http.max_body_bytes; }
    ));
    k.push_back(duration(
        "http.read_timeout_ms", "From the first byte of a request to its last.", 100, 120'000,
        [](auto& c) -> auto& { return c.http.read_timeout; }
    ));
    k.push_back(duration(
        "http.idle_timeout_ms", "How long a connection is kept between requests.", 1'000, 3'600'000,
        [](auto& c) -> auto& { return c.http.idle_timeout; }
    ));
    k.push_back(duration(
        "http.write_timeout_ms", "For writing one response.", 100, 120'000,
        [](auto& c) -> auto& { return c.http.write_timeout; }
    ));
    k.push_back(text(
        "http.tls_certificate_file", "PEM chain; empty: plain HTTP behind a proxy that ends TLS.", "path",
        true, check_path, [](auto& c) -> auto& { return c.http.tls_certificate_file; }
    ));
    k.push_back(text(
        "http.tls_key_file", "PEM key of that certificate, mode 600 or 640.", "path", true, check_path,
        [](auto& c) -> auto& { return c.http.tls_key_file; }
    ));
    k.push_back(list(
        "http.trusted_proxies", "Proxies whose X-Forwarded-… headers count.", "addresses or CIDRs",
        check_network, [](auto& c) -> auto& { return c.http.trusted_proxies; }
    ));
    k.push_back(boolean(
        "http.allow_plain_api", "The API also over plain HTTP; for development on one machine only.",
        [](auto& c) -> auto& { return c.http.allow_plain_api; }
    ));

    add_metrics_keys(k);

    k.push_back(text(
        "secrets.key_file", "Keys for secrets at rest, mode 600 or 640; made with --generate-key.", "path",
        true, check_path, [](auto& c) -> auto& { return c.secrets.key_file; }
    ));

    k.push_back(secret_key(
        "database.url", "Postgres.", "postgresql://user[:password]@host[:port]/database",
        key_kind::secret_url, check_database_url, [](auto& c) -> auto& { return c.database.url; }
    ));
    k.push_back(number(
        "database.connections", "Connections, and so database threads.", "", 1, 64,
        [](auto& c) -> auto& { return c.database.connections; }
    ));
    k.push_back(number(
        "database.api_connections", "Connections of the API, apart from those of calls.", "", 1, 64,
        [](auto& c) -> auto& { return c.database.api_connections; }
    ));
    k.push_back(duration(
        "database.acquire_timeout_ms", "Longest wait for a free connection.", 10, 10'000,
        [](auto& c) -> auto& { return c.database.acquire_timeout; }
    ));
    k.push_back(duration(
        "database.statement_timeout_ms", "Longest run of one statement.", 50, 60'000,
        [](auto& c) -> auto& { return c.database.statement_timeout; }
    ));

    k.push_back(secret_key(
        "redis.url", "Redis; empty: run without (correct, but the dial limit then holds per process).",
        "redis://[[user]:password@]host[:port][/db]", key_kind::secret_url, check_redis_url,
        [](auto& c) -> auto& { return c.redis.url; }
    ));
    k.push_back(duration(
        "redis.budget_ms", "Longest wait for any Redis operation.", 1, 1'000,
        [](auto& c) -> auto& { return c.redis.budget; }
    ));
    k.push_back(text(
        "redis.key_prefix", "In front of every key, so that environments may share a Redis.",
        "letters, digits, _ - . :", false, check_prefix, [](auto& c) -> auto& { return c.redis.key_prefix; }
    ));

    k.push_back(list(
        "telnyx.public_keys", "Keys that webhooks are verified with; several while one replaces another.",
        "base64 of 32 bytes each", check_public_key, [](auto& c) -> auto& { return c.telnyx.public_keys; }
    ));
    k.push_back(secret_key(
        "telnyx.api_key", "API v2 key of the account.", "8 to 512 characters", key_kind::secret,
        check_api_key, [](auto& c) -> auto& { return c.telnyx.api_key; }
    ));
    k.push_back(text(
        "telnyx.base_url", "Where commands are sent.", "http or https URL", false, check_http_url,
        [](auto& c) -> auto& { return c.telnyx.base_url; }
    ));
    k.push_back(text(
        "telnyx.connection_id", "Call control application that devices are dialed from.", "digits", true,
        check_digits, [](auto& c) -> auto& { return c.telnyx.connection_id; }
    ));
    k.push_back(text(
        "telnyx.credential_connection_id", "Credential connection that the devices' SIP identities hang on.",
        "digits", true, check_digits, [](auto& c) -> auto& { return c.telnyx.credential_connection_id; }
    ));
    k.push_back(list(
        "telnyx.default_countries", "Where numbers without a calling code are at home; none: nowhere.",
        "country, or connection=country", wire::default_countries::fault_of,
        [](auto& c) -> auto& { return c.telnyx.default_countries; }
    ));
    k.push_back(text(
        "telnyx.sip_domain", "Domain of the devices' SIP addresses.", "host name", false, check_host_name,
        [](auto& c) -> auto& { return c.telnyx.sip_domain; }
    ));
    k.push_back(text(
        "telnyx.webhook_url", "Sent with each dial; empty: the URL set in the application.",
        "http or https URL", true, check_http_url, [](auto& c) -> auto& { return c.telnyx.webhook_url; }
    ));
    k.push_back(duration("telnyx.connect_timeout_ms", "For TCP and TLS.", 50, 10'000, [](auto& c) -> auto& {
        return c.telnyx.connect_timeout;
    }));
    k.push_back(duration(
        "telnyx.attempt_timeout_ms", "For one request and its response.", 100, 30'000,
        [](auto& c) -> auto& { return c.telnyx.attempt_timeout; }
    ));
    k.push_back(duration(
        "telnyx.hedge_after_ms", "Unanswered for so long: the identical command is sent once more.", 50,
        10'000, [](auto& c) -> auto& { return c.telnyx.hedge_after; }
    ));
    k.push_back(number(
        "telnyx.dials_per_5s", "Dials in any 5 s, all nodes together; Telnyx's account limit.", "", 1,
        100'000, [](auto& c) -> auto& { return c.telnyx.dials_per_5s; }
    ));
    k.push_back(secret_key(
        "telnyx.client_state_key", "Authenticates client_state; empty: derived from the API key.",
        "32 to 512 characters", key_kind::secret, check_mac_key,
        [](auto& c) -> auto& { return c.telnyx.client_state_key; }
    ));

    add_push_keys(k);
    add_recording_keys(k);

    k.push_back(text(
        "spool.directory", "Keeps webhooks while Postgres is away; empty: they get 503 then.", "path", true,
        check_path, [](auto& c) -> auto& { return c.spool.directory; }
    ));
    k.push_back(number(
        "spool.max_bytes", "Largest spool.", "bytes", k_mib, 64 * 1024 * k_mib,
        [](auto& c) -> auto& { return c.spool.max_bytes; }
    ));

    add_reconcile_keys(k);
    add_retention_keys(k);

    k.push_back(log_level());
    k.push_back(boolean("log.json", "One JSON object a line instead of text.", [](auto& c) -> auto& {
        return c.logging.json;
    }));
    k.push_back(duration(
        "log.slow_event_ms",
        "A webhook that takes so long to be stored, or its call to move on, is told of; 0: none.", 0, 60'000,
        [](auto& c) -> auto& { return c.logging.slow_event; }
    ));

    k.push_back(duration(
        "calls.ring_time_ms", "How long devices ring before voicemail.", 5'000, 60'000,
        [](auto& c) -> auto& { return c.calls.ring_time; }
    ));
    k.push_back(duration(
        "calls.bridge_limit_ms", "From the first bridge attempt of a winner to its confirmation.", 500,
        10'000, [](auto& c) -> auto& { return c.calls.bridge_limit; }
    ));
    k.push_back(duration(
        "calls.resume_minimum_ms", "Ring time that must be left to go on ringing after a failed bridge.", 0,
        60'000, [](auto& c) -> auto& { return c.calls.resume_minimum; }
    ));
    k.push_back(duration(
        "calls.answer_limit_ms", "From the winner's answer to the caller's leg being answered.", 500, 10'000,
        [](auto& c) -> auto& { return c.calls.answer_limit; }
    ));
    k.push_back(duration("calls.voicemail_max_ms", "Longest message.", 5'000, 600'000, [](auto& c) -> auto& {
        return c.calls.voicemail_max;
    }));
    k.push_back(text(
        "calls.unavailable_message", "Told where an organisation takes no messages.", "up to 3000 bytes",
        false, check_spoken, [](auto& c) -> auto& { return c.calls.unavailable_message; }
    ));
    k.push_back(text(
        "calls.voicemail_greeting", "Spoken before the tone.", "up to 3000 bytes", false, check_spoken,
        [](auto& c) -> auto& { return c.calls.voicemail_greeting; }
    ));
    k.push_back(text(
        "calls.hold_prompt", "Spoken to an answered caller who waits, without ringback_url.",
        "up to 3000 bytes", false, check_spoken, [](auto& c) -> auto& { return c.calls.hold_prompt; }
    ));
    k.push_back(text(
        "calls.voice", "Telnyx voice that speaks both.", "name", false, check_voice,
        [](auto& c) -> auto& { return c.calls.voice; }
    ));
    k.push_back(text(
        "calls.ringback_url", "Audio looped to an answered caller who waits; empty: hold_prompt.",
        "http or https URL", true, check_http_url, [](auto& c) -> auto& { return c.calls.ringback_url; }
    ));
    k.push_back(boolean(
        "calls.record_calls", "Record from the bridge on, two channels.",
        [](auto& c) -> auto& { return c.calls.record_calls; }
    ));
    k.push_back(duration(
        "calls.device_life_ms", "A device silent for longer is not rung.", 3'600'000, 365 * k_day,
        [](auto& c) -> auto& { return c.device_life; }
    ));
    k.push_back(duration(
        "calls.unknown_session_wait_ms",
        "How long events of unknown sessions are kept before they become dead letters.", 1'000, 600'000,
        [](auto& c) -> auto& { return c.unknown_session_wait; }
    ));
    k.push_back(boolean(
        "calls.outbound_enabled", "Devices may call out; false: emergency numbers alone.",
        [](auto& c) -> auto& { return c.outbound.enabled; }
    ));
    k.push_back(number(
        "calls.outbound_at_once", "Calls that devices place, of an organisation that does not say otherwise.",
        "", 1, 10'000, [](auto& c) -> auto& { return c.outbound.at_once; }
    ));
    k.push_back(number(
        "calls.outbound_per_minute", "Such calls that one person begins.", "", 1, 600,
        [](auto& c) -> auto& { return c.outbound.per_minute; }
    ));

    add_api_keys(k);
    return k;
}

} // namespace

const std::vector<key_spec>& keys() {
    static const std::vector<key_spec> k_all = all_keys();
    return k_all;
}

const key_spec* find_key(std::string_view name) {
    for (const auto& k : keys())
        if (k.name == name) return &k;
    return nullptr;
}

std::vector<std::string> key_names() {
    std::vector<std::string> out;
    for (const auto& k : keys()) {
        out.push_back(k.name);
        if (k.is_secret()) out.push_back(k.name + "_file");
    }
    return out;
}

std::string environment_name(std::string_view key) {
    std::string out = "Z360_";
    for (const char c : key)
        out.push_back(c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    return out;
}

} // namespace z360::app
