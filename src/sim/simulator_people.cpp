// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The control API's part about credentials, web sessions and Apple, and the two services themselves.
#include "sim/query.hpp"
#include "sim/simulator_core.hpp"

#include <stdexcept>
#include <utility>

namespace z360::sim {

namespace {

http::response json_reply(int status, const json& body) {
    return http::response::json(status, body.dump());
}

json list_of(const credential_book& book) {
    json credentials = json::array();
    for (const auto& [serial, c] : book.all())
        credentials.push_back(to_json(c));
    json tokens = json::array();
    for (const auto& t : book.tokens())
        tokens.push_back(to_json(t));
    return json{{"credentials", std::move(credentials)}, {"tokens", std::move(tokens)}};
}

const std::string& param(const http::request& req, const char* name) {
    return req.params.find(name)->second;
}

json body_of(const http::request& req) {
    return json::parse(req.body.empty() ? "{}" : req.body);
}

} // namespace

void simulator::core::add_people_routes(std::vector<http::route>& table) {
    const http::handler credentials = [this](http::request req) {
        return guarded(std::move(req), &core::control_credentials);
    };
    const http::handler sessions = [this](http::request req) {
        return guarded(std::move(req), &core::control_sessions);
    };
    const http::handler apple = [this](http::request req) {
        return guarded(std::move(req), &core::control_apple);
    };
    table.push_back({"GET", "/sim/credentials", credentials});
    table.push_back({"POST", "/sim/credentials", credentials});
    table.push_back({"DELETE", "/sim/credentials/{id}", credentials});
    table.push_back({"GET", "/sim/introspect", sessions});
    table.push_back({"PUT", "/sim/introspect", sessions});
    table.push_back({"GET", "/sim/sessions", sessions});
    table.push_back({"PUT", "/sim/sessions/{value}", sessions});
    table.push_back({"DELETE", "/sim/sessions/{value}", sessions});
    table.push_back({"GET", "/sim/apple/keys", apple});
    table.push_back({"POST", "/sim/apple/rotate", apple});
    table.push_back({"POST", "/sim/apple/token", apple});
    table.push_back({"POST", "/sim/apple/event", apple});
}

http::response simulator::core::control_credentials(const http::request& req) {
    const auto t = now();
    if (req.method == "GET") return json_reply(200, list_of(carrier_.credentials()));
    if (req.method == "DELETE") {
        if (!carrier_.lose_credential(param(req, "id"), t))
            throw std::invalid_argument("no credential " + param(req, "id"));
        return json_reply(200, json::object());
    }
    const auto body = body_of(req);
    std::optional<time_point> expires_at;
    if (const auto text = body.value("expires_at", std::string{}); !text.empty()) {
        expires_at = read_time(text);
        if (!expires_at) throw std::invalid_argument("expires_at must be a date and time in ISO 8601");
    }
    const auto id = carrier_.seed_credential(
        body.value("name", std::string{}), body.value("tag", std::string{}),
        body.value("connection_id", carrier_.settings().credential_connection_id), expires_at, t
    );
    return json_reply(201, to_json(*carrier_.credentials().find(id)));
}

http::response simulator::core::control_sessions(const http::request& req) {
    if (req.path == "/sim/introspect") {
        if (req.method == "PUT") {
            sessions_.break_down(body_of(req).value("status", 0));
            return json_reply(200, json::object());
        }
        const auto answer = sessions_.introspect(req.headers.get("Cookie"));
        return json_reply(answer.status, answer.body);
    }
    if (req.method == "GET") return json_reply(200, sessions_.to_json());
    const auto& value = param(req, "value");
    if (req.method == "PUT") {
        sessions_.put(value, body_of(req));
    } else if (!sessions_.end(value)) {
        throw std::invalid_argument("no session of that value");
    }
    return json_reply(200, json::object());
}

http::response simulator::core::control_apple(const http::request& req) {
    const auto t = now();
    if (req.path == "/sim/apple/keys") return json_reply(200, apple_.keys());
    if (req.path == "/sim/apple/rotate") return json_reply(200, json{{"kid", apple_.rotate()}});
    if (req.path == "/sim/apple/token")
        return json_reply(200, json{{"identity_token", apple_.identity_token(body_of(req), t)}});
    return json_reply(200, apple_.notification(body_of(req), t));
}

std::string simulator::introspection_url() const {
    return core_->root() + "/sim/introspect";
}
std::string simulator::apple_keys_url() const {
    return core_->root() + "/sim/apple/keys";
}
void simulator::put_session(const std::string& value, json about) {
    with([&](carrier&, time_point) { core_->sessions().put(value, std::move(about)); });
}
bool simulator::end_session(const std::string& value) {
    return with([&](carrier&, time_point) { return core_->sessions().end(value); });
}
std::size_t simulator::session_questions(const std::string& value) {
    return with([&](carrier&, time_point) { return core_->sessions().asked(value); });
}
void simulator::break_introspection(int status) {
    with([&](carrier&, time_point) { core_->sessions().break_down(status); });
}
std::string simulator::rotate_apple_key() {
    return with([&](carrier&, time_point) { return core_->apple().rotate(); });
}
std::string simulator::apple_token(const json& about) {
    return with([&](carrier&, time_point now) { return core_->apple().identity_token(about, now); });
}
json simulator::apple_notification(const json& about) {
    return with([&](carrier&, time_point now) { return core_->apple().notification(about, now); });
}
std::vector<credential_record> simulator::credentials() {
    return with([](carrier& c, time_point) {
        std::vector<credential_record> out;
        for (const auto* one : c.credentials().existing())
            out.push_back(*one);
        return out;
    });
}
std::vector<credential_record> simulator::live_credentials() {
    return with([](carrier& c, time_point now) {
        std::vector<credential_record> out;
        for (const auto* one : c.credentials().live(now))
            out.push_back(*one);
        return out;
    });
}
std::string simulator::seed_credential(
    std::string name, std::string tag, std::string connection, std::optional<time_point> expires_at
) {
    return with([&](carrier& c, time_point now) {
        return c.seed_credential(std::move(name), std::move(tag), std::move(connection), expires_at, now);
    });
}
bool simulator::lose_credential(const std::string& id) {
    return with([&](carrier& c, time_point now) { return c.lose_credential(id, now); });
}
bool simulator::expire_credential(const std::string& id) {
    return with([&](carrier& c, time_point now) { return c.expire_credential(id, now); });
}

} // namespace z360::sim
