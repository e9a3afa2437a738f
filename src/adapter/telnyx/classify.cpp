// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/classify.hpp"

#include "adapter/telnyx/asked_pause.hpp"
#include "wire/telnyx_reply.hpp"

#include <utility>

namespace z360::adapter::telnyx {
namespace {

using call::verb;

// Telnyx's codes for the state of a call, all sent with HTTP 422.
constexpr std::string_view k_unknown_leg = "90015";
constexpr std::string_view k_call_ended = "90018";
constexpr std::string_view k_no_audio_yet = "90020";
constexpr std::string_view k_not_answered_yet = "90034";
constexpr std::string_view k_client_state_invalid = "90017";

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
    case answer_class::insist: return "insist";
    }
    return "?";
}

bool must_happen(verb v) {
    return v == verb::hangup || v == verb::reject;
}

classified classify(verb v, const http::client_response& reply, time_point now) {
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
        out.recording_id = std::move(body.recording_id);
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
    if (out.what == answer_class::refused && must_happen(v)) out.what = answer_class::insist;
    if (out.what != answer_class::refused && out.what != answer_class::peer_gone)
        out.after = asked_pause(reply.headers, now);
    return out;
}

} // namespace z360::adapter::telnyx
