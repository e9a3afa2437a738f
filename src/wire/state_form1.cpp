// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/state_form1.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::uint32_t k_most_counted =
    10'000; // no call has heard more: damaged, and nothing to make room for

// Form 1 counted: hold prompts, speeches, and ends of speeches. Ends are told apart by when they happened;
// those that were only counted get the first milliseconds there are.
void prompts(json& call) {
    const auto hold = call.value("prompts", 0U);
    const auto spoken = call.value("spoken", 0U);
    const auto ends = call.value("spoken_over", 0U);
    if (std::max(hold, ends) > k_most_counted) return; // the number stays, which is no list: refused
    const auto step = call.value("vm", std::string("none"));
    const bool greeted = step == "greeting" || step == "recording" || step == "done";
    const auto speeches = spoken - std::min(spoken, greeted ? 1U : 0U);
    json list = json::array();
    for (std::uint32_t n = 1; n <= hold; ++n) {
        const bool newest = n == hold;
        const bool speech = n > hold - std::min(hold, speeches); // spoken where no ringback could be played
        const bool plays = newest && !greeted && call.value("prompt_playing", false);
        list.push_back({{"number", n}, {"spoken", speech}, {"over", !plays}});
        if (plays && speech) list.back()["limit"] = call["step_limit"];
    }
    if (greeted) {
        list.push_back({{"number", 0}, {"spoken", true}});
        if (step == "greeting") list.back()["limit"] = call["step_limit"];
    }
    json heard = json::array();
    for (std::uint32_t n = 1; n <= ends; ++n)
        heard.push_back({{"spoken", true}, {"at", n}});
    call["prompts"] = std::move(list);
    call["prompt_ends"] = std::move(heard);
}

void voicemail(json& call) {
    const auto step = call.value("vm", std::string("none"));
    const auto saved = call.value("saved", json::object());
    const bool has_recording = !saved.value("id", std::string()).empty();
    // Before the recording step, "recorded" meant that its end had been heard of: saved or failed.
    const bool early = (step == "answering" || step == "greeting") && call.value("vm_recorded", false);
    call["voicemail"] = {{"step", step}, {"failed", early && !has_recording}};
    if (step != "none") call["voicemail"]["limit"] = call["step_limit"];
    call["recordings"] = json::array();
    if (!has_recording) return;
    json kept = saved;
    kept["purpose"] = step == "none" ? "talk" : "message";
    call["recordings"].push_back(std::move(kept));
}

} // namespace

void from_form_1(json& call) {
    const auto phase = call.value("phase", std::string());
    prompts(call);
    voicemail(call);
    auto& bridge = call["bridge"];
    bridge["commanded"] = bridge.value("accepted", false) || (phase != "ringing" && phase != "answering");
    if (bridge["winner"].is_null()) bridge["commanded"] = false;
    for (auto& leg : call["legs"]) {
        leg["withdrawn"] = leg.value("release", std::string()) == "device_removed";
        if (leg["id"] == bridge["winner"]) leg["hold"] = call["device_hold"];
    }
    call["caller"]["hold"] = call["caller_hold"];
    json twins = json::array();
    for (const auto& id : call["twins"])
        twins.push_back({{"call_control_id", id}, {"hangup_sent", true}});
    call["twins"] = std::move(twins);
}

} // namespace z360::wire
