// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What happened to calls: one explained, or many listed.
#include "app/call_report.hpp"
#include "app/ops_support.hpp"
#include "app/values.hpp"
#include "edge/api/views.hpp"
#include "wire/call_view.hpp"

#include <z360/call/view.hpp>

#include <algorithm>

namespace z360::app {
namespace {

using adapter::postgres::admin;
using adapter::postgres::call_filter;
using adapter::postgres::call_line;
using adapter::postgres::call_subject;
using adapter::postgres::explained_call;
using nlohmann::json;

constexpr std::size_t k_others_shown = 10;

time_point since_of(const options& o, time_point now) {
    auto out = now - std::chrono::hours{24};
    if (!o.arguments.since.empty())
        (void)read_since(o.arguments.since, now, out); // checked with the command line
    return out;
}
std::string span_of(const options& o) {
    const auto& s = o.arguments.since;
    if (s.empty()) return "in the last 24h; look further back with --since 7d";
    const bool time = s.find('-') != std::string::npos;
    return (time ? "since " : "in the last ") + s + "; look further back with another --since";
}

// Of a call that a newer program has stored: what its columns say.
json as_the_api_says_it(const explained_call& c) {
    call::viewer who;
    who.who = call::viewer::as::overseer;
    std::optional<call::view> v;
    if (c.call) v = view_of(c.call->state, who);
    if (v) return wire::call_json(*v, edge::api::labels_of(*c.call));
    return {
        {"call_id", c.id.text()},
        {"call_session_id", c.call_session_id},
        {"state", c.phase},
        {"reason", c.end_reason.empty() ? json() : json(c.end_reason)},
        {"seq", c.version}
    };
}

void show(const options& o, const explained_call& c, device_id first) {
    const auto call = c.id.nil() ? json() : as_the_api_says_it(c);
    if (!o.json) {
        auto style = local_style();
        style.timing = o.arguments.timing;
        for (const auto& line : call_in_words(c, call, first, style))
            print_row(o, {}, line);
        return;
    }
    if (!c.id.nil()) print_row(o, json{{"call", call}}, {});
    for (const auto& d : c.devices)
        print_row(o, json{{"device", device_json(d, c.ring)}}, {});
    for (const auto& l : c.lines)
        print_row(o, line_json(l, c), {});
}

void show_others(const options& o, const std::vector<call_line>& all, time_point now) {
    if (all.size() < 2) return;
    const auto more = all.size() - 1;
    if (!o.json) {
        print_row(o, {}, {});
        print_row(o, {}, std::to_string(more) + (more == 1 ? " other call:" : " other calls, newest first:"));
    }
    const auto shown = o.json ? more : std::min(more, k_others_shown);
    for (std::size_t i = 1; i <= shown; ++i)
        print_row(o, json{{"other_call", row_json(all[i])}}, call_row(all[i], now, local_style()));
    if (shown < more) print_row(o, {}, "and " + std::to_string(more - shown) + " more: see --calls");
}

// What a text that names nothing most likely was to be.
std::string meant(const std::string& text) {
    constexpr std::string_view k_number = "+0123456789 ()-./", k_hex = "0123456789abcdefABCDEF-";
    const auto made_of = [&text](std::string_view all) { return text.find_first_not_of(all) == text.npos; };
    constexpr std::size_t k_least = 8; // as adapter::postgres asks for
    std::string out;
    if (made_of(k_hex) && text.size() < k_least)
        out += "; of a call's id give at least the first eight digits, as --calls shows them";
    if (made_of(k_number)) out += "; write a phone number internationally, e.g. +13125550100";
    return out.empty() ? "; see --calls, --list-members --org ORG and --list-devices --user USER" : out;
}

call_filter filter_of(const call_subject& s, time_point since) {
    call_filter f;
    f.since = since;
    if (s.is == call_subject::kind::number)
        f.number = s.text;
    else
        f.user = s.user;
    return f;
}

int explain(admin& db, const options& o) {
    const auto& given = o.arguments.subject;
    const auto at = now();
    const auto subject = db.find_subject(given);
    if (!subject) {
        complain(
            "no call or webhook is known under " + given +
            ", nor is it a phone number, the e-mail address of a user, or a device (the app's id, its name, "
            "our id)" +
            meant(given)
        );
        return k_failed;
    }
    std::vector<call_line> found;
    std::string call = subject->text;
    if (subject->is != call_subject::kind::call) {
        found = db.calls(filter_of(*subject, since_of(o, at)));
        if (found.empty()) {
            complain("there is no call of " + subject->name + " " + span_of(o));
            return k_failed;
        }
        call = found.front().id.text();
    }
    const auto c = db.explain(call, o.settings.device_life);
    if (!c) { // retention was faster
        complain("no call or webhook is known under " + given);
        return k_failed;
    }
    show(o, *c, subject->device);
    show_others(o, found, at);
    return k_ok;
}

call_filter wanted(admin& db, const options& o, time_point now) {
    const auto& a = o.arguments;
    call_filter f;
    f.since = since_of(o, now);
    f.number = a.number;
    f.missed = a.missed;
    if (!a.user.empty()) f.user = known_user(db, a.user);
    if (a.device.empty()) return f;
    const auto device = db.find_device(a.device);
    if (!device)
        throw std::runtime_error(
            "there is no device \"" + a.device +
            "\": give the app's id, its name or our id; see --list-devices --user USER"
        );
    f.user = device->user; // also those for which it did not ring
    return f;
}

int list(admin& db, const options& o) {
    const auto at = now();
    const auto f = wanted(db, o, at);
    const auto found = db.calls(f);
    for (const auto& l : found)
        print_row(o, row_json(l), call_row(l, at, local_style()));
    if (found.empty() && !o.json)
        print_row(o, {}, (o.arguments.missed ? "no missed calls " : "no calls ") + span_of(o));
    if (found.size() >= f.limit)
        complain("only the newest " + std::to_string(f.limit) + " are shown; narrow it by --since");
    return k_ok;
}

} // namespace

int calls(const options& o) {
    admin db(o.settings.database.url);
    return o.what == command::explain ? explain(db, o) : list(db, o);
}

} // namespace z360::app
