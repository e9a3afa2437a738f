// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The ports of one simulated process: what it asks goes to the world, which answers after a while, late, or
// not at all. Of a process that was killed nothing reaches the world any more.
#pragma once

#include <z360/http/client.hpp>
#include <z360/port/call_store.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/directory.hpp>
#include <z360/port/effect_runner.hpp>
#include <z360/port/event_inbox.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/reconcile_store.hpp>
#include <z360/port/ring_hint.hpp>
#include <z360/port/spool.hpp>
#include <z360/rt/sync.hpp>
#include <z360/rt/time.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::testing {

class node;
class world;
using boost::asio::awaitable;

/// A process's way to the world.
struct link {
    world& w;
    node& n;
    boost::asio::any_io_executor ex;
    bool dead = false;

    /// One round trip to the store: `look` runs there. Throws port::unavailable when no answer came in time;
    /// then `look` may have run, or may still run. Most of what a schedule does is this: one coroutine each.
    template <class T>
    awaitable<T> ask_store(std::function<T()> look) {
        auto out = std::make_shared<std::optional<T>>();
        const auto sent = send([out, look = std::move(look)] { *out = look(); });
        rt::timer answer(ex, sent.answer);
        co_await answer.async_wait(boost::asio::use_awaitable);
        heard(sent);
        co_return std::move(**out);
    }
    awaitable<void> to_store(std::function<void()> apply);
    /// Of somebody killed: ends the coroutine as its end would have.
    void alive() const;

  private:
    struct question {
        millis answer{0};
        bool answered = true;
        bool refused = false;
    };
    [[nodiscard]] question send(std::function<void()> apply);
    void heard(const question& q) const;
};

class skewed_clock final : public port::clock {
  public:
    explicit skewed_clock(const link& l) : l_(l) {}
    [[nodiscard]] time_point now() const override;

  private:
    const link& l_;
    mutable time_point last_{}; ///< never goes back within a process
};

/// Counts little; what must never be counted ends the schedule.
class watching_metrics final : public port::metrics {
  public:
    explicit watching_metrics(link& l) : l_(l) {}
    void count(std::string_view name, port::labels l, double n) override;
    void gauge(std::string_view, double, port::labels) override {}
    void observe(std::string_view, double, port::labels) override {}
    [[nodiscard]] std::string text() const override { return {}; }

  private:
    link& l_;
};

/// HTTP to the carrier.
class network final : public http::client {
  public:
    static constexpr const char* k_base = "https://carrier.example.test/v2";
    explicit network(link& l) : l_(l) {}
    awaitable<http::client_response> perform(http::client_request req) override;

  private:
    link& l_;
};

/// Push providers and phones, in one: what is sent is written down.
class push_way final : public port::effect_runner {
  public:
    explicit push_way(link& l) : l_(l) {}
    [[nodiscard]] call::channel runs() const override { return call::channel::push; }
    awaitable<call::effect_outcome> run(call::effect what, port::still_wanted wanted) override;

  private:
    link& l_;
};

class unlimited_dials final : public port::dial_budget {
  public:
    awaitable<std::int64_t> take_ms() override { co_return 0; }
};

/// Redis may know of an answer elsewhere; a coin stands in for it, for it is only a hint.
class coin_hint final : public port::ring_hint {
  public:
    explicit coin_hint(link& l) : l_(l) {}
    awaitable<port::hint> answered(call_id call, leg_id leg) override;

  private:
    link& l_;
};

class fixed_route final : public port::directory {
  public:
    explicit fixed_route(link& l) : l_(l) {}
    awaitable<call::route> resolve(std::string dialed, std::string caller, time_point now) override;
    awaitable<call::route> place(port::placing, time_point) override { co_return call::route{}; }
    awaitable<bool> is_device(std::string sip_username) override;
    awaitable<std::vector<call::target>>
    reach(device_id device, std::vector<user_id> people, org_id org, time_point now) override;

  private:
    link& l_;
};

class calls_port final : public port::call_store {
  public:
    explicit calls_port(link& l) : l_(l) {}
    awaitable<std::optional<port::stored_call>> load(call_id id) override;
    awaitable<std::optional<call_id>> find(std::string session, std::string control_id) override;
    awaitable<port::commit_result> commit(port::call_commit what, port::effect_claims claims) override;
    awaitable<std::vector<call_id>> claim_overdue(millis margin, std::size_t limit) override;
    awaitable<std::vector<port::orphan_effect>>
    claim_effects(std::size_t limit, millis claim, std::vector<call::channel> channels) override;
    awaitable<void> extend_claim(std::string command_id, millis claim, unsigned attempts) override;

  private:
    link& l_;
};

class inbox_port final : public port::event_inbox {
  public:
    explicit inbox_port(link& l) : l_(l) {}
    awaitable<std::vector<port::append_result>>
    append(std::vector<port::inbox_event> events, millis claim) override;
    awaitable<std::vector<port::inbox_event>> claim_pending(std::size_t limit, millis claim) override;
    awaitable<std::vector<port::inbox_event>> claim_session(std::string session, millis claim) override;
    awaitable<void> mark_ignored(std::vector<std::string> ids) override;
    awaitable<void>
    postpone(std::vector<std::string> ids, millis delay, std::string why, bool counted) override;
    awaitable<void> mark_dead(std::vector<std::string> ids, std::string why) override;

  private:
    link& l_;
};

/// What the reconciler needs to answer a call's questions.
class silence_port final : public port::reconcile_store {
  public:
    explicit silence_port(link& l) : l_(l) {}
    awaitable<std::optional<port::turn>>
    begin_turn(std::string name, std::string holder, millis every, millis length) override;
    awaitable<void>
    end_turn(std::string name, std::string holder, std::optional<time_point> position) override;
    awaitable<std::vector<port::due_call>> claim_due(port::question_times times, std::size_t most) override;
    awaitable<void> put_back(port::due_call c) override;
    awaitable<std::vector<std::string>> unseen(std::vector<std::string> ids) override;
    awaitable<std::vector<bool>>
    append_recorded(std::vector<port::inbox_event> events, millis claim) override;
    awaitable<std::vector<port::ledger_call>>
    ledger(call_id after, std::size_t limit, millis age, millis longest) override;
    awaitable<std::vector<port::standing>>
    standings(std::vector<port::listed_leg> legs, millis settled) override;
    awaitable<void> tidy() override;

  private:
    link& l_;
};

/// On a disk that always works: other tests take it away.
class spool_port final : public port::spool {
  public:
    explicit spool_port(link& l) : l_(l) {}
    awaitable<void> append(std::vector<port::inbox_event> events) override;
    awaitable<std::vector<port::inbox_event>> peek(std::size_t limit) override;
    awaitable<void> remove(std::vector<std::string> ids) override;
    awaitable<void> set_aside(std::vector<std::string> ids, std::string why) override;
    awaitable<void> tend() override;
    [[nodiscard]] std::size_t size() const override;
    [[nodiscard]] port::spool_health health() const override { return {}; }

  private:
    link& l_;
};

} // namespace z360::testing
