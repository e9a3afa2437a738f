// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/sender.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace z360::adapter::push {

namespace asio = boost::asio;
using asio::awaitable;
using port::push_claim;
using port::push_settled;
using port::queued_push;
using z360::push::lane;

namespace {

constexpr millis k_gather{20}; // ends that come close together are written together
constexpr std::size_t k_batch = 500;
constexpr std::chrono::seconds k_late{60};
constexpr double k_least = 0.75;
constexpr double k_most = 1.25;

/// A push that this node holds.
struct held {
    queued_push what;
    rt::clock::time_point until{}; ///< it is ours until then, if nobody renews that
    bool lost = false;             ///< somebody else has it
    bool over = false;             ///< its end waits to be written
};

push_claim claim_of(const queued_push& q) {
    return {q.id, q.claim};
}

class sender final : public message_sender {
  public:
    sender(asio::any_io_executor ex, sender_settings s, sender_ports p)
        : s_(s), p_(std::move(p)), look_(ex), ended_(ex), tasks_(ex),
          loops_(std::move(ex), [this](std::string_view name, std::string_view) {
              p_.metrics.count("loop_failures_total", {{"loop", name}});
          }) {
        if (!p_.chance) p_.chance = rt::random_chance();
        using kind = z360::push::kind;
        for (const auto k : {kind::business, kind::session_warning, kind::push_token_required})
            p_.metrics.count("push_messages_postponed_total", {{"kind", z360::push::name(k)}}, 0);
        p_.metrics.count("push_messages_taken_over_total", {}, 0);
        p_.metrics.count("push_claims_lost_total", {}, 0);
        p_.metrics.count("push_warnings_queued_total", {}, 0);
    }

    void start() override {
        run("push_messages", s_.look_every, &look_, [this] { return look(); });
        run("push_ends", s_.look_every, &ended_, [this] { return write_ends(); });
        run("push_claims", s_.keep_every, nullptr, [this] { return keep(); });
        run("push_warnings", s_.warn_every, nullptr, [this] { return warn(); });
        run("push_backlog", s_.count_every, nullptr, [this] { return count(); });
    }
    void wake() override { look_.set(); }

    awaitable<void> stop(millis limit) override {
        co_await loops_.join();
        (void)co_await tasks_.drain(limit / 2);
        stopping_ = true;
        co_await tasks_.join();
        const auto until = rt::clock::now() + limit / 2;
        try {
            while (!ends_.empty() && rt::clock::now() < until)
                co_await write_some();
        } catch (const std::exception& e) {
            log::warn("push_ends_not_written", {{"count", ends_.size()}, {"why", e.what()}});
        }
    }

    std::vector<loop_state> loops() const override { return loops_.states(); }
    std::size_t in_work() const override { return held_.size(); }

  private:
    void run(std::string name, millis period, rt::event* wake, std::function<awaitable<void>()> round) {
        rt::loop_settings l{
            .name = std::move(name), .period = period, .late_after = period + k_late, .wake = wake
        };
        loops_.run(std::move(l), std::move(round));
    }

    // ---- taking

    [[nodiscard]] std::size_t room(lane of) const {
        const auto most = of == lane::message ? s_.messages : s_.syncs;
        const auto used =
            static_cast<std::size_t>(std::count_if(held_.begin(), held_.end(), [of](const auto& h) {
                return z360::push::lane_of(h.second.what.what) == of;
            }));
        return used < most ? most - used : 0;
    }

    [[nodiscard]] bool any_ran_out() const {
        const auto now = rt::clock::now();
        return std::any_of(held_.begin(), held_.end(), [now](const auto& h) {
            return !h.second.lost && now >= h.second.until;
        });
    }
    awaitable<void> look() {
        // After an outage nobody may have taken what we hold: before we do, as if another node had left it
        // behind, and send it again.
        if (any_ran_out()) {
            co_await keep();
            co_await write_ends();
        }
        for (const auto of : {lane::message, lane::sync})
            co_await take(of);
    }
    awaitable<void> take(lane of) {
        while (const auto most = std::min(room(of), k_batch)) {
            const auto until = rt::clock::now() + s_.claim;
            auto rows = co_await p_.queue.claim(of, most, s_.claim);
            const bool all = rows.size() < most;
            for (auto& q : rows)
                begin(std::move(q), until);
            if (all) co_return;
        }
    }
    void begin(queued_push q, rt::clock::time_point until) {
        if (q.in_doubt) p_.metrics.count("push_messages_taken_over_total");
        held_[claim_of(q)] = {q, until};
        tasks_.spawn(carry_out(std::move(q)));
    }

    // ---- sending

    awaitable<void> carry_out(queued_push q) {
        report r;
        r.code = "interrupted";
        r.may_have_reached = true;
        if (p_.clock.now() >= q.until) {
            r = {};
            r.code = "deadline";
        } else {
            const bool warns = q.what == z360::push::kind::session_warning;
            port::still_wanted wanted = [this, of = claim_of(q), warns](unsigned) {
                return warns ? still_silent(of) : still_ours(of);
            };
            try {
                r = co_await p_.carrier.carry(q, std::move(wanted));
            } catch (const std::exception& e) {
                // Others go on with what a node that stops leaves; what fails by itself is given time.
                r.again_after = stopping_ ? millis{0} : s_.first_pause;
                log::warn("push_message_interrupted", {{"message", q.id.text()}, {"why", e.what()}});
            }
        }
        end(q, r);
    }
    awaitable<bool> still_ours(push_claim of) {
        const auto it = held_.find(of);
        co_return it != held_.end() && !it->second.lost && rt::clock::now() < it->second.until;
    }

    // Whoever has opened the app while the warning waited needs none; if nobody can say, one too many is
    // better than a phone that falls silent.
    awaitable<bool> still_silent(push_claim of) {
        bool silent = true;
        try {
            silent = co_await p_.queue.still_silent(of.id);
        } catch (const port::unavailable& e) {
            log::warn("push_warning_unasked", {{"message", of.id.text()}, {"why", e.what()}});
        }
        const bool ours = co_await still_ours(of);
        co_return silent&& ours;
    }

    void end(const queued_push& q, const report& r) {
        const auto it = held_.find(claim_of(q));
        if (it == held_.end()) return;
        if (it->second.lost) { // whoever has it now says how it ends
            held_.erase(it);
            look_.set();
            return;
        }
        it->second.over = true;
        auto how = settled_of(q, r, s_, p_.clock.now(), p_.chance());
        if (how.again_after)
            p_.metrics.count("push_messages_postponed_total", {{"kind", z360::push::name(q.what)}});
        else
            count_outcome(p_.metrics, q.what, r);
        ends_.push_back(std::move(how));
        ended_.set();
    }

    // ---- ends

    awaitable<void> write_ends() {
        if (!ends_.empty()) co_await rt::sleep_for(k_gather);
        while (!ends_.empty())
            co_await write_some();
    }
    // What cannot be written stays, and keeps its place.
    awaitable<void> write_some() {
        const auto n = std::min(ends_.size(), k_batch);
        std::vector<push_settled> batch(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(n));
        co_await p_.queue.settle(batch);
        for (const auto& s : batch) {
            held_.erase(s.of);
            std::erase_if(ends_, [&s](const auto& e) { return e.of == s.of; });
        }
        look_.set();
    }

    // ---- claims

    awaitable<void> keep() {
        std::vector<push_claim> all;
        for (const auto& [of, h] : held_)
            if (!h.lost) all.push_back(of);
        if (all.empty()) co_return;
        const auto until = rt::clock::now() + s_.claim;
        auto kept = co_await p_.queue.keep(all, s_.claim);
        std::sort(kept.begin(), kept.end());
        for (const auto& of : all) {
            const auto it = held_.find(of);
            if (it == held_.end()) continue;
            if (std::binary_search(kept.begin(), kept.end(), of))
                it->second.until = until;
            else
                lose(it);
        }
    }
    void lose(std::map<push_claim, held>::iterator it) {
        p_.metrics.count("push_claims_lost_total");
        it->second.lost = true;
        if (!it->second.over) return; // its run ends, as it is not wanted any more
        const auto of = it->first;
        std::erase_if(ends_, [&of](const auto& e) { return e.of == of; });
        held_.erase(it);
    }

    // ---- what the phones are told by themselves

    awaitable<void> warn() {
        for (std::size_t n = k_batch; n >= k_batch;) {
            n = co_await p_.queue.warn_silent(s_.warn_after, s_.silent_after, k_batch);
            if (n == 0) co_return;
            p_.metrics.count("push_warnings_queued_total", {}, static_cast<double>(n));
            log::info("silent_phones_warned", {{"count", n}});
            look_.set();
        }
    }

    awaitable<void> count() {
        const auto all = co_await p_.queue.backlog();
        for (const auto& b : all) {
            const auto name = z360::push::name(b.in);
            p_.metrics.gauge("push_messages_waiting", static_cast<double>(b.waiting), {{"lane", name}});
            p_.metrics.gauge(
                "push_messages_oldest_seconds", std::chrono::duration<double>(b.oldest).count(),
                {{"lane", name}}
            );
        }
    }

    const sender_settings s_;
    sender_ports p_;
    std::map<push_claim, held> held_;
    std::vector<push_settled> ends_;
    bool stopping_ = false;
    rt::event look_, ended_;
    rt::task_group tasks_;
    rt::supervisor loops_;
};

} // namespace

push_settled
settled_of(const queued_push& q, const report& r, const sender_settings& s, time_point now, double chance) {
    push_settled out;
    out.of = {q.id, q.claim};
    out.code = r.code;
    const bool worth_it = r.again_after.has_value() || !r.may_have_reached;
    if (r.result == call::outcome::expired && worth_it) {
        const auto own =
            rt::spread(rt::growing(s.first_pause, s.longest_pause, q.claim), k_least, k_most, chance);
        const bool handed_back = r.again_after == millis{0};
        const auto pause = handed_back ? millis{0} : std::max(r.again_after.value_or(millis{0}), own);
        if (now + pause < q.until) {
            out.again_after = pause;
            out.in_doubt = q.in_doubt || r.may_have_reached;
            return out;
        }
    }
    out.outcome = call::name(r.result);
    return out;
}

std::unique_ptr<message_sender>
make_message_sender(asio::any_io_executor ex, sender_settings s, sender_ports p) {
    return std::make_unique<sender>(std::move(ex), s, std::move(p));
}

} // namespace z360::adapter::push
