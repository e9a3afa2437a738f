// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/calls/call_document.hpp"

#include "adapter/postgres/calls/inbox_insert.hpp"
#include "adapter/postgres/params.hpp"
#include "wire/journal.hpp"
#include "wire/state_codec.hpp"

#include <z360/base/overloaded.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>

namespace z360::adapter::postgres {
namespace {

using json = nlohmann::json;

json ms(time_point t) {
    return t.time_since_epoch().count();
}
json ms(const std::optional<time_point>& t) {
    return t ? ms(*t) : json();
}
// Nothing is NULL in the table, never an empty text or a zero key.
json text(std::string_view t) {
    return t.empty() ? json() : json(storable(t));
}
template <class Tag>
json key(int_id<Tag> id) {
    return id.none() ? json() : json(id.value);
}
template <class Word>
json word(Word w) {
    return w == Word::none ? json() : json(std::string(name(w)));
}

// `attempt`: the how-maniest leg to its device. There are two while its identity is replaced (CRED-01).
json leg_row(const call::leg& l, std::size_t attempt) {
    return {
        {"leg", l.id.text()},
        {"attempt", attempt},
        {"role", std::string(name(l.role))},
        {"endpoint", std::string(kind_of(l.to))},
        {"address", l.goes_to() != nullptr ? json() : text(text_of(l.to))},
        {"device", key(l.device())},
        {"identity", key(l.identity())},
        {"control", text(l.call_control_id)},
        {"dial", std::string(name(l.dial))},
        {"answer_order", l.answer_order},
        {"initiated", l.initiated},
        {"answered", l.answered},
        {"bridged", l.bridged},
        {"ended", l.ended},
        {"release", word(l.release)},
        {"cause", text(l.hangup_cause)},
    };
}

// `place`: in their order, so that one is over before the next begins.
json join_row(const call::join& j, std::size_t place) {
    return {
        {"place", place},
        {"leg", j.b.text()},
        {"epoch", j.epoch},
        {"commanded", j.commanded},
        {"accepted", j.accepted},
        {"refused", j.refused},
        {"joined", ms(j.joined_at)},
        {"over", word(j.over)},
        {"over_at", ms(j.over_at)},
    };
}

json recording_row(const call::state& s, const call::recording& r) {
    return {
        {"id", storable(r.id)},
        {"url", text(r.url)},
        {"purpose", std::string(name(call::purpose_of(s, r)))},
        {"format", text(r.format)},
        {"began", ms(r.began_at)},
        {"ended", ms(r.ended_at)},
    };
}

template <class Number>
json or_null(const std::optional<Number>& n) {
    return n ? json(*n) : json();
}

json report_row(const call::leg_report& r) {
    return {{"carrier", storable(r.carrier_leg)}, {"leg", r.leg ? json(r.leg->text()) : json()}};
}

json media_row(const call::leg_report& r, const call::media_figures& f) {
    auto row = report_row(r);
    row["mos"] = text(f.mos);
    row["jitter"] = text(f.jitter);
    row["pin"] = or_null(f.packets_in);
    row["pout"] = or_null(f.packets_out);
    row["sin"] = or_null(f.skipped_in);
    row["sout"] = or_null(f.skipped_out);
    return row;
}

json charge_row(const call::leg_report& r, const call::charge& c) {
    auto row = report_row(r);
    row["total"] = text(c.total); // a text: no double comes near it
    row["currency"] = text(c.currency);
    row["failed"] = c.failed;
    row["billed"] = or_null(c.billed_secs);
    row["at"] = ms(c.at);
    row["parts"] = json::array();
    for (const auto& p : c.parts)
        row["parts"].push_back(
            {{"part", storable(p.what)},
             {"cost", text(p.cost)},
             {"rate", text(p.rate)},
             {"currency", text(p.currency)},
             {"billed_secs", or_null(p.billed_secs)}}
        );
    return row;
}

void add_reports(json& d, const std::vector<call::leg_report>& all) {
    for (const auto& r : all)
        std::visit(
            overloaded{
                [&](const call::media_figures& f) { d["media"].push_back(media_row(r, f)); },
                [&](const call::charge& c) { d["charges"].push_back(charge_row(r, c)); },
            },
            r.what
        );
}

/// The device's leg that it is about.
json leg_of(const call::effect& e) {
    return std::visit(
        overloaded{
            [](const call::carrier_command& c) { return c.leg ? json(c.leg->text()) : json(); },
            [](const call::push_notice&) { return json(); },
            [](const call::test_effect&) { return json(); },
        },
        e.body
    );
}

// An effect may be decided and finished by the same commit when several decisions are folded into one.
json effect_row(
    const call::effect& e, const std::vector<call::effect_outcome>& finished, port::effect_claims claims
) {
    std::optional<call::effect_end> end;
    for (const auto& o : finished)
        if (const auto x = call::end_of(o); x.id == e.id && !end) end = x;
    const bool waits = e.after && !end;
    return {
        {"id", storable(e.id)},
        {"channel", std::string(name(call::channel_of(e)))},
        {"form", wire::form_of(e) + (waits ? wire::k_waiting_form : 0)},
        {"after", waits ? json(storable(e.after->id)) : json()},
        {"claim", claims.of(e).count()},
        {"leg", leg_of(e)},
        {"verb", std::string(call::kind_of(e))},
        {"deadline", ms(e.deadline)},
        {"issued", ms(e.issued_at)},
        {"status", end ? json(std::string(name(end->result))) : json()},
        {"error", end ? text(end->error) : json()},
        {"attempts", end ? json(end->attempts) : json()},
    };
}

json finished_row(const call::effect_end& end) {
    return {
        {"id", storable(end.id)},
        {"status", std::string(name(end.result))},
        {"error", text(end.error)},
        {"attempts", end.attempts},
    };
}

json fresh_row(const port::inbox_event& e, std::size_t place) {
    return {
        {"place", place},
        {"id", storable(e.event_id)},
        {"type", storable(e.event_type)},
        {"route", name_of(e.route)},
        {"session", storable(e.call_session_id)},
        {"control", storable(e.call_control_id)},
        {"received", in_ms(e.received_at)},
    };
}

void splice(std::string& object, std::string_view name, std::string_view value) {
    object.pop_back(); // '}'
    object += ",\"";
    object += name;
    object += "\":";
    object += value;
    object += '}';
}

bool is_touched(const port::call_commit& what, const leg_id& id) {
    return !what.touched || std::find(what.touched->begin(), what.touched->end(), id) != what.touched->end();
}

} // namespace

std::string
call_document(const port::call_commit& what, port::effect_claims claims, const reference_hash& hash_of) {
    const auto& s = what.next;
    const auto* joined = current_join(s);
    json d = {
        {"call", s.id.text()},
        {"form", wire::form_of(s)},
        {"version", what.expected_version},
        {"next_version", what.next_version == 0 ? json() : json(what.next_version)},
        {"session", text(s.origin.call_session_id)},
        {"caller", text(s.caller.call_control_id)},
        {"caller_number", text(other_party(s))},
        {"placed_by", is_placed(s) ? key(s.caller.device()) : json()},
        {"caller_sent", text(s.origin.number_sent)},
        {"dialed_sent", text(s.origin.dialed_sent)},
        {"org", key(s.routed.org)},
        {"user", key(s.routed.user)},
        {"number", key(s.routed.number)},
        {"phase", std::string(name(phase_of(s)))},
        {"reason", word(s.reason)},
        {"winner", joined != nullptr ? json(joined->b.text()) : json()},
        {"deadline", ms(what.deadline)},
        {"began", ms(s.began)},
        {"answered", ms(s.answered_at)},
        {"bridged", ms(bridged_at(s))},
        {"ended", ms(s.ended_at)},
        {"at", ms(what.at)},
        {"legs", json::array()},
        {"joins", json::array()},
        {"finished", json::array()},
        {"notes", json::array()},
        {"events", json::array()},
    };
    if (!s.routed.plan.empty()) {
        d["people"] = json::array();
        for (const auto who : call::people_of(s.routed))
            d["people"].push_back(who.value);
    }
    std::map<std::int64_t, std::size_t> attempts;
    for (const auto& l : s.legs) {
        const auto attempt = ++attempts[l.device().value];
        if (is_touched(what, l.id)) d["legs"].push_back(leg_row(l, attempt));
    }
    if (what.joins_touched)
        for (const auto& j : s.joins)
            d["joins"].push_back(join_row(j, d["joins"].size()));
    if (what.recordings_touched)
        for (const auto& r : s.recordings)
            d["recordings"].push_back(recording_row(s, r));
    add_reports(d, what.reports);
    for (const auto& e : what.new_effects)
        if (const auto* dial = wire::dial_of_agent(e); dial != nullptr && hash_of)
            d["references"].push_back(
                {{"hash", hash_of(dial->leg)}, {"leg", dial->leg.text()}, {"issued", ms(e.issued_at)}}
            );
    for (const auto& o : what.finished)
        d["finished"].push_back(finished_row(call::end_of(o)));
    for (const auto& n : what.notes)
        d["notes"].push_back(json::array({std::string(name(n.what)), storable(n.detail)}));
    for (const auto& e : what.processed_events)
        d["events"].push_back(storable(e));
    for (const auto& e : what.fresh_events)
        d["fresh"].push_back(fresh_row(e, d["fresh"].size() + 1));

    std::string commands = "[";
    for (const auto& e : what.new_effects) {
        auto row = effect_row(e, what.finished, claims).dump();
        splice(row, "payload", wire::encode_effect(e));
        if (commands.size() > 1) commands += ',';
        commands += row;
    }
    commands += ']';
    auto out = d.dump();
    splice(out, "commands", commands);
    if (!what.steps.empty()) splice(out, "steps", wire::encode_steps(what.steps));
    splice(out, "snapshot", wire::encode(s));
    return out;
}

} // namespace z360::adapter::postgres
