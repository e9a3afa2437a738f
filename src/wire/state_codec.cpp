// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/state_codec.hpp"

#include "wire/field_json.hpp"
#include "wire/state_form1.hpp"
#include "wire/state_form2.hpp"
#include "wire/state_form3.hpp"

#include <z360/base/overloaded.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <variant>

namespace z360::wire {
namespace {

using namespace field_json;

// nullopt unless `text` is an object of a version that we may read.
std::optional<json> open(std::string_view text) {
    auto j = json::parse(text, nullptr, false);
    if (!j.is_object()) return std::nullopt;
    const auto v = j.find("v");
    if (v == j.end() || !v->is_number_integer()) return std::nullopt;
    if (v->get<std::int64_t>() < 1 || v->get<std::int64_t>() > k_state_version) return std::nullopt;
    return j;
}

template <std::size_t I = 0>
call::command_body empty_body(const std::string& verb_name) {
    if constexpr (I < std::variant_size_v<call::command_body>) {
        call::carrier_command probe;
        probe.body.emplace<I>();
        if (name(probe.what()) == verb_name) return probe.body;
        return empty_body<I + 1>(verb_name);
    } else {
        throw unreadable("unknown verb " + verb_name);
    }
}

call::carrier_command carrier_command_in(const json& j) {
    call::carrier_command c;
    get(j, c);
    c.body = empty_body(j.at("verb").get<std::string>());
    if (const auto body = j.find("body"); body != j.end())
        std::visit([&body](auto& b) { get(*body, b); }, c.body);
    return c;
}

// An older program would forget that it is paused, or not keep what the organisation demands.
bool looks_after_recording(const call::state& s) {
    const auto& rules = s.routed.rules;
    const auto& r = s.recorder;
    return rules.recording_mandatory || !rules.recording_announcement.empty() || r.orders > 0 ||
           r.pause_wanted || r.turns > 0 ||
           std::any_of(s.verdicts.begin(), s.verdicts.end(), [](const call::verdict& v) {
               return v.what == call::request_kind::pause_recording ||
                      v.what == call::request_kind::resume_recording;
           });
}

bool rings_agent(const call::state& s) {
    const auto& waves = s.routed.plan;
    return std::any_of(waves.begin(), waves.end(), [](const call::wave& w) {
        return std::any_of(w.branches.begin(), w.branches.end(), [](const call::branch& b) {
            return !b.agent.empty();
        });
    });
}

// Without a plan nobody was stopped while others rang: a program of before takes it for a fault.
bool stopped_busy(const call::state& s) {
    return std::any_of(s.legs.begin(), s.legs.end(), [](const call::leg& l) {
        return l.stopped && l.wave == 0;
    });
}

// Words that an older program does not know.
bool gave_media_up(const call::state& s) {
    return s.reason == call::end_reason::no_media ||
           std::any_of(s.verdicts.begin(), s.verdicts.end(), [](const call::verdict& v) {
               return v.what == call::request_kind::give_up_media;
           });
}

} // namespace

int form_of(const call::state& s) {
    if (call::is_placed(s)) return k_placed_form; // a program of before would ring nobody and take a message
    // A program of before would dial an agent as a device without a name.
    if (rings_agent(s)) return k_agent_form;
    if (s.routed.cause == call::route_cause::anonymous) return k_anonymous_form; // a word it does not know
    if (gave_media_up(s)) return k_media_form;
    if (stopped_busy(s)) return k_busy_form;
    // A program of before would ring everybody's devices at once.
    if (!s.routed.plan.empty()) return k_plan_form;
    if (looks_after_recording(s)) return k_recording_form;
    if (!s.routed.rules.takes_messages) return k_no_message_form;
    if (call::turned_away(s)) return k_blocked_form;
    if (!s.routed.mobile.empty()) return k_mobile_form;
    return s.routed.rules.wake_by_push ? k_push_form : k_plain_form;
}

std::string encode(const call::state& s) {
    json j;
    put(j, s);
    j["v"] = form_of(s);
    return text_of(j);
}

std::optional<call::state> decode_state(std::string_view text) {
    try {
        auto j = open(text);
        if (!j) return std::nullopt;
        const auto form = j->at("v").get<int>();
        if (form < 2) from_form_1(*j);
        if (form < 3) from_form_2(*j);
        if (form < 4) from_form_3(*j);
        call::state s;
        get(*j, s);
        return s;
    } catch (const unreadable&) {
        return std::nullopt;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

namespace {

// What waits for nothing is stored as before anything could wait.
void put_after(json& to, const call::effect& e) {
    if (e.after) put(to["after"], *e.after);
}
void get_after(const json& from, call::effect& e) {
    if (const auto it = from.find("after"); it != from.end()) get(*it, e.after);
}

} // namespace

const call::dial_body* dial_of_agent(const call::effect& e) {
    const auto* c = std::get_if<call::carrier_command>(&e.body);
    const auto* dial = c != nullptr ? std::get_if<call::dial_body>(&c->body) : nullptr;
    return dial != nullptr && !dial->agent.empty() ? dial : nullptr;
}

int form_of(const call::effect& e) {
    if (call::channel_of(e) != call::channel::carrier) return k_other_channels_form;
    if (dial_of_agent(e) != nullptr) return k_agent_form;
    const auto word = call::kind_of(e);
    if (word == name(call::verb::transfer)) return k_placed_form;
    const bool pauses = word == name(call::verb::record_pause) || word == name(call::verb::record_resume);
    return pauses ? k_recording_form : k_plain_form; // whoever does not know the word leaves it alone
}

std::string encode_effect(const call::effect& e) {
    return std::visit(
        overloaded{
            [&](const call::carrier_command& c) {
                json j;
                put(j, e);
                put_after(j, e);
                put_fields(j, c);
                j["v"] = k_plain_form;
                j["verb"] = std::string(name(c.what()));
                std::visit([&j](const auto& body) { put(j["body"], body); }, c.body);
                return text_of(j);
            },
            [&](const auto& other) {
                json j;
                put(j, e);
                put_after(j, e);
                put_fields(j, other);
                j["v"] = k_push_form;
                j["channel"] = std::string(name(call::channel_of(e)));
                return text_of(j);
            },
        },
        e.body
    );
}

std::optional<call::effect> decode_effect(std::string_view text) {
    try {
        const auto j = open(text);
        if (!j) return std::nullopt;
        call::effect e;
        get(*j, e);
        get_after(*j, e);
        const auto word = j->find("channel");
        std::optional via = call::channel::carrier; // rows from before channels do not say it
        if (word != j->end()) via = call::channel_named(word->get<std::string>());
        if (!via) return std::nullopt;
        switch (*via) {
        case call::channel::carrier: e.body = carrier_command_in(*j); break;
        case call::channel::push: e.body = body_in<call::push_notice>(*j); break;
        case call::channel::test: e.body = body_in<call::test_effect>(*j); break;
        }
        return e;
    } catch (const unreadable&) {
        return std::nullopt;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

std::string encode_command(const call::command& c) {
    return encode_effect(c);
}

std::optional<call::command> decode_command(std::string_view text) {
    auto e = decode_effect(text);
    if (!e) return std::nullopt;
    return call::command_of(std::move(*e));
}

} // namespace z360::wire
