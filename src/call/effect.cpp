// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is asked of effects and of their ends without regard to what they do. A new kind is added here.
#include <z360/base/overloaded.hpp>
#include <z360/call/effect.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace z360::call {

effect::effect(command c)
    : id(std::move(c.id)), issued_at(c.issued_at), deadline(c.deadline),
      body(static_cast<carrier_command&&>(c)) {}

channel channel_of(const effect& e) {
    return std::visit(
        overloaded{
            [](const carrier_command&) { return channel::carrier; },
            [](const push_notice&) { return channel::push; },
            [](const test_effect&) { return channel::test; },
        },
        e.body
    );
}

std::string_view kind_of(const effect& e) {
    return std::visit(
        overloaded{
            [](const carrier_command& c) { return name(c.what()); },
            [](const push_notice& p) { return push::name(p.what); },
            [](const test_effect&) { return name(channel::test); },
        },
        e.body
    );
}

effect started(effect e, time_point now) {
    if (e.after) e.deadline = std::min(e.deadline, now + e.after->allowed);
    e.after.reset();
    return e;
}

bool is_urgent(const effect& e) {
    return std::visit(
        overloaded{
            [](const carrier_command& c) {
                const auto v = c.what();
                const bool of_talk = v == verb::record_start && c.leg.has_value();
                return v == verb::answer || v == verb::bridge || v == verb::record_pause ||
                       v == verb::record_resume || of_talk;
            },
            [](const push_notice&) { return false; },
            [](const test_effect&) { return false; },
        },
        e.body
    );
}

bool waits_for_store(const effect& e) {
    const auto* c = std::get_if<carrier_command>(&e.body);
    return c != nullptr && (c->what() == verb::record_pause || c->what() == verb::record_resume);
}

effect_outcome ended_as(const effect& e, outcome result) {
    return std::visit(
        overloaded{
            [&](const carrier_command& c) -> effect_outcome {
                command_outcome o;
                o.command_id = e.id;
                o.what = c.what();
                o.who = leg_ref{c.call_control_id, c.leg};
                o.result = result;
                return o;
            },
            [&](const push_notice& p) -> effect_outcome {
                push_outcome o;
                o.effect_id = e.id;
                o.what = p.what;
                o.device = p.device;
                o.ring = p.ring;
                o.result = result;
                return o;
            },
            [&](const test_effect&) -> effect_outcome { return test_outcome{e.id, result, {}, 0}; },
        },
        e.body
    );
}

std::optional<command> command_of(effect e) {
    auto* carried = std::get_if<carrier_command>(&e.body);
    if (carried == nullptr) return std::nullopt;
    command out;
    static_cast<carrier_command&>(out) = std::move(*carried);
    out.id = std::move(e.id);
    out.issued_at = e.issued_at;
    out.deadline = e.deadline;
    return out;
}

std::optional<command> command_of(const output& o) {
    const auto* e = std::get_if<effect>(&o);
    if (e == nullptr) return std::nullopt;
    return command_of(*e);
}

effect_end end_of(const effect_outcome& o) {
    return std::visit(
        overloaded{
            [](const command_outcome& x) {
                return effect_end{x.command_id, x.result, x.error_code, x.attempts};
            },
            [](const push_outcome& x) { return effect_end{x.effect_id, x.result, x.code, x.attempts}; },
            [](const test_outcome& x) { return effect_end{x.effect_id, x.result, {}, x.attempts}; },
        },
        o
    );
}

std::optional<effect_outcome> outcome_in(const event& e) {
    return std::visit(
        [](const auto& x) -> std::optional<effect_outcome> {
            if constexpr (std::is_constructible_v<effect_outcome, decltype(x)>)
                return effect_outcome(x);
            else
                return std::nullopt;
        },
        e
    );
}

event event_of(effect_outcome o) {
    return std::visit([](auto&& x) { return event(std::forward<decltype(x)>(x)); }, std::move(o));
}

} // namespace z360::call
