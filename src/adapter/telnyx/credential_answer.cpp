// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/credential_answer.hpp"

#include "adapter/telnyx/asked_pause.hpp"
#include "wire/telnyx_credential.hpp"

#include <utility>

namespace z360::adapter::telnyx {
namespace {

using port::credential_outcome;
using verb = credential_verb;

bool addresses_one(verb v) {
    switch (v) {
    case verb::get:
    case verb::extend:
    case verb::remove:
    case verb::mint: return true;
    case verb::create:
    case verb::find:
    case verb::list: return false;
    }
    return false;
}

/// These change something that matters if it was changed unnoticed. Another token hurts nobody.
bool changes(verb v) {
    return v == verb::create || v == verb::extend || v == verb::remove;
}

credential_outcome outcome_of(verb v, int status, bool about_expiry) {
    switch (status) {
    case 404:
        // Nobody asked for one: the address is wrong, and "there is none" would have another one made.
        return addresses_one(v) ? credential_outcome::gone : credential_outcome::refused;
    case 408:
    case 409:
    case 425: return uncertain(v);
    case 422:
        return about_expiry && (v == verb::extend || v == verb::mint) ? credential_outcome::expired
                                                                      : credential_outcome::refused;
    case 429: return credential_outcome::unavailable;
    default: return status >= 500 ? uncertain(v) : credential_outcome::refused;
    }
}

} // namespace

std::string_view name(credential_verb v) {
    switch (v) {
    case verb::create: return "create";
    case verb::find: return "find";
    case verb::get: return "get";
    case verb::extend: return "extend";
    case verb::remove: return "remove";
    case verb::list: return "list";
    case verb::mint: return "mint";
    }
    return "?";
}

port::credential_outcome uncertain(credential_verb v) {
    return changes(v) ? credential_outcome::unknown : credential_outcome::unavailable;
}

judged judge(credential_verb v, const http::client_response& reply, time_point now) {
    judged out;
    if (reply.status == 0) {
        out.outcome = reply.sent ? uncertain(v) : credential_outcome::unavailable;
        out.code = reply.sent ? "no_answer" : "not_sent";
        out.title = reply.error;
        out.unhealthy = true;
        return out;
    }
    if (reply.status >= 200 && reply.status < 300) {
        out.outcome = credential_outcome::done;
        return out;
    }
    auto error = wire::parse_credential_error(reply.body);
    out.code = error.code.empty() ? "http_" + std::to_string(reply.status) : std::move(error.code);
    out.title = std::move(error.title);
    out.outcome = outcome_of(v, reply.status, error.expired);
    out.key_rejected = reply.status == 401;
    out.unhealthy = reply.status >= 500;
    if (out.outcome == credential_outcome::unavailable || out.outcome == credential_outcome::unknown)
        out.after = asked_pause(reply.headers, now);
    return out;
}

} // namespace z360::adapter::telnyx
