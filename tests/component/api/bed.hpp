// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The whole API over in-memory ports. Two tenants: Ada and Bob in Acme (7), Ada also in Globex (8); Mallory
// in Initech (9). Every exchange is also written as a JSON line, to be checked against the published
// document.
#pragma once

#include "adapter/crypto/bearer.hpp"
#include "fake_agents.hpp"
#include "fake_books.hpp"
#include "fake_recordings.hpp"
#include "fake_reports.hpp"
#include "fake_tenants.hpp"
#include "fakes.hpp"
#include "support/recording_metrics.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace z360::test {

using nlohmann::json;

inline constexpr user_id k_ada{3};
inline constexpr user_id k_bob{4};
inline constexpr user_id k_mallory{5};
inline constexpr org_id k_acme{7};
inline constexpr org_id k_globex{8};
inline constexpr org_id k_initech{9};
inline const std::string k_fcm = "dQw4w9WgXcQ:APA91bExampleExampleExampleExample";
inline const std::string k_fcm_2 = "aQw4w9WgXcQ:APA91bAnotherAnotherAnotherAnother";
inline const std::string k_hex = std::string(64, 'a');

struct answer {
    int status = 0;
    http::headers headers;
    std::string text;
    json body;

    [[nodiscard]] std::string code() const { return body.is_object() ? body.value("code", "") : ""; }
    [[nodiscard]] const json& data() const { return body.at("data"); }
    [[nodiscard]] std::string header(std::string_view name) const { return std::string(headers.get(name)); }
};

/// Headers of a request by name.
using with = std::vector<std::pair<std::string, std::string>>;

class bed : public ::testing::Test {
  protected:
    bed();

    /// Takes the settings over; the next request sees them.
    void restart();
    answer send(std::string method, std::string target, with headers = {}, std::string body = {});
    answer send(std::string method, std::string target, with headers, const char* body) {
        return send(std::move(method), std::move(target), std::move(headers), std::string(body));
    }
    answer send(std::string method, std::string target, with headers, const json& body) {
        return send(std::move(method), std::move(target), std::move(headers), body.dump());
    }

    /// One request for each of these headers, all under way together.
    std::vector<answer>
    at_once(const std::string& method, const std::string& target, const std::vector<with>& each);

    /// A token of this kind, stored; returns `Bearer …` as a header.
    with token(port::token_kind kind, user_id user, org_id org = {}, std::vector<std::string> scopes = {});
    with service(org_id org = {}) { return token(port::token_kind::service, {}, org); }
    with admin(org_id org = {}) { return token(port::token_kind::admin, {}, org); }
    /// A backend acting for a person.
    with acting(user_id user, org_id org = {});
    static with plus(with a, const with& b) {
        a.insert(a.end(), b.begin(), b.end());
        return a;
    }
    /// `session`: the product's id of it; empty: it names none.
    with cookie(user_id user, org_id org = {}, const std::string& session = {});
    static with from_page() { return {{"Origin", "https://app.example.com"}}; }

    /// Registers a device through a backend; its own bearer.
    with device(user_id user, const std::string& uid, const std::string& platform = "ios");
    /// The same through a backend that is bound to one organisation.
    with bound_device(user_id user, org_id org, const std::string& uid);
    port::device_view& row(user_id user, const std::string& uid) { return *devices.find(user, uid); }
    /// A call of the person that rings these devices.
    port::call_view& ring(user_id user, org_id org, std::vector<device_id> to);

    boost::asio::io_context io{1};
    config settings;
    manual_clock clock;
    recording_metrics metrics;
    membership_table members;
    fake_tokens tokens;
    fake_devices devices{members};
    fake_audit audit;
    fake_tenants tenants{members};
    fake_calls calls{members};
    fake_limits limits{clock};
    fake_credentials credentials{devices, clock};
    fake_cookies cookies;
    fake_apple apple;
    /// What reaches the engine; as of the next restart. By default the core itself judges the fake row at
    /// once.
    std::vector<engine::request> asked;
    engine::request_door door;
    std::vector<std::pair<call_id, device_id>> received; ///< pushes that phones say they have, while it rings
    std::vector<port::push_receipt> receipts;            ///< all that they say
    fake_pushes pushes;
    fake_orders orders;
    bool takes_orders = true; ///< as of the next restart
    int orders_placed = 0;
    fake_directory directory;
    fake_dead_letters dead_letters;
    fake_recordings recordings{members};
    fake_books books{members};
    fake_agents agents{members};
    fake_vault recording_vault;
    bool has_vault = true; ///< as of the next restart
    fake_carrier_recordings carrier_recordings;
    adapter::crypto::recording_link_codec recording_links{secret("key of tickets"), secret()};
    fake_reports reports{calls, devices};
    fake_records records;
    std::vector<engine::request> later; ///< asked without anybody waiting
    adapter::crypto::ring_ticket_codec tickets{secret("key of tickets"), secret()};
    bool offers_apple = true; ///< as of the next restart
    std::shared_ptr<const adapter::crypto::vault> vault;
    std::string peer = "198.51.100.9:40000";

  private:
    boost::asio::awaitable<engine::submission> judge(engine::request r);
    http::response run(http::request req, const std::string& path);
    std::string drained(port::byte_source& source);
    http::request request(const std::string& method, const std::string& target, const with& headers) const;
    void record(const std::string& method, const std::string& path, const http::response& r) const;
    std::unique_ptr<http::router> routes_;
    int calls_made_ = 0;
};

} // namespace z360::test
