// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Ports that fail when told to: the n-th call to any of them throws, before it had an effect or after (a lost
// reply). Put around the ports of a test; count a run without faults first, then play it once per call.
#pragma once

#include <z360/port/call_store.hpp>
#include <z360/port/carrier_records.hpp>
#include <z360/port/directory.hpp>
#include <z360/port/errors.hpp>
#include <z360/port/event_inbox.hpp>
#include <z360/port/ring_hint.hpp>
#include <z360/port/spool.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <limits>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::testing {

/// What a port throws.
enum class fault : std::uint8_t {
    unavailable, ///< port::unavailable
    unexpected,  ///< std::runtime_error: a bug, a driver's surprise
    statement,   ///< what a database adapter says of a statement that can never work
    newer_form,  ///< port::newer_form
    foreign,     ///< not even a std::exception
};
inline constexpr fault k_faults[] = {
    fault::unavailable, fault::unexpected, fault::statement, fault::newer_form, fault::foreign
};
inline std::ostream& operator<<(std::ostream& out, fault f) {
    constexpr const char* k_names[] = {"unavailable", "unexpected", "statement", "newer_form", "foreign"};
    return out << k_names[static_cast<std::size_t>(f)];
}

struct statement_fault : std::logic_error {
    using std::logic_error::logic_error;
};

/// Says which calls fail. One for all ports of a test; counts calls in the order in which they are made.
class fault_plan {
  public:
    enum class moment : std::uint8_t {
        before, ///< nothing has happened
        after,  ///< it has happened, the reply is lost
    };
    static constexpr std::size_t k_for_ever = std::numeric_limits<std::size_t>::max();

    /// The `nth` call from now on (1 is the next one) fails, and so do the following, `length` in all.
    /// `only`: calls whose name begins so are counted, e.g. "store." or "inbox.append"; empty: all.
    void
    arm(std::size_t nth, fault what, moment when = moment::before, std::size_t length = 1,
        std::string only = {}) {
        what_ = what;
        when_ = when;
        only_ = std::move(only);
        seen_ = 0;
        first_ = nth;
        left_ = length;
        fired = 0;
    }
    void disarm() { left_ = 0; }

    /// Whether the call that begins now is to fail; counts it.
    bool hit(std::string_view name) {
        calls.emplace_back(name);
        if (left_ == 0 || !name.starts_with(only_) || ++seen_ < first_) return false;
        if (left_ != k_for_ever) --left_;
        ++fired;
        return true;
    }
    [[nodiscard]] moment when() const { return when_; }
    [[noreturn]] void fail(std::string_view name) const {
        const std::string text = std::string("injected into ") + std::string(name);
        switch (what_) {
        case fault::unavailable: throw port::unavailable(text);
        case fault::unexpected: throw std::runtime_error(text);
        case fault::statement: throw statement_fault(text);
        case fault::newer_form: throw port::newer_form(text);
        case fault::foreign: throw 42; // NOLINT(hicpp-exception-baseclass): on purpose
        }
        throw std::logic_error("unreachable");
    }

    std::vector<std::string> calls; ///< names of all calls so far, e.g. "store.commit"
    std::size_t fired = 0;          ///< failures since arm()

  private:
    fault what_ = fault::unavailable;
    moment when_ = moment::before;
    std::string only_;
    std::size_t seen_ = 0;
    std::size_t first_ = 0;
    std::size_t left_ = 0;
};

/// Carries a call out, or has it fail as planned. `inner` has not started yet, as every asio::awaitable.
template <class T>
boost::asio::awaitable<T> faulty(fault_plan* plan, const char* name, boost::asio::awaitable<T> inner) {
    const bool hit = plan->hit(name);
    const auto when = plan->when(); // the plan may be armed anew meanwhile
    if (hit && when == fault_plan::moment::before) plan->fail(name);
    T out = co_await std::move(inner);
    if (hit) plan->fail(name);
    co_return out;
}
inline boost::asio::awaitable<void>
faulty(fault_plan* plan, const char* name, boost::asio::awaitable<void> inner) {
    const bool hit = plan->hit(name);
    const auto when = plan->when();
    if (hit && when == fault_plan::moment::before) plan->fail(name);
    co_await std::move(inner);
    if (hit) plan->fail(name);
}

class faulty_store final : public port::call_store {
  public:
    faulty_store(port::call_store& inner, fault_plan& plan) : in_(inner), plan_(&plan) {}
    boost::asio::awaitable<std::optional<port::stored_call>> load(call_id id) override {
        return faulty(plan_, "store.load", in_.load(id));
    }
    boost::asio::awaitable<std::optional<call_id>> find(std::string session, std::string control) override {
        return faulty(plan_, "store.find", in_.find(std::move(session), std::move(control)));
    }
    boost::asio::awaitable<port::commit_result>
    commit(port::call_commit what, port::effect_claims claims) override {
        return faulty(plan_, "store.commit", in_.commit(std::move(what), claims));
    }
    boost::asio::awaitable<std::vector<call_id>> claim_overdue(millis margin, std::size_t limit) override {
        return faulty(plan_, "store.claim_overdue", in_.claim_overdue(margin, limit));
    }
    boost::asio::awaitable<std::vector<port::orphan_effect>>
    claim_effects(std::size_t limit, millis claim, std::vector<call::channel> channels) override {
        return faulty(plan_, "store.claim_effects", in_.claim_effects(limit, claim, std::move(channels)));
    }
    boost::asio::awaitable<void> extend_claim(std::string id, millis claim, unsigned attempts) override {
        return faulty(plan_, "store.extend_claim", in_.extend_claim(std::move(id), claim, attempts));
    }

  private:
    port::call_store& in_;
    fault_plan* plan_;
};

class faulty_inbox final : public port::event_inbox {
  public:
    faulty_inbox(port::event_inbox& inner, fault_plan& plan) : in_(inner), plan_(&plan) {}
    boost::asio::awaitable<std::vector<port::append_result>>
    append(std::vector<port::inbox_event> events, millis claim) override {
        return faulty(plan_, "inbox.append", in_.append(std::move(events), claim));
    }
    boost::asio::awaitable<std::vector<port::inbox_event>>
    claim_pending(std::size_t limit, millis claim) override {
        return faulty(plan_, "inbox.claim_pending", in_.claim_pending(limit, claim));
    }
    boost::asio::awaitable<std::vector<port::inbox_event>>
    claim_session(std::string session, millis claim) override {
        return faulty(plan_, "inbox.claim_session", in_.claim_session(std::move(session), claim));
    }
    boost::asio::awaitable<void> mark_ignored(std::vector<std::string> ids) override {
        return faulty(plan_, "inbox.mark_ignored", in_.mark_ignored(std::move(ids)));
    }
    boost::asio::awaitable<void>
    postpone(std::vector<std::string> ids, millis delay, std::string why, bool counted) override {
        return faulty(plan_, "inbox.postpone", in_.postpone(std::move(ids), delay, std::move(why), counted));
    }
    boost::asio::awaitable<void> mark_dead(std::vector<std::string> ids, std::string why) override {
        return faulty(plan_, "inbox.mark_dead", in_.mark_dead(std::move(ids), std::move(why)));
    }

  private:
    port::event_inbox& in_;
    fault_plan* plan_;
};

class faulty_spool final : public port::spool {
  public:
    faulty_spool(port::spool& inner, fault_plan& plan) : in_(inner), plan_(&plan) {}
    boost::asio::awaitable<void> append(std::vector<port::inbox_event> events) override {
        return faulty(plan_, "spool.append", in_.append(std::move(events)));
    }
    boost::asio::awaitable<std::vector<port::inbox_event>> peek(std::size_t limit) override {
        return faulty(plan_, "spool.peek", in_.peek(limit));
    }
    boost::asio::awaitable<void> remove(std::vector<std::string> ids) override {
        return faulty(plan_, "spool.remove", in_.remove(std::move(ids)));
    }
    boost::asio::awaitable<void> set_aside(std::vector<std::string> ids, std::string why) override {
        return faulty(plan_, "spool.set_aside", in_.set_aside(std::move(ids), std::move(why)));
    }
    boost::asio::awaitable<void> tend() override { return faulty(plan_, "spool.tend", in_.tend()); }
    [[nodiscard]] std::size_t size() const override { return in_.size(); }
    [[nodiscard]] port::spool_health health() const override { return in_.health(); }

  private:
    port::spool& in_;
    fault_plan* plan_;
};

class faulty_directory final : public port::directory {
  public:
    faulty_directory(port::directory& inner, fault_plan& plan) : in_(inner), plan_(&plan) {}
    boost::asio::awaitable<call::route>
    resolve(std::string dialed, std::string caller, time_point now) override {
        return faulty(plan_, "directory.resolve", in_.resolve(std::move(dialed), std::move(caller), now));
    }
    boost::asio::awaitable<call::route> place(port::placing what, time_point now) override {
        return faulty(plan_, "directory.place", in_.place(std::move(what), now));
    }
    boost::asio::awaitable<bool> is_device(std::string sip_username) override {
        return faulty(plan_, "directory.is_device", in_.is_device(std::move(sip_username)));
    }
    boost::asio::awaitable<std::vector<call::target>>
    reach(device_id device, std::vector<user_id> people, org_id org, time_point now) override {
        return faulty(plan_, "directory.reach", in_.reach(device, std::move(people), org, now));
    }

  private:
    port::directory& in_;
    fault_plan* plan_;
};

class faulty_hint final : public port::ring_hint {
  public:
    faulty_hint(port::ring_hint& inner, fault_plan& plan) : in_(inner), plan_(&plan) {}
    boost::asio::awaitable<port::hint> answered(call_id call, leg_id leg) override {
        return faulty(plan_, "hint.answered", in_.answered(call, leg));
    }

  private:
    port::ring_hint& in_;
    fault_plan* plan_;
};

class faulty_records final : public port::carrier_records {
  public:
    faulty_records(port::carrier_records& inner, fault_plan& plan) : in_(inner), plan_(&plan) {}
    boost::asio::awaitable<port::recorded_events>
    failed_deliveries(time_point since, std::string cursor) override {
        return faulty(plan_, "records.failed_deliveries", in_.failed_deliveries(since, std::move(cursor)));
    }
    boost::asio::awaitable<port::recorded_events>
    events_of_session(std::string session, std::string cursor) override {
        return faulty(
            plan_, "records.events_of_session", in_.events_of_session(std::move(session), std::move(cursor))
        );
    }
    boost::asio::awaitable<port::leg_life> life_of(std::string control) override {
        return faulty(plan_, "records.life_of", in_.life_of(std::move(control)));
    }
    boost::asio::awaitable<port::live_legs> active_legs(std::string cursor) override {
        return faulty(plan_, "records.active_legs", in_.active_legs(std::move(cursor)));
    }

  private:
    port::carrier_records& in_;
    fault_plan* plan_;
};

} // namespace z360::testing
