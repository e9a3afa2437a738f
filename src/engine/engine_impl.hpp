// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The engine's one class, in parts by file: ingress.cpp (accept, dispatch), drive.cpp (decide, commit, act),
// inquiry.cpp (what the carrier has on record), sweep.cpp (what others or an earlier life left behind),
// engine.cpp (life cycle). Private to src/engine.
#pragma once

#include "engine/actor.hpp"
#include "wire/own_event.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/engine/engine.hpp>
#include <z360/rt/sync.hpp>

#include <memory>
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
    void take_up(std::vector<port::inbox_event> events) override;
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

    // inquiry.cpp
    boost::asio::awaitable<void> inquire(call_id id, std::string session, call::inquiry what);
    std::vector<item> items_of(call_id id, carrier_answer answer);

    // drive.cpp
    void post(call_id id, item i);
    void post(call_id id, std::vector<item> items);
    boost::asio::awaitable<void> drive(actor_ptr a);
    boost::asio::awaitable<void> step(actor& a);
    boost::asio::awaitable<bool> load(actor& a);
    boost::asio::awaitable<void> heed_hint(actor& a, const std::vector<item>& batch);
    boost::asio::awaitable<void> commit(actor& a, std::vector<item> batch);
    enum class saved { yes, conflict, unavailable };
    boost::asio::awaitable<saved> try_commit(port::call_commit what);
    boost::asio::awaitable<void> save_again(actor& a);
    [[nodiscard]] millis claim_of(const call::command& cmd) const;
    void act(actor& a, const port::call_commit& done);
    void launch(call_id id, call::command cmd, bool taken_over = false);
    boost::asio::awaitable<void> run_command(call_id id, call::command cmd, bool taken_over);
    boost::asio::awaitable<bool> still_wanted(call_id id, call::command cmd, unsigned attempt);
    boost::asio::awaitable<void> give_back(actor& a, std::vector<item> items, std::string why);
    void arm(actor& a);
    void settled(const std::vector<item>& items);
    void tell(const actor& a, const std::vector<call::note>& notes);

    // sweep.cpp
    boost::asio::awaitable<void> sweep_round();
    boost::asio::awaitable<void> sweep_spool();
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
    bool stopping_ = false;
    rt::event sweep_now_;
    rt::task_group work_; ///< drives, dispatches, commands
    rt::supervisor loops_;
};

} // namespace z360::engine
