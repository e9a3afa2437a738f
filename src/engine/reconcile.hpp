// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The reconciler's one class, in parts by file: reconcile.cpp (life cycle, failed deliveries, questions about
// calls), reconcile_look.cpp (records of the carrier become events of the inbox), reconcile_legs.cpp (living
// legs against our rows). Private to src/engine.
#pragma once

#include "wire/telnyx_webhook.hpp"

#include <z360/engine/reconciler.hpp>
#include <z360/rt/sync.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace z360::engine {

class reconciler_impl final : public reconciler {
  public:
    reconciler_impl(boost::asio::any_io_executor ex, reconcile_ports p, reconcile_settings s);

    void start() override;
    boost::asio::awaitable<void> stop(millis limit) override;
    boost::asio::awaitable<carrier_answer> ask(std::string call_session_id) override;
    [[nodiscard]] std::vector<rt::loop_state> loops() const override { return loops_.states(); }

  private:
    using events = std::vector<port::inbox_event>;

    // reconcile.cpp
    void not_asked(const char* why);
    boost::asio::awaitable<void> deliveries_round();
    boost::asio::awaitable<bool> read_deliveries(time_point since);
    boost::asio::awaitable<void> questions_round();
    boost::asio::awaitable<void> ask_about(port::due_call c);
    boost::asio::awaitable<std::optional<port::turn>> begin_turn(std::string name, millis every);
    boost::asio::awaitable<bool> keep_turn(std::string name);

    // reconcile_look.cpp
    /// What is on record about a session.
    struct record {
        events known;
        bool complete = true; ///< false: longer than anybody reads
    };
    [[nodiscard]] std::optional<port::inbox_event> readable(port::recorded_event r) const;
    void read_into(events& out, std::vector<port::recorded_event> page) const;
    boost::asio::awaitable<record> on_record(std::string call_session_id);
    /// Stores those that the inbox has not; tells which were stored. Throws what the database throws.
    boost::asio::awaitable<std::vector<told_event>> keep(events found, std::string by);
    /// on_record, keep, and the fresh ones to the engine.
    boost::asio::awaitable<std::vector<told_event>> look(std::string call_session_id, std::string by);
    void hand_over(std::vector<told_event>& told);
    void found(const std::vector<told_event>& told, std::string_view by);

    // reconcile_legs.cpp
    struct leg_row {
        call_id call;
        std::string call_session_id;
        std::string call_control_id;
        std::optional<leg_id> leg; ///< nullopt: the caller's
    };
    struct ledger {
        std::vector<leg_row> legs;     ///< that should be in the carrier's list
        std::vector<leg_row> overlong; ///< that no carrier would have kept so long
    };
    using listing = std::unordered_map<std::string, port::live_leg>; ///< by control id
    boost::asio::awaitable<void> legs_round();
    boost::asio::awaitable<ledger> read_ledger();
    boost::asio::awaitable<listing> read_listing();
    boost::asio::awaitable<void> end_overlong(std::vector<leg_row> legs);
    boost::asio::awaitable<void> judge_missing(std::vector<leg_row> missing);
    boost::asio::awaitable<void> judge_silent(std::vector<leg_row> legs);
    boost::asio::awaitable<void> judge_listed(listing legs);
    boost::asio::awaitable<std::vector<port::standing>> standings(std::vector<port::live_leg> legs);
    boost::asio::awaitable<void> teach(port::live_leg leg);
    boost::asio::awaitable<void> judge_strangers(std::vector<port::live_leg> legs);
    boost::asio::awaitable<void> judge_stranger(port::live_leg leg);
    boost::asio::awaitable<bool> tell(port::inbox_event made);
    [[nodiscard]] port::inbox_event hangup_of(const leg_row& leg) const;
    [[nodiscard]] std::optional<leg_id> leg_of(const port::live_leg& leg) const;
    void hang_up(std::string control_id, std::optional<leg_id> leg, std::string_view why);
    boost::asio::awaitable<void> run_hang_up(call::command cmd);
    void judged(std::string_view what, double n = 1);

    boost::asio::any_io_executor ex_;
    reconcile_ports p_;
    reconcile_settings s_;

    bool first_deliveries_ = true;
    struct place {
        time_point since{};
        std::string cursor;
        time_point began{};
    };
    std::optional<place> unread_; ///< where a list of deliveries too long for one turn goes on

    std::size_t asking_ = 0;
    std::string ask_failure_;
    rt::event asked_;
    std::size_t not_asked_ = 0; ///< questions that could not be asked and are not told of yet
    rt::clock::time_point quiet_until_{};
    bool store_away_ = false;

    bool legs_at_once_ = true;
    std::unordered_set<std::string> hanging_up_; ///< control ids
    rt::event legs_now_;

    rt::task_group work_; ///< questions and hang-ups under way
    rt::supervisor loops_;
};

} // namespace z360::engine
