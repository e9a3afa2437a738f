// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/outlet.hpp"

#include <algorithm>
#include <utility>

namespace z360::adapter::push {

namespace asio = boost::asio;
using asio::awaitable;
using z360::push::lane;

namespace {

millis since_start(rt::clock::time_point t) {
    return std::chrono::duration_cast<millis>(t.time_since_epoch());
}

awaitable<outlet::slot> seat(rt::gate& of) {
    co_return std::make_unique<rt::gate::slot>(co_await of.enter(rt::urgency::normal));
}

bool of_a_ring(lane l) {
    return l == lane::call || l == lane::call_ended;
}

} // namespace

outlet::outlet(
    asio::any_io_executor ex, std::string name, http::h2::pool_settings pool, unsigned retry_percent,
    std::unique_ptr<provider_tokens> tokens, port::metrics& metrics
)
    : name_(std::move(name)), metrics_(metrics), tokens_(std::move(tokens)),
      pool_(http::h2::make_pool(ex, std::move(pool), metrics)),
      budgets_{
          z360::push::retry_budget(retry_percent), z360::push::retry_budget(retry_percent),
          z360::push::retry_budget(retry_percent), z360::push::retry_budget(retry_percent)
      },
      gates_{
          rt::gate(ex, k_in_flight[0], 0), rt::gate(ex, k_in_flight[1], 0), rt::gate(ex, k_in_flight[2], 0),
          rt::gate(ex, k_in_flight[3], 0)
      } {
    show_health();
    metrics_.count("push_config_faults_total", {{"provider", name_}}, 0);
    using kind = z360::push::token_kind;
    for (const auto k : {kind::voip, kind::alert, kind::fcm_token, kind::fcm_fid})
        if (name_.starts_with(z360::push::name(z360::push::provider_of(k))))
            metrics_.count(
                "push_tokens_dead_total", {{"provider", name_}, {"token", z360::push::name(k)}}, 0
            );
    for (const char* why : {"down", "budget", "line_full"})
        metrics_.count("push_shed_total", {{"provider", name_}, {"why", why}}, 0);
}

awaitable<outlet::slot> outlet::enter(lane of, time until) {
    auto& g = gates_.at(at(of));
    if (g.waiting() >= k_waiting.at(at(of))) {
        shed(of, "line_full");
        co_return nullptr;
    }
    if (g.waiting() == 0 && g.in_flight() < k_in_flight.at(at(of))) co_return co_await seat(g);
    const auto left = until - rt::clock::now();
    if (left <= rt::clock::duration::zero()) co_return nullptr;
    auto got = co_await rt::with_timeout(seat(g), left);
    if (!got) co_return nullptr;
    co_return std::move(*got);
}

bool outlet::may_begin(lane of, time now) {
    if (!health_.may_begin(of, now)) {
        shed(of, "down");
        return false;
    }
    budgets_.at(at(of)).first_attempt(since_start(now));
    return true;
}

bool outlet::may_repeat(lane of, time now) {
    if (down()) {
        shed(of, "down");
        return false;
    }
    if (budgets_.at(at(of)).take(since_start(now))) return true;
    shed(of, "budget");
    return false;
}

void outlet::report(bool fault, time now) {
    const bool before = down();
    health_.report(fault, now);
    if (down() == before) return;
    show_health();
    if (down())
        log::error(
            "push_provider_down",
            {{"provider", name_}, {"effect", "no retries; calls ring by SIP alone, but for a few that try"}}
        );
    else
        log::info("push_provider_back", {{"provider", name_}});
}

rt::clock::duration outlet::spared(lane of, time now) const {
    return of_a_ring(of) ? rt::clock::duration::zero()
                         : std::max(spared_until_ - now, rt::clock::duration::zero());
}

void outlet::misconfigured(int status, std::string_view reason, std::string_view fix) {
    metrics_.count("push_config_faults_total", {{"provider", name_}});
    if (const auto silent = faults_.due())
        log::error(
            "push_refused_by_configuration",
            {{"provider", name_}, {"status", status}, {"reason", reason}, {"fix", fix}, {"more", *silent}}
        );
}

void outlet::renewed() {
    tokens_->renewed(*pool_);
    health_.reset();
    show_health();
}

void outlet::shed(lane of, std::string_view why) {
    metrics_.count("push_shed_total", {{"provider", name_}, {"why", why}});
    metrics_.count("push_shed_lane_total", {{"provider", name_}, {"lane", z360::push::name(of)}});
}

void outlet::show_health() {
    metrics_.gauge("push_breaker_open", down() ? 1 : 0, {{"provider", name_}});
}

} // namespace z360::adapter::push
