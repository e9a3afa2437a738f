// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/exchange.hpp"

#include <z360/rt/sync.hpp>

#include <array>
#include <exception>
#include <optional>
#include <utility>

namespace z360::adapter::telnyx {
namespace {

namespace asio = boost::asio;
using asio::awaitable;

// Lives in the frame of hedged(), which joins every sender before it ends.
struct race {
    race(asio::any_io_executor ex, const port::clock& c, call::verb v)
        : wake(std::move(ex)), clock(c), verb(v) {}
    rt::event wake;
    const port::clock& clock;
    call::verb verb;
    std::array<std::optional<classified>, 2> answers;
    unsigned sent = 0;

    [[nodiscard]] unsigned answered() const {
        return static_cast<unsigned>(answers[0].has_value()) + static_cast<unsigned>(answers[1].has_value());
    }
    [[nodiscard]] bool all_answered() const { return answered() == sent; }
    [[nodiscard]] bool conclusive() const {
        for (const auto& a : answers)
            if (a && (a->what == answer_class::done || a->what == answer_class::peer_gone)) return true;
        return false;
    }
};

// Lower is better: what we would rather believe when two answers to one command differ.
int rank(answer_class c) {
    switch (c) {
    case answer_class::done: return 0;
    case answer_class::peer_gone: return 1;
    case answer_class::refused:
    case answer_class::insist: return 2;
    case answer_class::ambiguous: return 3; // perhaps carried out outweighs certainly not
    case answer_class::retry: return 4;
    }
    return 5;
}

awaitable<void> send_one(http::client& client, http::client_request request, race& r, std::size_t index) {
    http::client_response reply;
    try {
        reply = co_await client.perform(std::move(request));
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted) throw;
        reply.error = e.what();
    } catch (const std::exception& e) {
        reply.error = e.what();
    }
    r.answers[index] = classify(r.verb, reply, r.clock.now());
    r.wake.set();
}

awaitable<void> converse(
    rt::task_group& group, race& r, http::client& client, http::client_request request, millis hedge_after,
    may_resend resend
) {
    http::client_request again = request;
    ++r.sent;
    group.spawn(send_one(client, std::move(request), r, 0));
    const bool answered = co_await r.wake.wait_for(hedge_after);
    if (!answered && !r.all_answered()) {
        const bool allowed = co_await resend();
        if (allowed && !r.all_answered()) {
            ++r.sent;
            group.spawn(send_one(client, std::move(again), r, 1));
        }
    }
    while (r.answered() == 0)
        co_await r.wake.wait();
    while (!r.conclusive() && !r.all_answered()) {
        const bool more = co_await r.wake.wait_for(hedge_after);
        if (!more) co_return;
    }
}

awaitable<std::optional<exchange_result>> hedged(
    http::client& client, const port::clock& clock, call::verb verb, http::client_request request,
    millis hedge_after, may_resend resend
) {
    auto ex = co_await asio::this_coro::executor;
    rt::task_group group(ex);
    race r(ex, clock, verb);
    std::exception_ptr failed;
    try {
        co_await converse(group, r, client, std::move(request), hedge_after, std::move(resend));
    } catch (...) {
        failed = std::current_exception();
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await group.join();
    if (failed) std::rethrow_exception(failed);
    exchange_result out;
    out.resent = r.sent > 1;
    bool first = true;
    for (auto& a : r.answers) {
        if (!a || (!first && rank(a->what) >= rank(out.answer.what))) continue;
        out.answer = std::move(*a);
        first = false;
    }
    co_return out;
}

} // namespace

awaitable<exchange_result> exchange(
    http::client& client, const port::clock& clock, call::verb verb, http::client_request request,
    millis hedge_after, may_resend resend
) {
    auto ex = co_await asio::this_coro::executor;
    // A coroutine of its own: joining switches cancellation off, and the caller must stay cancellable.
    auto work = hedged(client, clock, verb, std::move(request), hedge_after, std::move(resend));
    auto out = co_await asio::co_spawn(ex, std::move(work), asio::use_awaitable);
    co_return std::move(*out);
}

} // namespace z360::adapter::telnyx
