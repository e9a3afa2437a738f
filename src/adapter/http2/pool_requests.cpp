// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One request's way through a pool: in, out, and its result.
#include "adapter/http2/fields.hpp"
#include "adapter/http2/pool.hpp"

#include <utility>

namespace z360::adapter::http2 {

using asio::awaitable;

/// Whoever waits in perform(): takes its request back however its coroutine ends.
class pool::seat {
  public:
    seat(pool& p, exchange& x, rt::event& wake) : pool_(p), x_(x) { x.wake = &wake; }
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;
    ~seat() {
        x_.wake = nullptr;
        if (!x_.done) pool_.leave(x_);
    }

  private:
    pool& pool_;
    exchange& x_;
};

exchange_ptr pool::enter(h2::request r, h2::cause* refused) {
    const auto fault = fault_of(r);
    if (!fault.empty()) {
        log::error("http2_bad_request", {{"pool", settings_.name}, {"error", fault}});
        *refused = h2::cause::bad_request;
        return nullptr;
    }
    if (stopping_) {
        *refused = h2::cause::stopping;
        return nullptr;
    }
    const auto until = rt::clock::now() + r.timeout;
    auto x = std::make_shared<exchange>(std::move(r), until);
    exchange_ptr displaced;
    if (!line_.add(x, displaced)) {
        *refused = h2::cause::line_full;
        return nullptr;
    }
    if (displaced) answer(*displaced, h2::outcome::not_processed, h2::cause::line_full);
    return x;
}

awaitable<h2::result> pool::perform(h2::request r) {
    auto refused = h2::cause::none;
    const auto x = enter(std::move(r), &refused);
    if (!x) {
        h2::result none;
        none.what = h2::outcome::not_processed;
        none.why = refused;
        count(none);
        co_return none;
    }
    rt::event wake(ex_);
    const seat mine(*this, *x, wake);
    pump();
    while (!x->done) {
        const auto left = x->deadline - rt::clock::now();
        if (left <= duration::zero()) break;
        (void)co_await wake.wait_for(left);
    }
    if (!x->done) expire(*x);
    co_return std::move(x->result);
}

/// Nobody waits for it any more.
void pool::leave(exchange& x) {
    x.done = true;
    if (x.in_line) line_.remove(x);
    if (x.on != nullptr) {
        x.on->give_up(x, rt::clock::now());
        wake_.set(); // its connection may have to be replaced; not from within a destructor
    }
}

void pool::expire(exchange& x) {
    const bool sent = x.on != nullptr;
    if (sent) x.result.connection = x.on->id();
    leave(x);
    x.result.what = sent ? h2::outcome::unknown : h2::outcome::not_processed;
    x.result.why = sent || usable() > 0 ? h2::cause::timeout : h2::cause::connect_failed;
    count(x.result);
}

void pool::answer(exchange& x, h2::result r) {
    if (x.done) return;
    count(r);
    x.result = std::move(r);
    x.done = true;
    if (x.wake != nullptr) x.wake->set();
}

void pool::answer(exchange& x, h2::outcome what, h2::cause why) {
    h2::result r;
    r.what = what;
    r.why = why;
    answer(x, std::move(r));
}

/// Told by show(): a look-up by three labels for each of many thousand requests a second is too much.
void pool::count(const h2::result& r) {
    ++counts_[static_cast<std::size_t>(r.what)][static_cast<std::size_t>(r.why)];
    if (r.truncated) metrics_.count("http2_replies_truncated_total", {{"pool", settings_.name}});
}

bool pool::again(const exchange& x, const h2::result& r) const {
    if (r.what != h2::outcome::not_processed || r.why == h2::cause::headers_too_large) return false;
    return !stopping_ && !x.done && x.requeued < settings_.max_requeues && rt::clock::now() < x.deadline;
}

} // namespace z360::adapter::http2
