// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/keyed_mutex.hpp"

#include <z360/port/errors.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>

namespace z360::adapter::postgres {
namespace asio = boost::asio;

asio::awaitable<keyed_mutex::lock> keyed_mutex::acquire(std::int64_t key, millis limit) {
    const auto [place, free] = waiting_.try_emplace(key);
    if (free) co_return lock(*this, key);
    auto ex = co_await asio::this_coro::executor;
    auto me = std::make_shared<waiter>(ex);
    me->timer.expires_after(limit);
    waiting_.at(key).push_back(me);
    const auto [ec] = co_await me->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (me->called) co_return lock(*this, key);
    std::erase(waiting_.at(key), me);
    if (ec) throw boost::system::system_error(ec); // the request was given up
    throw port::unavailable("postgres: too many changes to one person's devices are waiting");
}

void keyed_mutex::next(std::int64_t key) {
    const auto place = waiting_.find(key);
    if (place == waiting_.end()) return;
    if (place->second.empty()) {
        waiting_.erase(place);
        return;
    }
    const auto first = place->second.front();
    place->second.pop_front();
    first->called = true;
    first->timer.cancel();
}

} // namespace z360::adapter::postgres
