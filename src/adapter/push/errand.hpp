// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A push that is to be sent, whatever it is about, and what came of it.
#pragma once

#include <z360/base/time.hpp>
#include <z360/call/effect.hpp>
#include <z360/port/push_store.hpp>
#include <z360/push/ladder.hpp>
#include <z360/push/message.hpp>

#include <functional>
#include <optional>
#include <string>

namespace z360::adapter::push {

struct errand {
    std::string id;          ///< its name, the same on every node
    port::push_attempt like; ///< what its attempts have in common
    port::push_addresses::question where;
    z360::push::limits until;
    z360::push::ended_reason why = z360::push::ended_reason::none; ///< of `call_ended`
    bool left_behind = false;                                      ///< by a node that may have sent it
    bool can_wait = false; ///< somebody keeps it: rather than rest for long it ends, to be begun again
    /// Called once, when the address is known.
    std::function<z360::push::message(const port::push_address&)> compose;
};

struct report {
    call::outcome result = call::outcome::expired;
    std::string code;              ///< the provider's word, or ours
    bool may_have_reached = false; ///< in this run
    std::optional<z360::push::provider> by;
    unsigned attempts = 0;
    std::optional<millis> again_after; ///< it is worth beginning again then
};

} // namespace z360::adapter::push
