// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/handshake.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <iterator>
#include <optional>

namespace z360::adapter::redis {
namespace {

namespace asio = boost::asio;

// One command under way; shared with the reply callback, which may come after we stopped waiting.
struct waiter {
    explicit waiter(asio::any_io_executor ex) : done(std::move(ex)) {}
    rt::event done;
    std::optional<reply> answer;
};

std::vector<std::vector<std::string>> greeting(const url& u) {
    std::vector<std::vector<std::string>> out;
    if (!u.password.empty()) {
        auto& auth = out.emplace_back();
        auth.emplace_back("AUTH");
        if (!u.user.empty()) auth.push_back(u.user);
        auth.emplace_back(u.password.reveal());
    }
    if (u.database != 0) out.push_back({"SELECT", std::to_string(u.database)});
    out.push_back({"PING"}); // refused while Redis still loads its data
    return out;
}

// Asio looks names up on a thread of its own.
asio::awaitable<std::string> resolve(asio::any_io_executor ex, url where, unsigned attempt) {
    boost::system::error_code ec;
    (void)asio::ip::make_address(where.host, ec);
    if (!ec) co_return where.host;
    asio::ip::tcp::resolver resolver(ex);
    const auto found =
        co_await resolver.async_resolve(where.host, std::to_string(where.port), asio::use_awaitable);
    // One address an attempt, in turn: a host may have several and Redis listen on one of them.
    auto chosen = found.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(attempt % found.size()));
    co_return chosen->endpoint().address().to_string();
}

} // namespace

asio::awaitable<reply> exchange(
    asio::any_io_executor ex, std::shared_ptr<connection> link, std::vector<std::string> arguments,
    millis limit
) {
    auto w = std::make_shared<waiter>(ex);
    link->send(arguments, [w](reply r) {
        w->answer = std::move(r);
        w->done.set();
    });
    const bool in_time = co_await w->done.wait_for(limit);
    // The answer may have come between the time-out and now: then it counts.
    if (w->answer) co_return std::move(*w->answer);
    (void)in_time;
    co_return reply{unavailable{unavailable::reason::timed_out}};
}

asio::awaitable<opened> shake_hands(asio::any_io_executor ex, url where, unsigned attempt, millis limit) {
    opened out;
    const auto address = co_await resolve(ex, where, attempt);
    auto life = std::make_shared<connection_life>(ex);
    connection::events e;
    e.on_open = [life] {
        life->open = true;
        life->step.set();
    };
    e.on_closed = [life](const std::string& why) {
        life->error = why;
        life->step.set();
        life->closed.set();
    };
    out.life = life;
    out.link = std::make_shared<connection>(ex, address, where.port, std::move(e));
    co_await life->step.wait();
    if (!life->open) {
        out.error = life->error;
        co_return out;
    }
    for (auto& words : greeting(where)) {
        auto r = co_await exchange(ex, out.link, std::move(words), limit);
        if (const auto* refused = r.as<error_reply>())
            out.error = refused->text;
        else if (r.as<status_reply>() == nullptr)
            out.error = life->error.empty() ? "unexpected answer; is this a Redis?" : life->error;
        if (!out.error.empty()) co_return out;
    }
    co_return out;
}

} // namespace z360::adapter::redis
