// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The engine's one class, in parts by file: ingress.cpp (accept, dispatch), drive.cpp (one call's turns),
// save.cpp (commits), commands.cpp (what the carrier is told), sweep.cpp (what others or an earlier life left
// behind), engine.cpp (life cycle). Private to src/engine.
#pragma once

#include "engine/actor.hpp"
#include "wire/own_event.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/engine/engine.hpp>
#include <z360/rt/sync.hpp>

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace z360::engine {

class engine_impl final : public engine {
  public:
    engine_impl(boost::asio::any_io_executor ex, ports p, settings s);

    void start() override;
    boost::asio::awaitable<accepted> accept(genuine_webhook hook) override;
    boost::asio::awaitable<void> stop(millis limit) override;
    [[nodiscard]] figures now() const override;
    [[nodiscard]] std::vector<rt::loop_state> loops() const override { return loops_.states(); }

  private:
    using actor_ptr = std::shared_ptr<actor>;

    // ingress.cpp
    /// What a stored event says, read once.
    struct reading {
        std::optional<wire::telnyx_webhook> hook; ///< nullopt: unreadable
        wire::envelope_fault fault = wire::envelope_fault::none;
        std::optional<leg_mark> mark;
        bool new_caller = false;
        std::optional<call::event> what; ///< nullopt with a hook, and no new caller: of no consequence
    };
    [[nodiscard]] reading
    read(std::string_view body, port::webhook_route route, time_point received_at) const;
    [[nodiscard]] static reading read_own(std::string_view body);
    boost::asio::awaitable<accepted> store(port::inbox_event event);
    void hand_over(port::inbox_event event);
    boost::asio::awaitable<void> dispatch(port::inbox_event event, reading known);
    boost::asio::awaitable<void> new_caller(wire::telnyx_webhook hook, port::inbox_event event);
    boost::asio::awaitable<bool> exists_already(call_id id, const wire::telnyx_webhook& hook);
    boost::asio::awaitable<std::optional<call::route>> route(std::string dialed, std::string caller);
    boost::asio::awaitable<std::optional<call_id>> whose(const wire::telnyx_webhook& hook);
    boost::asio::awaitable<void> park(port::inbox_event event);
    std::vector<item> parked_items(const std::string& session);
    void ignore(std::string event_id);
    boost::asio::awaitable<void> bury(std::string event_id, std::string why);
    /// Back to the inbox: they are offered again after `pause`, counted as a failed attempt or not.
    boost::asio::awaitable<void>
    give_back(std::vector<item> items, millis pause, std::string why, bool counted);

    // drive.cpp
    void post(call_id id, item i);
    void post(call_id id, std::vector<item> items);
    void kick(const actor_ptr& a);
    boost::asio::awaitable<void> drive(actor_ptr a);
    boost::asio::awaitable<void> turn(actor& a);
    boost::asio::awaitable<void> step(actor& a);
    [[nodiscard]] std::chrono::steady_clock::duration patience(actor& a);
    /// Other nodes write to calls that this one holds.
    [[nodiscard]] bool shared() const;
    void saw_another_node();
    boost::asio::awaitable<void> wait_for_store(actor& a);
    boost::asio::awaitable<bool> heed_hint(actor& a);
    boost::asio::awaitable<call::authority> authority(actor& a, bool fresh);
    [[nodiscard]] bool overdue(const actor& a) const;
    boost::asio::awaitable<bool> asked(call::state about);
    boost::asio::awaitable<void> inquire(call_id id, call::state about, std::uint32_t round);
    boost::asio::awaitable<void> recover(actor& a, std::exception_ptr error);
    [[nodiscard]] static bool is_newer_form(const std::exception_ptr& error);
    void arm(actor& a);

    // save.cpp
    boost::asio::awaitable<bool> load(actor& a);
    void take_stored(actor& a, std::optional<port::stored_call> found);
    boost::asio::awaitable<void> compare(actor& a);
    boost::asio::awaitable<void> decide(actor& a, call::authority may);
    [[nodiscard]] folded fold_in_hand(actor& a, call::authority may);
    [[nodiscard]] bool takes_by_time(const actor& a, const folded& f) const;
    [[nodiscard]] port::call_commit whole_of(const actor& a, const folded& f) const;
    boost::asio::awaitable<bool> after_conflict(actor& a);
    void forget_unsaved(actor& a);
    enum class saved { yes, conflict, unavailable };
    void keep(actor& a, port::call_commit whole, folded f, saved result);
    void ask_for(const actor& a, const folded& f);
    boost::asio::awaitable<saved> try_commit(port::call_commit what, bool to_the_end);
    boost::asio::awaitable<void> save_again(actor& a);
    void settled(const std::vector<item>& items);
    void tell(const actor& a, const std::vector<call::note>& notes);

    // commands.cpp
    [[nodiscard]] millis claim_of(const call::command& cmd) const;
    void act(actor& a, const port::call_commit& done);
    void launch(call_id id, call::command cmd, bool taken_over = false);
    boost::asio::awaitable<void> run_command(call_id id, call::command cmd, bool taken_over);
    boost::asio::awaitable<bool> still_wanted(call_id id, call::command cmd, unsigned attempt);

    // sweep.cpp
    void start_loops();
    boost::asio::awaitable<void> events_round();
    boost::asio::awaitable<void> deadlines_round();
    boost::asio::awaitable<void> commands_round();
    boost::asio::awaitable<void> spool_round();
    boost::asio::awaitable<void> memory_round();
    void store_answered(bool well);
    boost::asio::awaitable<void> drain_spool();
    boost::asio::awaitable<bool> sweep_events();
    boost::asio::awaitable<void> sweep_deadlines();
    boost::asio::awaitable<void> sweep_commands();
    boost::asio::awaitable<void> flush_ignored();
    void evict();
    void report();

    boost::asio::any_io_executor ex_;
    ports p_;
    settings s_;
    std::unordered_map<call_id, actor_ptr> actors_;
    std::unordered_map<std::string, call_id> sessions_; ///< carrier session → call, for calls in memory
    std::unordered_set<std::string> handling_;          ///< inbox ids in work here
    std::unordered_set<std::string> running_;           ///< command ids in work here
    std::unordered_map<std::string, std::vector<port::inbox_event>> parked_; ///< by session, briefly
    std::vector<std::string> ignored_;
    struct known_route {
        call::route route;
        std::chrono::steady_clock::time_point at;
    };
    std::unordered_map<std::string, known_route>
        routes_; ///< last good answers, used only while Postgres is away
    std::size_t accepting_ = 0;
    std::size_t unsaved_ = 0;
    unsigned deadlines_put_off_ = 0;
    bool events_found_ = false;   ///< by the last look at the inbox
    bool store_lost_ = false;     ///< the last sweep could not reach the database
    bool compare_memory_ = false; ///< it is back: what is in memory is compared with it
    std::chrono::steady_clock::time_point store_back_at_{};
    std::chrono::steady_clock::time_point others_until_{};
    std::deque<std::chrono::steady_clock::time_point> slow_commits_;
    std::function<boost::asio::awaitable<bool>(call::state)> ask_; ///< what the carrier has on record
    std::mt19937_64 dice_{std::random_device{}()};
    bool stopping_ = false;
    rt::event sweep_now_;
    rt::task_group work_; ///< drives, dispatches, commands
    rt::supervisor loops_;
};

} // namespace z360::engine
