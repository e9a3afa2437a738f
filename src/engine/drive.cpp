// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One call, one writer: does what its mailbox says must be done next, and tells it how that went. What is
// asked in which order, and what a failure means, is in mailbox.cpp; commits are in save.cpp, commands in
// commands.cpp.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace z360::engine {
namespace {

constexpr millis k_first_retry{100};
constexpr millis k_longest_retry{2'000};
constexpr std::size_t k_queue_limit = 4'000; // beyond: they wait in the inbox
constexpr millis k_failed_pause{300};
constexpr millis k_newer_form_pause{1'000};
// Another node has written to one of our calls within this time: our copies may be old at any moment.
constexpr std::chrono::minutes k_others_memory{10};

template <class Kind>
bool is_a(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const Kind&) {
        return true;
    } catch (...) {
        return false;
    }
}

boost::asio::awaitable<bool> cancelled() {
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    co_return state.cancelled() != boost::asio::cancellation_type::none;
}

} // namespace

void engine_impl::post(call_id id, item i) {
    std::vector<item> one;
    one.push_back(std::move(i));
    post(id, std::move(one));
}

void engine_impl::post(call_id id, std::vector<item> items) {
    const auto slot = actor_of(id);
    for (auto& i : items) {
        if (slot->box.queue().size() >= k_queue_limit && !i.inbox_id.empty())
            handling_.erase(i.inbox_id); // durable: a sweep offers it again
        else
            slot->box.arrive(std::move(i));
    }
    slot->touched = steady::now();
    kick(slot);
}

engine_impl::actor_ptr engine_impl::actor_of(call_id id) {
    auto& slot = actors_[id];
    if (!slot) slot = std::make_shared<actor>(id, ex_);
    return slot;
}

void engine_impl::kick(const actor_ptr& a) {
    a->wake.set();
    if (a->driving) return;
    a->driving = true;
    work_.spawn(drive(a));
}

boost::asio::awaitable<void> engine_impl::drive(actor_ptr a) {
    struct mark {
        actor& a;
        ~mark() { a.driving = false; }
    } guard{*a};
    for (bool more = true; more;) {
        std::exception_ptr error;
        try {
            more = co_await perform(*a);
        } catch (...) {
            error = std::current_exception();
        }
        const bool stop = co_await cancelled();
        if (stop) co_return; // the process ends; what is in memory is durable in inbox or spool
        if (error) co_await recover(*a, error);
    }
    arm(*a);
}

// One step; false: nothing is left to do.
boost::asio::awaitable<bool> engine_impl::perform(actor& a) {
    auto what = a.box.next(around());
    if (std::holds_alternative<todo::rest>(what)) co_return a.box.has_work();
    if (auto* act = std::get_if<todo::act>(&what)) {
        carry_out(a, std::move(*act));
    } else if (auto* lost = std::get_if<todo::lose>(&what)) {
        no_such_call(a.id, std::move(lost->orphans));
    } else if (auto* other = std::get_if<todo::part>(&what)) {
        std::vector<item> theirs; // decided together: nobody is dialed for who has left
        theirs.push_back(second_of(other->caller));
        const auto id = std::get<call::incoming>(theirs.front().what).id;
        theirs.insert(
            theirs.end(), std::make_move_iterator(other->others.begin()),
            std::make_move_iterator(other->others.end())
        );
        post(id, std::move(theirs));
    } else if (const auto* pause = std::get_if<todo::pause>(&what)) {
        (void)co_await a.wake.wait_for(pause->at_most);
    } else if (std::holds_alternative<todo::read>(what)) {
        const auto since = steady::now();
        co_await load(a);
        reading_.saw(steady::now() - since);
    } else if (const auto* hint = std::get_if<todo::hint>(&what)) {
        const bool another_first = co_await answered_before(a.id, hint->leg);
        a.box.hinted(another_first);
    } else if (auto* question = std::get_if<todo::ask>(&what)) {
        const bool answered = co_await asked(std::move(question->about));
        a.box.told(answered);
    } else if (auto* write = std::get_if<todo::write>(&what)) {
        const auto since = steady::now();
        const auto how = co_await commit(a, std::move(write->what), write->to_the_end);
        writing_.saw(steady::now() - since);
        if (how == written_as::conflict) p_.metrics.count("commit_conflicts_total");
        a.box.written(how);
    }
    co_return true;
}

surroundings engine_impl::around() {
    surroundings s;
    s.now = p_.clock.now();
    s.ticks = steady::now();
    s.shared = shared();
    s.stopping = stopping_;
    s.gathering = s_.gathering;
    s.turn = reading_.value() + writing_.value();
    s.chance = std::uniform_real_distribution<double>(0, 1)(dice_);
    return s;
}

bool engine_impl::shared() const {
    return steady::now() < others_until_;
}

void engine_impl::saw_another_node() {
    others_until_ = steady::now() + k_others_memory;
}

// An answer of a ring that is held here: the hint is there when it is to be decided about.
void engine_impl::hint_early(const reading& known) {
    const auto* answered = known.what ? std::get_if<call::leg_answered>(&*known.what) : nullptr;
    if (answered == nullptr || !known.mark || !answered->who.leg) return;
    const auto found = actors_.find(known.mark->call);
    if (found == actors_.end() || !found->second->box.loaded() || stopping_) return;
    if (phase_of(found->second->box.loaded()->state) != call::phase::ringing) return;
    auto early = std::make_shared<hint_under_way>(*answered->who.leg, ex_);
    found->second->hint = early;
    work_.spawn(look_at_hint(std::move(early), known.mark->call));
}

boost::asio::awaitable<void> engine_impl::look_at_hint(std::shared_ptr<hint_under_way> out, call_id call) {
    out->another_first = co_await ask_hint(call, out->leg);
    out->done.set();
}

boost::asio::awaitable<bool> engine_impl::answered_before(call_id call, leg_id leg) {
    const auto known = actors_.find(call);
    const auto early = known != actors_.end() ? std::exchange(known->second->hint, nullptr) : nullptr;
    if (!early || early->leg != leg) co_return co_await ask_hint(call, leg);
    co_await early->done.wait();
    co_return early->another_first;
}

// It is only a hint: whatever goes wrong, nothing is known.
boost::asio::awaitable<bool> engine_impl::ask_hint(call_id call, leg_id leg) {
    auto seen = port::hint::unknown;
    try {
        seen = co_await p_.hint.answered(call, leg);
    } catch (...) {
        // decided on what is known here
    }
    co_return seen == port::hint::not_first;
}

boost::asio::awaitable<bool> engine_impl::asked(call::state about) {
    const auto id = about.id;
    if (!ask_) co_return true; // nobody to ask: nothing is on record
    const auto since = steady::now();
    bool told = false;
    try {
        told = co_await ask_(std::move(about));
    } catch (...) {
        log::warn("carrier_not_asked", {{"call", id}, {"why", rt::what(std::current_exception())}});
    }
    p_.metrics.count("carrier_inquiries_total", {{"result", told ? "answered" : "failed"}});
    if (const auto of = actors_.find(id); told && of != actors_.end()) of->second->heard_from_carrier = since;
    co_return told;
}

boost::asio::awaitable<void> engine_impl::inquire(call_id id, call::state about, std::uint32_t round) {
    const bool told = co_await asked(std::move(about));
    call::carrier_told answer;
    answer.round = round;
    answer.answered = told;
    post(id, item{answer, {}});
}

// Whatever was thrown: nothing that is not stored leaves memory but to go back to the inbox.
boost::asio::awaitable<void> engine_impl::recover(actor& a, std::exception_ptr error) {
    const auto why = rt::what(error);
    const bool newer = is_a<port::newer_form>(error);
    log::error("call_step_failed", {{"call", a.id}, {"why", why}, {"in_a_row", a.box.failures() + 1}});
    p_.metrics.count("call_step_failures_total");
    if (is_a<invariant_broken>(error)) {
        log::critical("invariant_broken", {{"call", a.id}, {"rule", why}});
        p_.metrics.count("invariants_broken_total");
    }
    auto back = a.box.failed(newer);
    co_await give_back(std::move(back), newer ? k_newer_form_pause : k_failed_pause, why, !newer);
    if (!a.box.has_work()) co_return;
    co_await rt::sleep_for(rt::growing(k_first_retry, k_longest_retry, a.box.failures()));
}

void engine_impl::arm(actor& a) {
    const auto round = ++a.timer_round;
    a.timer.cancel();
    if (!a.box.loaded() || stopping_) return;
    const auto at = call::deadline(a.box.loaded()->state);
    if (!at) return;
    // One millisecond late rather than early: the core counts whole milliseconds.
    const auto left = std::max(*at - p_.clock.now(), a.box.time_held() ? a.box.held_pause() : millis{0});
    a.timer.expires_after(left + millis{1});
    a.timer.async_wait([this, id = a.id, round](const boost::system::error_code& ec) {
        if (ec || stopping_) return;
        const auto found = actors_.find(id);
        if (found == actors_.end() || found->second->timer_round != round) return;
        post(id, item{call::tick{}, {}});
    });
}

} // namespace z360::engine
