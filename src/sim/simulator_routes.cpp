// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The two HTTP faces of the simulator: Telnyx's REST API under /v2 and the control API under /sim.
#include "sim/json_keys.hpp"
#include "sim/ladder.hpp"
#include "sim/scenario.hpp"
#include "sim/simulator_core.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace z360::sim {

namespace {

http::response json_reply(int status, const json& body) {
    return http::response::json(status, body.dump());
}

/// Sessions are asked for as `?session=…`; the ids need no decoding.
std::string session_in(const std::string& query) {
    constexpr std::string_view key = "session=";
    const auto at = query.find(key);
    if (at == std::string::npos) return {};
    const auto end = query.find('&', at);
    return query.substr(at + key.size(), end == std::string::npos ? end : end - at - key.size());
}

template <class List>
json list_of(const List& items, const std::string& session) {
    json out = json::array();
    for (const auto& item : items)
        if (session.empty() || item.session == session) out.push_back(to_json(item));
    return out;
}
template <class Map>
json values_of(const Map& items, const std::string& session) {
    json out = json::array();
    for (const auto& [id, item] : items)
        if (session.empty() || item.session == session) out.push_back(to_json(item));
    return out;
}

std::string start_device_call(carrier& c, const json& body, time_point t) {
    key_reader r(body, "device call");
    std::string username;
    std::string to;
    device_wishes wishes;
    r.text("username", username);
    r.text("to", to);
    r.text("from", wishes.from);
    r.text("client_state", wishes.client_state);
    const auto* headers = r.take("custom_headers");
    r.done();
    if (username.empty()) r.fail("username", "given");
    if (to.empty()) r.fail("to", "given");
    auto id =
        c.device_calls(std::move(username), std::move(to), headers ? *headers : json{}, t, std::move(wishes));
    if (id.empty()) throw std::invalid_argument("the device's credential is expired or deleted");
    return id;
}

json violations_of(const carrier& c) {
    json out = json::array();
    for (const auto& v : c.seen().violations)
        out.push_back(to_json(v));
    return out;
}

json truth_of(const carrier& c, const std::string& session, time_point t) {
    json legs = json::array();
    for (const auto& l : c.legs(session))
        legs.push_back(to_json(l));
    return json{
        {"sessions", c.seen().sessions},
        {"legs", std::move(legs)},
        {"alive_legs", c.alive_legs(session)},
        {"bridges", list_of(c.seen().bridges, session)},
        {"most_devices_per_caller", c.seen().most_devices_per_caller()},
        {"displaced_bridges", c.seen().displaced_bridges()},
        {"commands", values_of(c.seen().commands, session)},
        {"webhooks", values_of(c.seen().webhooks, session)},
        {"violations", violations_of(c)},
        {"live_credentials", c.credentials().live(t).size()},
    };
}

} // namespace

std::vector<http::route> simulator::core::routes() {
    std::vector<http::route> table;
    const http::handler telnyx = [this](http::request req) { return rest(std::move(req)); };
    const http::handler sim = [this](http::request req) {
        return guarded(std::move(req), &core::run_control);
    };
    table.push_back({"POST", "/v2/calls", telnyx});
    table.push_back({"GET", "/v2/calls/{id}", telnyx});
    table.push_back({"POST", "/v2/calls/{id}/actions/{verb}", telnyx});
    table.push_back({"PUT", "/v2/calls/{id}/actions/{verb}", telnyx});
    table.push_back({"GET", "/v2/connections/{id}/active_calls", telnyx});
    table.push_back({"GET", "/v2/call_events", telnyx});
    table.push_back({"GET", "/v2/webhook_deliveries", telnyx});
    table.push_back({"GET", "/v2/recordings", telnyx});
    for (const char* method : {"GET", "DELETE"})
        table.push_back({method, "/v2/recordings/{id}", telnyx});
    table.push_back({"GET", "/recording-files/{file}", [this](http::request req) {
                         return recording_file(std::move(req));
                     }});
    for (const char* method : {"GET", "POST"})
        table.push_back({method, "/v2/telephony_credentials", telnyx});
    for (const char* method : {"GET", "PATCH", "DELETE"})
        table.push_back({method, "/v2/telephony_credentials/{id}", telnyx});
    table.push_back({"POST", "/v2/telephony_credentials/{id}/token", telnyx});
    // Whatever else is asked for under /v2 is answered in the carrier's form, too.
    std::string any = "/v2";
    for (int depth = 0; depth < 6; ++depth) {
        any += "/{p" + std::to_string(depth) + "}";
        for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
            const auto same = [&](const http::route& r) { return r.method == method && r.pattern == any; };
            if (std::none_of(table.begin(), table.end(), same)) table.push_back({method, any, telnyx});
        }
    }
    table.push_back({"POST", "/sim/calls", sim});
    table.push_back({"POST", "/sim/device-calls", sim});
    table.push_back({"POST", "/sim/legs/{id}/{action}", sim});
    table.push_back({"PUT", "/sim/phones/{username}", sim});
    table.push_back({"PUT", "/sim/default-phone", sim});
    table.push_back({"POST", "/sim/faults", sim});
    table.push_back({"DELETE", "/sim/faults", sim});
    table.push_back({"GET", "/sim/truth", sim});
    table.push_back({"GET", "/sim/violations", sim});
    table.push_back({"GET", "/sim/ladder", sim});
    table.push_back({"GET", "/sim/public-key", sim});
    add_people_routes(table);
    if (push_) add_push_routes(table);
    return table;
}

rt::awaitable<http::response> simulator::core::rest(http::request req) {
    if (!settings_.api_key.empty()) {
        const auto expected = "Bearer " + std::string(settings_.api_key.reveal());
        if (req.headers.get("Authorization") != expected)
            co_return json_reply(401, error_body("10009", "The API key is missing or wrong."));
    }
    json body;
    const bool reads = req.method == "GET";
    if (!req.body.empty()) {
        const auto type = req.headers.get("Content-Type");
        if (!type.starts_with("application/json"))
            co_return json_reply(422, error_body("10015", "Content-Type must be application/json."));
        body = json::parse(req.body, nullptr, false);
    }
    if (reads) body = json::object();
    const auto id = carrier_.submit(req.method, req.path, req.query, std::move(body), now());
    auto ex = co_await rt::asio::this_coro::executor;
    auto mine = std::make_shared<waiting_request>(ex);
    requests_.emplace(id, mine);
    pump();
    while (!mine->answer && !stopping_)
        co_await mine->ready.wait();
    if (mine->answer && mine->answer->lost && !stopping_) {
        // Silence is what a client sees of a lost reply; it gives up long before this wait ends.
        const auto until = std::chrono::steady_clock::now() + settings_.lost_reply_hold;
        while (!stopping_ && std::chrono::steady_clock::now() < until)
            (void)co_await mine->ready.wait_for(until - std::chrono::steady_clock::now());
    }
    requests_.erase(id);
    if (!mine->answer) co_return json_reply(503, error_body("10007", "The simulator is stopping."));
    if (mine->answer->lost) co_return json_reply(504, json::object());
    if (mine->answer->text) co_return http::response::text(mine->answer->status, *mine->answer->text);
    auto res = json_reply(mine->answer->status, mine->answer->body);
    for (const auto& [name, value] : mine->answer->headers)
        res.headers.set(name, value);
    co_return res;
}

rt::awaitable<http::response> simulator::core::guarded(http::request req, control_part part) {
    http::response res;
    try {
        res = (this->*part)(req);
    } catch (const std::invalid_argument& e) {
        res = http::response::problem(422, "bad_script", "The request cannot be played", e.what());
    } catch (const json::exception& e) {
        res = http::response::problem(422, "bad_script", "The request cannot be played", e.what());
    }
    pump();
    co_return res;
}

http::response simulator::core::run_control(const http::request& req) {
    const auto t = now();
    const auto session = session_in(req.query);
    if (req.path == "/sim/truth") return json_reply(200, truth_of(carrier_, session, t));
    if (req.path == "/sim/violations") return json_reply(200, violations_of(carrier_));
    if (req.path == "/sim/ladder") return http::response::text(200, render(ladder_of(carrier_, session), {}));
    if (req.path == "/sim/public-key") return http::response::text(200, signer_.public_key() + "\n");
    if (req.method == "DELETE") {
        carrier_.clear_faults();
        if (auto* d = desk()) d->clear_faults();
        return json_reply(200, json::object());
    }
    if (req.path.starts_with("/sim/legs/")) return json_reply(200, run_leg_action(req, t));
    const auto body = json::parse(req.body.empty() ? "{}" : req.body);
    if (req.path == "/sim/calls") {
        const auto id = carrier_.place_call(
            body.at("from").get<std::string>(), body.at("to").get<std::string>(), t,
            body.value("session", std::string{})
        );
        return json_reply(201, to_json(*carrier_.leg(id)));
    }
    if (req.path == "/sim/device-calls") {
        const auto id = start_device_call(carrier_, body, t);
        return json_reply(201, to_json(*carrier_.leg(id)));
    }
    if (req.path == "/sim/faults") {
        add_faults(carrier_, body, t, desk());
    } else if (req.path == "/sim/default-phone") {
        carrier_.set_default_phone(phone::from_json(body));
    } else {
        carrier_.set_phone(req.params.find("username")->second, phone::from_json(body));
    }
    return json_reply(200, json::object());
}

json simulator::core::run_leg_action(const http::request& req, time_point t) {
    const auto& id = req.params.find("id")->second;
    const auto& action = req.params.find("action")->second;
    const auto leg = carrier_.leg(id);
    if (!leg) throw std::invalid_argument("no leg " + id);
    bool done = true;
    if (action == "answer") {
        done = carrier_.device_answers(id, t);
    } else if (action == "decline") {
        done = carrier_.device_declines(id, t);
    } else if (action == "lose") {
        done = carrier_.device_lost(id, t);
    } else if (action == "hold" || action == "unhold") {
        done = carrier_.device_holds(id, action == "hold", t);
    } else if (action == "hangup") {
        if (leg->kind == leg_kind::caller) {
            carrier_.caller_hangs_up(id, t);
        } else {
            done = carrier_.device_hangs_up(id, t);
        }
    } else {
        throw std::invalid_argument(
            "unknown action " + action + ": answer, decline, hangup, lose, hold, unhold"
        );
    }
    if (!done) throw std::invalid_argument("the leg is not in a state for " + action);
    return to_json(*carrier_.leg(id));
}

} // namespace z360::sim
