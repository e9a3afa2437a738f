// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where a call would go, and why: the directory's own answer, for any number, caller and moment.
#include "app/call_report.hpp"
#include "app/ops_support.hpp"
#include "app/parts_settings.hpp"
#include "edge/api/views.hpp"

namespace z360::app {
namespace {

using nlohmann::json;

std::string because(call::route_cause c) {
    switch (c) {
    case call::route_cause::as_set: return {};
    case call::route_cause::closed: return ", because it is outside the opening hours";
    case call::route_cause::holiday: return ", because that day has opening hours of its own";
    case call::route_cause::blocked: return ", because the organisation blocks this caller";
    case call::route_cause::anonymous:
        return ", because the organisation takes no callers who show no number";
    }
    return {};
}

std::string outcome(call::route_outcome o) {
    switch (o) {
    case call::route_outcome::ring: return "rings";
    case call::route_outcome::voicemail: return "goes to voicemail";
    case call::route_outcome::announcement: return "is answered, told the message, and hung up on";
    case call::route_outcome::rejected: return "is rejected";
    }
    return {};
}

std::string device_line(const json& d) {
    return "device " + std::to_string(d["id"].get<std::int64_t>()) + ": " +
           (d["device_name"].is_string() ? d["device_name"].get<std::string>() : std::string("(no name)")) +
           ", " + d["platform"].get<std::string>();
}

std::string seconds(millis t) {
    const auto tenths = t.count() / 100;
    return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " s";
}

// Each wave with the moment at which it begins if nobody answers before.
std::string waves_in_words(const call::route& r, const json& shown) {
    std::string out;
    millis begins{0};
    for (const auto& w : r.plan) {
        for (const auto& b : w.branches) {
            out += "\n  after " + seconds(begins + b.after) +
                   (b.lasts == millis{0} ? "" : ", for " + seconds(b.lasts)) + ": ";
            if (!b.agent.empty()) {
                out += "the organisation's agent, " + b.agent;
                continue;
            }
            if (b.user.none()) {
                out += "number " + b.number + (b.asked ? "" : ", whose answer counts");
                continue;
            }
            out += "user " + std::to_string(b.user.value);
            bool any = false;
            for (const auto& d : shown["devices"])
                if (d["user_id"] == b.user.value) {
                    out += "\n    " + device_line(d);
                    any = true;
                }
            if (!any) out += ", who has no device that rings";
        }
        begins += w.lasts;
    }
    return out;
}

std::string in_words(const call::route& r, const json& shown, const std::string& at) {
    std::string out =
        "a call to " + r.number_e164 + " at " + at + " " + outcome(call::outcome_of(r)) + because(r.cause);
    out += waves_in_words(r, shown);
    if (r.plan.empty())
        for (const auto& d : shown["devices"])
            out += "\n  " + device_line(d);
    for (const auto& d : shown["left_out"])
        out += "\n  left out: " + device_line(d) +
               (d["why"] == "busy" ? ", whose person talks already" : ", do not disturb");
    if (!r.mobile.empty()) out += "\n  mobile number " + r.mobile + ", when no device answers";
    if (call::outcome_of(r) == call::route_outcome::ring)
        out += "\n  for " + std::to_string(shown["ring_seconds"].get<std::int64_t>()) + " s, then voicemail";
    if (call::outcome_of(r) == call::route_outcome::ring)
        out += "\n  recording of the talk: " + shown["recording"].get<std::string>() +
               (r.rules.recorded_by_number ? ", as the number says" : "");
    if (shown["recording_announcement"].is_string())
        out += "\n  announced: " + shown["recording_announcement"].get<std::string>();
    if (shown["greeting"].is_string()) out += "\n  greeting: " + shown["greeting"].get<std::string>();
    return out;
}

} // namespace

int explain_route(const options& o) {
    const auto& a = o.arguments;
    const auto at = a.at.empty() ? now() : *parse_iso8601(a.at); // checked with the command line
    std::unique_ptr<port::directory> directory;                  // outlives the loop's last step
    auto r = run_once(o, [&](adapter::postgres::database& db) {
        directory = adapter::postgres::make_directory(db, directory_settings(o.settings));
        return directory->foresee(a.number, a.from, now(), at);
    });
    call::heed_cause(r);
    call::leave_out_caller(r, a.from);
    if (r.verdict == call::route_verdict::unknown_number) {
        print(
            o, {{"number", a.number}, {"outcome", "rejected"}},
            a.number +
                " is rejected: it is nobody's number here, is suspended or set to reject, or stands under "
                "two connections; see --list-numbers"
        );
        return k_failed;
    }
    const auto shown = edge::api::route_json(r, at);
    print(o, shown, in_words(r, shown, full_time(at, local_style())));
    return k_ok;
}

} // namespace z360::app
