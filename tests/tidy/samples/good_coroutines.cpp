// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The same work written as CONTRIBUTING.md asks for; no rule may find anything here.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::awaitable;

struct order {
    std::string what;
    std::unique_ptr<int> many;
};
struct service {
    int calls = 0;
};
awaitable<std::string> send(order o);
awaitable<std::string> send_all(std::vector<std::string> all);
awaitable<std::string> read();
awaitable<void> wait();

awaitable<void> named(std::string who) {
    co_await wait();
    (void)who.size();
}
awaitable<void> owner(service& s) {
    co_await wait();
    ++s.calls;
}
awaitable<void> aggregate() {
    order o{"bridge", nullptr};
    (void)co_await send(std::move(o));
}
awaitable<void> list() {
    std::vector<std::string> all{"a", "b"};
    (void)co_await send_all(std::move(all));
}
awaitable<void> braces() {
    auto what = co_await read();
    order o{.what = std::move(what), .many = nullptr};
    (void)o.what.size();
}
awaitable<void> conditional(bool ok) {
    std::string s;
    if (ok) s = co_await read();
    const int n = s.empty() ? 1 : 2;
    (void)n;
}
awaitable<void> executor() {
    auto ex = co_await asio::this_coro::executor;
    asio::steady_timer timer(ex);
    auto [ec] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    (void)ec;
    asio::co_spawn(ex, wait(), [ex](const std::exception_ptr&) { (void)ex; });
}
auto starter(std::string who) {
    return [who]() { return named(who); };
}
