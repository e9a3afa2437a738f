// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One durable event on its way to its call, and the marks that say who has it in hand. Private to src/engine.
#pragma once

#include "wire/party.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/call/event.hpp>
#include <z360/engine/engine.hpp>
#include <z360/port/directory.hpp>
#include <z360/rt/sync.hpp>
#include <z360/rt/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace z360::engine {

/// How an inbox event came to us.
struct offer {
    std::string session;             ///< carrier's; may be empty
    std::string_view type = "other"; ///< label of the event's type
    std::uint32_t attempts = 0;      ///< before this one
    millis waited{0};                ///< in the inbox until it was offered, by the database's clock
    rt::clock::time_point since = rt::clock::now();

    /// In the inbox until now.
    [[nodiscard]] millis age() const {
        return waited + std::chrono::duration_cast<millis>(rt::clock::now() - since);
    }
};
using offers = std::unordered_map<std::string, offer>;

/// Says that this node works on an inbox event, for as long as it lives: whatever throws on the way, no mark
/// stays behind and a sweep offers the event again.
class in_work {
  public:
    in_work() = default;
    /// Empty when somebody has it in hand already.
    in_work(offers& all, const std::string& id, offer how) {
        if (all.try_emplace(id, std::move(how)).second) of_ = &all;
        if (of_ != nullptr) id_ = id;
    }
    /// Takes over a mark that was kept.
    static in_work adopt(offers& all, std::string id) {
        in_work out;
        out.of_ = &all;
        out.id_ = std::move(id);
        return out;
    }
    in_work(in_work&& other) noexcept : of_(std::exchange(other.of_, nullptr)), id_(std::move(other.id_)) {}
    in_work& operator=(in_work&& other) noexcept {
        if (this == &other) return *this;
        release();
        of_ = std::exchange(other.of_, nullptr);
        id_ = std::move(other.id_);
        return *this;
    }
    in_work(const in_work&) = delete;
    in_work& operator=(const in_work&) = delete;
    ~in_work() { release(); }

    [[nodiscard]] explicit operator bool() const { return of_ != nullptr; }
    /// The event is in a call's mailbox, or waits to be written off: whoever has it there ends the mark.
    void keep() { of_ = nullptr; }

  private:
    void release() {
        if (of_ != nullptr) of_->erase(id_);
        of_ = nullptr;
    }
    offers* of_ = nullptr;
    std::string id_;
};

/// Counts one under a key while it lives.
template <class Key>
class counted {
  public:
    using map = std::unordered_map<Key, std::size_t>;
    counted() = default;
    counted(map& all, Key key) : of_(&all), key_(key) { ++all[key]; }
    counted(counted&& other) noexcept : of_(std::exchange(other.of_, nullptr)), key_(other.key_) {}
    counted& operator=(counted&& other) noexcept {
        if (this == &other) return *this;
        release();
        of_ = std::exchange(other.of_, nullptr);
        key_ = other.key_;
        return *this;
    }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { release(); }
    void release() {
        if (of_ == nullptr) return;
        const auto found = of_->find(key_);
        if (found != of_->end() && --found->second == 0) of_->erase(found);
        of_ = nullptr;
    }

  private:
    map* of_ = nullptr;
    Key key_{};
};

/// What a stored event says, read once.
struct reading {
    std::optional<wire::telnyx_webhook> hook; ///< nullopt: unreadable
    wire::envelope_fault fault = wire::envelope_fault::none;
    std::string why; ///< the fault in words
    std::optional<leg_mark> mark;
    bool new_caller = false;
    std::optional<port::placing> placing; ///< of a new caller that is a device of ours
    bool own_leg = false;                 ///< a device's leg, seen from the other side: of no consequence
    wire::party caller, called;           ///< of a new caller
    std::optional<call::event> what;      ///< nullopt with a hook, and no new caller: of no consequence
    /// Of a request of a kind that only a newer program knows: until when that may judge it.
    std::optional<time_point> newer_until;
};

/// Of a leg, and without anybody's mark: a caller's, who may be still to come.
[[nodiscard]] inline bool is_of_unmarked_leg(const reading& r) {
    return r.hook && r.hook->client_state.empty() && !r.hook->call_control_id.empty();
}

/// What the directory is asked about a new caller.
struct route_question {
    std::optional<port::placing> placing; ///< a device of ours calls
    std::string dialed, contact;          ///< else: as directory::resolve takes them
};

/// Who is called: asked for before it is known that it is needed.
struct route_look_up {
    explicit route_look_up(const boost::asio::any_io_executor& ex) : done(ex) {}
    rt::event done;
    std::optional<call::route> routed;
    std::exception_ptr error;
};

/// A durable event between its acceptance, or a sweep, and its call.
struct arrival {
    port::inbox_event event; ///< without its body once that has been read
    reading known;
    in_work mark;
    bool swept = false;                             ///< offered by the inbox, not by the socket
    bool posted = false;                            ///< in its call's mailbox before it was stored
    bool alone = false;                             ///< when it was stored, nothing else of its session was
    rt::clock::time_point since = rt::clock::now(); ///< on this node

    // Of a new caller
    std::shared_ptr<route_look_up> early;             ///< asked for while the event was being stored
    std::string name;                                 ///< of the call in our tables
    counted<call_id> pending;                         ///< until the call begins
    std::uint64_t place = 0;                          ///< in the line; 0: has not waited
    rt::clock::time_point not_before{};               ///< when it is looked at again
    std::optional<rt::clock::time_point> first_asked; ///< the carrier
    std::optional<port::leg_life> life;               ///< what it said; unknown: it did not say in time
    unsigned asked = 0;
    bool too_late_to_ring = false;            ///< it has waited a whole ring
    std::vector<port::inbox_event> on_record; ///< what it has on record of the session then
    bool from_memory = false;                 ///< its route was not looked up: the directory is away
};
using arrival_ptr = std::shared_ptr<arrival>;

/// Counts while it lives.
struct one_more {
    explicit one_more(std::size_t& n) : of(n) { ++of; }
    one_more(const one_more&) = delete;
    one_more& operator=(const one_more&) = delete;
    ~one_more() { --of; }
    std::size_t& of;
};

/// Somebody who waits for the verdict on their request.
struct waiting_request {
    waiting_request(const boost::asio::any_io_executor& ex, std::string request)
        : id(std::move(request)), done(ex) {}
    void look(const port::stored_call& at);
    void no_call();

    std::string id;
    rt::event done;
    bool nobodys = false; ///< there is no such call
    call::verdict verdict{};
    std::optional<port::stored_call> answer; ///< the call as of the verdict
};

/// An event of a call that nobody has.
struct orphan {
    std::string event_id;
    call::leg_ref who;   ///< the device's leg; `leg` empty: none that could be hung up
    bool joined = false; ///< it says that the leg is bridged
    /// It says that the leg has ended, or nothing of its life. What else it tells (a recording) is not
    /// written off with the leg: its call may lie in the spool of a node that is away.
    bool dead = false;
    offer how;
};

/// What is told of a device's leg whose call nobody has.
struct leg_record {
    bool joined = false; ///< it talks to somebody, or that cannot be told
    std::string to;      ///< whom it rings, as the carrier writes it; empty: not told
    std::string called;  ///< what its session's caller dialed, +E.164; empty: not told
};

/// The call that a carrier's session is. `name`: the session's id, or the leg's where there is none.
[[nodiscard]] call_id call_of(std::string_view name);
/// The name of a webhook's session in our tables.
[[nodiscard]] const std::string& session_of(const wire::telnyx_webhook& hook);
/// The same of a caller whose session belongs to another caller's call already.
[[nodiscard]] std::string second_name(std::string_view session, std::string_view call_control_id);
/// What the carrier calls the session that has this name in our tables.
[[nodiscard]] std::string carrier_session(std::string_view name);

} // namespace z360::engine
