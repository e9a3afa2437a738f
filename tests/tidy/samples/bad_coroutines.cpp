// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One violation of each rule, marked with its number; never built, only read by tests/tidy/self_test.py.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace asio = boost::asio;
using asio::awaitable;

struct order {
    std::string what;
    std::unique_ptr<int> many;
};
awaitable<std::string> send(order o);
awaitable<std::string> send_all(std::vector<std::string> all);
awaitable<std::string> read();
awaitable<void> wait();

auto captures(std::string who) {
    return [who]() -> awaitable<void> { co_await wait(); }; // C1
}
awaitable<void> immediate() {
    co_await [](int) -> awaitable<void> { co_await wait(); }(1); // C1
}
awaitable<void> view(std::string_view who) { // C2
    co_await wait();
    (void)who.size();
}
awaitable<void> expiring(std::string&& who) { // C2
    co_await wait();
    (void)who.size();
}
awaitable<void> borrowed(const std::string& who) { // C2
    co_await wait();
    (void)who.size();
}
awaitable<void> aggregate() {
    (void)co_await send(order{"bridge", nullptr}); // C3
}
awaitable<void> list() {
    (void)co_await send_all({"a", "b"}); // C3
}
awaitable<void> braces() {
    order o{.what = co_await read(), .many = nullptr}; // C3
    (void)o.what.size();
}
awaitable<void> conditional(bool ok) {
    std::string s = ok ? co_await read() : std::string(); // C4
    (void)s.size();
}
awaitable<void> executor() {
    asio::co_spawn(co_await asio::this_coro::executor, wait(), [](const std::exception_ptr&) {}); // C5
}
