// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Effects of a call: started by the node that decided, or taken over from one that is gone; each by the
// runner of its channel.
#include "engine/engine_impl.hpp"

#include <z360/base/overloaded.hpp>
#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>

#include <utility>

namespace z360::engine {
namespace {

// What the carrier has said of a call holds no longer for hanging up on somebody.
constexpr millis k_word_lasts{500};
constexpr millis k_ask_first{300}; // between two questions that fail
constexpr millis k_ask_longest{3'000};
constexpr unsigned k_slow_answers = 3; // a carrier that takes longer than its word holds is believed then

/// It makes something new: a stopping node leaves it to others (I15), and it must not be done for nobody.
bool begins_something(const call::effect& e) {
    return std::visit(
        overloaded{
            [](const call::carrier_command& c) { return c.what() == call::verb::dial; },
            [](const call::push_notice& p) { return p.what == push::kind::incoming_call; },
            [](const call::test_effect&) { return false; },
        },
        e.body
    );
}

// Done although nobody can say whether it is wanted still: it was when it was issued. A dial rings phones for
// nobody, a bridge joins people.
bool harmless_twice(const call::effect& e) {
    return std::visit(
        overloaded{
            [](const call::carrier_command& c) {
                return c.what() != call::verb::dial && c.what() != call::verb::bridge;
            },
            [](const call::push_notice& p) { return p.what != push::kind::incoming_call; },
            [](const call::test_effect&) { return true; },
        },
        e.body
    );
}

} // namespace

// Doing an urgent one twice is harmless, the carrier knows the repeated command by its id.
port::effect_claims engine_impl::claims() const {
    return {s_.command_claim, s_.urgent_claim};
}

bool engine_impl::launch(
    call_id id, call::effect e, std::optional<unsigned> made, std::optional<call::effect_outcome> first
) {
    auto* by = runners_.at(static_cast<std::size_t>(call::channel_of(e)));
    if (by == nullptr) return false; // its row waits for a node that can
    if (e.after) {
        followers_.keep({id, std::move(e), made});
        return false;
    }
    followers_.forget(e.id); // released: it waits no more
    if (stopping_ && begins_something(e)) return false;
    if (!running_.insert(e.id).second) return false;
    work_.spawn(run_effect(*by, id, std::move(e), made, std::move(first)));
    return true;
}

// No commit in between: the decision that wants them is stored, and they wait for this fact alone. What is to
// become of those whose predecessor failed, the core says when it hears of that.
engine_impl::followed engine_impl::start_followers(const call::effect_outcome& end) {
    followed out;
    const auto how = call::end_of(end);
    auto ready = followers_.take(std::string(how.id));
    if (how.result != call::outcome::done) return out;
    const auto now = p_.clock.now();
    for (auto& f : ready) {
        // It would give up before its time: who decides about the outcome issues it anew, or a sweep starts
        // it.
        if (f.what.deadline - now < f.what.after->allowed / 2) continue;
        const auto of = actor_of(f.call);
        const auto& here = of->box.loaded();
        const bool ours = here && !f.made;
        if (ours && !call::wanted(here->state, f.what) &&
            !call::wanted_after(here->state, f.what, end, now)) {
            // While it is being decided again this copy lacks what led to it: then the next decision knows.
            if (!of->driving) out.given_up.push_back(call::ended_as(f.what, call::outcome::superseded));
            continue;
        }
        if (!of->box.begun(f.what.id)) continue;
        if (!launch(f.call, call::started(std::move(f.what), now), f.made, end)) continue;
        p_.metrics.count("commands_chained_total");
        out.started = true;
    }
    return out;
}

boost::asio::awaitable<void> engine_impl::run_effect(
    port::effect_runner& by, call_id id, call::effect e, std::optional<unsigned> made,
    std::optional<call::effect_outcome> first
) {
    const std::string key = e.id;
    const std::string kind(call::kind_of(e));
    struct forget {
        std::unordered_set<std::string>& set;
        const std::string& key;
        ~forget() { set.erase(key); }
    } guard{running_, key};
    const unsigned before = made.value_or(0);
    const bool taken_over = made.has_value();
    port::still_wanted ask = [this, id, e, before, taken_over, first](unsigned attempt) {
        return still_wanted(id, e, before + attempt - 1, taken_over, attempt == 1, first);
    };
    auto carried =
        taken_over ? by.take_over(std::move(e), std::move(ask)) : by.run(std::move(e), std::move(ask));
    auto outcome = co_await std::move(carried);
    std::visit([before](auto& o) { o.attempts += before; }, outcome);
    p_.metrics.count(
        "commands_total", {{"verb", kind}, {"outcome", call::name(call::end_of(outcome).result)}}
    );
    auto after = start_followers(outcome);
    std::vector<item> news;
    news.push_back(item{call::event_of(std::move(outcome)), {}});
    news.back().followed = after.started;
    for (auto& o : after.given_up)
        news.push_back(item{call::event_of(std::move(o)), {}});
    post(id, std::move(news));
}

// The carrier was asked before it was decided. Since then a commit may have hung, or the node that asked has
// died; and another one, which does not reach the store, may have joined them.
boost::asio::awaitable<bool>
engine_impl::nobody_talks(call_id id, call::effect e, bool taken_over, std::optional<call::state> stored) {
    std::optional<steady::time_point> told; // as of then
    for (unsigned tries = 1; p_.clock.now() < e.deadline; ++tries) {
        const auto known = actors_.find(id);
        const bool here = known != actors_.end();
        auto is = here ? known->second->box.foreseen(stored, p_.clock.now()) : stored;
        if (!is) co_return true;
        if (!call::wanted(*is, e) || call::disturbs_a_talk(*is, e)) co_return false;
        const auto heard = here ? std::max(told, known->second->heard_from_carrier) : told;
        const bool lately = heard && steady::now() - *heard <= k_word_lasts;
        const bool never = !heard && !taken_over; // facts led to it, and nobody had to be asked
        if (lately || never || (told && tries > k_slow_answers)) co_return true;
        told = co_await asked_together(id, std::move(*is));
        if (told) continue;
        if (call::kind_of(e) == call::name(call::verb::record_start)) co_return true; // the caller waits
        co_await rt::sleep_for(rt::growing(k_ask_first, k_ask_longest, tries));
    }
    co_return false;
}

// Ten legs of one ring are let go on one word.
boost::asio::awaitable<std::optional<rt::clock::time_point>>
engine_impl::asked_together(call_id id, call::state about) {
    const auto found = actors_.find(id);
    const auto of = found != actors_.end() ? found->second : nullptr;
    if (of && of->question) {
        const auto others = of->question;
        const auto answered = std::make_shared<rt::event>(ex_);
        others->others.push_back(answered);
        co_await answered->wait();
        co_return others->told;
    }
    const auto mine = std::make_shared<question_under_way>();
    if (of) of->question = mine;
    const auto since = steady::now();
    const bool told = co_await asked(std::move(about));
    if (told) mine->told = since;
    if (of) of->question.reset();
    for (const auto& other : mine->others)
        other->set();
    co_return mine->told;
}

boost::asio::awaitable<bool> engine_impl::still_wanted(
    call_id id, call::effect e, unsigned made, bool taken_over, bool first,
    std::optional<call::effect_outcome> after
) {
    std::optional<port::stored_call> stored;
    if (taken_over || !first) {
        // Keeps other nodes off, and asks what is stored: another node may have moved the call on meanwhile,
        // or this one's copy may be older than the effect it repeats.
        try {
            co_await p_.store.extend_claim(e.id, claims().of(e), made);
            stored = co_await p_.store.load(id);
        } catch (const port::unavailable&) {
            // what is in memory has to do
        }
    }
    // The newer of the two counts; memory may be ahead while Postgres was away, and then stands on its
    // version.
    const auto known = actors_.find(id);
    const bool here = known != actors_.end() && known->second->box.loaded();
    const bool memory = here && (!stored || known->second->box.loaded()->version >= stored->version);
    if (!memory && !stored) co_return true;
    const auto& s = memory ? known->second->box.loaded()->state : stored->state;
    if (call::wanted(s, e)) {
        if (!call::rests_on_silence(s, e)) co_return true;
        auto as_stored = stored ? std::optional(stored->state) : std::nullopt;
        const bool silent = co_await nobody_talks(id, std::move(e), taken_over, std::move(as_stored));
        co_return silent;
    }
    // Its turn came with an outcome that the state may not have heard of yet.
    if (after && call::wanted_after(s, e, *after, p_.clock.now())) co_return true;
    // What another node issued is judged by what is stored, not by a copy that may be older than the effect.
    // What is stored has all that led to it: a hang-up that it does not want might end a talk (I21).
    if (taken_over) co_return stored ? false : harmless_twice(e);
    // While the call is being decided again (after a conflict) the state lacks what led to this effect.
    // Doing it once too often is harmless, it is known by its id; only a dial must not ring for nobody. What
    // waited for another is issued anew once it is decided.
    const bool deciding = known != actors_.end() && known->second->driving;
    co_return deciding && !after && !begins_something(e);
}

} // namespace z360::engine
