// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/call_report.hpp"

#include <z360/base/columns.hpp>
#include <z360/base/printable.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <utility>

namespace z360::app {
namespace {

using adapter::postgres::call_line;
using adapter::postgres::explained_call;
using adapter::postgres::timeline_line;
using nlohmann::json;

// ---- times

struct wall {
    std::chrono::year_month_day day;
    std::chrono::weekday weekday;
    std::chrono::hh_mm_ss<millis> time;
};

wall wall_of(time_point t, const report_style& s) {
    const auto shown = s.ahead ? t + s.ahead(t) : t;
    const auto day = std::chrono::floor<std::chrono::days>(shown);
    return {
        std::chrono::year_month_day{day}, std::chrono::weekday{day},
        std::chrono::hh_mm_ss<millis>{shown - day}
    };
}

template <class... Args>
std::string formatted(const char* format, Args... args) {
    char text[80];
    const int n = std::snprintf(text, sizeof text, format, args...);
    return {text, static_cast<std::size_t>(std::clamp(n, 0, static_cast<int>(sizeof text) - 1))};
}

std::string date_of(const wall& w) {
    return formatted(
        "%04d-%02u-%02u", static_cast<int>(w.day.year()), static_cast<unsigned>(w.day.month()),
        static_cast<unsigned>(w.day.day())
    );
}
std::string clock_of(time_point t, const report_style& s) {
    const auto w = wall_of(t, s);
    return formatted(
        "%02d:%02d:%02d.%03d", static_cast<int>(w.time.hours().count()),
        static_cast<int>(w.time.minutes().count()), static_cast<int>(w.time.seconds().count()),
        static_cast<int>(w.time.subseconds().count())
    );
}
std::string since(time_point t, time_point began) {
    const auto ms = static_cast<long long>((t - began).count());
    return formatted("%c%lld.%03lld", ms < 0 ? '-' : '+', std::abs(ms) / 1000, std::abs(ms) % 1000);
}
// 0:42, 1:03:07
std::string length_of(millis d) {
    const auto s = std::max<long long>(0, std::chrono::floor<std::chrono::seconds>(d).count());
    return s < 3600 ? formatted("%lld:%02lld", s / 60, s % 60)
                    : formatted("%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

// ---- names

// What anybody has named: nothing of it makes a terminal act.
std::string safe(std::string_view text) {
    return printable(text);
}
std::string joined(std::initializer_list<std::string> words, std::string_view between = " ") {
    std::string out;
    for (const auto& w : words)
        if (!w.empty()) out += (out.empty() ? "" : std::string(between)) + w;
    return out;
}
std::string in_brackets(const std::string& text) {
    return text.empty() ? "" : "(" + text + ")";
}
std::string name_of(const call::device_facts& d) {
    return safe(!d.name.empty() ? d.name : !d.uid.empty() ? d.uid : "device " + std::to_string(d.id.value));
}
const call::device_facts* device_of(const explained_call& c, device_id id) {
    const auto found =
        std::find_if(c.devices.begin(), c.devices.end(), [id](const auto& d) { return d.id == id; });
    return id.none() || found == c.devices.end() ? nullptr : &*found;
}
// Two phones may have one name.
std::string who_of(const timeline_line& l, const explained_call& c) {
    if (l.caller) return "caller";
    if (l.mobile) return "mobile number";
    if (l.agent) return "agent";
    const auto* d = device_of(c, l.device);
    return d == nullptr ? std::string() : name_of(*d);
}

void add(std::vector<std::string>& out, std::vector<std::string> lines) {
    std::move(lines.begin(), lines.end(), std::back_inserter(out));
}

// ---- the heading

std::string text_in(const json& call, const char* key) {
    const auto found = call.find(key);
    return found != call.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string words(std::string text) {
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

std::string outcome_of(const explained_call& c) {
    std::string out = words(c.phase) + (c.end_reason.empty() ? "" : ": " + words(c.end_reason));
    if (!c.call) return out;
    const auto& s = c.call->state;
    const auto talk = bridged_at(s);
    const auto* d = c.ring.talked ? device_of(c, *c.ring.talked) : nullptr;
    if (talk && s.ended_at) out += ", talked " + length_of(*s.ended_at - *talk);
    if (talk && d != nullptr) out += " with " + name_of(*d);
    return out;
}

void add_heading(
    std::vector<std::string>& out, const explained_call& c, const json& call, const report_style& s
) {
    const auto say = [&](const std::string& text) { add(out, wrapped(text, s.columns, 0, 4)); };
    if (c.id.nil()) return say("no call of session " + safe(c.call_session_id) + "; its webhooks:");
    std::string caller, number, org;
    if (c.call) {
        const auto& state = c.call->state;
        caller = joined({safe(state.routed.caller_name), safe(text_of(state.caller.to))});
        number = joined({safe(c.call->channel_number), in_brackets(safe(c.number_alias))});
        org = safe(c.call->org.name);
    }
    if (caller.empty()) caller = "a caller";
    if (number.empty()) number = "a number of nobody's";
    const auto whom = joined({safe(c.person), in_brackets(safe(c.login))});
    say(caller + " called " + number + joined({whom.empty() ? "" : " of " + whom, org}, ", "));
    say((c.call ? full_time(c.call->state.began, s) + ": " : "") + outcome_of(c));
    say("call " + c.id.text() + " session " + safe(c.call_session_id) + ": " + c.phase +
        (c.end_reason.empty() ? "" : " (" + c.end_reason + ")") + ", version " + std::to_string(c.version) +
        (call.is_object() && text_in(call, "state") != c.phase && !text_in(call, "state").empty()
             ? ", shown as " + text_in(call, "state")
             : ""));
}

// ---- devices

void add_device(
    std::vector<std::string>& out, const call::device_facts& d, const call::ring_facts& r,
    const report_style& s
) {
    constexpr std::size_t k_time = 10;
    constexpr std::size_t k_text = 4 + k_time + 2;
    const auto f = judge_device(d, r);
    add(out,
        wrapped(
            name_of(d) + " " + in_brackets(safe(d.platform)) + ": " + safe(in_words(f, d)), s.columns, 0, 4
        ));
    for (const auto& step : steps_of(d, r)) {
        const auto at = in_columns_right(step.at ? since(*step.at, r.began) : "", k_time);
        auto lines = wrapped(safe(step.text), s.columns, k_text, k_text);
        lines.front().insert(0, "    " + at + "  ");
        add(out, std::move(lines));
    }
    if (const auto help = advice(f, d); !help.empty()) add(out, wrapped("    → " + help, s.columns, 0, 6));
}

// Whom the question is about, who had the caller, who rang, who did not, who was not to.
int place_of(const call::device_facts& d, const call::ring_facts& r, device_id first) {
    if (d.id == first) return 0;
    if (r.talked == d.id) return 1;
    if (has_rung(judge_device(d, r).result)) return 2;
    return d.rung ? 3 : 4;
}

std::vector<const call::device_facts*> in_their_order(const explained_call& c, device_id first) {
    std::vector<std::pair<int, const call::device_facts*>>
        places; // of equals by address, that is as they were
    for (const auto& d : c.devices)
        places.emplace_back(place_of(d, c.ring, first), &d);
    std::sort(places.begin(), places.end());
    std::vector<const call::device_facts*> out;
    for (const auto& [place, d] : places)
        out.push_back(d);
    return out;
}

// What became of the person's mobile number in this call, or of the agent.
std::string number_line(const explained_call& c) {
    std::string out;
    for (const auto& l : c.mobile)
        out += (!out.empty()                         ? "; "
                : l.is.role == call::leg_role::agent ? "agent: "
                                                     : "mobile number: ") +
               safe(number_in_words(l, is_winner(c.call->state, l.is.id)));
    return out;
}

void add_devices(
    std::vector<std::string>& out, const explained_call& c, device_id first, const report_style& s
) {
    if (!c.call) return;
    out.emplace_back();
    const auto& routed = c.call->state.routed;
    const bool number = !c.mobile.empty();
    if (c.devices.empty()) {
        const bool agent = number && c.mobile.front().is.role == call::leg_role::agent;
        const auto why = agent    ? "no device was rung: the call was for the agent (--explain-route)"
                         : number ? "no device was rung: the person has none (--list-devices)"
                         : routed.cause == call::route_cause::blocked
                             ? "nobody was rung: the organisation blocks this caller (--explain-route)"
                         : routed.cause == call::route_cause::anonymous
                             ? "nobody was rung: the caller shows no number (--explain-route)"
                         : routed.cause != call::route_cause::as_set
                             ? "nobody was rung: it was outside the opening hours (--explain-route)"
                         : routed.verdict != call::route_verdict::ring
                             ? "nobody was rung: the number is nobody's, or several connections have it"
                         : !routed.plan.empty()
                             ? "nobody was rung: nobody of the ring plan has a device (--explain-route)"
                         : routed.user.none() ? "nobody was rung: the number rings no person (--list-numbers)"
                                              : "nobody was rung: the person has no device (--list-devices)";
        add(out, wrapped(why, s.columns, 0, 4));
    }
    for (const auto* d : in_their_order(c, first))
        add_device(out, *d, c.ring, s);
    if (number) add(out, wrapped(number_line(c), s.columns, 0, 4));
    out.emplace_back();
}

// ---- the timeline

// "key=value key=\"a b\" word": blanks in quotes are none.
std::vector<std::string_view> tokens_of(std::string_view detail) {
    std::vector<std::string_view> out;
    std::size_t from = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= detail.size(); ++i) {
        const bool end = i == detail.size();
        if (!end && detail[i] == '"' && (i == 0 || detail[i - 1] != '\\')) quoted = !quoted;
        if (!end && (quoted || detail[i] != ' ')) continue;
        if (i > from) out.push_back(detail.substr(from, i - from));
        from = i + 1;
    }
    return out;
}

bool is_id(std::string_view token) {
    return token.starts_with("command_id=") || token.starts_with("event_id=") ||
           token.starts_with("call_control_id=") || token.starts_with("leg=") ||
           token.starts_with("route=") || token.starts_with("push_id=");
}
// Said by the name beside it.
bool is_named(std::string_view token, const timeline_line& l) {
    const bool known = l.caller || l.mobile || l.agent || !l.device.none();
    return known && (token.starts_with("leg=") || token.starts_with("device=") ||
                     token.starts_with("call_control_id="));
}

// By two clocks, this machine's and the database's: a little below zero means nothing.
std::string timing_of(const timeline_line& l) {
    const auto ms = [](const char* what, const std::optional<millis>& t) {
        return t ? std::string(what) + " " + std::to_string(t->count()) + " ms" : std::string();
    };
    return joined({ms("stored after", l.stored), ms("decided after", l.decided), ms("took", l.took)}, ", ");
}

void add_line(
    std::vector<std::string>& out, const timeline_line& l, const explained_call& c, const report_style& s,
    time_point began
) {
    constexpr std::size_t k_source = 7, k_what = 20, k_longest_what = 30, k_who = 18, k_least = 30,
                          k_below = 8;
    std::string said, ids;
    for (const auto& t : tokens_of(l.detail)) {
        if (is_named(t, l) || (l.source == "webhook" && t == "status=done")) continue;
        auto& to = is_id(t) ? ids : said;
        to += (to.empty() ? "" : " ") + std::string(t);
    }
    if (s.timing) said = joined({timing_of(l), said}, ": ");
    auto head = clock_of(l.at, s) + "  " + in_columns_right(since(l.at, began), 9) + "  " +
                in_columns(safe(l.source), k_source) + "  ";
    const auto what = clipped(safe(l.what), k_longest_what);
    head += (columns_of(what) > k_what ? what : in_columns(what, k_what)) + "  ";
    const auto who = who_of(l, c);
    if (!who.empty()) head += in_columns(who, k_who) + "  ";
    const auto at = columns_of(head);
    std::vector<std::string> lines;
    if (at + k_least <= s.columns) {
        lines = wrapped(safe(said), s.columns, at, std::min(at, s.columns / 2));
        lines.front().insert(0, head);
    } else { // a narrow terminal: what is said of it goes below
        lines.push_back(clipped(head, s.columns));
        if (!said.empty()) add(lines, wrapped(std::string(k_below, ' ') + safe(said), s.columns, 0, k_below));
    }
    // Ids are for those who look for them: never worth a line of their own, and --json has them.
    const auto room = s.columns - std::min(s.columns, columns_of(lines.back()));
    if (!ids.empty() && room > 12) lines.back() += (said.empty() ? "" : "  ") + clipped(safe(ids), room - 2);
    for (auto& x : lines)
        x = x.substr(0, x.find_last_not_of(' ') + 1);
    add(out, std::move(lines));
}

// ---- lists

std::string ending_of(const call_line& l, time_point now) {
    const auto until = l.ended_at.value_or(now);
    if (l.bridged_at) {
        const auto with = l.device_name.empty() ? std::string() : ", " + safe(l.device_name);
        return (l.ended_at ? "talked " : "talks ") + length_of(until - *l.bridged_at) + with;
    }
    if (l.end_reason.empty()) return words(l.phase) + " " + length_of(until - l.began);
    const auto how = l.end_reason == "caller_cancelled" ? "caller gave up" : words(l.end_reason);
    return (l.missed ? "missed, " : "") + how + " " + length_of(until - l.began);
}

// The number is never cut: it is what one looks for.
std::string party(const std::string& name, const std::string& number, std::size_t columns) {
    const auto taken = columns_of(number);
    if (name.empty() || taken + 3 >= columns) return in_columns(number, columns);
    return in_columns(clipped(name, columns - taken - 1) + " " + number, columns);
}

} // namespace

report_style local_style() {
    report_style s;
    s.ahead = [](time_point t) {
        const auto seconds = std::chrono::system_clock::to_time_t(t);
        std::tm local{};
        return std::chrono::seconds{localtime_r(&seconds, &local) != nullptr ? local.tm_gmtoff : 0};
    };
    return s;
}

std::string full_time(time_point t, const report_style& s) {
    static constexpr const char* k_days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    const auto w = wall_of(t, s);
    const auto ahead = s.ahead ? std::chrono::duration_cast<std::chrono::minutes>(s.ahead(t)).count() : 0;
    return std::string(k_days[w.weekday.c_encoding()]) + " " + date_of(w) + " " + clock_of(t, s) +
           formatted(
               " %c%02d:%02d", ahead < 0 ? '-' : '+', static_cast<int>(std::abs(ahead) / 60),
               static_cast<int>(std::abs(ahead) % 60)
           );
}

std::vector<std::string>
call_in_words(const explained_call& c, const json& call, device_id first, const report_style& s) {
    std::vector<std::string> out;
    add_heading(out, c, call, s);
    add_devices(out, c, first, s);
    const auto began = c.call ? c.ring.began : c.lines.empty() ? time_point{} : c.lines.front().at;
    for (const auto& l : c.lines)
        add_line(out, l, c, s, began);
    return out;
}

json device_json(const call::device_facts& d, const call::ring_facts& r) {
    const auto f = judge_device(d, r);
    json out{
        {"id", d.id.value},
        {"device_id", d.uid},
        {"name", d.name},
        {"platform", d.platform},
        {"in_ring", d.rung},
        {"rang", has_rung(f.result)},
        {"result", name(f.result)},
        {"why", json()},
        {"text", in_words(f, d)},
        {"advice", advice(f, d)},
        {"acknowledged", d.acknowledged},
        {"last_seen_at", iso8601(d.last_seen)},
        {"sip_usernames", json::array()},
        {"steps", json::array()},
    };
    if (f.why_left_out != call::obstacle::none) out["why"] = name(f.why_left_out);
    if (f.asleep != call::sleep_cause::none) out["why"] = name(f.asleep);
    if (f.leg) {
        const auto& l = d.legs.at(*f.leg);
        out["hangup_cause"] = l.is.hangup_cause;
        out["sip_hangup_cause"] = l.sip_cause;
    }
    for (const auto& l : d.legs)
        if (const auto* to = l.is.goes_to()) out["sip_usernames"].push_back(to->sip_username);
    for (const auto& step : steps_of(d, r))
        out["steps"].push_back(
            {{"when", step.at ? json(iso8601(*step.at)) : json()},
             {"what", step.text},
             {"trouble", step.trouble}}
        );
    return out;
}

json line_json(const timeline_line& l, const explained_call& c) {
    json out{{"at", iso8601(l.at)}, {"source", l.source}, {"what", l.what}, {"detail", l.detail}};
    if (!l.channel.empty()) out["channel"] = l.channel;
    if (l.stored) out["stored_ms"] = l.stored->count();
    if (l.decided) out["decided_ms"] = l.decided->count();
    if (l.took) out["took_ms"] = l.took->count();
    // As it is: who prints it makes it printable.
    if (l.caller) out["who"] = "caller";
    if (l.mobile) out["who"] = "mobile number";
    if (l.agent) out["who"] = "agent";
    if (const auto* d = device_of(c, l.device)) out["who"] = d->name.empty() ? d->uid : d->name;
    return out;
}

std::string call_row(const call_line& l, time_point now, const report_style& s) {
    constexpr std::size_t k_caller = 28, k_number = 14, k_whom = 14;
    const auto w = wall_of(l.began, s);
    const auto when = date_of(w) + formatted(
                                       " %02d:%02d", static_cast<int>(w.time.hours().count()),
                                       static_cast<int>(w.time.minutes().count())
                                   );
    auto out = l.id.text().substr(0, 8) + "  " + when + "  " +
               party(safe(l.caller_name), safe(l.caller_number), k_caller) + "  " +
               in_columns(safe(l.number), k_number) + "  " +
               in_columns(safe(!l.person.empty() ? l.person : l.org), k_whom) + "  " + ending_of(l, now);
    return clipped(out, s.columns);
}

json row_json(const call_line& l) {
    const auto time = [](const std::optional<time_point>& t) { return t ? json(iso8601(*t)) : json(); };
    return {
        {"call_id", l.id.text()},
        {"call_session_id", l.call_session_id},
        {"began_at", iso8601(l.began)},
        {"caller", {{"number", l.caller_number}, {"name", l.caller_name}}},
        {"number", l.number},
        {"number_name", l.number_alias},
        {"organization", l.org},
        {"user", l.user.none() ? json() : json{{"id", l.user.value}, {"name", l.person}, {"email", l.login}}},
        {"state", l.phase},
        {"reason", l.end_reason.empty() ? json() : json(l.end_reason)},
        {"missed", l.missed},
        {"answered_by",
         l.answered_by.none() ? json() : json{{"id", l.answered_by.value}, {"name", l.device_name}}},
        {"bridged_at", time(l.bridged_at)},
        {"ended_at", time(l.ended_at)},
        {"talk_ms", l.bridged_at && l.ended_at ? json((*l.ended_at - *l.bridged_at).count()) : json()},
    };
}

} // namespace z360::app
