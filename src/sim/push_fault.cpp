// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/push_fault.hpp"

#include "sim/json_keys.hpp"

#include <array>
#include <utility>

namespace z360::sim {

namespace {

// RFC 9113 section 7, in the order of their numbers.
constexpr std::array<std::string_view, 14> k_codes{
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
};
constexpr std::array<std::pair<std::string_view, push_course::ending>, 4> k_endings{{
    {"stall", push_course::ending::stall},
    {"drop", push_course::ending::drop},
    {"reset", push_course::ending::reset},
    {"goaway", push_course::ending::goaway},
}};

void read_match(key_reader& r, push_match& m) {
    r.text("provider", m.provider);
    if (!m.provider.empty() && m.provider != "apns" && m.provider != "fcm" && m.provider != "google_token")
        r.fail("provider", "apns, fcm or google_token");
    r.text("token", m.token);
    r.text("kind", m.kind);
    r.count("nth", m.nth);
    r.count("times", m.times);
    r.ms("from_ms", m.from);
    if (r.take("until_ms") != nullptr) {
        millis until{0};
        r.ms("until_ms", until);
        m.until = until;
    }
}

void read_ending(key_reader& r, push_fault& f) {
    std::string instead;
    r.text("instead", instead);
    r.flag("processed", f.processed);
    for (const auto& [name, how] : k_endings)
        if (instead == name) f.instead = how;
    if (!instead.empty() && f.instead == push_course::ending::answer)
        r.fail("instead", "stall, drop, reset or goaway");
    std::string code;
    r.text("h2_error", code);
    f.code_given = !code.empty();
    for (std::size_t i = 0; i < k_codes.size(); ++i)
        if (code == k_codes[i]) f.code = static_cast<std::uint32_t>(i);
    if (f.code_given && k_codes[f.code] != code)
        r.fail("h2_error", "a name of RFC 9113, e.g. REFUSED_STREAM");
    if (!f.code_given && f.instead == push_course::ending::reset)
        f.code = f.processed ? 2 : 7; // INTERNAL_ERROR says nothing of what was done; REFUSED_STREAM does
    if (f.instead == push_course::ending::answer && (f.processed || f.code_given))
        r.fail(f.processed ? "processed" : "h2_error", "with instead");
}

} // namespace

push_fault push_fault::from_json(const json& j) {
    push_fault f;
    key_reader r(j, "push fault");
    read_match(r, f.match);
    unsigned status = 0;
    r.count("status", status);
    if (status != 0 && (status < 300 || status > 599)) r.fail("status", "between 300 and 599");
    f.status = static_cast<int>(status);
    r.text("reason", f.reason);
    r.text("quota", f.quota);
    if (r.take("retry_after_s") != nullptr) {
        unsigned seconds = 0;
        r.count("retry_after_s", seconds);
        f.retry_after_s = seconds;
    }
    if (r.take("dead_for_ms") != nullptr) {
        millis dead{0};
        r.ms("dead_for_ms", dead);
        f.dead_for = dead;
    }
    r.ms("delay_ms", f.delay);
    read_ending(r, f);
    r.done();
    if (f.status != 0 && f.instead != push_course::ending::answer) r.fail("status", "without instead");
    return f;
}

} // namespace z360::sim
