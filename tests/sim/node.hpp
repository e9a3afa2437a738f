// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One node in virtual time. The decisions are the real ones (call core, engine::fold, wire, classifier, retry
// plan); what is written anew here is only what the server does with coroutines: the rules of
// src/engine/{ingress,drive,sweep}.cpp and src/adapter/telnyx/{client,exchange}.cpp about waiting.
#pragma once

#include "adapter/telnyx/classify.hpp"
#include "adapter/telnyx/retry.hpp"
#include "engine/actor.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/http/client.hpp>
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

    // node.cpp: decide, commit, act
    [[nodiscard]] time_point clock() const;
    [[nodiscard]] std::function<void()> mine(std::function<void()> f) const;
    void post(call_id id, item i);
    void drive(const box& b);
    void step(const box& b);
    void load(const box& b, std::function<void(bool)> then);
    void commit(const box& b, std::vector<item> batch, int round);
    void committed(
        const box& b, const std::vector<item>& batch, port::call_commit whole, const port::call_commit& own,
        saved result
    );
    void conflicted(const box& b, std::vector<item> batch, int round);
    void try_commit(port::call_commit what, std::function<void(saved)> then);
    void save_again(const box& b);
    void wait(const box& b, std::function<void()> then);
    void give_back(std::vector<item> items);
    void settled(const std::vector<item>& items);
    void act(mailbox& b, const port::call_commit& done);
    void arm(const box& b);
    // node_ingress.cpp: webhooks, sweeping
    void dispatch(port::inbox_event event);
    void new_caller(wire::telnyx_webhook hook, port::inbox_event event);
    void begin_call(const wire::telnyx_webhook& hook, const port::inbox_event& event);
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
    std::map<std::string, port::inbox_event> spool_; ///< survives a kill
};

} // namespace z360::testing
