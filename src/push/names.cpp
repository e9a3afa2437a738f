// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The words, and what follows from a word alone.
#include <z360/push/kind.hpp>

namespace z360::push {

std::string_view name(kind k) {
    switch (k) {
    case kind::incoming_call: return "incoming_call";
    case kind::call_ended: return "call_ended";
    case kind::missed_call: return "missed_call";
    case kind::session_warning: return "session_warning";
    case kind::push_token_required: return "push_token_required";
    case kind::business: return "business";
    }
    return "?";
}

std::optional<kind> kind_named(std::string_view word) {
    for (int i = 0; i < k_kind_count; ++i)
        if (name(static_cast<kind>(i)) == word) return static_cast<kind>(i);
    return std::nullopt;
}

std::string_view name(lane l) {
    switch (l) {
    case lane::call: return "call";
    case lane::call_ended: return "call_ended";
    case lane::message: return "message";
    case lane::sync: return "sync";
    }
    return "?";
}

lane lane_of(kind k) {
    switch (k) {
    case kind::incoming_call: return lane::call;
    case kind::call_ended: return lane::call_ended;
    case kind::missed_call:
    case kind::business: return lane::message;
    case kind::session_warning:
    case kind::push_token_required: return lane::sync;
    }
    return lane::sync;
}

std::string_view name(provider p) {
    switch (p) {
    case provider::apns: return "apns";
    case provider::fcm: return "fcm";
    }
    return "?";
}

std::string_view name(token_kind k) {
    switch (k) {
    case token_kind::voip: return "voip";
    case token_kind::alert: return "alert";
    case token_kind::fcm_token: return "fcm_token";
    case token_kind::fcm_fid: return "fcm_fid";
    }
    return "?";
}

provider provider_of(token_kind k) {
    switch (k) {
    case token_kind::voip:
    case token_kind::alert: return provider::apns;
    case token_kind::fcm_token:
    case token_kind::fcm_fid: return provider::fcm;
    }
    return provider::fcm;
}

std::string_view name(environment e) {
    switch (e) {
    case environment::unknown: return "unknown";
    case environment::production: return "production";
    case environment::sandbox: return "sandbox";
    }
    return "?";
}

environment environment_named(std::string_view word) {
    if (word == "production") return environment::production;
    return word == "sandbox" ? environment::sandbox : environment::unknown;
}

environment other(environment e) {
    return e == environment::sandbox ? environment::production : environment::sandbox;
}

bool may_repeat(provider p) {
    return p == provider::fcm;
}

bool may_go(kind k, token_kind t) {
    return t != token_kind::voip || k == kind::incoming_call;
}

std::string_view name(ended_reason r) {
    switch (r) {
    case ended_reason::none: return "none";
    case ended_reason::answered_elsewhere: return "answered_elsewhere";
    case ended_reason::caller_gone: return "caller_gone";
    case ended_reason::ring_timeout: return "ring_timeout";
    case ended_reason::bridge_failed: return "bridge_failed";
    case ended_reason::call_over: return "call_over";
    case ended_reason::declined: return "declined";
    case ended_reason::device_removed: return "device_removed";
    }
    return "?";
}

std::optional<ended_reason> ended_reason_named(std::string_view word) {
    for (int i = 0; i < k_ended_reason_count; ++i)
        if (name(static_cast<ended_reason>(i)) == word) return static_cast<ended_reason>(i);
    return std::nullopt;
}

bool is_missed(ended_reason r) {
    switch (r) {
    case ended_reason::caller_gone:
    case ended_reason::ring_timeout:
    case ended_reason::bridge_failed: return true;
    case ended_reason::none:
    case ended_reason::answered_elsewhere:
    case ended_reason::call_over:
    case ended_reason::declined:
    case ended_reason::device_removed: return false;
    }
    return false;
}

} // namespace z360::push
