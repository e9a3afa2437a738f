// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "recording_keeper/rules.hpp"

#include <z360/base/name.hpp>
#include <z360/rt/retry.hpp>

#include <chrono>

namespace z360::recording_keeper {
namespace {

using port::recording_status;

constexpr millis k_address_lasts{8 * 60'000}; // ten minutes, less the time that it takes
constexpr std::size_t k_longest_number = 128; // or a SIP address
constexpr millis k_first_pause{5'000};
constexpr millis k_longest_pause{3'600'000};
constexpr std::uint32_t k_asked_often = 3;
constexpr millis k_asked_long{2 * 3'600'000};

bool is_empty_message(const port::due_recording& r) {
    return r.purpose == call::recording_purpose::message && r.length >= millis{0} &&
           r.length < k_shortest_message;
}

std::string month_of(time_point t) {
    return iso8601(t).substr(0, 7);
}

} // namespace

action next_action(const port::due_recording& r, const circumstances& c) {
    switch (r.status) {
    case recording_status::waiting:
        if (is_empty_message(r)) return action::discard;
        return c.has_vault ? action::fetch : action::rest;
    case recording_status::kept:
        return r.at_carrier && c.remove_originals ? action::remove_original : action::rest;
    case recording_status::removing: return action::remove;
    case recording_status::lost:
    case recording_status::removed: return action::rest;
    }
    return action::rest;
}

bool worth_telling(const port::due_recording& r, action what) {
    if (r.notified || r.purpose != call::recording_purpose::message || r.user.none()) return false;
    switch (what) {
    case action::fetch:
    case action::remove_original: return true;
    case action::rest: return r.status == recording_status::waiting || r.status == recording_status::kept;
    case action::remove:
    case action::discard: return false;
    }
    return false;
}

push::text telling(const port::due_recording& r) {
    push::text out;
    out.type = "voicemail";
    out.title = "New voicemail";
    const bool shows_number = !r.caller.empty() && r.caller != "withheld";
    if (!r.caller_name.empty() && fault_of_name(r.caller_name) != name_fault::blank)
        out.body = "From " + r.caller_name;
    else
        out.body = shows_number ? "From " + r.caller : "From a caller without a number";
    out.collapse_key = "voicemail-" + r.id.text();
    // Not the names that pushes about calls have: phones would take it for one.
    out.extras = {{"voicemail_id", r.id.text()}, {"voicemail_call", r.call.text()}};
    if (shows_number && r.caller.size() <= k_longest_number)
        out.extras.emplace_back("voicemail_from", r.caller);
    if (r.length >= millis{0}) out.extras.emplace_back("voicemail_ms", std::to_string(r.length.count()));
    return out;
}

std::string order_fingerprint(const uuid& recording) {
    auto digits = recording.text();
    std::erase(digits, '-');
    return digits + digits;
}

bool address_is_fresh(const port::due_recording& r) {
    return r.attempts == 0 && !r.carrier_url.empty() && r.told_ago < k_address_lasts;
}

millis pause_after(std::uint32_t failures) {
    return rt::growing(k_first_pause, k_longest_pause, failures);
}

bool is_lost(std::uint32_t times, millis over) {
    return times >= k_asked_often && over >= k_asked_long;
}

std::string key_of(const port::due_recording& r, const std::string& format) {
    return std::to_string(r.org.value) + "/" + month_of(r.began_at) + "/" + r.call.text() + "/" +
           r.id.text() + "-" + std::to_string(r.claim) + "." + (format.empty() ? "mp3" : format);
}

} // namespace z360::recording_keeper
