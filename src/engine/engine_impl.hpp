// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The engine's one class, in parts by file: ingress.cpp (accept, dispatch), callers.cpp (new calls),
// orphans.cpp (events of no call), inquiry.cpp (what the carrier has on record), drive.cpp (one call's
// turns), requests.cpp (what people ask for), save.cpp (commits), effects.cpp (what is to be done outside),
// sweep.cpp (what others or an earlier life left behind), engine.cpp (life cycle). Private to src/engine.
#pragma once

#include "engine/actor.hpp"
#include "engine/arrival.hpp"
#include "engine/event_times.hpp"
#include "engine/followers.hpp"
#include "engine/routes.hpp"
#include "wire/countries.hpp"

#include <z360/engine/engine.hpp>
#include <z360/log.hpp>
#include <z360/rt/sync.hpp>

#include <array>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace z360::engine {

class engine_impl final : public engine {
  public:
    engine_impl(boost::asio::any_io_executor ex, ports p, settings s);

    void start() override;
    boost::asio::awaitable<accepted> accept(genuine_webhook hook) override;
    boost::asio::awaitable<submission> submit(request r) override;
    void push_received(call_id call, device_id device, bool ready) override;
    void take_up(std::vector<port::inbox_event> events) override;
    boost::asio::awaitable<void> stop(millis limit) override;
    [[nodiscard]] figures now() const override;
    [[nodiscard]] std::size_t unsaved_calls() const;
    [[nodiscard]] std::vector<rt::loop_state> loops() const override { return loops_.states(); }

  private:
    using actor_ptr = std::shared_ptr<actor>;
    using steady = rt::clock;

    // ingress.cpp
    [[nodiscard]] reading
    read(std::string_view body, port::webhook_route route, time_point received_at) const;
    boost::asio::awaitable<accepted> store(arrival_ptr a);
    [[nodiscard]] std::optional<call_id> holder_of(const arrival& a);
    boost::asio::awaitable<accepted> store_decided(arrival_ptr a, call_id of);
    [[nodiscard]] bool nobody_waits(const reading& known) const;
    boost::asio::awaitable<accepted> store_in_spool(port::inbox_event event, std::string refused);
    void hand_over(port::inbox_event event);
    boost::asio::awaitable<void> dispatch(arrival_ptr a);
    boost::asio::awaitable<void> find_its_call(arrival_ptr a);
    boost::asio::awaitable<void> failed(arrival_ptr a, std::exception_ptr why);
    boost::asio::awaitable<std::optional<call_id>> whose(const wire::telnyx_webhook& hook);
    [[nodiscard]] call_id expected_call(const wire::telnyx_webhook& hook);
    [[nodiscard]] bool of_another(call_id call, const wire::telnyx_webhook& hook);
    [[nodiscard]] bool may_be_of_another(call_id call, const wire::telnyx_webhook& hook);
    void old_webhook();
    void own_leg(const wire::telnyx_webhook& hook);
    boost::asio::awaitable<void> park(arrival_ptr a);
    void keep_for_caller(const port::inbox_event& event);
    void ignore(std::string event_id);
    void ignore(arrival& a);
    boost::asio::awaitable<void> bury(std::string event_id, std::string why);
    boost::asio::awaitable<void> put_off(std::string event_id, millis delay, std::string why, bool counted);
    [[nodiscard]] bool had_its_chance(const offer& o) const;
    [[nodiscard]] bool had_its_chance(const arrival& a) const;
    boost::asio::awaitable<bool> knows_leg(call_id call, const wire::telnyx_webhook& hook);

    // requests.cpp
    boost::asio::awaitable<port::append_result> keep_request(port::inbox_event event);
    boost::asio::awaitable<submission>
    verdict_on(std::shared_ptr<waiting_request> waiting, call_id call, bool again, steady::time_point until);
    boost::asio::awaitable<std::optional<std::vector<call::target>>> places(device_id device, call_id call);
    boost::asio::awaitable<submission> forgotten(request r);
    void tell_waiting(const actor& a);
    void no_call_for(call_id call, const std::string& request);

    // callers.cpp
    void start_callers();
    boost::asio::awaitable<void> new_caller(arrival_ptr a);
    boost::asio::awaitable<void> admit_round();
    boost::asio::awaitable<void> admitted(arrival_ptr a, counted<int> place);
    boost::asio::awaitable<void> decide_or_wait(arrival_ptr a, counted<int> place);
    boost::asio::awaitable<void> decide_caller(arrival_ptr a);
    boost::asio::awaitable<port::leg_life> look_up_record(arrival& a);
    boost::asio::awaitable<port::leg_life> life_of(std::string call_control_id);
    [[nodiscard]] bool must_ask(const arrival& a) const;
    void ask_carrier(arrival_ptr a);
    boost::asio::awaitable<void> ask(arrival_ptr a, counted<int> place);
    boost::asio::awaitable<std::vector<port::inbox_event>> stored_of(arrival_ptr a);
    void look_up_early(const arrival_ptr& a);
    boost::asio::awaitable<void>
    look_up(std::shared_ptr<route_look_up> out, route_question q, counted<int> place);
    /// Whom the caller reaches, or what becomes of the call that our device places.
    boost::asio::awaitable<call::route> resolve(route_question q);
    boost::asio::awaitable<call::route> route_of(arrival_ptr a);
    bool ring_from_memory(arrival& a);
    [[nodiscard]] bool begun_by(call_id call, const std::string& event_id) const;
    void done_with(call_id call, std::string event_id);
    void remember_caller(const std::string& call_control_id, call_id call);
    /// A caller whose session is another caller's call: gets a call of its own.
    [[nodiscard]] item second_of(const item& caller);
    [[nodiscard]] bool shares_session(const arrival& a, call_id call);
    boost::asio::awaitable<bool> has_begun(arrival_ptr a);
    /// By what is known of its session another installation serves this caller, whose number is not ours.
    [[nodiscard]] bool served_by_others(const arrival& a, const std::vector<port::inbox_event>& others) const;
    [[nodiscard]] bool
    is_for(call_id call, const std::string& name, const std::string& caller_control_id, const reading& known);
    void wait_in_line(const arrival_ptr& a);
    void begin(arrival& a, call::route routed, std::vector<port::inbox_event> others);
    std::vector<item> take_up(arrival& a, std::vector<port::inbox_event> others);
    void postgres_away();
    void postgres_back();
    [[nodiscard]] bool drained() const;
    [[nodiscard]] bool in_memory(call_id id) const;
    [[nodiscard]] bool is_late(const arrival& a) const;
    [[nodiscard]] millis waited(const arrival& a) const;
    [[nodiscard]] millis age(const arrival& a) const;

    // orphans.cpp
    /// Events of a call that does not exist, neither here nor in the store: each is put off, given up, or its
    /// leg is hung up. Returns at once.
    void no_such_call(call_id call, std::vector<item> items);
    boost::asio::awaitable<void> settle_orphans(call_id call, std::vector<orphan> all);
    boost::asio::awaitable<void> end_orphan(call_id call, orphan o);
    /// What the carrier has on record of this leg. Throws unavailable when it does not say.
    boost::asio::awaitable<leg_record> record_of(orphan o);
    boost::asio::awaitable<void> leave_alone(orphan o, call_id call, std::string why);
    boost::asio::awaitable<bool> still_nobodys(call_id call);
    /// Back to the inbox: they are offered again after `pause`, counted as a failed attempt or not.
    boost::asio::awaitable<void>
    give_back(std::vector<item> items, millis pause, std::string why, bool counted);

    // inquiry.cpp
    boost::asio::awaitable<bool> ask_on_record(call::state about);
    std::vector<item> items_of(const call::state& about, carrier_answer answer);

    // drive.cpp
    void post(call_id id, item i);
    void post(call_id id, std::vector<item> items);
    [[nodiscard]] actor_ptr actor_of(call_id id); ///< made if it is not there
    void kick(const actor_ptr& a);
    boost::asio::awaitable<void> drive(actor_ptr a);
    boost::asio::awaitable<bool> perform(actor& a);
    [[nodiscard]] surroundings around();
    /// Other nodes write to calls that this one holds.
    [[nodiscard]] bool shared() const;
    void saw_another_node();
    boost::asio::awaitable<bool> answered_before(call_id call, leg_id leg);
    boost::asio::awaitable<bool> ask_hint(call_id call, leg_id leg);
    void hint_early(const reading& known);
    boost::asio::awaitable<void> look_at_hint(std::shared_ptr<hint_under_way> out, call_id call);
    boost::asio::awaitable<bool> asked(call::state about);
    boost::asio::awaitable<void> inquire(call_id id, call::state about, std::uint32_t round);
    boost::asio::awaitable<void> recover(actor& a, std::exception_ptr error);
    void arm(actor& a);

    // save.cpp
    boost::asio::awaitable<void> load(actor& a);
    void know(const actor& a);
    void carry_out(actor& a, todo::act what);
    boost::asio::awaitable<written_as> commit(actor& a, port::call_commit what, bool to_the_end);
    static void take_along(const fresh_events& all, port::call_commit& into);
    boost::asio::awaitable<void> until_kept(fresh_events all);
    boost::asio::awaitable<void> carry(std::shared_ptr<commit_under_way> out, port::call_commit what);
    void settled(call_id call, const std::vector<item>& items);
    void tell(const actor& a, const std::vector<call::note>& notes);
    void count_facts(const countable& stored);
    void count_reports(const countable& stored);
    void count_doubted(actor& a, const call::state* stored);

    // effects.cpp
    [[nodiscard]] port::effect_claims claims() const;
    /// Starts it, or keeps it until its turn if it waits for another. `made`: attempts known of another node
    /// that left the effect behind; nullopt: it is ours. `first`: how what it waited for has ended. False:
    /// not started.
    bool launch(
        call_id id, call::effect e, std::optional<unsigned> made = std::nullopt,
        std::optional<call::effect_outcome> first = std::nullopt
    );
    struct followed {
        bool started = false;
        std::vector<call::effect_outcome> given_up; ///< the ends of those that nobody wants any more
    };
    /// What waits for the effect that has ended so.
    [[nodiscard]] followed start_followers(const call::effect_outcome& end);
    boost::asio::awaitable<void> run_effect(
        port::effect_runner& by, call_id id, call::effect e, std::optional<unsigned> made,
        std::optional<call::effect_outcome> first
    );
    /// `made`: attempts so far, of all nodes. `first`: of this node's. `after`: how what it waited for ended.
    boost::asio::awaitable<bool> still_wanted(
        call_id id, call::effect e, unsigned made, bool taken_over, bool first,
        std::optional<call::effect_outcome> after
    );

    /// Asks the carrier once more where its word is old, until it tells: nobody who may talk by now is hung
    /// up on. False: it is not wanted any more, or would end a talk. `stored`: the call, where it is not
    /// here.
    boost::asio::awaitable<bool>
    nobody_talks(call_id id, call::effect e, bool taken_over, std::optional<call::state> stored);
    /// When the carrier was asked, perhaps by somebody else of the call; nullopt: it does not tell.
    boost::asio::awaitable<std::optional<steady::time_point>> asked_together(call_id id, call::state about);

    // sweep.cpp
    void start_loops();
    boost::asio::awaitable<void> events_round();
    boost::asio::awaitable<void> deadlines_round();
    boost::asio::awaitable<void> commands_round();
    boost::asio::awaitable<void> spool_round();
    boost::asio::awaitable<void> memory_round();
    void store_answered(bool well);
    void look_at_connections();
    boost::asio::awaitable<void> drain_spool();
    boost::asio::awaitable<void> drain_some(std::vector<port::inbox_event> events, millis claim);
    boost::asio::awaitable<bool> sweep_events();
    boost::asio::awaitable<void> sweep_deadlines();
    boost::asio::awaitable<void> sweep_commands();
    void take_over(port::orphan_effect e);
    boost::asio::awaitable<void> flush_ignored();
    void evict();
    void report();

    boost::asio::any_io_executor ex_;
    ports p_;
    settings s_;
    std::unordered_map<call_id, actor_ptr> actors_;
    std::unordered_map<std::string, call_id> sessions_;     ///< carrier session → call, for calls in memory
    recent_map<std::string, call_id> caller_calls_{20'000}; ///< call of a caller's leg, by its control id
    wire::default_countries countries_;
    std::size_t old_webhooks_ = 0;
    log::sparse old_webhook_lines_{};
    offers handling_; ///< inbox events in work here, by id
    event_times times_;
    std::array<port::effect_runner*, call::k_channel_count> runners_{
    }; ///< by channel; null: other nodes have
    std::unordered_set<std::string> running_; ///< ids of effects in work here
    followers followers_;                     ///< effects whose turn has not come
    std::unordered_map<std::string, std::vector<port::inbox_event>> parked_; ///< by session, briefly
    std::vector<std::string> ignored_;
    route_memory routes_;           ///< last good answers, used only while Postgres is away
    counted<call_id>::map calling_; ///< calls whose caller is known here and not decided about yet
    counted<int>::map deciding_;    ///< callers being decided about, under one key
    counted<int>::map looking_up_;  ///< routes asked for early, under one key
    counted<int>::map asking_;      ///< callers the carrier is asked about, under one key
    /// New callers that wait for Postgres, for their turn, or for the carrier's word: oldest first.
    std::map<std::pair<time_point, std::uint64_t>, arrival_ptr> callers_;
    std::uint64_t places_ = 0;
    bool away_ = false; ///< the directory did not answer when it was last asked
    steady::time_point away_since_{};
    steady::time_point back_at_{};
    steady::time_point retry_at_{};
    std::size_t accepting_ = 0;
    std::unordered_multimap<call_id, std::shared_ptr<waiting_request>> waiting_requests_;
    unsigned deadlines_put_off_ = 0;
    bool events_found_ = false;   ///< by the last look at the inbox
    bool store_lost_ = false;     ///< the last sweep could not reach the database
    bool compare_memory_ = false; ///< it is back: what is in memory is compared with it
    unsigned losses_seen_ = 0;    ///< connections to the store that were lost, as known here
    rt::clock::time_point store_back_at_{};
    rt::clock::time_point others_until_{};
    std::deque<rt::clock::time_point> slow_commits_;
    running_mean reading_, writing_;                               ///< how long they take lately
    std::function<boost::asio::awaitable<bool>(call::state)> ask_; ///< what the carrier has on record
    std::mt19937_64 dice_;
    bool stopping_ = false;
    rt::event sweep_now_;
    rt::event admit_now_;
    rt::task_group work_; ///< drives, dispatches, effects
    rt::supervisor loops_;
};

} // namespace z360::engine
