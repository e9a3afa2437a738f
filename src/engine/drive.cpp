// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One call, one writer: take what has arrived, look whether the copy is the newest, decide, commit, act. Here
// is the order of things and what happens when something throws; saving is in save.cpp, commands in
// commands.cpp.
#include "engine/engine_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace z360::engine {
namespace {

using steady = rt::clock;

constexpr millis k_first_retry{200};
constexpr millis k_longest_retry{2'000};
constexpr unsigned k_tries_of_an_item = 4;
constexpr std::size_t k_queue_limit = 4'000; // beyond: they wait in the inbox
constexpr millis k_newer_form_pause{1'000};
// Another node has written to one of our calls within this time: our copies may be old at any moment.
constexpr std::chrono::minutes k_others_memory{10};
// Nodes that decide about the same call at the same moment refuse each other; chance keeps them apart.
constexpr millis k_least_patience{40};
constexpr millis k_most_patience{240};

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
    auto& slot = actors_[id];
    if (!slot) slot = std::make_shared<actor>(id, ex_);
    for (auto& i : items) {
        if (slot->queue.size() >= k_queue_limit && !i.inbox_id.empty())
            handling_.erase(i.inbox_id); // durable: a sweep offers it again
        else
            slot->queue.push_back(std::move(i));
    }
    slot->touched = steady::now();
    kick(slot);
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
    while (a->has_work()) {
        std::exception_ptr error;
        try {
            co_await turn(*a);
        } catch (...) {
            error = std::current_exception();
        }
        const bool stop = co_await cancelled();
        if (stop) co_return; // the process ends; what is in memory is durable in inbox or spool
        if (error)
            co_await recover(*a, error);
        else if (a->in_hand.empty())
            a->failures = 0;
    }
    a->careful = false;
    arm(*a);
}

boost::asio::awaitable<void> engine_impl::turn(actor& a) {
    if (a.queue.empty() && a.verify) {
        co_await compare(a);
        co_return;
    }
    if (a.queue.empty() || a.too_much_unsaved()) {
        co_await save_again(a);
        co_return;
    }
    const auto pause = patience(a);
    if (pause > steady::duration::zero()) {
        (void)co_await a.wake.wait_for(pause);
        co_return;
    }
    co_await step(a);
}

// Where several nodes write, each writing costs the others a conflict: what nobody waits for is gathered.
steady::duration engine_impl::patience(actor& a) {
    const auto* known = a.loaded ? &a.loaded->state : nullptr;
    const bool urgent = !shared() || a.careful || a.unsaved || stopping_ ||
                        !std::all_of(a.queue.begin(), a.queue.end(), [known](const item& i) {
                            return can_wait(i.what, known);
                        });
    if (urgent) {
        a.patient_until.reset();
        return steady::duration::zero();
    }
    if (!a.patient_until) {
        std::uniform_int_distribution<millis::rep> any(k_least_patience.count(), k_most_patience.count());
        a.patient_until = steady::now() + millis{any(dice_)};
    }
    const auto left = *a.patient_until - steady::now();
    if (left <= steady::duration::zero()) a.patient_until.reset();
    return left;
}

bool engine_impl::shared() const {
    return steady::now() < others_until_;
}

void engine_impl::saw_another_node() {
    others_until_ = steady::now() + k_others_memory;
}

boost::asio::awaitable<void> engine_impl::step(actor& a) {
    a.take(); // everything that has arrived is one decision and one transaction
    const bool begins = std::any_of(a.in_hand.begin(), a.in_hand.end(), [](const item& i) {
        return std::holds_alternative<call::incoming>(i.what);
    });
    bool fresh = false;
    if (!a.loaded && !begins) {
        fresh = co_await load(a);
        if (!fresh) { // nothing is known of this call here: wait for Postgres, keep the order
            a.put_back();
            co_await wait_for_store(a);
            co_return;
        }
    } else if (a.loaded && !a.unsaved && shared()) {
        fresh = co_await load(a); // whose copy is old reads before it decides
    }
    if (!fresh) fresh = co_await heed_hint(a);
    const auto may = co_await authority(a, fresh);
    co_await decide(a, may, fresh);
    a.save_pause = millis{0};
}

boost::asio::awaitable<void> engine_impl::wait_for_store(actor& a) {
    a.save_pause = std::clamp(a.save_pause * 2, k_first_retry, k_longest_retry);
    const auto spread =
        millis{std::uniform_int_distribution<millis::rep>(0, a.save_pause.count() / 4)(dice_)};
    (void)co_await a.wake.wait_for(a.save_pause + spread);
}

// Redis may know of an answer that another node has handled: then the stored state is newer than ours.
boost::asio::awaitable<bool> engine_impl::heed_hint(actor& a) {
    if (!a.loaded || a.unsaved || a.loaded->state.now_in != call::phase::ringing) co_return false;
    for (const auto& i : a.in_hand) {
        const auto* answered = std::get_if<call::leg_answered>(&i.what);
        if (answered == nullptr || !answered->who.leg) continue;
        const auto leg = *answered->who.leg;
        auto seen = port::hint::unknown;
        try {
            seen = co_await p_.hint.answered(a.id, leg);
        } catch (...) {
            // it is only a hint
        }
        if (seen != port::hint::not_first) co_return false;
        co_return co_await load(a);
    }
    co_return false;
}

// I21: time takes something away only on a copy that is known to be the newest.
boost::asio::awaitable<call::authority> engine_impl::authority(actor& a, bool& fresh) {
    if (a.unsaved) co_return call::authority::unproven;
    if (!overdue(a)) co_return call::authority::newest;
    if (!fresh) fresh = co_await load(a);
    co_return fresh ? call::authority::newest : call::authority::unproven;
}

bool engine_impl::overdue(const actor& a) const {
    if (!a.loaded) return false;
    const auto at = call::deadline(a.loaded->state);
    return at && p_.clock.now() >= *at;
}

boost::asio::awaitable<bool> engine_impl::asked(call::state about) {
    const auto id = about.id;
    if (!ask_) co_return true; // nobody to ask: nothing is on record
    bool told = false;
    try {
        told = co_await ask_(std::move(about));
    } catch (...) {
        log::warn("carrier_not_asked", {{"call", id}, {"why", rt::what(std::current_exception())}});
    }
    p_.metrics.count("carrier_inquiries_total", {{"result", told ? "answered" : "failed"}});
    co_return told;
}

boost::asio::awaitable<void> engine_impl::inquire(call_id id, call::state about, std::uint32_t round) {
    const bool told = co_await asked(std::move(about));
    call::carrier_told answer;
    answer.round = round;
    answer.answered = told;
    post(id, item{answer, {}});
}

// Whatever was thrown: nothing that is not stored leaves memory but to go back to the inbox. From now on one
// item at a time, so that one which cannot be decided stands alone and does not take others with it.
boost::asio::awaitable<void> engine_impl::recover(actor& a, std::exception_ptr error) {
    const auto why = rt::what(error);
    const bool newer = is_newer_form(error);
    log::error("call_step_failed", {{"call", a.id}, {"why", why}, {"in_a_row", a.failures + 1}});
    p_.metrics.count("call_step_failures_total");
    for (auto& i : a.in_hand)
        ++i.failures;
    if (a.unsaved) --unsaved_;
    a.start_over();
    a.careful = true;
    ++a.failures;
    std::vector<item> back;
    for (auto i = a.queue.begin(); i != a.queue.end();) {
        if (!newer && i->failures < k_tries_of_an_item) {
            ++i;
            continue;
        }
        back.push_back(std::move(*i));
        i = a.queue.erase(i);
    }
    co_await give_back(std::move(back), newer ? k_newer_form_pause : millis{300}, why, !newer);
    if (!a.has_work()) co_return;
    co_await rt::sleep_for(std::min(millis{100} * (1U << std::min(a.failures, 5U)), k_longest_retry));
}

bool engine_impl::is_newer_form(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const port::newer_form&) {
        return true;
    } catch (...) {
        return false;
    }
}

void engine_impl::arm(actor& a) {
    constexpr millis k_held{300}; // between two looks whether a passed deadline may act
    const auto round = ++a.timer_round;
    a.timer.cancel();
    if (!a.loaded || stopping_) return;
    const auto at = call::deadline(a.loaded->state);
    if (!at) return;
    // One millisecond late rather than early: the core counts whole milliseconds.
    const auto left = std::max(*at - p_.clock.now(), a.time_held ? k_held : millis{0});
    a.timer.expires_after(left + millis{1});
    a.timer.async_wait([this, id = a.id, round](const boost::system::error_code& ec) {
        if (ec || stopping_) return;
        const auto found = actors_.find(id);
        if (found == actors_.end() || found->second->timer_round != round) return;
        post(id, item{call::tick{}, {}});
    });
}

} // namespace z360::engine
