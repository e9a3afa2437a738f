// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/reconcile.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <utility>

namespace z360::engine {
namespace {

using seconds = std::chrono::seconds;

constexpr const char* k_deliveries = "deliveries";
constexpr millis k_turn{20'000};
// A delivery fails for good only after its last attempt, minutes after its first; the list is by the first.
constexpr millis k_overlap{5 * 60'000};
constexpr millis k_first_reach{15 * 60'000}; // without a position: what a start can still use
constexpr millis k_longest_reach{24 * 3'600'000};
constexpr int k_pages_a_turn = 200;
constexpr std::size_t k_asking = 8;

millis part_of(millis period) {
    return std::clamp(period / 4, millis{100}, millis{5'000});
}

} // namespace

reconciler_impl::reconciler_impl(boost::asio::any_io_executor ex, reconcile_ports p, reconcile_settings s)
    : ex_(ex), p_(std::move(p)), s_(std::move(s)), asked_(ex), legs_now_(ex), work_(ex),
      loops_(ex, [this](std::string_view name, std::string_view) {
          p_.metrics.count("loop_failures_total", {{"loop", name}});
      }) {}

void reconciler_impl::start() {
    // From zero on, so that an alarm sees the first one too.
    for (const char* by : {"deliveries", "questions", "inquiry", "sweep"})
        p_.metrics.count("reconcile_events_found_total", {{"by", by}}, 0);
    for (const char* what : {"gone", "found", "hung_up", "left_alone", "overlong"})
        p_.metrics.count("reconcile_legs_total", {{"what", what}}, 0);
    for (const char* why : {"no_id", "unreadable", "foreign"})
        p_.metrics.count("reconcile_records_skipped_total", {{"why", why}}, 0);
    for (const char* loop : {"reconcile_deliveries", "reconcile_questions", "reconcile_sweep"})
        p_.metrics.count("loop_failures_total", {{"loop", loop}}, 0);
    p_.metrics.gauge("reconcile_deliveries_behind_seconds", 0);
    if (s_.deliveries_every > millis{0})
        loops_.run(
            {.name = "reconcile_deliveries",
             .period = part_of(s_.deliveries_every),
             .late_after = s_.deliveries_every * 4 + k_turn},
            [this] { return deliveries_round(); }
        );
    if (s_.questions_per_second > 0)
        loops_.run(
            {.name = "reconcile_questions", .period = s_.question_period, .late_after = seconds{60}},
            [this] { return questions_round(); }
        );
    if (s_.sweep_every > millis{0})
        loops_.run(
            {.name = "reconcile_sweep",
             .period = part_of(s_.sweep_every),
             .late_after = s_.sweep_every * 4 + k_turn,
             .wake = &legs_now_},
            [this] { return legs_round(); }
        );
}

boost::asio::awaitable<void> reconciler_impl::stop(millis limit) {
    co_await loops_.join();
    const bool finished = co_await work_.drain(limit);
    if (!finished) log::warn("reconciler_stopped_with_work_left", {{"tasks", work_.size()}});
    co_await work_.join();
}

boost::asio::awaitable<std::optional<port::turn>>
reconciler_impl::begin_turn(std::string name, millis every) {
    co_return co_await p_.store.begin_turn(std::move(name), s_.node, every, k_turn);
}

// Whoever holds a turn may hold it longer; false: it ran out and another node has begun.
boost::asio::awaitable<bool> reconciler_impl::keep_turn(std::string name) {
    const auto held = co_await p_.store.begin_turn(std::move(name), s_.node, k_longest_reach, k_turn);
    co_return held.has_value();
}

// ---- (a) deliveries that failed

boost::asio::awaitable<void> reconciler_impl::deliveries_round() {
    const auto every = first_deliveries_ ? millis{0} : s_.deliveries_every;
    const auto t = co_await begin_turn(k_deliveries, every);
    if (!t) co_return;
    if (!unread_) {
        auto since = t->now - k_first_reach;
        if (t->position) since = std::max(*t->position - k_overlap, t->now - k_longest_reach);
        unread_ = place{since, {}, t->now};
    }
    if (t->position)
        p_.metrics.gauge(
            "reconcile_deliveries_behind_seconds",
            std::chrono::duration<double>(t->now - *t->position).count()
        );
    const bool complete = co_await read_deliveries(unread_->since);
    std::optional<time_point> position;
    if (complete) {
        position = unread_->began;
        unread_.reset();
        first_deliveries_ = false;
    }
    co_await p_.store.end_turn(k_deliveries, s_.node, position);
}

boost::asio::awaitable<bool> reconciler_impl::read_deliveries(time_point since) {
    for (int page = 0; page < k_pages_a_turn; ++page) {
        auto answer = co_await p_.records.failed_deliveries(since, unread_->cursor);
        events found_here;
        read_into(found_here, std::move(answer.events));
        auto told = co_await keep(std::move(found_here), k_deliveries);
        hand_over(told);
        if (answer.next.empty()) co_return true;
        unread_->cursor = std::move(answer.next);
        const bool ours = co_await keep_turn(k_deliveries);
        if (!ours) {
            unread_.reset(); // somebody else reads on from the last position
            co_return false;
        }
    }
    log::warn("reconcile_deliveries_many", {{"pages", k_pages_a_turn}, {"effect", "read on next turn"}});
    co_return false;
}

// ---- (b) calls that are silent

boost::asio::awaitable<void> reconciler_impl::questions_round() {
    const auto limit = std::min(s_.questions_per_second, k_asking);
    std::vector<port::due_call> due;
    try {
        due = co_await p_.store.claim_due(s_.times, limit);
    } catch (...) {
        store_away_ = true;
        throw;
    }
    if (std::exchange(store_away_, false)) {
        // Commits may have been lost with the database: is there a leg that nobody knows any more (I8)?
        legs_at_once_ = true;
        legs_now_.set();
    }
    for (auto& c : due) {
        ++asking_;
        work_.spawn(ask_about(std::move(c)));
    }
    while (asking_ > 0)
        co_await asked_.wait();
    if (!ask_failure_.empty()) throw port::unavailable(std::exchange(ask_failure_, {}));
}

boost::asio::awaitable<void> reconciler_impl::ask_about(port::due_call c) {
    struct leave {
        reconciler_impl& r;
        ~leave() {
            --r.asking_;
            r.asked_.set();
        }
    };
    const leave at_end{*this};
    std::string failure;
    try {
        (void)co_await look(c.call_session_id, "questions");
    } catch (const std::exception& e) {
        failure = e.what();
    }
    if (failure.empty()) co_return;
    ask_failure_ = std::move(failure);
    try {
        co_await p_.store.put_back(std::move(c));
    } catch (const port::unavailable&) {
        // asked about at its next moment
    }
}

// ---- (c) a call asks

// Every call that waits for an answer asks again and again: one line in ten seconds says how many.
void reconciler_impl::not_asked(const char* why) {
    constexpr std::chrono::seconds k_quiet{10};
    ++not_asked_;
    const auto now = rt::clock::now();
    if (now < quiet_until_) return;
    quiet_until_ = now + k_quiet;
    log::warn("carrier_not_asked", {{"why", why}, {"times", std::exchange(not_asked_, 0)}});
}

boost::asio::awaitable<carrier_answer> reconciler_impl::ask(std::string call_session_id) {
    carrier_answer out;
    record r;
    try {
        r = co_await on_record(std::move(call_session_id));
        out.answered = r.complete;
    } catch (const std::exception& e) {
        not_asked(e.what());
    }
    if (!out.answered) co_return out;
    auto copy = r.known;
    try {
        out.events = co_await keep(std::move(copy), "inquiry");
        co_return out;
    } catch (const std::exception& e) {
        log::warn("carrier_record_not_kept", {{"why", e.what()}});
    }
    // Postgres is away: the call that asks decides in memory, and so it does about this.
    for (auto& e : r.known)
        out.events.push_back({std::move(e), false});
    co_return out;
}

std::unique_ptr<reconciler>
make_reconciler(boost::asio::any_io_executor ex, reconcile_ports p, reconcile_settings s) {
    return std::make_unique<reconciler_impl>(std::move(ex), std::move(p), std::move(s));
}

} // namespace z360::engine
