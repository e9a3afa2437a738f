// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/ladder.hpp"

#include <z360/base/columns.hpp>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

namespace z360::sim {

namespace {

std::string name_of(const phone_names& names, const std::string& username) {
    const auto known = names.find(username);
    return known == names.end() ? username : known->second;
}
// Of who is at the end of a leg.
std::string name_of(const carrier& c, const phone_names& names, const std::string& id) {
    const auto l = c.leg(id);
    if (!l) return id.empty() ? "?" : id;
    if (l->kind == leg_kind::caller) return "caller";
    return l->username.empty() ? l->to : name_of(names, l->username);
}
// "sip:gencred…@host", or a username.
std::string name_of_address(const phone_names& names, const std::string& address) {
    const auto from = address.starts_with("sip:") ? std::size_t{4} : std::size_t{0};
    const auto known = names.find(address.substr(from, address.find('@') - from));
    return known == names.end() ? address : known->second;
}

void add_webhooks(
    const carrier& c, const phone_names& names, std::string_view session, std::vector<rung>& out
) {
    for (const auto& [id, w] : c.seen().webhooks) {
        if (!session.empty() && w.session != session) continue;
        const auto what = w.event_type + " " + name_of(c, names, w.call_control_id);
        if (w.state == delivery_state::dropped) {
            out.push_back({w.emitted_at, lane::webhook, what, "lost on purpose", true});
            continue;
        }
        for (const auto& a : w.attempts) {
            const auto took = " after " + std::to_string((a.finished - a.started).count()) + " ms";
            const auto result = a.status == 0 ? "no answer" + took : std::to_string(a.status) + took;
            out.push_back({a.started, lane::webhook, what, result, !a.ok()});
        }
    }
}

void add_commands(
    const carrier& c, const phone_names& names, std::string_view session, std::vector<rung>& out
) {
    for (const auto& [id, cmd] : c.seen().commands) {
        if (!session.empty() && cmd.session != session) continue;
        auto what = cmd.verb + " ";
        if (cmd.verb == "dial" || is_credential_verb(cmd.verb))
            what += cmd.target.empty() ? cmd.credential_id : name_of_address(names, cmd.target);
        else
            what += name_of(c, names, cmd.call_control_id);
        if (cmd.verb == "transfer") what += " to " + name_of_address(names, cmd.target);
        if (cmd.verb == "bridge") what += " with " + name_of(c, names, cmd.target);
        auto result = cmd.status == 0 ? std::string("no reply") : std::to_string(cmd.status);
        if (!cmd.code.empty()) result += " " + cmd.code;
        if (cmd.duplicate) result += " (repeat, ignored)";
        if (!cmd.fault.empty()) result += " (" + cmd.fault + ")";
        out.push_back({cmd.at, lane::command, what, result, !cmd.accepted()});
    }
}

struct look {
    const char* name;
    const char* colour;
};
look look_of(lane l) {
    switch (l) {
    case lane::caller: return {"caller", "\033[1m"};
    case lane::webhook: return {"webhook  →", "\033[36m"};
    case lane::command: return {"command  ←", "\033[33m"};
    case lane::phone: return {"phone", "\033[35m"};
    case lane::bridge: return {"bridge", "\033[1;32m"};
    case lane::push: return {"push     ←", "\033[35m"};
    case lane::decision: return {"decision", "\033[34m"};
    }
    return {"", ""};
}

// Never cut: what is longer pushes the rest aside.
std::string padded(std::string text, std::size_t columns) {
    const auto taken = columns_of(text);
    if (taken < columns) text.append(columns - taken, ' ');
    return text;
}

std::string text_at(const json& j, const char* key) {
    const auto it = j.find(key);
    if (it == j.end() || it->is_null()) return {};
    return it->is_string() ? it->get<std::string>() : it->dump();
}

// Without the ids of whom `who` names already.
std::string without_ids(std::string_view detail) {
    static constexpr std::string_view k_ids[] = {"leg=", "device=", "command_id=", "call_control_id="};
    std::string out;
    while (!detail.empty()) {
        const auto end = std::min(detail.find(' '), detail.size());
        const auto word = detail.substr(0, end);
        const bool id =
            std::any_of(std::begin(k_ids), std::end(k_ids), [word](auto i) { return word.starts_with(i); });
        if (!id) out += (out.empty() ? "" : " ") + std::string(word);
        detail.remove_prefix(std::min(end + 1, detail.size()));
    }
    return out;
}

// What became of a push, in the words of its own line.
void tell_of_push(rung& r, const std::string& who) {
    constexpr std::string_view k_kind = "what=";
    const bool accepted = r.what.starts_with("push_accepted ");
    if ((!accepted && !r.what.starts_with("push_failed ")) || !r.detail.starts_with(k_kind)) return;
    const auto end = std::min(r.detail.find(' '), r.detail.size());
    r.what = r.detail.substr(k_kind.size(), end - k_kind.size()) + " " + who +
             (accepted ? " accepted" : " failed");
    r.detail.erase(0, std::min(end + 1, r.detail.size()));
}

} // namespace

std::vector<rung> ladder_of(const carrier& c, std::string_view session, const phone_names& names) {
    std::vector<rung> out;
    for (const auto& l : c.legs(session)) {
        if (!l.calls()) continue;
        const auto who = l.kind == leg_kind::caller ? std::string{} : name_of(names, l.username) + " ";
        out.push_back({l.began, lane::caller, who + "calls " + l.to, "from " + l.from, false});
        if (l.ended_at) {
            const bool left = l.hangup_source == "caller";
            out.push_back(
                {*l.ended_at, lane::caller, who + (left ? "hangs up" : "is disconnected"), l.hangup_cause,
                 false}
            );
        }
    }
    add_webhooks(c, names, session, out);
    add_commands(c, names, session, out);
    for (const auto& p : c.seen().phones)
        if (session.empty() || p.session == session)
            out.push_back({p.at, lane::phone, name_of(names, p.username) + " " + p.what, {}, false});
    for (const auto& b : c.seen().bridges) {
        if (!session.empty() && b.session != session) continue;
        const auto who = name_of(c, names, b.caller) + " and " + name_of(c, names, b.device);
        out.push_back(
            {b.began, lane::bridge, who + " talk", b.displaced_another ? "SECOND BRIDGE" : "",
             b.displaced_another}
        );
        if (b.ended) out.push_back({*b.ended, lane::bridge, who + " end", {}, false});
    }
    return in_order(std::move(out));
}

std::vector<rung> in_order(std::vector<rung> rungs) {
    std::multimap<time_point, rung> sorted; // equal times keep their order
    for (auto& r : rungs)
        sorted.emplace(r.at, std::move(r));
    rungs.clear();
    for (auto& [at, r] : sorted)
        rungs.push_back(std::move(r));
    return rungs;
}

std::vector<rung> read_decisions(std::string_view lines) {
    std::vector<rung> out;
    while (!lines.empty()) {
        const auto end = lines.find('\n');
        const auto line = lines.substr(0, end);
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
        const auto j = json::parse(line.begin(), line.end(), nullptr, false);
        if (!j.is_object() || !j.contains("at")) continue;
        // Webhooks and outcomes are in the ladder already, as the carrier saw them.
        const auto source = text_at(j, "source");
        if (source == "webhook" || source == "outcome") continue;
        rung r;
        r.where = lane::decision;
        if (j["at"].is_number_integer()) {
            r.at = time_point{millis{j["at"].get<std::int64_t>()}};
        } else {
            const auto t = parse_iso8601(text_at(j, "at"));
            if (!t) continue;
            r.at = *t;
        }
        r.what = text_at(j, "what");
        r.detail = text_at(j, "detail");
        if (text_at(j, "channel") == "push" || r.what == "push_accepted" || r.what == "push_failed")
            r.where = lane::push;
        r.trouble = r.what == "push_failed";
        if (const auto who = text_at(j, "who"); !who.empty()) {
            r.what += " " + who;
            r.detail = without_ids(r.detail);
            tell_of_push(r, who);
        }
        out.push_back(std::move(r));
    }
    return out;
}

std::string render(const rung& r, const ladder_style& style) {
    char when[32];
    const auto ms = (r.at - style.origin.value_or(r.at)).count();
    std::snprintf(when, sizeof when, "%+8lld ms", static_cast<long long>(ms));
    const auto l = look_of(r.where);
    const auto lane_text = padded(l.name, 11);
    const auto what = r.detail.empty() ? r.what : padded(r.what, 44);
    if (!style.colour)
        return std::string(when) + "  " + lane_text + " " + what + (r.detail.empty() ? "" : "  " + r.detail) +
               "\n";
    const std::string off = "\033[0m";
    auto line = "\033[2m" + std::string(when) + off + "  " + l.colour + lane_text + off + " " + what;
    if (!r.detail.empty()) line += std::string("  ") + (r.trouble ? "\033[31m" : "\033[2m") + r.detail + off;
    return line + "\n";
}

std::string render(const std::vector<rung>& rungs, ladder_style style) {
    if (!style.origin && !rungs.empty()) style.origin = rungs.front().at;
    std::string out;
    for (const auto& r : rungs)
        out += render(r, style);
    return out;
}

} // namespace z360::sim
