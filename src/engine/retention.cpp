// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/engine/retention.hpp>
#include <z360/log.hpp>
#include <z360/rt/supervisor.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace z360::engine {
namespace {

using steady = rt::clock;
using port::kept;

constexpr std::chrono::minutes k_late{10}; // so long after a round was due
constexpr std::chrono::seconds k_longest_pause{60};
constexpr millis k_more{1'000}; // between rounds while there is more

class retention_impl final : public retention {
  public:
    retention_impl(
        boost::asio::any_io_executor ex, port::retention_store& store, port::metrics& metrics,
        retention_settings s
    )
        : store_(store), metrics_(metrics), s_(std::move(s)),
          loops_(std::move(ex), [this](std::string_view name, std::string_view) {
              metrics_.count("loop_failures_total", {{"loop", name}});
          }) {}

    void start() override {
        for (const auto what : k_kinds)
            metrics_.count("retention_removed_total", {{"what", name(what)}}, 0);
        metrics_.count("effects_abandoned_total", {}, 0);
        const auto forever = [this](kept what) { return age_of(what) <= millis{0}; };
        if (s_.abandoned <= millis{0} && std::ranges::all_of(k_kinds, forever)) return;
        rt::loop_settings l{
            .name = "retention",
            .late_after = s_.period + k_late,
            .delay = s_.first,
            .longest_pause = k_longest_pause,
            .next = [this] { return more_ ? std::min(k_more, s_.period) : s_.period; }
        };
        loops_.run(std::move(l), [this] { return round(); });
    }

    boost::asio::awaitable<void> stop() override { co_await loops_.join(); }
    std::vector<loop_state> loops() const override { return loops_.states(); }

  private:
    // A conflict goes before its event: the event waits for it.
    static constexpr std::array k_kinds{
        kept::conflicts, kept::raw_events, kept::dead_letters, kept::calls, kept::push_attempts
    };

    [[nodiscard]] millis age_of(kept what) const {
        switch (what) {
        case kept::raw_events: return s_.raw_events;
        case kept::dead_letters:
        case kept::conflicts: return s_.dead_letters;
        case kept::calls: return s_.calls;
        case kept::push_attempts: return s_.push_attempts;
        }
        return millis{0};
    }

    // Not before each batch: taking it is a commit.
    boost::asio::awaitable<bool> hold() {
        const auto now = steady::now();
        if (now < held_until_) co_return true;
        const bool mine = co_await store_.hold(s_.node, s_.lease);
        if (mine) held_until_ = now + s_.lease / 2;
        co_return mine;
    }

    // Else they stay for ever, and every claim passes over them.
    boost::asio::awaitable<void> end_abandoned() {
        if (s_.abandoned <= millis{0}) co_return;
        for (std::size_t ended = 1; ended > 0;) {
            const bool mine = co_await hold();
            if (!mine) co_return;
            ended = co_await store_.end_abandoned(s_.abandoned, s_.batch);
            if (ended == 0) co_return;
            metrics_.count("effects_abandoned_total", {}, static_cast<double>(ended));
            log::warn(
                "effects_abandoned",
                {{"count", ended}, {"why", "no node carries their channel out; is push configured on none?"}}
            );
            co_await rt::sleep_for(s_.least_pause);
        }
    }

    boost::asio::awaitable<void> round() {
        const auto until = steady::now() + s_.round;
        more_ = false;
        co_await end_abandoned();
        for (const auto what : k_kinds) {
            if (age_of(what) <= millis{0}) continue;
            std::size_t total = 0;
            for (std::size_t gone = 1; gone > 0;) {
                const bool mine = co_await hold();
                if (!mine) co_return; // another node does it, or did a moment ago
                const auto began = steady::now();
                gone = co_await store_.remove(what, age_of(what), s_.batch);
                const auto took = std::chrono::ceil<millis>(steady::now() - began);
                total += gone;
                if (gone == 0) break;
                metrics_.count("retention_removed_total", {{"what", name(what)}}, static_cast<double>(gone));
                metrics_.observe("retention_batch_seconds", std::chrono::duration<double>(took).count());
                co_await rt::sleep_for(pause_after(took, s_));
                if (steady::now() >= until) {
                    more_ = true;
                    break;
                }
            }
            if (total > 0) log::info("old_rows_removed", {{"what", name(what)}, {"count", total}});
        }
    }

    port::retention_store& store_;
    port::metrics& metrics_;
    const retention_settings s_;
    rt::supervisor loops_;
    steady::time_point held_until_{}; ///< the lease is ours at least until then
    bool more_ = false;               ///< the last round ended before everything was done
};

} // namespace

millis pause_after(millis took, const retention_settings& s) {
    const auto share = std::clamp(s.share, 1U, 100U);
    return std::max(s.least_pause, millis{took.count() * (100 - share) / share});
}

std::unique_ptr<retention> make_retention(
    boost::asio::any_io_executor ex, port::retention_store& store, port::metrics& metrics,
    retention_settings s
) {
    return std::make_unique<retention_impl>(std::move(ex), store, metrics, std::move(s));
}

} // namespace z360::engine
