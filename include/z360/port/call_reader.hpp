// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What clients ask about calls. Reads the stored state; changes nothing.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/state.hpp>
#include <z360/port/device_registry.hpp>
#include <z360/port/scope.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// A call with what replies add to its state.
struct call_view {
    call::state state;
    std::uint64_t version = 0;  ///< `seq` of the call: rises with every change
    std::uint64_t position = 0; ///< of its newest change among all changes; cursor of list()
    org_label org;
    std::string channel_number;                                 ///< the dialed number, E.164
    std::vector<std::pair<device_id, std::string>> device_uids; ///< of its legs
};

/// Under row-level security of the scope: a call of somebody else does not exist. May throw unavailable.
class call_reader {
  public:
    virtual ~call_reader() = default;
    /// By carrier session or by our call id.
    virtual boost::asio::awaitable<std::optional<call_view>> find(tenant_scope who, std::string id) = 0;
    /// The person's calls that are not over, newest first.
    virtual boost::asio::awaitable<std::vector<call_view>> live(tenant_scope who) = 0;
    /// Calls changed after `since`, in the order of their changes, at most `limit`. Nothing is ever skipped:
    /// changes of transactions still under way come with a later call (STATE-03).
    virtual boost::asio::awaitable<std::vector<call_view>>
    changed(tenant_scope who, std::uint64_t since, std::size_t limit) = 0;
    /// The person's newest calls, newest first.
    virtual boost::asio::awaitable<std::vector<call_view>> newest(tenant_scope who, std::size_t limit) = 0;
};

} // namespace z360::port
