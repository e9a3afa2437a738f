// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Carries out what credential::decide says. Each step leaves the rows such that whoever decides next, after a
// crash at any point, goes on from there: the row says that a request may have been made before it is made,
// and that something is gone after it is.
#include "credential_manager/manager_impl.hpp"

#include <z360/base/overloaded.hpp>
#include <z360/log.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

namespace z360::credential_manager {
namespace {

constexpr unsigned k_rounds = 8; // a whole life takes five: add, provision, retire, erase, nothing left

/// The names of one identity, and what its row says; nullptr-free copies, since rows are read again.
struct subject {
    credential::identity row;
    port::identity_names names;
};
subject subject_of(const port::claimed_device& d, identity_id who) {
    for (std::size_t n = 0; n < d.device.identities.size() && n < d.names.size(); ++n)
        if (d.device.identities[n].id == who) return {d.device.identities[n], d.names[n]};
    return {};
}

bool is_making(const credential::step& s) {
    // Retiring belongs to it: an expired active identity is in the way of the next one.
    return std::holds_alternative<credential::add_identity>(s) ||
           std::holds_alternative<credential::provision>(s) || std::holds_alternative<credential::retire>(s);
}

bool nothing_there(const port::credential_reply<std::vector<port::carrier_credential>>& r) {
    using outcome = port::credential_outcome;
    return r.outcome == outcome::gone || (r.outcome == outcome::done && (!r.value || r.value->empty()));
}

} // namespace

std::string manager_impl::carrier_name(const uuid& key) const {
    return prefix_ + key.text();
}

std::optional<uuid> manager_impl::own_key(std::string_view name) const {
    // The rest must be a uuid: the prefix of `prod` begins the names of `prod-eu` too.
    if (!name.starts_with(prefix_)) return std::nullopt;
    return uuid::parse(name.substr(prefix_.size()));
}

boost::asio::awaitable<std::string> manager_impl::carrier_tag(user_id user) {
    if (!installation_) {
        const auto who = co_await store_.installed();
        installation_ = who.id;
    }
    co_return prefix_ + installation_->text() + "-u" + std::to_string(user.value);
}

std::optional<uuid> manager_impl::maker_of(std::string_view tag) const {
    constexpr std::size_t k_uuid = 36;
    if (!tag.starts_with(prefix_)) return std::nullopt;
    tag.remove_prefix(prefix_.size());
    if (!tag.substr(std::min(k_uuid, tag.size())).starts_with("-u")) return std::nullopt;
    return uuid::parse(tag.substr(0, k_uuid));
}

void manager_impl::count(std::string_view step, std::string_view how) {
    metrics_.count("credential_work_total", {{"step", step}, {"outcome", how}});
}

boost::asio::awaitable<bool> manager_impl::may_ask(held& h) {
    if (h.at != nullptr) {
        // A device may begin to wait for what a worker already holds.
        auto waited_for = [this, d = h.what.device.id.value] { return identity_flights_.under_way(d); };
        std::function<bool()> hurry = std::move(waited_for);
        if (!co_await h.at->turn(std::move(hurry))) co_return false;
    }
    co_return ours(h) && !stopping_;
}

boost::asio::awaitable<bool> manager_impl::settle(held& h, scope what) {
    bool did_something = false;
    for (unsigned round = 0; round < k_rounds; ++round) {
        auto steps = credential::decide(h.what.device, s_.rules, clock_.now());
        if (what == scope::making)
            std::erase_if(steps, [](const credential::step& s) { return !is_making(s); });
        bool progress = false;
        for (auto& s : steps) {
            if (stopping_ || !ours(h)) co_return did_something;
            did_something = true;
            if (co_await carry_out(h, std::move(s))) progress = true;
        }
        const auto d = h.what.device.id;
        if (!progress || d.none()) co_return did_something;
        auto now = co_await store_.read(d);
        if (!now) co_return did_something;
        h.what = std::move(*now);
    }
    co_return did_something;
}

boost::asio::awaitable<bool> manager_impl::carry_out(held& h, credential::step s) {
    auto todo = std::visit(
        overloaded{
            [&](const credential::add_identity&) { return add(h); },
            [&](const credential::provision& x) { return provision(h, x); },
            [&](const credential::retire& x) { return retire(h, x); },
            [&](const credential::erase& x) { return erase(h, x); },
            [&](const credential::extend& x) { return extend(h, x); },
            [&](const credential::suspend&) { return suspend(h); },
        },
        s
    );
    co_return co_await std::move(todo);
}

boost::asio::awaitable<bool> manager_impl::add(held& h) {
    const auto d = h.what.device.id;
    const auto i = co_await store_.add_identity(d, s_.connection_id, clock_.now());
    count("add", "done");
    log::info("identity_wanted", {{"device", d}, {"identity", i}});
    co_return true;
}

boost::asio::awaitable<bool> manager_impl::provision(held& h, credential::provision s) {
    const auto who = subject_of(h.what, s.who);
    if (s_.connection_id.empty() && who.names.connection_id.empty()) {
        failure why{"provision", outcome::refused, "no credential connection is configured", {}};
        co_await failed(h, s.who, std::move(why));
        co_return false;
    }
    auto name = carrier_name(who.names.key);
    if (s.look_up_first) {
        const auto found = co_await adopt(h, s.who, name);
        if (found != made::none) co_return found == made::in_use;
    }
    co_return co_await create(h, s.who, std::move(name));
}

boost::asio::awaitable<bool> manager_impl::create(held& h, identity_id who, std::string name) {
    if (!co_await may_ask(h)) co_return false;
    const auto subject = subject_of(h.what, who);
    const auto now = clock_.now();
    port::credential_request request;
    request.tag = co_await carrier_tag(subject.names.user);
    co_await store_.mark_asked(who, now);
    if (!ours(h)) co_return false; // asked or not: whoever is next looks it up
    request.name = name;
    request.connection_id =
        subject.names.connection_id.empty() ? s_.connection_id : subject.names.connection_id;
    request.expires_at = now + s_.rules.life;
    const auto until = request.expires_at;
    auto r = co_await carrier_.create(std::move(request));
    if (r.outcome == outcome::done && r.value) {
        co_await put_in_use(h, who, std::move(*r.value), until);
        co_return true;
    }
    if (r.outcome == outcome::unknown) {
        const auto found = co_await adopt(h, who, std::move(name));
        if (found != made::none) co_return found == made::in_use;
    }
    failure why{"provision", r.outcome, std::move(r.error), r.retry_after};
    co_await failed(h, who, std::move(why));
    co_return false;
}

boost::asio::awaitable<manager_impl::made> manager_impl::adopt(held& h, identity_id who, std::string name) {
    if (!co_await may_ask(h)) co_return made::failed;
    auto r = co_await carrier_.find(std::move(name));
    if (nothing_there(r)) co_return made::none;
    if (r.outcome != outcome::done) {
        failure why{"look_up", r.outcome, std::move(r.error), r.retry_after};
        co_await failed(h, who, std::move(why));
        co_return made::failed;
    }
    std::optional<port::carrier_credential> oldest;
    const auto now = clock_.now();
    for (auto& c : *r.value) {
        const bool over = c.expired || (c.expires_at && *c.expires_at <= now);
        if (!oldest && !over) {
            oldest = std::move(c);
            continue;
        }
        // A second one of this name, or one that can only be deleted. If it stays, the comparison finds it.
        if (!co_await may_ask(h)) co_return made::failed;
        const auto removed = co_await carrier_.remove(c.id);
        count("remove_duplicate", port::name(removed.outcome));
    }
    if (!oldest) co_return made::none;
    const auto row = subject_of(h.what, who).row;
    co_await put_in_use(h, who, std::move(*oldest), row.asked_at.value_or(clock_.now()) + s_.rules.life);
    co_return made::in_use;
}

boost::asio::awaitable<void> manager_impl::put_in_use(
    held& h, identity_id who, port::carrier_credential credential, time_point otherwise_until
) {
    const auto until = credential.expires_at.value_or(otherwise_until);
    const auto d = h.what.device.id;
    const bool active = co_await store_.activate(who, std::move(credential), until, clock_.now());
    count("provision", active ? "done" : "too_late");
    if (active) {
        log::info("identity_active", {{"device", d}, {"identity", who}, {"until", iso8601(until)}});
    } else {
        log::info("identity_made_too_late", {{"device", d}, {"identity", who}});
        look_at(d);
    }
}

boost::asio::awaitable<bool> manager_impl::retire(held& h, credential::retire s) {
    const auto d = h.what.device.id;
    co_await store_.retire(s.who, s.why, clock_.now());
    count("retire", credential::name(s.why));
    log::info("identity_retired", {{"device", d}, {"identity", s.who}, {"why", credential::name(s.why)}});
    co_return true;
}

boost::asio::awaitable<bool> manager_impl::erase(held& h, credential::erase s) {
    const auto who = subject_of(h.what, s.who);
    if (s.look_up_first) co_return co_await erase_by_name(h, s.who);
    if (who.names.telnyx_id.empty()) co_return co_await bury(h, s.who); // never asked for: there is nothing
    if (!co_await may_ask(h)) co_return false;
    auto r = co_await carrier_.remove(who.names.telnyx_id);
    if (r.outcome == outcome::done || r.outcome == outcome::gone) co_return co_await bury(h, s.who);
    failure why{"erase", r.outcome, std::move(r.error), r.retry_after};
    co_await failed(h, s.who, std::move(why));
    co_return false;
}

boost::asio::awaitable<bool> manager_impl::erase_by_name(held& h, identity_id who) {
    if (!co_await may_ask(h)) co_return false;
    auto name = carrier_name(subject_of(h.what, who).names.key);
    auto found = co_await carrier_.find(std::move(name));
    if (nothing_there(found)) co_return co_await bury(h, who);
    failure why{"erase", found.outcome, std::move(found.error), found.retry_after};
    bool all_gone = found.outcome == outcome::done;
    for (std::size_t n = 0; all_gone && n < found.value->size(); ++n) {
        if (!co_await may_ask(h)) co_return false;
        auto r = co_await carrier_.remove((*found.value)[n].id);
        all_gone = r.outcome == outcome::done || r.outcome == outcome::gone;
        why.how = r.outcome;
        why.error = std::move(r.error);
        why.retry_after = r.retry_after;
    }
    if (all_gone) co_return co_await bury(h, who);
    co_await failed(h, who, std::move(why));
    co_return false;
}

boost::asio::awaitable<bool> manager_impl::bury(held& h, identity_id who) {
    const auto d = h.what.device.id;
    co_await store_.bury(who, clock_.now());
    count("erase", "done");
    log::info("identity_erased", {{"device", d}, {"identity", who}});
    co_return true;
}

boost::asio::awaitable<bool> manager_impl::extend(held& h, credential::extend s) {
    if (!co_await may_ask(h)) co_return false;
    const auto who = subject_of(h.what, s.who);
    auto r = co_await carrier_.extend(who.names.telnyx_id, s.until);
    if (r.outcome != outcome::done) {
        // Gone or expired there, in the middle of a call: the call goes on, the identity is replaced after
        // it.
        failure why{"extend", r.outcome, std::move(r.error), r.retry_after};
        co_await failed(h, s.who, std::move(why));
        co_return false;
    }
    co_await store_.extended(s.who, s.until);
    count("extend", "done");
    log::info("identity_extended", {{"identity", s.who}, {"until", iso8601(s.until)}});
    co_return true;
}

boost::asio::awaitable<bool> manager_impl::suspend(held& h) {
    const auto d = h.what.device.id;
    std::string reason = "silent";
    co_await store_.suspend(d, std::move(reason), clock_.now());
    count("suspend", "done");
    log::info("device_suspended", {{"device", d}, {"why", "silent"}});
    co_return true;
}

boost::asio::awaitable<void> manager_impl::failed(held& h, identity_id who, failure why) {
    const auto failures = subject_of(h.what, who).row.failures + 1;
    auto pause =
        rt::spread(rt::growing(s_.rules.retry_first, s_.rules.retry_longest, failures), 0.5, 1, chance());
    // Trying again changes nothing until people have looked.
    if (why.how == outcome::refused) pause = std::max(pause, s_.rules.retry_longest);
    if (why.retry_after) {
        pause = std::max(pause, std::min(*why.retry_after, s_.rules.retry_longest));
        if (h.at != nullptr) h.at->hold(*why.retry_after);
    }
    count(why.step, port::name(why.how));
    log::write(
        why.how == outcome::refused ? log::level::error : log::level::warn, "credential_step_failed",
        {{"device", h.what.device.id},
         {"identity", who},
         {"step", why.step},
         {"outcome", port::name(why.how)},
         {"error", why.error},
         {"failures", failures},
         {"again_in_ms", pause.count()}}
    );
    auto text = std::string(why.step) + " " + std::string(port::name(why.how)) + ": " + why.error;
    co_await store_.failed(who, std::move(text), clock_.now() + pause);
}

// A carrier that loses one credential of a device after the other, or says so, must not be given ever more of
// them: each replacement of a device makes the next one wait longer.
bool manager_impl::may_replace(device_id d) const {
    const auto found = replaced_.find(d.value);
    return found == replaced_.end() || clock_.now() >= found->second.not_before;
}

void manager_impl::note_replacement(device_id d) {
    constexpr millis k_first{60'000};
    constexpr millis k_longest{3'600'000};
    constexpr millis k_forgotten{24LL * 3'600'000};
    constexpr std::size_t k_remembered = 10'000;
    const auto now = clock_.now();
    if (replaced_.size() > k_remembered)
        std::erase_if(replaced_, [&](const auto& r) { return r.second.not_before + k_longest < now; });
    auto& r = replaced_[d.value];
    if (now > r.not_before + k_forgotten) r.times = 0;
    r.not_before = now + std::min<millis>(k_first * (1LL << std::min(r.times, 8U)), k_longest);
    ++r.times;
}

boost::asio::awaitable<bool> manager_impl::lost(identity_id i, device_id d, std::string found_by) {
    if (!may_replace(d)) {
        count("retire", "put_off");
        log::warn("identity_lost_again", {{"device", d}, {"identity", i}, {"found_by", found_by}});
        co_return false;
    }
    co_await store_.retire(i, credential::retire_reason::lost, clock_.now());
    note_replacement(d);
    count("retire", credential::name(credential::retire_reason::lost));
    log::warn("identity_lost_at_carrier", {{"device", d}, {"identity", i}, {"found_by", found_by}});
    look_at(d);
    co_return true;
}

} // namespace z360::credential_manager
