// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The control API's part about pushes, and how they wake phones.
#include "sim/query.hpp"
#include "sim/simulator_core.hpp"

#include <stdexcept>
#include <utility>

namespace z360::sim {

namespace {

http::response json_reply(int status, const json& body) {
    return http::response::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// What wakes an app that sleeps: PushKit, and FCM with high priority. An alert is only seen.
bool wakes(const push_record& r) {
    if (r.kind != "incoming_call") return false;
    if (r.provider == "apns") return r.push_type == "voip";
    return lower_case(r.priority) == "high";
}

} // namespace

void simulator::core::make_push_services() {
    push_ = std::make_unique<push_services>(
        io_.get_executor(), *settings_.push, [this] { return now(); }, [this] { pump(); }
    );
    push_->desk().on_delivery([this](const push_record& r, time_point t) {
        if (wakes(r)) carrier_.push_arrives(r.token, t);
    });
}

push_services& simulator::core::push() {
    if (!push_) throw std::logic_error("the simulator serves no pushes: set simulator_settings::push");
    return *push_;
}

void simulator::core::add_push_routes(std::vector<http::route>& table) {
    const http::handler pushes = [this](http::request req) {
        return guarded(std::move(req), &core::control_pushes);
    };
    table.push_back({"GET", "/sim/pushes", pushes});
    table.push_back({"DELETE", "/sim/pushes", pushes});
    table.push_back({"GET", "/sim/push-ca", pushes});
    for (const char* method : {"PUT", "DELETE"})
        table.push_back({method, "/sim/push-tokens/{provider}/{token}", pushes});
}

http::response simulator::core::control_pushes(const http::request& req) {
    auto& d = push().desk();
    if (req.path == "/sim/push-ca") return http::response::text(200, push().ca(), "application/x-pem-file");
    if (req.path == "/sim/pushes") {
        if (req.method == "DELETE") {
            d.forget_records();
            return json_reply(200, json::object());
        }
        const auto wanted = parse_query(req.query);
        json out = json::array();
        for (const auto& r : d.records())
            if (passes(wanted, "provider", r.provider) && passes(wanted, "kind", r.kind))
                out.push_back(to_json(r));
        return json_reply(200, json{{"pushes", std::move(out)}});
    }
    const auto& provider = req.params.find("provider")->second;
    const auto& token = req.params.find("token")->second;
    if (req.method == "DELETE") {
        if (provider != "apns" && provider != "fcm")
            throw std::invalid_argument("the provider of a push token is apns or fcm");
        if (provider == "fcm") d.fcm().forget_device(token);
        for (const auto where : {apns_environment::production, apns_environment::sandbox})
            if (provider == "apns") d.apns().forget_device(where, token);
    } else {
        d.put_token(provider, token, json::parse(req.body.empty() ? "{}" : req.body), now());
    }
    return json_reply(200, json::object());
}

std::uint16_t simulator::apns_port(apns_environment where) const {
    return core_->push().apns_port(where);
}
std::uint16_t simulator::fcm_port() const {
    return core_->push().fcm_port();
}
std::string simulator::push_ca() const {
    return core_->push().ca();
}
push_desk* simulator::pushes() {
    return core_->desk();
}
push_desk& simulator::desk() {
    return core_->push().desk();
}
bool simulator::wait_for_push(std::function<bool(const push_desk&)> condition, millis limit) {
    auto& d = desk();
    return wait_until([&d, &condition](const carrier&) { return condition(d); }, limit);
}

} // namespace z360::sim
