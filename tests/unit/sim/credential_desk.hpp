// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A carrier with the requests about telephony credentials.
#pragma once

#include "world.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace z360::sim::testing {

inline const std::string k_connection = carrier_settings{}.credential_connection_id;

struct desk : world {
    using world::world;

    reply ask(const std::string& method, const std::string& path, json body = json()) {
        return tel.handle(method, "/v2/telephony_credentials" + path, std::move(body), now);
    }
    json body(const std::string& name, const std::string& tag = "z360-test-u7") {
        return json{
            {"connection_id", k_connection},
            {"name", name},
            {"tag", tag},
            {"expires_at", iso8601(now + std::chrono::hours{24 * 30})},
        };
    }
    json make(const std::string& name, const std::string& tag = "z360-test-u7") {
        const auto r = ask("POST", "", body(name, tag));
        EXPECT_EQ(r.status, 201) << r.body.dump();
        return r.body["data"];
    }
    std::string make_id(const std::string& name) { return make(name)["id"].get<std::string>(); }
    std::size_t listed(const std::string& query) { return ask("GET", "?" + query).body["data"].size(); }
    /// How a dial to that username ends.
    std::string end_of_dial(const std::string& username) {
        tel.set_default_phone(phone::answers(millis{100}));
        auto body = dial_body(username);
        body.erase("command_id"); // dialed again, not the same dial repeated
        const auto leg = dial(std::move(body)).body["data"]["call_control_id"].get<std::string>();
        pass(millis{500});
        const auto view = *tel.leg(leg);
        return view.answered_at ? "answered" : view.hangup_cause;
    }
};

} // namespace z360::sim::testing
