// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rows that nobody needs any more, once in a while, by whichever node comes first, in small batches: calls
// and registrations use the same database.
#include "credential_manager/manager_impl.hpp"

#include <z360/log.hpp>

#include <algorithm>

namespace z360::credential_manager {
namespace {

constexpr const char* k_lease = "purge";
constexpr std::size_t k_batch = 500;
constexpr millis k_pause{100};

} // namespace

boost::asio::awaitable<void> manager_impl::purge() {
    // Kept until just before the next time: once an hour for all nodes together.
    const auto until_next = s_.purge_every - s_.purge_every / 10;
    if (!co_await store_.hold_lease(k_lease, s_.node, until_next)) co_return;
    std::size_t total = 0;
    for (;;) {
        const auto gone = co_await store_.purge(clock_.now(), k_batch);
        if (gone == 0) break;
        total += gone;
        metrics_.count("purged_rows_total", {}, static_cast<double>(gone));
        co_await rt::sleep_for(std::min(k_pause, s_.purge_every));
    }
    if (total > 0) log::info("rows_purged", {{"rows", total}});
}

} // namespace z360::credential_manager
