// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A carrier on a clock of its own, with the requests a server would send.
#pragma once

#include "sim/carrier.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace z360::sim::testing {

inline constexpr const char* k_caller = "+15550100001";
inline constexpr const char* k_number = "+15550100002";

struct world {
    explicit world(carrier_settings s = {}) : tel(std::move(s)) {}

    carrier tel;
    time_point now = time_point{std::chrono::hours{24 * 20'000}};
    std::vector<webhook> sent; ///< every webhook so far, in sending order

    void pass(millis d) {
        now += d;
        for (auto& w : tel.take_webhooks(now))
            sent.push_back(std::move(w));
    }
    std::string ring_in() {
        auto id = tel.place_call(k_caller, k_number, now);
        pass(millis{0});
        return id;
    }
    static json dial_body(const std::string& user, const std::string& caller = {}) {
        json b{
            {"connection_id", carrier_settings{}.app_connection_id},
            {"to", "sip:" + user + "@sip.telnyx.com"},
            {"from", k_caller},
            {"command_id", "dial-" + user},
            {"client_state", "ZGV2aWNl"},
        };
        if (!caller.empty()) {
            b["link_to"] = caller;
            b["bridge_intent"] = true;
        }
        return b;
    }
    reply dial(json body) { return tel.handle("POST", "/v2/calls", std::move(body), now); }
    /// Dials and returns the new leg's id.
    std::string ring_device(const std::string& user, const std::string& caller = {}) {
        const auto r = dial(dial_body(user, caller));
        EXPECT_EQ(r.status, 200) << r.body.dump();
        return r.status == 200 ? r.body["data"]["call_control_id"].get<std::string>() : std::string{};
    }
    reply command(const std::string& id, const std::string& verb, json body = json::object()) {
        return tel.handle("POST", "/v2/calls/" + id + "/actions/" + verb, std::move(body), now);
    }
    reply join(const std::string& device, const std::string& caller, bool fence = true) {
        return command(device, "bridge", json{{"call_control_id", caller}, {"prevent_double_bridge", fence}});
    }
    /// Event types seen for a leg, in sending order.
    std::vector<std::string> events_of(const std::string& id) const {
        std::vector<std::string> out;
        for (const auto& w : sent)
            if (w.data["payload"]["call_control_id"] == id) out.push_back(w.event_type);
        return out;
    }
    /// The last event of a type for a leg; null if there was none.
    json last(const std::string& id, const std::string& type) const {
        for (auto it = sent.rbegin(); it != sent.rend(); ++it)
            if (it->event_type == type && it->data["payload"]["call_control_id"] == id)
                return it->data["payload"];
        return {};
    }
    /// Two answered devices and the caller, nobody bridged.
    struct ring {
        std::string caller, first, second;
    };
    ring two_answered() {
        tel.set_default_phone(phone::answers(millis{100}));
        ring r;
        r.caller = ring_in();
        r.first = ring_device("one", r.caller);
        r.second = ring_device("two", r.caller);
        pass(millis{200});
        EXPECT_TRUE(tel.leg(r.first)->answered_at && tel.leg(r.second)->answered_at);
        return r;
    }
};

inline std::string code(const reply& r) {
    return r.body.contains("errors") ? r.body["errors"][0]["code"].get<std::string>() : std::string{};
}

using strings = std::vector<std::string>;

} // namespace z360::sim::testing
