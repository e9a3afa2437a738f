// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The reconciler's ports in memory, over the same rows as memory_ports.hpp, and a carrier whose records a
// test writes.
#pragma once

#include "support/memory_ports.hpp"

#include <z360/engine/reconciler.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

/// What the carrier has on record. Pages of `page` entries; `away`: it gives no usable answer.
class written_records final : public port::carrier_records {
  public:
    awaitable<port::recorded_events> failed_deliveries(time_point since, std::string cursor) override {
        check("deliveries");
        asked_since.push_back(since);
        co_return cut(failed, cursor);
    }
    awaitable<port::recorded_events> events_of_session(std::string session, std::string cursor) override {
        check("events");
        asked_sessions.push_back(session);
        co_return cut(events[session], cursor);
    }
    awaitable<port::leg_life> life_of(std::string control_id) override {
        check("life");
        const auto found = lives.find(control_id);
        co_return found == lives.end() ? port::leg_life::unknown : found->second;
    }
    awaitable<port::live_legs> active_legs(std::string cursor) override {
        check("legs");
        port::live_legs out;
        const auto from = cursor.empty() ? 0 : std::stoul(cursor);
        for (auto i = from; i < std::min(legs.size(), from + page); ++i)
            out.legs.push_back(legs[i]);
        if (from + page < legs.size()) out.next = std::to_string(from + page);
        co_return out;
    }

    std::vector<port::recorded_event> failed;
    std::map<std::string, std::vector<port::recorded_event>> events; ///< by session
    std::map<std::string, port::leg_life> lives;
    std::vector<port::live_leg> legs;
    std::size_t page = 2;
    bool away = false;
    std::map<std::string, int> asked; ///< by kind of question
    std::vector<time_point> asked_since;
    std::vector<std::string> asked_sessions;

  private:
    void check(const std::string& what) {
        ++asked[what];
        if (away) throw port::unavailable("the carrier is switched off");
    }
    port::recorded_events cut(const std::vector<port::recorded_event>& all, const std::string& cursor) const {
        port::recorded_events out;
        const auto from = cursor.empty() ? 0 : std::stoul(cursor);
        for (auto i = from; i < std::min(all.size(), from + page); ++i)
            out.events.push_back(all[i]);
        if (from + page < all.size()) out.next = std::to_string(from + page);
        return out;
    }
};

/// `due` is what the next claim gives; ledger and standings are read from the calls in memory.
class memory_reconcile_store final : public port::reconcile_store {
  public:
    memory_reconcile_store(memory_store& calls, memory_inbox& inbox, port::clock& c)
        : calls_(calls), inbox_(inbox), clock_(c) {}

    awaitable<std::optional<port::turn>>
    begin_turn(std::string name, std::string holder, millis every, millis length) override {
        check();
        auto& t = turns[name];
        const auto now = clock_.now();
        const bool mine = t.holder == holder && t.held_until > now;
        if (!mine && (t.held_until > now || t.began + every > now)) {
            ++refused;
            co_return std::nullopt;
        }
        t.holder = holder;
        t.held_until = now + length;
        t.began = now;
        co_return port::turn{t.position, now};
    }
    awaitable<void>
    end_turn(std::string name, std::string holder, std::optional<time_point> position) override {
        check();
        auto& t = turns[name];
        if (t.holder != holder || t.held_until <= clock_.now()) co_return;
        t.held_until = clock_.now();
        if (position) t.position = std::max(t.position.value_or(*position), *position);
        ++t.ended;
    }
    awaitable<std::vector<port::due_call>> claim_due(port::question_times, std::size_t most) override {
        check();
        std::vector<port::due_call> out;
        while (!due.empty() && out.size() < most) {
            out.push_back(due.front());
            due.erase(due.begin());
        }
        co_return out;
    }
    awaitable<void> put_back(port::due_call c) override {
        check();
        ++put_backs;
        due.push_back(std::move(c));
        co_return;
    }
    awaitable<std::vector<std::string>> unseen(std::vector<std::string> ids) override {
        check();
        std::erase_if(ids, [this](const std::string& id) { return inbox_.rows.contains(id); });
        co_return ids;
    }
    awaitable<std::vector<bool>>
    append_recorded(std::vector<port::inbox_event> events, millis claim) override {
        check();
        std::vector<bool> out;
        for (auto& e : events) {
            const auto id = e.event_id;
            auto [at, fresh] =
                inbox_.rows.try_emplace(id, memory_inbox::row{std::move(e), clock_.now() + claim, "new"});
            out.push_back(fresh);
        }
        co_return out;
    }
    awaitable<std::vector<port::ledger_call>>
    ledger(call_id after, std::size_t limit, millis age, millis longest) override {
        check();
        std::vector<port::ledger_call> out;
        for (const auto& [id, c] : calls_.calls) {
            const auto& s = c.state;
            const auto lasted = clock_.now() - s.began;
            if (id <= after || phase_of(s) == call::phase::ended || lasted < age || out.size() >= limit)
                continue;
            port::ledger_call one;
            one.call = id;
            one.call_session_id = s.origin.call_session_id;
            one.call_control_id = s.caller.call_control_id;
            one.overlong = lasted >= longest;
            for (const auto& l : s.legs)
                if (!l.ended && !l.call_control_id.empty()) one.legs.push_back({l.id, l.call_control_id});
            out.push_back(std::move(one));
        }
        co_return out;
    }
    awaitable<std::vector<port::standing>> standings(std::vector<port::listed_leg> legs, millis) override {
        check();
        std::vector<port::standing> out;
        for (const auto& l : legs)
            out.push_back(standing_of(l));
        co_return out;
    }
    awaitable<void> tidy() override {
        check();
        co_return;
    }

    struct turn_row {
        std::string holder;
        time_point held_until{};
        time_point began{};
        std::optional<time_point> position;
        int ended = 0;
    };
    std::map<std::string, turn_row> turns;
    std::vector<port::due_call> due;
    int put_backs = 0;
    int refused = 0; ///< turns not given
    bool away = false;

  private:
    void check() const {
        if (away || calls_.away) throw port::unavailable("switched off");
    }
    [[nodiscard]] port::standing standing_of(const port::listed_leg& listed) const {
        for (const auto& [id, c] : calls_.calls) {
            const auto& s = c.state;
            const bool over = phase_of(s) == call::phase::ended;
            if (s.caller.call_control_id == listed.call_control_id)
                return over ? port::standing::over : port::standing::live;
            const auto* leg = listed.leg ? s.find(*listed.leg) : s.find_by_control_id(listed.call_control_id);
            if (leg == nullptr) continue;
            if (over) return port::standing::over;
            if (leg->call_control_id.empty()) return port::standing::unlearned;
            if (leg->call_control_id != listed.call_control_id) return port::standing::duplicate;
            return leg->alive() ? port::standing::live : port::standing::over;
        }
        return port::standing::none;
    }
    memory_store& calls_;
    memory_inbox& inbox_;
    port::clock& clock_;
};

} // namespace z360::testing
