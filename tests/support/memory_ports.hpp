// SPDX-License-Identifier: LicenseRef-z360-proprietary
// In-memory ports for tests of the engine: they keep the contracts (compare and set, claims, deduplication),
// can be switched off, and remember what was done. One loop, no locks.
#pragma once

#include "support/scenario.hpp"
#include "wire/state_codec.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/engine/engine.hpp>
#include <z360/port/carrier_records.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace z360::testing {

using boost::asio::awaitable;

class steady_wall final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override {
        return std::chrono::floor<millis>(std::chrono::system_clock::now());
    }
};

class counting_metrics final : public port::metrics {
  public:
    void count(std::string_view name, port::labels, double n) override { counts[std::string(name)] += n; }
    void gauge(std::string_view name, double value, port::labels) override {
        gauges[std::string(name)] = value;
    }
    void observe(std::string_view, double, port::labels) override {}
    [[nodiscard]] std::string text() const override { return {}; }
    std::map<std::string, double> counts;
    std::map<std::string, double> gauges;
};

/// The database as several engines share it.
class memory_store final : public port::call_store {
  public:
    explicit memory_store(port::clock& c) : clock_(c) {}

    awaitable<std::optional<port::stored_call>> load(call_id id) override {
        check();
        const auto found = calls.find(id);
        if (found == calls.end()) co_return std::nullopt;
        co_return found->second;
    }
    awaitable<std::optional<call_id>> find(std::string session, std::string control_id) override {
        check();
        std::optional<call_id> by_session;
        for (const auto& [id, c] : calls) {
            const auto& s = c.state;
            if (!session.empty() && s.origin.call_session_id == session) by_session = id;
            if (control_id.empty()) continue;
            if (s.caller.call_control_id == control_id || s.find_by_control_id(control_id) != nullptr)
                co_return id;
        }
        co_return by_session;
    }
    awaitable<port::commit_result> commit(port::call_commit what, port::effect_claims claims) override {
        check();
        if (slow > millis{0}) co_await rt::sleep_for(slow);
        while (stalled)
            co_await rt::sleep_for(millis{1});
        auto found = calls.find(what.next.id);
        const auto version = found == calls.end() ? 0 : found->second.version;
        if (version != what.expected_version) co_return port::commit_result::conflict;
        if (!what.fresh_events.empty() && !(keep_fresh && keep_fresh(what.fresh_events)))
            co_return port::commit_result::conflict;
        calls[what.next.id] = {what.next, what.next_version == 0 ? version + 1 : what.next_version};
        ++commits;
        for (auto& e : what.new_effects) {
            const row fresh{what.next.id, e, clock_.now() + claims.of(e)};
            auto& r = commands.try_emplace(e.id, fresh).first->second;
            const bool released = !r.finished && r.what.after && !e.after;
            if (released || (r.finished && r.how == call::outcome::superseded)) r = fresh;
        }
        for (const auto& o : what.finished)
            finish(call::end_of(o), claims);
        for (const auto& e : what.processed_events)
            processed.insert(e);
        for (auto& n : what.notes)
            notes.emplace_back(call::name(n.what));
        co_return port::commit_result::committed;
    }
    awaitable<std::vector<call_id>> claim_overdue(millis margin, std::size_t) override {
        check();
        const auto now = clock_.now() - margin;
        std::vector<call_id> out;
        for (const auto& [id, c] : calls)
            if (const auto at = call::deadline(c.state); at && *at <= now) out.push_back(id);
        co_return out;
    }
    awaitable<std::vector<port::orphan_effect>>
    claim_effects(std::size_t, millis claim, std::vector<call::channel> channels) override {
        check();
        ++looks;
        std::vector<port::orphan_effect> out;
        for (auto& [id, r] : commands) {
            const bool ours =
                std::find(channels.begin(), channels.end(), call::channel_of(r.what)) != channels.end();
            if (!ours || r.finished || r.claimed_until > clock_.now() || !its_turn(r)) continue;
            r.claimed_until = clock_.now() + claim;
            out.push_back({r.call, wire::decode_effect(wire::encode_effect(r.what)).value(), r.attempts});
        }
        for (const auto taken = out; const auto& first : taken)
            for (const auto& [id, r] : commands)
                if (!r.finished && r.what.after && r.what.after->id == first.what.id)
                    out.push_back({r.call, r.what, r.attempts, true});
        co_return out;
    }
    awaitable<void> extend_claim(std::string id, millis claim, unsigned attempts) override {
        check();
        if (auto c = commands.find(id); c != commands.end()) {
            c->second.claimed_until = clock_.now() + claim;
            c->second.attempts = attempts;
        }
        co_return;
    }

    struct row {
        call_id call;
        call::effect what;
        time_point claimed_until;
        bool finished = false;
        std::uint32_t attempts = 0;
        call::outcome how = call::outcome::done; ///< once it is finished
    };
    std::function<bool(const std::vector<port::inbox_event>&)> keep_fresh; ///< the inbox's; false: it has one
    std::map<call_id, port::stored_call> calls;
    std::map<std::string, row> commands;
    std::set<std::string> processed;
    std::vector<std::string> notes;
    int commits = 0;
    int looks = 0; ///< for effects that nobody carries out
    bool away = false;
    bool stalled = false; ///< commits wait until it is not
    millis slow{0};

  private:
    void check() const {
        if (away) throw port::unavailable("switched off");
    }
    // What waits for it has its turn, or is given up.
    void finish(const call::effect_end& end, port::effect_claims claims) {
        const auto c = commands.find(std::string(end.id));
        if (c == commands.end() || c->second.finished) return;
        c->second.finished = true;
        c->second.how = end.result;
        for (auto& [id, r] : commands) {
            if (r.finished || !r.what.after || r.what.after->id != end.id) continue;
            r.finished = end.result != call::outcome::done;
            if (r.finished) r.how = call::outcome::superseded;
            r.claimed_until = clock_.now() + claims.usual;
        }
    }
    [[nodiscard]] bool its_turn(const row& r) const {
        if (!r.what.after || r.what.deadline <= clock_.now() - millis{5'000}) return true;
        const auto first = commands.find(r.what.after->id);
        return first != commands.end() && first->second.finished && first->second.how == call::outcome::done;
    }
    port::clock& clock_;
};

class memory_inbox final : public port::event_inbox {
  public:
    memory_inbox(memory_store& store, port::clock& c) : store_(store), clock_(c) {
        store.keep_fresh = [this](const auto& events) { return keep_done(events); };
    }
    memory_inbox(const memory_inbox&) = delete;
    memory_inbox& operator=(const memory_inbox&) = delete;
    ~memory_inbox() override { store_.keep_fresh = nullptr; }

    awaitable<std::vector<port::append_result>>
    append(std::vector<port::inbox_event> events, millis claim) override {
        check();
        std::vector<port::append_result> out;
        for (auto& e : events) {
            const auto now = clock_.now();
            if (const auto v = verdicts.find(e.event_id); v != verdicts.end()) {
                out.push_back(v->second);
                if (v->second == port::append_result::set_aside)
                    rows.try_emplace(e.event_id, row{e, now, "dead", "set aside", now, ++serial_});
                continue;
            }
            const bool alone = e.begins && !e.call_session_id.empty() && nothing_else(e.call_session_id);
            row fresh_row{e, now + claim, e.settled ? "ignored" : "new", {}, now, serial_ + 1};
            auto [at, fresh] = rows.try_emplace(e.event_id, std::move(fresh_row));
            if (fresh) ++serial_;
            // A commit before its row came is not known to it.
            if (fresh) store_.processed.erase(at->first);
            if (fresh)
                out.push_back(alone ? port::append_result::stored_alone : port::append_result::stored);
            else if (wire::same_event(at->second.event.body, e.body))
                out.push_back(port::append_result::duplicate);
            else
                out.push_back(port::append_result::conflict);
        }
        if (slow > millis{0}) co_await rt::sleep_for(slow);
        co_return out;
    }
    awaitable<std::vector<port::inbox_event>> claim_pending(std::size_t limit, millis claim) override {
        check();
        std::vector<row*> due;
        for (auto& [id, r] : rows)
            if (r.claimed_until <= clock_.now() && open(id, r)) due.push_back(&r);
        co_return take(std::move(due), limit, claim);
    }
    awaitable<std::vector<port::inbox_event>> claim_session(std::string session, millis claim) override {
        check();
        std::vector<row*> due;
        for (auto& [id, r] : rows) {
            if (r.event.call_session_id != session) continue;
            if (r.status == "dead" && r.why == port::k_unknown_session) r.status = "new";
            if (open(id, r)) due.push_back(&r);
        }
        const auto all = due.size();
        co_return take(std::move(due), all, claim);
    }
    awaitable<void> mark_ignored(std::vector<std::string> ids) override {
        check();
        for (const auto& id : ids)
            if (auto& r = rows.at(id); open(id, r)) r.status = "ignored";
        co_return;
    }
    awaitable<void> postpone(std::vector<std::string> ids, millis delay, std::string, bool counted) override {
        check();
        for (const auto& id : ids) {
            const auto r = rows.find(id); // of one that is not in here nothing is said
            if (r == rows.end()) continue;
            r->second.claimed_until = clock_.now() + delay;
            if (counted) ++r->second.event.attempts;
        }
        co_return;
    }
    awaitable<void> mark_dead(std::vector<std::string> ids, std::string why) override {
        check();
        for (const auto& id : ids) {
            const auto r = rows.find(id);
            if (r == rows.end()) continue;
            r->second.status = "dead";
            r->second.why = why;
        }
        co_return;
    }

    [[nodiscard]] bool nothing_else(const std::string& session) const {
        return std::none_of(rows.begin(), rows.end(), [&](const auto& r) {
            const auto& [id, x] = r;
            const bool buried = x.status == "dead" && x.why == port::k_unknown_session;
            return x.event.call_session_id == session && (buried || open(id, x));
        });
    }

    struct row {
        port::inbox_event event;
        time_point claimed_until;
        std::string status; ///< "new", "ignored" or "dead"; processed ones are in the store
        std::string why;    ///< of a dead one
        time_point stored_at{};
        std::uint64_t serial = 0;
    };
    std::map<std::string, row> rows;
    millis slow{0};                                      ///< how late the reply to append comes
    std::map<std::string, port::append_result> verdicts; ///< of rows that Postgres does not take, by id

    /// Acknowledged and neither decided, ignored nor given up.
    [[nodiscard]] std::size_t left() const {
        return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [this](const auto& r) {
            return open(r.first, r.second);
        }));
    }

  private:
    // As a commit does: all of them, or none.
    bool keep_done(const std::vector<port::inbox_event>& events) {
        for (const auto& e : events)
            if (rows.contains(e.event_id) || verdicts.contains(e.event_id)) return false;
        for (const auto& e : events) {
            rows.try_emplace(e.event_id, row{e, clock_.now(), "new", {}, clock_.now(), ++serial_});
            store_.processed.insert(e.event_id);
        }
        return true;
    }
    // Oldest first, by when they were received, then stored.
    std::vector<port::inbox_event> take(std::vector<row*> due, std::size_t limit, millis claim) {
        std::sort(due.begin(), due.end(), [](const row* a, const row* b) {
            return std::pair(a->event.received_at, a->serial) < std::pair(b->event.received_at, b->serial);
        });
        if (due.size() > limit) due.resize(limit);
        std::vector<port::inbox_event> out;
        for (auto* r : due) {
            r->claimed_until = clock_.now() + claim;
            out.push_back(r->event);
            out.back().waited = clock_.now() - r->stored_at;
        }
        return out;
    }
    bool open(const std::string& id, const row& r) const {
        return r.status == "new" && !store_.processed.contains(id);
    }
    void check() const {
        if (store_.away) throw port::unavailable("switched off");
    }
    memory_store& store_;
    port::clock& clock_;
    std::uint64_t serial_ = 0;
};

class memory_spool final : public port::spool {
  public:
    awaitable<void> append(std::vector<port::inbox_event> events) override {
        for (auto& e : events)
            rows.push_back(std::move(e));
        co_return;
    }
    awaitable<std::vector<port::inbox_event>> peek(std::size_t limit) override {
        std::vector<port::inbox_event> out(
            rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(std::min(limit, rows.size()))
        );
        co_return out;
    }
    awaitable<void> remove(std::vector<std::string> ids) override {
        for (const auto& id : ids)
            std::erase_if(rows, [&](const auto& e) { return e.event_id == id; });
        co_return;
    }
    awaitable<void> set_aside(std::vector<std::string> ids, std::string) override {
        aside.insert(aside.end(), ids.begin(), ids.end());
        co_await remove(std::move(ids));
    }
    awaitable<void> tend() override { co_return; }
    [[nodiscard]] std::size_t size() const override { return rows.size(); }
    [[nodiscard]] port::spool_health health() const override { return {true, {}, aside.size()}; }
    std::vector<port::inbox_event> rows;
    std::vector<std::string> aside;
};

/// The carrier's records: legs live unless the test says otherwise.
class memory_records final : public port::carrier_records {
  public:
    awaitable<port::recorded_events> failed_deliveries(time_point, std::string) override {
        check();
        co_return port::recorded_events{};
    }
    awaitable<port::recorded_events> events_of_session(std::string session, std::string) override {
        check();
        co_return port::recorded_events{sessions[session], {}};
    }
    awaitable<port::leg_life> life_of(std::string control_id) override {
        asked.push_back(control_id);
        check();
        const auto found = life.find(control_id);
        co_return found == life.end() ? port::leg_life::alive : found->second;
    }
    awaitable<port::live_legs> active_legs(std::string) override {
        check();
        co_return port::live_legs{};
    }
    std::map<std::string, port::leg_life> life;
    std::map<std::string, std::vector<port::recorded_event>> sessions;
    std::vector<std::string> asked;
    bool away = false;

  private:
    void check() const {
        if (away) throw port::unavailable("switched off");
    }
};

class fixed_directory final : public port::directory {
  public:
    awaitable<call::route> resolve(std::string, std::string, time_point) override {
        if (away) throw port::unavailable("switched off");
        co_return answer;
    }
    awaitable<call::route> place(port::placing, time_point) override { co_return call::route{}; }
    awaitable<bool> is_device(std::string sip_username) override {
        if (away) throw port::unavailable("switched off");
        co_return devices.contains(sip_username);
    }
    awaitable<std::vector<call::target>>
    reach(device_id device, std::vector<user_id> people, org_id org, time_point) override {
        if (away) throw port::unavailable("switched off");
        std::vector<call::target> out;
        const bool theirs = std::find(people.begin(), people.end(), answer.user) != people.end();
        if (theirs && org == answer.org)
            for (const auto& t : reachable)
                if (t.device == device) out.push_back(t);
        co_return out;
    }
    std::set<std::string> devices; ///< SIP usernames
    call::route answer = sample_incoming(2).routed;
    std::vector<call::target> reachable = sample_incoming(4).routed.targets; ///< of the person
    bool away = false;
};

class no_hint final : public port::ring_hint {
  public:
    awaitable<port::hint> answered(call_id, leg_id) override { co_return port::hint::unknown; }
};

/// Accepts everything at once; remembers what was asked, in order. `hold` keeps commands waiting, `held`
/// those of some kinds; `late` keeps their answers.
class scripted_telnyx final : public port::telnyx_api {
  public:
    awaitable<call::command_outcome> execute(call::command cmd, port::still_wanted wanted) override {
        call::command_outcome o;
        o.command_id = cmd.id;
        o.what = cmd.what();
        o.who = {cmd.call_control_id, cmd.leg};
        while (hold || held.contains(o.what))
            co_await rt::sleep_for(millis{1});
        if (std::chrono::system_clock::now() >= cmd.deadline) {
            o.result = call::outcome::expired;
            co_return o;
        }
        const bool go = co_await wanted(1);
        if (!go) {
            o.result = call::outcome::superseded;
            co_return o;
        }
        sent.push_back(cmd);
        if (o.what == call::verb::dial) o.who.call_control_id = "v3:" + cmd.leg->text();
        if (const auto end = ends.find(o.what); end != ends.end()) o.result = end->second;
        const auto* b = std::get_if<call::bridge_body>(&cmd.body);
        if (b != nullptr && b->record && o.result == call::outcome::done) o.recording_id = "rec-" + cmd.id;
        while (late.contains(o.what))
            co_await rt::sleep_for(millis{1});
        co_return o;
    }
    [[nodiscard]] std::size_t count(call::verb v) const {
        return static_cast<std::size_t>(std::count_if(sent.begin(), sent.end(), [v](const auto& c) {
            return c.what() == v;
        }));
    }
    [[nodiscard]] std::size_t distinct(call::verb v) const {
        std::set<std::string> ids;
        for (const auto& c : sent)
            if (c.what() == v) ids.insert(c.id);
        return ids.size();
    }
    std::vector<call::command> sent;
    bool hold = false;
    std::set<call::verb> held, late;
    std::map<call::verb, call::outcome> ends; ///< instead of `done`
};

} // namespace z360::testing
