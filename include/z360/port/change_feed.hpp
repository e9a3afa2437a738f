// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which call has reached which version: told after a commit, heard by whoever shows calls to people.
#pragma once

#include <z360/base/ids.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace z360::port {

/// `call` is stored with `version`; what it is like now, and whose it is, the call's row says: a change is a
/// reason to read it, never a proof. `org` 0: of no organisation.
struct change {
    call_id call;
    org_id org;
    std::uint64_t version = 0;

    bool operator==(const change&) const = default;
};

/// What a subscriber hears at a time.
struct change_news {
    /// Read everything you show anew (by cursor or in full): something may have been missed. Always in the
    /// first news, so that nothing is lost between a subscription and what its owner had read before.
    bool read_all = false;
    /// At most one of each call, the newest, in the order in which the calls changed first since the last
    /// news. A version may come twice. One may come after a newer one of the same call, when the database's
    /// own record was read a moment before or a carrier was lied to: what was read of the row counts.
    std::vector<change> changes;
};

/// One listener to all calls of the installation. On the loop's thread; for one waiter.
class change_subscription {
  public:
    /// Ends the subscription. Nobody may be waiting.
    virtual ~change_subscription() = default;
    /// Waits until there is something. Whoever asks seldom loses states in between, never the last one; who
    /// leaves more than a bounded number of calls waiting is told `read_all` instead. Throws only when
    /// cancelled.
    [[nodiscard]] virtual boost::asio::awaitable<change_news> next() = 0;
};

/// Carries changes to every process, within milliseconds where it can, within about a second in any case:
/// what was not told is found in the database. On the loop's thread only.
class change_feed {
  public:
    virtual ~change_feed() = default;
    /// After a commit. Returns at once, never fails, awaits nothing; waiting ones of a call become one.
    virtual void tell(const change& what) noexcept = 0;
    /// Without a subscriber a process neither listens nor asks the database. The feed must outlive it.
    [[nodiscard]] virtual std::unique_ptr<change_subscription> subscribe() = 0;
};

} // namespace z360::port
