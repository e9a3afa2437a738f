// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps report, kept in memory, and records of calls.
#pragma once

#include "fakes.hpp"

#include <z360/port/call_records.hpp>
#include <z360/port/client_reports.hpp>

#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace z360::test {

class fake_reports final : public port::client_reports {
  public:
    fake_reports(fake_calls& c, fake_devices& d) : calls_(c), devices_(d) {}
    awaitable<port::reports_taken>
    add_samples(port::reporter by, std::string call, std::vector<port::client_sample> all) override {
        port::reports_taken out;
        last = by;
        const auto row = co_await calls_.find(by.who, call);
        if (!row) {
            out.unknown_calls.push_back(call);
            co_return out;
        }
        for (auto& s : all)
            if (samples.emplace(std::tuple{row->state.id, by.device, s.client_at}, s).second) ++out.stored;
        co_return out;
    }
    awaitable<port::reports_taken>
    add_events(port::reporter by, std::vector<port::client_event> all) override {
        port::reports_taken out;
        last = by;
        std::set<std::string> unknown;
        for (auto& e : all) {
            const auto row = co_await calls_.find(by.who, e.call);
            if (!row)
                unknown.insert(e.call);
            else if (events.emplace(std::tuple{row->state.id, by.device, e.key}, e).second)
                ++out.stored;
        }
        out.unknown_calls.assign(unknown.begin(), unknown.end());
        co_return out;
    }
    awaitable<port::reports_taken>
    media_failed(port::reporter by, port::client_event what, time_point relay_until) override {
        const auto who = by.device;
        std::vector<port::client_event> one{std::move(what)};
        auto out = co_await add_events(std::move(by), std::move(one));
        if (out.unknown_calls.empty())
            for (auto& d : devices_.rows)
                if (d.id == who) d.relay_until = relay_until;
        co_return out;
    }
    std::map<std::tuple<call_id, device_id, time_point>, port::client_sample> samples;
    std::map<std::tuple<call_id, device_id, std::string>, port::client_event> events;
    port::reporter last;

  private:
    fake_calls& calls_;
    fake_devices& devices_;
};

class fake_records final : public port::call_records {
  public:
    awaitable<std::optional<port::call_record>> find(port::tenant_scope who, std::string id) override {
        for (const auto& r : rows)
            if ((r.id.text() == id || r.session == id) && sees(who, r)) co_return r;
        co_return std::nullopt;
    }
    awaitable<std::vector<port::call_record>> page(
        port::tenant_scope who, port::record_span span, port::record_cursor after, std::size_t limit
    ) override {
        asked = span;
        std::vector<port::call_record> out;
        for (const auto& r : rows)
            if (r.org == span.org && sees(who, r) && r.began >= span.from && r.began < span.until &&
                std::tuple{r.began, r.id.text()} > std::tuple{after.began, after.id.text()} &&
                out.size() < limit)
                out.push_back(r);
        co_return out;
    }
    std::vector<port::call_record> rows; ///< oldest first
    port::record_span asked;

  private:
    static bool sees(const port::tenant_scope& who, const port::call_record& r) {
        return who.everything || r.org == who.org;
    }
};

} // namespace z360::test
