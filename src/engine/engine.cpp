// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>

#include <utility>

namespace z360::engine {

engine_impl::engine_impl(boost::asio::any_io_executor ex, ports p, settings s)
    : ex_(ex), p_(std::move(p)), s_(std::move(s)), countries_(s_.default_countries),
      times_(p_.metrics, s_.slow_event), dice_(s_.seed ? *s_.seed : std::random_device{}()), sweep_now_(ex),
      admit_now_(ex), work_(ex), loops_(ex, [this](std::string_view name, std::string_view) {
          p_.metrics.count("loop_failures_total", {{"loop", name}});
      }) {
    for (auto* r : p_.runners)
        runners_.at(static_cast<std::size_t>(r->runs())) = r;
    runners_.at(static_cast<std::size_t>(p_.telnyx.runs())) = &p_.telnyx;
    if (p_.ask) ask_ = [this](call::state about) { return ask_on_record(std::move(about)); };
}

void engine_impl::start() {
    // From zero on, so that an alarm sees the first one too.
    for (const char* figure :
         {"dead_letters_total",
          "double_bridges_total",
          "talk_recordings_unavailable_total",
          "talk_recordings_retried_total",
          "talk_recording_pauses_failed_total",
          "agent_calls_total",
          "agent_unreachable_total",
          "invariants_broken_total",
          "engine_shed_total",
          "webhook_conflicts_total",
          "webhooks_spooled_total",
          "commands_taken_over_total",
          "commands_chained_total",
          "events_stored_with_decision_total",
          "webhook_retries_total",
          "webhooks_version_1_total",
          "own_legs_ignored_total",
          "call_step_failures_total",
          "commit_conflicts_total",
          "commits_slow_total",
          "commits_lost_total"})
        p_.metrics.count(figure, {}, 0);
    for (const auto result : {"answered", "failed"})
        p_.metrics.count("carrier_inquiries_total", {{"result", result}}, 0);
    start_loops();
    start_callers();
}

boost::asio::awaitable<void> engine_impl::stop(millis limit) {
    stopping_ = true;
    co_await loops_.join();
    for (auto& [id, a] : actors_)
        a->timer.cancel();
    const bool finished = co_await work_.drain(limit);
    if (!finished)
        log::warn("stopped_with_work_left", {{"tasks", work_.size()}, {"unsaved", unsaved_calls()}});
    co_await work_.join();
    actors_.clear();
}

std::unique_ptr<engine> make_engine(boost::asio::any_io_executor ex, ports p, settings s) {
    return std::make_unique<engine_impl>(std::move(ex), std::move(p), std::move(s));
}

} // namespace z360::engine
