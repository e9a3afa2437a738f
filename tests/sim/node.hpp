// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One node in virtual time. The decisions are the real ones (call core, engine::fold, wire, classifier, retry
// plan); what is written anew here is only what the server does with coroutines: the rules of
// src/engine/{ingress,callers,drive,save,sweep}.cpp and src/adapter/telnyx/{client,exchange}.cpp about
// waiting.
#pragma once

#include "adapter/crypto/client_state.hpp"
#include "adapter/telnyx/classify.hpp"
#include "adapter/telnyx/retry.hpp"
#include "engine/actor.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/http/client.hpp>
#include <z360/port/carrier_records.hpp>
#include <z360/port/event_inbox.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace z360::testing {

class world;

class node {
  public:
    node(world& w, std::size_t index) : w_(w), index_(index) {}
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    [[nodiscard]] bool alive() const { return alive_; }
    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] std::uint64_t life() const { return life_; }
    /// Nothing left to do but sweep.
    [[nodiscard]] bool idle() const;
    void start();
    /// Memory is gone; what was sent is on its way; the spool is on disk.
    void kill();
    /// A webhook; `answer` hears whether it may be told 200.
    void accept(port::inbox_event event, std::function<void(bool)> answer);

  private:
    using item = engine::item;
    struct mailbox {
        call_id id;
        std::optional<port::stored_call> loaded;
        std::deque<item> queue;
        bool driving = false;
        bool verify = false;    ///< overdue in the store: this copy may be the old one
        bool time_held = false; ///< a deadline has passed that may not act yet
        std::uint64_t timer_round = 0;
        std::function<void()> wake; ///< set while waiting for the store
        std::optional<port::call_commit> unsaved;
        std::vector<item> unsaved_items;
        std::set<std::string> launched;
        time_point touched{};
    };
    using box = std::shared_ptr<mailbox>;
    struct flight {
        call_id call;
        call::command cmd;
        std::string path;
        std::string body;
        adapter::telnyx::retry_plan plan;
        unsigned attempts = 0;
        std::string last_code = "deadline";
        bool taken_over = false; ///< another node issued it: judged by what is stored
    };
    using flight_ptr = std::shared_ptr<flight>;
    struct exchange {
        std::optional<adapter::telnyx::classified> answers[2];
        unsigned sent = 0;
        bool over = false;
        [[nodiscard]] unsigned answered() const {
            return static_cast<unsigned>(answers[0].has_value()) +
                   static_cast<unsigned>(answers[1].has_value());
        }
    };
    using exchange_ptr = std::shared_ptr<exchange>;
    enum class saved : std::uint8_t { yes, conflict, unavailable };
    using items = std::vector<item>;
    /// One pass over the queue on its way to a commit.
    struct pass {
        items batch;
        call::authority may = call::authority::newest;
        int round = 0;
        bool fresh = false;  ///< the copy was read for this pass
        bool proven = false; ///< what time may take away was asked about
    };
    /// A call.initiated that may begin a call.
    struct arrival {
        wire::telnyx_webhook hook;
        port::inbox_event event;
        bool swept = false; ///< left behind by a node, or by an earlier life of this one
        bool waited = false;
        time_point since{};
        unsigned asked = 0;
        std::optional<time_point> first_asked;
        std::optional<port::leg_life> life;
        std::vector<port::inbox_event> on_record; ///< of the session, at the carrier
    };
    using arrival_ptr = std::shared_ptr<arrival>;
    /// A webhook as this node understands it.
    struct reading {
        wire::telnyx_webhook hook;
        std::optional<adapter::crypto::client_state> mark;
        bool new_caller = false;
        std::optional<call::event> what;
    };

    // node.cpp: decide, commit, act
    [[nodiscard]] time_point clock() const;
    [[nodiscard]] std::function<void()> mine(std::function<void()> f) const;
    void post(call_id id, item i);
    void drive(const box& b);
    void step(const box& b);
    void load(const box& b, std::function<void(bool)> then);
    void compare(const box& b);
    [[nodiscard]] bool overdue(const mailbox& b) const;
    [[nodiscard]] bool shared() const;
    void judge_authority(const box& b, items batch, bool fresh);
    void prove(const box& b, pass p);
    void commit(const box& b, pass p);
    [[nodiscard]] bool takes_by_time(const mailbox& b, const pass& p, const engine::folded& f) const;
    void committed(const box& b, const pass& p, port::call_commit whole, engine::folded own, saved result);
    void conflicted(const box& b, pass p);
    void start_over(const box& b, items batch);
    void try_commit(port::call_commit what, millis budget, std::function<void(saved)> then);
    void save_again(const box& b);
    void wait(const box& b, std::function<void()> then);
    void give_back(std::vector<item> items);
    void settled(const std::vector<item>& items);
    void act(mailbox& b, const port::call_commit& done);
    void arm(const box& b);
    // node_records.cpp: what the carrier has on record
    void ask_for(const mailbox& b, const engine::folded& f);
    void ask_carrier(call_id id, const std::string& session, std::function<void(bool, items)> then);
    void keep_records(call_id id, std::vector<port::inbox_event> events, std::function<void(items)> then);
    void ask_life(const std::string& control_id, std::function<void(port::leg_life)> then);
    // node_callers.cpp: who begins a call
    void new_caller(const arrival_ptr& a);
    void decide_caller(const arrival_ptr& a);
    void store_away(const arrival_ptr& a);
    void again(const arrival_ptr& a, millis pause);
    void ask_about(const arrival_ptr& a);
    void look_up_record(const arrival_ptr& a, std::function<void(port::leg_life)> then);
    void claim_others(const arrival_ptr& a);
    void begin_call(const arrival& a, std::vector<port::inbox_event> others);
    [[nodiscard]] millis waited(const arrival& a) const;
    [[nodiscard]] millis age(const arrival& a) const;
    [[nodiscard]] bool is_late(const arrival& a) const;
    // node_ingress.cpp: webhooks, sweeping
    [[nodiscard]] reading read(const port::inbox_event& event) const;
    void dispatch(port::inbox_event event, bool swept);
    void to_call(std::optional<call_id> id, call::event what, port::inbox_event event);
    void park(const port::inbox_event& event);
    void sweep();
    void take_up(std::vector<port::inbox_event> events);
    void evict();
    // flight.cpp: commands
    void launch(call_id id, const call::command& cmd, bool taken_over = false);
    void attempt(const flight_ptr& f);
    void still_wanted(const flight_ptr& f, std::function<void(bool)> then);
    void send(const flight_ptr& f);
    void send_one(const flight_ptr& f, const exchange_ptr& x, std::size_t which);
    void hear(const flight_ptr& f, const exchange_ptr& x);
    void conclude(const flight_ptr& f, const exchange_ptr& x);
    void finish(const flight_ptr& f, call::outcome result, std::string code, std::string control_id = {});
    [[nodiscard]] bool too_late(const flight& f, millis after = millis{0}) const;

    world& w_;
    std::size_t index_;
    bool alive_ = false;
    std::uint64_t life_ = 0;
    std::map<call_id, box> boxes_;
    std::map<std::string, call_id> sessions_;
    std::set<std::string> handling_;
    std::set<std::string> running_;
    std::vector<std::string> ignored_;
    bool knows_route_ = false;
    time_point others_until_{};                      ///< another node writes to our calls, as far as we know
    unsigned put_off_ = 0;                           ///< deadlines, for events that were found
    std::map<std::string, port::inbox_event> spool_; ///< survives a kill
};

} // namespace z360::testing
