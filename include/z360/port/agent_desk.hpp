// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an organisation's agent asks when it is called: who calls, and what was said before.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/port/scope.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace z360::port {

/// What was said in a conversation so far, in few words.
struct conversation_summary {
    std::string text; ///< 1 … 8000 bytes
    time_point made_at{};
};

/// What stands behind a reference.
struct briefing {
    call_id call;
    org_id org;
    std::string organisation;                    ///< its name
    std::string caller;                          ///< +E.164, "withheld", an address
    std::string called;                          ///< our number, +E.164
    std::string name;                            ///< what the organisation calls the caller, or empty
    std::optional<std::int64_t> conversation;    ///< nullopt: they have not called before
    std::optional<conversation_summary> summary; ///< the newest; nobody waits for a newer one (BE-29)
};

struct redemption {
    enum class how : std::uint8_t {
        given,   ///< `what` is there
        gone,    ///< it has served, its time is up, or the call is over
        unknown, ///< there is none that the scope sees
    } became = how::unknown;
    std::optional<briefing> what;
};

/// Under row-level security of the scope. Every function throws unavailable.
class agent_desk {
  public:
    virtual ~agent_desk() = default;
    /// The reference is of no use afterwards, whatever becomes of the answer. `hash`: 64 hexadecimal digits.
    virtual boost::asio::awaitable<redemption> redeem(tenant_scope who, std::string hash, time_point now) = 0;
    /// In place of the one before. false: the organisation has no such conversation.
    virtual boost::asio::awaitable<bool>
    put_summary(tenant_scope who, org_id org, std::int64_t conversation, conversation_summary s) = 0;
    /// false: there was none.
    virtual boost::asio::awaitable<bool>
    remove_summary(tenant_scope who, org_id org, std::int64_t conversation) = 0;
};

} // namespace z360::port
