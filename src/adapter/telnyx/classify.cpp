// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/classify.hpp"

#include "wire/telnyx_reply.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace z360::adapter::telnyx {
namespace {

using call::verb;

constexpr millis k_longest_pause{60'000};

// Telnyx's codes for the state of a call, all sent with HTTP 422.
constexpr std::string_view k_unknown_leg = "90015";
constexpr std::string_view k_call_ended = "90018";
constexpr std::string_view k_no_audio_yet = "90020";
constexpr std::string_view k_not_answered_yet = "90034";
constexpr std::string_view k_client_state_invalid = "90017";

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) {
        return lower(x) == lower(y);
    });
}

// A non-negative number of `unit`s in a header; dates and nonsense are nothing.
std::optional<millis> pause_in(const http::headers& headers, std::string_view wanted, double unit_ms) {
    for (const auto& [header, value] : headers.items()) {
        if (!same_name(header, wanted)) continue;
        double number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
        if (!std::isfinite(number) || number < 0) return std::nullopt;
        const double ms = std::min(number * unit_ms, static_cast<double>(k_longest_pause.count()));
        return millis{static_cast<millis::rep>(std::ceil(ms))};
    }
    return std::nullopt;
}

// Codes 10xxx are about the request itself: the same bytes will never be accepted.
bool is_validation(std::string_view code) {
    return (code.size() == 5 && code.starts_with("10")) || code == k_client_state_invalid;
}

void judge_unprocessable(verb v, classified& out) {
    const std::string_view code = out.code;
    if (code == k_call_ended || code == k_unknown_leg) {
        // A dial addresses no leg; here the caller it should be linked to is gone.
        out.what = v == verb::dial ? answer_class::refused : answer_class::peer_gone;
    } else if ((code == k_not_answered_yet || code == k_no_audio_yet) && v != verb::dial &&
               v != verb::hangup) {
        out.what = answer_class::retry;
    } else if (v == verb::bridge && !is_validation(code)) {
        out.what = answer_class::retry;
        out.bridge_hiccup = true;
    } else {
        out.what = answer_class::refused;
    }
}

void judge_status(verb v, int status, classified& out) {
    switch (status) {
    case 401:
    case 403:
        out.what = answer_class::refused;
        out.key_rejected = true;
        return;
    case 404: out.what = v == verb::dial ? answer_class::refused : answer_class::peer_gone; return;
    case 408:
    case 409:
    case 425: out.what = answer_class::ambiguous; return;
    case 422: judge_unprocessable(v, out); return;
    case 429: out.what = answer_class::retry; return;
    default: break;
    }
    if (status >= 500) {
        out.what = answer_class::ambiguous;
        out.server_fault = true;
        out.unhealthy = true;
        return;
    }
    out.what = answer_class::refused;
}

} // namespace

std::string_view name(answer_class c) {
    switch (c) {
    case answer_class::done: return "done";
    case answer_class::retry: return "retry";
    case answer_class::ambiguous: return "ambiguous";
    case answer_class::refused: return "refused";
    case answer_class::peer_gone: return "peer_gone";
    }
    return "?";
}

std::optional<millis> asked_pause(const http::headers& headers) {
    std::optional<millis> longest;
    for (const auto& [header, unit] :
         {std::pair{"x-ratelimit-reset", 1000.0}, std::pair{"retry-after", 1000.0},
          std::pair{"retry-after-ms", 1.0}}) {
        const auto pause = pause_in(headers, header, unit);
        if (pause && (!longest || *pause > *longest)) longest = pause;
    }
    return longest;
}

classified classify(verb v, const http::client_response& reply) {
    classified out;
    if (reply.status == 0) {
        out.what = reply.sent ? answer_class::ambiguous : answer_class::retry;
        out.code = reply.sent ? "no_answer" : "not_sent";
        out.title = reply.error;
        out.unhealthy = true;
        return out;
    }
    auto body = wire::parse_reply(reply.body);
    if (reply.status >= 200 && reply.status < 300) {
        out.what = answer_class::done;
        if (v != verb::dial) return out;
        out.call_control_id = std::move(body.call_control_id);
        if (out.call_control_id.empty()) { // perhaps an ignored repeat of a dial whose answer was lost
            out.what = answer_class::ambiguous;
            out.code = "no_call_control_id";
        }
        return out;
    }
    out.code = body.error_code.empty() ? "http_" + std::to_string(reply.status) : std::move(body.error_code);
    out.title = std::move(body.error_title);
    judge_status(v, reply.status, out);
    if (out.what == answer_class::retry || out.what == answer_class::ambiguous)
        out.after = asked_pause(reply.headers);
    return out;
}

} // namespace z360::adapter::telnyx
