// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is due, on whatever node: claimed, carried out at a steady pace, released. A claim that was not
// released runs out, so nothing is lost with the node that held it.
#include "credential_manager/manager_impl.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>
#include <utility>

namespace z360::credential_manager {
namespace {

constexpr millis k_report_every{10'000};
constexpr unsigned k_look_tries = 8;

millis look_pause(unsigned tries) {
    return rt::growing(millis{50}, millis{5'000}, tries + 1);
}

} // namespace

bool manager_impl::ours(const held& h) const {
    return steady::now() < h.until;
}

boost::asio::awaitable<void> manager_impl::work_round() {
    revive_looks();
    co_await take_looks();
    if (steady::now() >= next_due_ || more_due_) co_await take_due();
    if (steady::now() >= next_report_) co_await report();
    store_back();
}

manager_impl::steady::duration manager_impl::until_next_round() const {
    steady::duration pause = s_.work_every;
    for (const auto& l : later_)
        pause = std::min(pause, std::max<steady::duration>(millis{1}, l.not_before - steady::now()));
    return pause;
}

void manager_impl::revive_looks() {
    const auto now = steady::now();
    const auto ripe =
        std::partition(later_.begin(), later_.end(), [&](const look& l) { return l.not_before > now; });
    looks_.insert(looks_.end(), ripe, later_.end());
    later_.erase(ripe, later_.end());
}

boost::asio::awaitable<void> manager_impl::take_looks() {
    while (!looks_.empty() && in_work_ < s_.work_batch) {
        auto l = looks_.front();
        // Taken off first: a change that comes while we claim must be able to queue it again.
        looks_.pop_front();
        looked_.erase(l.device.value);
        std::optional<held> h;
        std::exception_ptr thrown;
        bool away = false;
        try {
            h = co_await claim(l.device, &work_pace_);
        } catch (const port::unavailable&) {
            thrown = std::current_exception();
            away = true;
        } catch (...) {
            thrown = std::current_exception();
        }
        if (thrown && stopping_) std::rethrow_exception(thrown);
        if (h) {
            begin_work(std::move(*h), false);
            continue;
        }
        // Somebody else works on it, perhaps from what it was before the change: look again after them. What
        // could not be claimed is not given up.
        if (thrown)
            ++l.faults;
        else
            ++l.tries;
        if ((thrown || l.tries < k_look_tries) && looked_.insert(l.device.value).second) {
            l.not_before = steady::now() + look_pause(std::max(l.tries, l.faults));
            later_.push_back(l);
        }
        if (away) std::rethrow_exception(thrown);
        if (thrown) trouble("claim", thrown); // this one's; the others have their turn
    }
}

boost::asio::awaitable<void> manager_impl::take_due() {
    const auto room = s_.work_batch - std::min(in_work_, s_.work_batch);
    if (room == 0) co_return; // whoever finishes wakes us
    const auto until = claim_until();
    auto due = co_await store_.claim_due(s_.rules, clock_.now(), room, s_.claim);
    more_due_ = due.size() >= room;
    next_due_ = steady::now() + s_.work_every;
    for (auto& d : due)
        begin_work(held{std::move(d), until, &work_pace_}, true);
}

manager_impl::steady::time_point manager_impl::claim_until() const {
    // A create that leaves must come back within the claim, or another node could make a second one.
    return steady::now() + s_.claim - s_.claim * 3 / 10;
}

boost::asio::awaitable<std::optional<manager_impl::held>> manager_impl::claim(device_id d, rt::pace* at) {
    const auto parked = parked_.find(d.value);
    if (parked != parked_.end()) {
        const bool still_ours = steady::now() < parked->second;
        parked_.erase(parked);
        if (still_ours) co_await store_.release(d);
    }
    const auto until = claim_until();
    auto claimed = co_await store_.claim(d, s_.claim);
    if (!claimed) co_return std::nullopt;
    co_return held{std::move(*claimed), until, at};
}

void manager_impl::begin_work(held h, bool was_due) {
    ++in_work_;
    under_way place([this] {
        --in_work_;
        wake_.set();
    });
    work_.spawn(work(std::move(h), std::move(place), was_due));
}

boost::asio::awaitable<void> manager_impl::work(held h, under_way place, bool was_due) {
    const under_way until_the_end = std::move(place);
    const auto d = h.what.device.id;
    std::exception_ptr thrown;
    try {
        const bool did_something = co_await settle(h, scope::everything);
        co_await finish(h, was_due, did_something);
    } catch (...) {
        thrown = std::current_exception();
    }
    if (!thrown) co_return;
    if (stopping_) std::rethrow_exception(thrown);
    // The claim stays and paces the next try: nothing says that it would go better at once.
    trouble("work", thrown);
    again_later(d);
}

boost::asio::awaitable<void> manager_impl::let_go(device_id d) {
    try {
        co_await store_.release(d);
    } catch (...) {
        if (stopping_) throw;
        trouble("release", std::current_exception()); // then the claim runs out by itself
    }
}

boost::asio::awaitable<void> manager_impl::finish(held& h, bool was_due, bool did_something) {
    const auto d = h.what.device.id;
    if (d.none() || !ours(h)) co_return;
    if (was_due && !did_something) {
        park(h);
        co_return;
    }
    co_await store_.release(d);
}

/// Due by the rows, yet nothing may be done now (it is on a call, a retry is not due): the claim is kept, so
/// that it does not fill every batch, until there is something to do.
void manager_impl::park(const held& h) {
    const auto now = steady::now();
    const auto d = h.what.device.id;
    std::erase_if(parked_, [now](const auto& p) { return p.second <= now; });
    parked_[d.value] = h.until;
    const auto next = credential::deadline(h.what.device, s_.rules, clock_.now());
    if (!next) return;
    const auto at = now + std::max(millis{0}, std::min(*next - clock_.now(), s_.claim));
    if (at < h.until && looked_.insert(d.value).second) later_.push_back({d, 0, at});
}

boost::asio::awaitable<void> manager_impl::check_one(identity_id i, under_way mark) {
    const under_way until_the_end = std::move(mark);
    try {
        co_await look_up(i);
    } catch (...) {
        if (stopping_) throw;
        trouble("check", std::current_exception());
    }
}

boost::asio::awaitable<void> manager_impl::look_up(identity_id i) {
    const identity_id before{i.value - 1};
    auto rows = co_await store_.known(before, 1);
    if (rows.empty() || rows.front().id != i || rows.front().telnyx_id.empty()) co_return;
    const auto row = std::move(rows.front());
    if (row.now_in != credential::identity_state::active &&
        row.now_in != credential::identity_state::rotating)
        co_return;
    if (!co_await work_pace_.turn()) co_return;
    const auto r = co_await carrier_.get(row.telnyx_id);
    count("check", name(r.outcome));
    if (r.outcome == outcome::gone) (void)co_await lost(row.id, row.device, "check");
}

boost::asio::awaitable<void> manager_impl::report() {
    next_report_ = steady::now() + k_report_every;
    const auto f = co_await store_.count(clock_.now());
    for (const auto p :
         {credential::identity_state::pending, credential::identity_state::active,
          credential::identity_state::rotating, credential::identity_state::retiring,
          credential::identity_state::dead}) {
        const auto found = std::find_if(f.by_state.begin(), f.by_state.end(), [&](const auto& s) {
            return s.first == credential::name(p);
        });
        const auto n = found == f.by_state.end() ? 0 : found->second;
        metrics_.gauge("credentials", static_cast<double>(n), {{"state", credential::name(p)}});
    }
    metrics_.gauge("credential_backlog", static_cast<double>(f.backlog));
    metrics_.gauge("credential_lapsed", static_cast<double>(f.lapsed));
}

void manager_impl::store_away(std::string_view why) {
    if (!std::exchange(store_healthy_, false)) return;
    log::warn("credential_work_paused", {{"why", why}});
}

void manager_impl::store_back() {
    if (std::exchange(store_healthy_, true)) return;
    log::info("credential_work_resumed");
}

} // namespace z360::credential_manager
