// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rows of recordings as the port describes them, by the time of the loop; operations can fail.
#pragma once

#include <z360/port/errors.hpp>
#include <z360/port/recordings.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

using boost::asio::awaitable;
using steady = rt::clock;
using port::recording_status;

class memory_recordings final : public port::recording_store {
  public:
    struct row {
        port::due_recording what; ///< claim, status, attempts, copy and so on as they are now
        std::optional<steady::time_point> due;
        steady::time_point told_at{};
        std::string error;
        port::kept_copy content;
        int settled = 0;
        std::vector<millis> pauses; ///< that failures were given
    };
    std::map<uuid, row> rows;
    std::map<std::string, int> calls;
    bool away = false;
    /// Before an operation has its effect; may throw, or do what others do meanwhile.
    std::function<void(const std::string& operation)> before;
    /// After it, before the answer: throws, and the answer is lost.
    std::function<void(const std::string& operation)> after;
    std::size_t to_adopt = 0;
    std::size_t to_expire = 0;
    std::vector<std::pair<millis, millis>> adopted;
    std::vector<millis> expired;

    row& add(std::uint64_t n, std::string carrier_id, call::recording_purpose purpose) {
        row r;
        r.what.id = uuid{1, n};
        r.what.call = call_id{uuid{2, n}};
        r.what.org = org_id{7};
        r.what.user = user_id{9};
        r.what.carrier_id = std::move(carrier_id);
        r.what.purpose = purpose;
        r.what.length = millis{30'000};
        r.what.caller = "+14155550123";
        r.what.began_at = time_point{std::chrono::seconds{1'800'000'000}};
        r.due = r.told_at = steady::now();
        return rows.insert_or_assign(r.what.id, std::move(r)).first->second;
    }
    /// What people do: nobody gets it any more.
    void ask_for_removal(row& r) {
        r.what.status = recording_status::removing;
        r.what.attempts = 0;
        r.due = steady::now();
    }
    /// Another node takes it.
    static void take_over(row& r) {
        ++r.what.claim;
        r.due = steady::now() + std::chrono::hours{1};
    }
    [[nodiscard]] std::size_t count(recording_status s) const {
        return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [s](const auto& r) {
            return r.second.what.status == s;
        }));
    }

    // ---- calls without a recording that ought to have one
    struct search {
        port::silent_call of;
        std::optional<steady::time_point> due;
        std::string outcome;
    };
    std::map<call_id, search> searches;
    std::vector<std::pair<millis, millis>> looked; ///< at calls that ended between these ago
    std::vector<port::silent_call> silent;         ///< that the next look finds
    std::vector<port::carrier_recording> was_found;

    awaitable<std::size_t> note_silent(millis oldest, millis youngest) override {
        begin("note_silent");
        looked.emplace_back(oldest, youngest);
        for (auto& c : std::exchange(silent, {}))
            searches[c.call] = {c, steady::now(), {}};
        co_return searches.size();
    }
    awaitable<std::vector<port::silent_call>> claim_silent(std::size_t most, millis length) override {
        begin("claim_silent");
        std::vector<port::silent_call> out;
        for (auto& [id, s] : searches)
            if (s.due && *s.due <= steady::now() && out.size() < most) {
                s.due = steady::now() + length;
                out.push_back(s.of);
            }
        co_return out;
    }
    awaitable<std::size_t> found(port::silent_call of, std::vector<port::carrier_recording> all) override {
        begin("found");
        searches[of.call].due.reset();
        searches[of.call].outcome = "found";
        for (auto& r : all)
            was_found.push_back(std::move(r));
        co_return was_found.size();
    }
    awaitable<void> search_again(call_id of, std::optional<millis> pause) override {
        begin("search_again");
        auto& s = searches[of];
        ++s.of.tries;
        s.due.reset();
        if (pause)
            s.due = steady::now() + *pause;
        else
            s.outcome = "missing";
        co_return;
    }

    // ---- the port

    awaitable<std::vector<port::due_recording>> claim(std::size_t most, millis length) override {
        begin("claim");
        std::vector<std::pair<steady::time_point, uuid>> due;
        for (const auto& [id, r] : rows)
            if (r.due && *r.due <= steady::now()) due.emplace_back(*r.due, id);
        std::sort(due.begin(), due.end());
        if (due.size() > most) due.resize(most);
        std::vector<port::due_recording> out;
        for (const auto& [since, id] : due) {
            auto& r = rows.at(id);
            ++r.what.claim;
            r.due = steady::now() + length;
            r.what.told_ago = std::chrono::floor<millis>(steady::now() - r.told_at);
            out.push_back(r.what);
        }
        end("claim");
        co_return out;
    }
    awaitable<bool> hold(uuid id, std::uint32_t claim, millis length) override {
        begin("hold");
        auto& r = rows.at(id);
        const bool mine = r.what.claim == claim && r.what.status != recording_status::removing;
        if (mine) r.due = steady::now() + length;
        end("hold");
        co_return mine;
    }
    awaitable<bool> settle(port::looked l) override {
        begin("settle");
        auto& r = rows.at(l.id);
        const bool over = l.status == recording_status::removing || l.status == recording_status::removed;
        const bool mine = r.what.claim == l.claim && (r.what.status != recording_status::removing || over);
        if (mine) write(r, l);
        end("settle");
        co_return mine;
    }
    awaitable<std::size_t> adopt(millis back, millis first_back) override {
        begin("adopt");
        adopted.emplace_back(back, first_back);
        co_return std::exchange(to_adopt, 0);
    }
    awaitable<std::size_t> wake(std::size_t most) override {
        begin("wake");
        std::size_t n = 0;
        for (auto& [id, r] : rows)
            if (n < most && r.what.status == recording_status::waiting && !r.due) {
                r.due = steady::now();
                ++n;
            }
        co_return n;
    }
    awaitable<std::size_t> expire(millis usual, millis, std::size_t most) override {
        begin("expire");
        expired.push_back(usual);
        const auto n = std::min(most, to_expire);
        to_expire -= n;
        co_return n;
    }
    awaitable<port::recording_figures> figures() override {
        begin("figures");
        port::recording_figures f;
        for (const auto& [id, r] : rows) {
            if (!r.due) continue;
            ++f.waiting;
            if (r.what.attempts > 0) ++f.failing;
            f.oldest = std::max(f.oldest, std::chrono::floor<millis>(steady::now() - r.told_at));
        }
        co_return f;
    }

  private:
    void begin(const std::string& operation) {
        ++calls[operation];
        if (before) before(operation);
        if (away) throw port::unavailable("the database is away");
    }
    void end(const std::string& operation) {
        if (after) after(operation);
    }
    static void write(row& r, const port::looked& l) {
        ++r.settled;
        r.what.status = l.status;
        r.due.reset();
        if (l.again_after) r.due = steady::now() + *l.again_after;
        if (l.failed && l.again_after) r.pauses.push_back(*l.again_after);
        r.what.attempts = l.failed ? r.what.attempts + 1 : 0;
        if (!l.error.empty()) r.error = l.error;
        r.what.notified = r.what.notified || l.notified;
        r.what.at_carrier = r.what.at_carrier && l.at_carrier;
        if (!l.copy.key.empty()) r.what.copy = l.copy;
        if (l.content.bytes > 0) r.content = l.content;
        if (l.status == recording_status::removed) {
            r.what.copy = {};
            r.content = {};
        }
    }
};

} // namespace z360::testing
