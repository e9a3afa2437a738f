// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A queue in memory, as two nodes would see it, and senders at it.
#pragma once

#include "adapter/push/sender.hpp"
#include "component/push/bed.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace z360::test {

class memory_queue final : public port::push_queue {
  public:
    struct row {
        port::queued_push what;
        rt::clock::time_point due{};
        bool held = false;
        bool in_doubt = false;
        std::string outcome, code;
        int runs = 0;
    };

    awaitable<std::vector<port::queued_push>> claim(push::lane of, std::size_t most, millis length) override {
        ask();
        std::vector<port::queued_push> out;
        const auto now = rt::clock::now();
        while (first_open < rows.size() && !rows[first_open].outcome.empty())
            ++first_open;
        for (auto i = first_open; i < rows.size() && out.size() < most; ++i) {
            auto& r = rows[i];
            const bool due = r.outcome.empty() && r.due <= now && push::lane_of(r.what.what) == of;
            if (!due) continue;
            ++r.what.claim;
            r.what.in_doubt = r.held || r.in_doubt;
            r.held = true;
            r.due = now + length;
            ++r.runs;
            out.push_back(r.what);
        }
        co_return out;
    }
    awaitable<std::vector<port::push_claim>>
    keep(std::vector<port::push_claim> held, millis length) override {
        ask();
        std::vector<port::push_claim> out;
        for (const auto& c : held)
            if (auto* r = find(c)) {
                r->due = rt::clock::now() + length;
                out.push_back(c);
            }
        ++kept;
        co_return out;
    }
    awaitable<void> settle(std::vector<port::push_settled> all) override {
        ask();
        if (ends_away) throw port::unavailable("switched off");
        for (const auto& s : all) {
            auto* r = find(s.of);
            if (r == nullptr) continue;
            r->code = s.code;
            r->held = false;
            r->in_doubt = s.in_doubt;
            if (s.again_after)
                r->due = rt::clock::now() + *s.again_after;
            else
                r->outcome = s.outcome;
        }
        co_return;
    }
    awaitable<std::size_t> warn_silent(millis, millis, std::size_t) override {
        ask();
        ++warned;
        co_return 0;
    }
    awaitable<bool> still_silent(uuid warning) override {
        if (silence_unknown) throw port::unavailable("switched off");
        co_return !back.contains(warning);
    }
    awaitable<std::vector<port::push_backlog>> backlog() override {
        ask();
        std::vector<port::push_backlog> out{{push::lane::message, 0, {}}, {push::lane::sync, 0, {}}};
        for (const auto& r : rows)
            if (r.outcome.empty()) ++out[push::lane_of(r.what.what) == push::lane::sync ? 1 : 0].waiting;
        co_return out;
    }

    row* find(const port::push_claim& c) {
        const auto at = places.find(c.id);
        if (at == places.end()) return nullptr;
        auto& r = rows[at->second];
        return r.what.claim == c.claim && r.outcome.empty() ? &r : nullptr;
    }
    [[nodiscard]] std::size_t over(std::string_view outcome = {}) const {
        return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [&](const row& r) {
            return outcome.empty() ? !r.outcome.empty() : r.outcome == outcome;
        }));
    }
    void put(std::int64_t device, kind what, time_point now, millis life = 60s) {
        row r;
        r.what.id = derive_uuid("message " + std::to_string(rows.size()));
        r.what.org = {7};
        r.what.device = {device};
        r.what.what = what;
        r.what.at = now;
        r.what.until = now + life;
        if (what == kind::business) {
            r.what.shown.type = "message_received";
            r.what.shown.title = "secret-title";
            r.what.shown.body = "secret-body";
            r.what.shown.extras = {{"number", std::to_string(rows.size())}};
        }
        places[r.what.id] = rows.size();
        rows.push_back(std::move(r));
    }

    std::vector<row> rows;
    std::map<uuid, std::size_t> places;
    std::size_t first_open = 0;
    std::set<uuid> back; ///< warnings of phones that have shown life meanwhile
    bool away = false, ends_away = false, silence_unknown = false;
    int warned = 0, kept = 0;

  private:
    void ask() const {
        if (away) throw port::unavailable("switched off");
    }
};

inline sut::sender_settings quick() {
    sut::sender_settings s;
    s.look_every = 10ms;
    s.keep_every = 20ms;
    s.claim = 2'000ms;
    s.first_pause = 20ms;
    s.longest_pause = 40ms;
    s.count_every = 10ms;
    return s;
}

struct sending_bed : bed {
    memory_queue queue;
    std::unique_ptr<sut::message_sender> make(sut::sender_settings s = quick()) {
        return make(*runner, std::move(s));
    }
    std::unique_ptr<sut::message_sender> make(sut::message_carrier& by, sut::sender_settings s = quick()) {
        return sut::make_message_sender(
            io.get_executor(), s, sut::sender_ports{queue, by, clock, metrics, [] { return 0.5; }}
        );
    }
    void put(std::int64_t device, kind what = kind::business, millis life = 60s) {
        queue.put(device, what, clock.now(), life);
    }
};

} // namespace z360::test
