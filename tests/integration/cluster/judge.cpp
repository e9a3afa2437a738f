// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "integration/cluster/judge.hpp"

#include "integration/flows/aftermath.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>

namespace z360::testing {
namespace {

bool is_joined(const sim::carrier& c, const party& p) {
    const auto leg = c.leg(p.caller);
    return leg && leg->alive() && !leg->bridged_with.empty();
}

bool is_served(const sim::carrier& c, const party& p) {
    const auto leg = c.leg(p.caller);
    return leg && leg->alive() && (!leg->bridged_with.empty() || leg->recording);
}

std::string state_of(const sim::carrier& c, const party& p) {
    const auto leg = c.leg(p.caller);
    std::string out = p.session + " (" + std::to_string(c.alive_legs(p.session)) + " legs live";
    if (!leg->alive()) out += ", the caller's ended by " + leg->hangup_source + " as " + leg->hangup_cause;
    if (leg->alive() && leg->bridged_with.empty())
        out += leg->answered_at ? ", caller answered" : ", caller parked";
    return out + ")\n";
}

using test_of = std::function<bool(const sim::carrier&, const party&)>;

std::string failing(rig& r, const std::vector<party>& all, millis limit, const test_of& is) {
    const auto each = [&](const sim::carrier& c) {
        return std::all_of(all.begin(), all.end(), [&](const party& p) { return is(c, p); });
    };
    if (r.carrier().wait_until(each, limit)) return {};
    return r.carrier().with([&](sim::carrier& c, time_point) {
        std::string out;
        for (const auto& p : all)
            if (!is(c, p)) out += state_of(c, p);
        return out;
    });
}

// A hang-up that arrived when the two were joined already, and found nobody gone.
bool cuts(const sim::command_record& hangup, const sim::bridge_record& b) {
    if (!hangup.accepted() || hangup.duplicate || !hangup.acted_at) return false;
    if (hangup.call_control_id != b.caller && hangup.call_control_id != b.device) return false;
    return hangup.at >= b.began && (!b.ended || *b.ended >= *hangup.acted_at);
}

void hang_up(rig& r, const std::vector<party>& all) {
    r.carrier().with([&](sim::carrier& c, time_point now) {
        for (const auto& p : all)
            if (const auto leg = c.leg(p.caller); leg && leg->alive()) c.caller_hangs_up(p.caller, now);
    });
}

std::string living(rig& r, const std::vector<party>& all, millis limit) {
    return failing(r, all, limit, [](const sim::carrier& c, const party& p) {
        return c.alive_legs(p.session) == 0;
    });
}

} // namespace

party arrive(rig& r, const std::string& from) {
    party p;
    p.caller = r.call(from);
    p.session = r.session(p.caller);
    return p;
}

std::string cut_talks(rig& r) {
    return r.carrier().with([](sim::carrier& c, time_point) {
        std::string out;
        const auto hangups = c.seen().commands_of("hangup");
        for (const auto& b : c.seen().bridges) {
            if (b.displaced_another) out += "a talk was displaced in " + b.session + "\n";
            for (const auto* h : hangups) {
                if (!cuts(*h, b)) continue;
                out += "a talk of " + std::to_string((*h->acted_at - b.began).count()) + " ms was cut in " +
                       b.session + "\n";
                break;
            }
        }
        return out;
    });
}

std::string not_joined(rig& r, const std::vector<party>& all, millis limit) {
    return failing(r, all, limit, is_joined);
}

std::string not_served(rig& r, const std::vector<party>& all, millis limit) {
    return failing(r, all, limit, is_served);
}

std::string parted(rig& r, const std::vector<party>& all, millis stretch) {
    const auto somebody = [&](const sim::carrier& c) {
        return std::any_of(all.begin(), all.end(), [&](const party& p) { return !is_joined(c, p); });
    };
    if (!r.carrier().wait_until(somebody, stretch)) return {};
    return failing(r, all, millis{1}, is_joined);
}

std::string farewell(rig& r, const std::vector<party>& all, millis limit) {
    hang_up(r, all);
    if (auto w = living(r, all, limit); !w.empty()) return "alive: " + w;
    std::string out;
    const auto until = std::chrono::steady_clock::now() + limit; // for all of them together
    for (const auto& p : all) {
        const auto left = std::chrono::floor<millis>(until - std::chrono::steady_clock::now());
        if (const auto w = aftermath(r, p.session, std::max(left, millis{0})); !w.empty())
            out += p.session + ": " + w + "\n";
    }
    return out;
}

std::string farewell_after_loss(rig& r, const std::vector<party>& all, millis limit) {
    hang_up(r, all);
    if (auto w = living(r, all, limit); !w.empty()) return "alive: " + w;
    std::string open;
    const auto over = [&] {
        open =
            r.sql("select string_agg(call_session_id || ' ' || phase, ', ') from calls where phase <> 'ended'"
            );
        return open.empty();
    };
    return eventually(over, limit) ? "" : "not over in the rows: " + open;
}

std::vector<std::string> unlucky(rig& r) {
    constexpr std::size_t k_most = 3;
    return r.carrier().with([](sim::carrier& c, time_point) {
        const auto& bridges = c.seen().bridges;
        const auto hangups = c.seen().commands_of("hangup");
        std::vector<std::string> out;
        for (const auto& session : c.seen().sessions) {
            const auto cut = [&](const sim::bridge_record& b) {
                return b.session == session &&
                       (b.displaced_another ||
                        std::any_of(hangups.begin(), hangups.end(), [&](const auto* h) {
                            return cuts(*h, b);
                        }));
            };
            const auto joined = [&](const sim::bridge_record& b) { return b.session == session; };
            if (out.size() < k_most &&
                (c.alive_legs(session) > 0 || std::none_of(bridges.begin(), bridges.end(), joined) ||
                 std::any_of(bridges.begin(), bridges.end(), cut)))
                out.push_back(session);
        }
        return out;
    });
}

std::string history(rig& r, const std::string& session) {
    std::multimap<time_point, std::string> lines;
    r.carrier().with([&](sim::carrier& c, time_point) {
        for (const auto& [_, d] : c.seen().commands) {
            if (d.session != session) continue;
            auto line = d.verb + " " + d.call_control_id + " " + d.command_id + " " + d.target + " -> " +
                        std::to_string(d.status) + " " + d.code + (d.duplicate ? " duplicate" : "");
            lines.emplace(d.acted_at.value_or(d.at), std::move(line));
        }
        for (const auto& [_, w] : c.seen().webhooks)
            if (w.session == session)
                lines.emplace(w.emitted_at, "  told: " + w.event_type + " " + w.call_control_id);
        for (const auto& p : c.seen().phones)
            if (p.session == session)
                lines.emplace(p.at, "  phone " + p.username + " " + p.what + " " + p.call_control_id);
    });
    std::string out = "history of " + session + "\n";
    if (lines.empty()) return out;
    for (const auto& [at, line] : lines)
        out += std::to_string((at - lines.begin()->first).count()) + " " + line + "\n";
    const auto id = r.sql("select call_id from calls where call_session_id = '" + session + "'");
    for (std::size_t n = 0; !id.empty() && n < r.servers(); ++n) {
        out += "log of node " + std::to_string(n) + "\n";
        std::ifstream log(r.server(n).log_file());
        for (std::string line; std::getline(log, line);)
            if (line.find(id) != std::string::npos) out += line + "\n";
    }
    return out;
}

std::string buried_or_tried_more_than(rig& r, int times) {
    return r.sql(
        "select string_agg(event_type || ' ' || status || ' after ' || attempts || ' attempts', ', ') from "
        "webhook_events where status = 'dead' or attempts > " +
        std::to_string(times)
    );
}

double total(rig& r, const std::string& metric) {
    double sum = 0;
    for (std::size_t n = 0; n < r.servers(); ++n)
        sum += r.server(n).metric(metric);
    return sum;
}

} // namespace z360::testing
