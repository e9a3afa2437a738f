// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/state_form2.hpp"

#include <z360/call/state.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

// Form 2 kept the bridge of the current winner alone, and a mark at each leg that had been dropped. In which
// epoch that was is not known any more: the newest there was, which a report of it would count in now.
void joins(json& call) {
    const auto bridge = std::exchange(call["bridge"], json());
    const auto epoch = bridge.value("epoch", 0U);
    const auto caller = call.at("caller").at("id");
    const auto winner = bridge.at("winner");
    json list = json::array();
    auto legs = call.at("legs");
    std::sort(legs.begin(), legs.end(), [](const json& a, const json& b) {
        return a.value("answer_order", 0U) < b.value("answer_order", 0U);
    });
    for (const auto& leg : legs) {
        if (!leg.value("out_of_race", false) || leg.at("id") == winner) continue;
        list.push_back({{"epoch", std::max(epoch, 1U)}, {"a", caller}, {"b", leg.at("id")}});
        list.back()["commanded"] = true;
        list.back()["over"] = "dropped";
    }
    if (!winner.is_null()) {
        auto join = bridge;
        join["a"] = caller;
        join["b"] = winner;
        join["joined_at"] = call.value("bridged_at", json());
        join["over_at"] = call.value("ended_at", json());
        if (!join["over_at"].is_null())
            join["over"] = join["joined_at"].is_null() ? "call_over" : "talk_over";
        list.push_back(std::move(join));
    }
    call["epoch"] = epoch;
    call["joins"] = std::move(list);
}

// It was something of its own, with the number and the session among its facts.
void caller(json& call) {
    auto& c = call.at("caller");
    const auto number = c.at("number").get<std::string>();
    json origin = json::object();
    for (const char* key : {"call_session_id", "number_sent", "dialed_sent"})
        if (const auto found = c.find(key); found != c.end()) origin[key] = *found;
    if (const auto id = call_id::parse(call.at("id").get<std::string>()))
        c["id"] = call::caller_leg_id(*id).text();
    c["role"] = "caller";
    c["dial"] = "accepted";
    c["initiated"] = true;
    const auto kind = std::string(kind_of(call::endpoint_of(number)));
    const char* text = kind == "e164" ? "number" : kind == "sip_uri" ? "uri" : "shown";
    c["to"] = {{kind, {{text, number}}}};
    call["origin"] = std::move(origin);
}

void legs(json& call) {
    for (auto& leg : call.at("legs")) {
        json identity = leg.at("to");
        leg["to"] = {{"identity", std::move(identity)}};
    }
}

} // namespace

void from_form_2(json& call) {
    caller(call);
    legs(call);
    joins(call);
}

} // namespace z360::wire
