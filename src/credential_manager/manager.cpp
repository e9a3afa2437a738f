// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "credential_manager/manager_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <utility>

namespace z360::credential_manager {
namespace {

constexpr std::size_t k_most_looks = 10'000;
constexpr std::size_t k_work_seconds = 4;
constexpr std::size_t k_most_checks = 200;
constexpr std::chrono::seconds k_work_late{60};
// Of the loops that run rarely: late so long after a round was due, and tried again at most so often.
constexpr std::chrono::minutes k_rare_late{10};
constexpr std::chrono::seconds k_rare_pause{60};
constexpr millis k_compare_within{30'000};
constexpr std::chrono::seconds k_tell_trouble_every{10};

} // namespace

std::exception_ptr as_unavailable(const std::exception_ptr& e) {
    try {
        std::rethrow_exception(e);
    } catch (const port::unavailable&) {
        return e;
    } catch (...) {
        return std::make_exception_ptr(port::unavailable("credentials: " + rt::what(e)));
    }
}

manager_impl::manager_impl(
    boost::asio::any_io_executor ex, port::credential_store& store, port::telnyx_credentials& carrier,
    const port::clock& clock, port::metrics& metrics, settings s
)
    : ex_(ex), store_(store), carrier_(carrier), clock_(clock), metrics_(metrics), s_(std::move(s)),
      prefix_("z360-" + s_.environment + "-"), dice_(std::random_device{}()),
      work_pace_(s_.requests_per_second), compare_pace_(s_.requests_per_second / 2.0), wake_(ex),
      loops_(
          ex,
          [this](std::string_view name, std::string_view) {
              metrics_.count("loop_failures_total", {{"loop", name}});
          }
      ),
      work_(ex) {
    // Who waits for a place keeps a claim meanwhile: no more in work than have their turn well within it.
    const auto in_time = static_cast<std::size_t>(std::max(1U, s_.requests_per_second)) * k_work_seconds;
    s_.work_batch = std::clamp<std::size_t>(s_.work_batch, 1, in_time);
}

void manager_impl::start() {
    // From zero on, so that an alarm sees the first one too.
    for (const char* figure :
         {"credential_comparison_strangers_total", "credential_comparison_missing_total",
          "credential_looks_dropped_total"})
        metrics_.count(figure, {}, 0);
    for (const char* figure : {"credential_strangers_foreign", "credential_strangers_postponed"})
        metrics_.gauge(figure, 0);
    for (const char* step : {"work", "claim", "ensure", "token", "check", "compare", "release"})
        metrics_.count("credential_faults_total", {{"step", step}}, 0);
    if (s_.connection_id.empty())
        log::warn("no_credential_connection", {{"fix", "set telnyx.credential_connection_id"}});
    rt::loop_settings work{
        .name = "credential_work",
        .late_after = k_work_late,
        .wake = &wake_,
        .next = [this] { return until_next_round(); }
    };
    loops_.run(std::move(work), [this] { return work_round(); });
    // Not everybody at once after a restart of all nodes.
    run_rarely(
        "credential_comparison", s_.compare_every, std::min(k_compare_within, s_.compare_every),
        [this] { return compare_round(); }
    );
    run_rarely("purge", s_.purge_every, s_.purge_every / 60, [this] { return purge(); });
    for (const auto& l : loops_.states())
        metrics_.count("loop_failures_total", {{"loop", l.name}}, 0);
}

void manager_impl::run_rarely(
    std::string name, millis period, millis first_within, std::function<boost::asio::awaitable<void>()> round
) {
    if (period <= millis{0}) return;
    rt::loop_settings s{
        .name = std::move(name),
        .period = period,
        .late_after = period + k_rare_late,
        .delay = millis{static_cast<std::int64_t>(static_cast<double>(first_within.count()) * chance())},
        .longest_pause = k_rare_pause
    };
    loops_.run(std::move(s), std::move(round));
}

boost::asio::awaitable<void> manager_impl::stop(millis limit) {
    stopping_ = true;
    work_pace_.close();
    compare_pace_.close();
    co_await loops_.join();
    // A request under way is waited for: cut off, it would have to be looked up later.
    const bool finished = co_await work_.drain(limit);
    if (!finished) log::warn("credentials_stopped_with_work_left", {{"tasks", work_.size()}});
    co_await work_.join();
}

void manager_impl::look_at(device_id d) {
    if (stopping_ || d.none() || looked_.contains(d.value)) return;
    if (looked_.size() >= k_most_looks) {
        // Nothing is lost: whatever is due is found by the round, only later.
        metrics_.count("credential_looks_dropped_total");
        return;
    }
    looked_.insert(d.value);
    looks_.push_back({d, 0, {}});
    wake_.set();
}

void manager_impl::check(identity_id i) {
    if (stopping_ || i.none() || checking_.size() >= k_most_checks) return;
    if (!checking_.insert(i.value).second) return;
    under_way mark([this, i] { checking_.erase(i.value); });
    work_.spawn(check_one(i, std::move(mark)));
}

/// One device's trouble, or the database's: told, and nothing else stops for it.
void manager_impl::trouble(std::string_view step, const std::exception_ptr& e) {
    try {
        std::rethrow_exception(e);
    } catch (const port::unavailable& away) {
        store_away(away.what());
        return;
    } catch (...) {
        metrics_.count("credential_faults_total", {{"step", step}});
    }
    ++trouble_untold_;
    const auto now = steady::now();
    if (now - trouble_told_ < k_tell_trouble_every) return;
    trouble_told_ = now;
    log::error(
        "credential_work_failed", {{"step", step}, {"why", rt::what(e)}, {"failures", trouble_untold_}}
    );
    trouble_untold_ = 0;
}

/// What failed is tried again once the claim has run out that was held on it.
void manager_impl::again_later(device_id d) {
    if (stopping_ || d.none() || looked_.size() >= k_most_looks || !looked_.insert(d.value).second) return;
    later_.push_back({d, 0, steady::now() + s_.claim});
}

std::unique_ptr<manager> make_manager(
    boost::asio::any_io_executor ex, port::credential_store& store, port::telnyx_credentials& carrier,
    const port::clock& clock, port::metrics& metrics, settings s
) {
    return std::make_unique<manager_impl>(std::move(ex), store, carrier, clock, metrics, std::move(s));
}

} // namespace z360::credential_manager
