// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls with 5 devices each against the simulated carrier: what part of the delays is ours, and what a call
// costs. Times are the carrier's: when its webhook left, when our command arrived. Also memory per live call.
//
//   bench_rings [CALLS] [push] [busy] [outbound] [rate=N] [grown=N]
//
// push: the five are Android phones that are woken by pushes, too. rate: calls a second, 20 unless told.
// grown: the database holds so many thousand calls and ten times as many events already. busy: another
// program keeps one processor busy. outbound: devices call, at most 600 times, and reach a line that is
// taken.
#include "bench/cost.hpp"
#include "bench/load.hpp"
#include "support/rig.hpp"

#include <pthread.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>

using namespace z360;
using namespace z360::bench;
using namespace std::chrono_literals;
using z360::testing::rig;

namespace {

double ms(std::chrono::milliseconds d) {
    return static_cast<double>(d.count());
}

std::optional<time_point> sent(const sim::webhook_record& w) {
    if (w.attempts.empty()) return std::nullopt;
    return w.attempts.front().started;
}

void row(const char* what, samples& s) {
    std::printf(
        "%-44s p50 %6.1f ms  p99 %6.1f ms  max %6.1f ms  (n=%zu)\n", what, s.percentile(50), s.percentile(99),
        s.percentile(100), s.count()
    );
}

struct delays {
    samples to_last_dial;
    samples to_bridge;
    samples to_last_hangup;
    samples to_first_push;
    samples to_last_push;
    samples push_after_dial; ///< of the last of each; below 0: before it
};

void averages(const std::string& metrics, const std::string& name) {
    std::istringstream in(metrics);
    std::map<std::string, std::pair<double, double>> found; // labels → sum, count
    for (std::string line; std::getline(in, line);) {
        const auto space = line.rfind(' ');
        if (space == std::string::npos) continue;
        const double value = std::atof(line.c_str() + space);
        if (line.rfind(name + "_sum", 0) == 0)
            found[line.substr(name.size() + 4, space - name.size() - 4)].first = value;
        if (line.rfind(name + "_count", 0) == 0)
            found[line.substr(name.size() + 6, space - name.size() - 6)].second = value;
    }
    for (const auto& [labels, v] : found)
        std::printf(
            "  %-34s %-36s %8.0f times, %7.3f ms on average\n", name.c_str(), labels.c_str(), v.second,
            v.second > 0 ? v.first * 1000 / v.second : 0
        );
}

/// First and last first round of `incoming_call` in each session.
using push_times = std::map<std::string, std::pair<time_point, time_point>>;

push_times times_of(rig& r) {
    push_times out;
    for (const auto& p : r.pushes("incoming_call")) {
        const auto session = p.body.at("message").at("data").at("call_session_id").get<std::string>();
        const auto [it, fresh] = out.try_emplace(session, p.at, p.at);
        if (!fresh && p.at - it->second.first < 900ms) it->second.second = std::max(it->second.second, p.at);
    }
    return out;
}

// One session's journal turned into our shares of the delays.
void measure(const sim::carrier& c, const std::string& session, const push_times& pushes, delays& out) {
    const auto& t = c.seen();
    std::optional<time_point> initiated;
    std::optional<time_point> answered;
    std::optional<time_point> caller_left;
    std::string caller;
    for (const auto& l : c.legs(session))
        if (l.kind == sim::leg_kind::caller) caller = l.call_control_id;
    for (const auto* w : t.webhooks_of("call.initiated", session))
        if (w->call_control_id == caller) initiated = sent(*w);
    for (const auto* w : t.webhooks_of("call.answered", session))
        if (w->call_control_id != caller && !answered) answered = sent(*w);
    for (const auto* w : t.webhooks_of("call.hangup", session))
        if (w->call_control_id == caller) caller_left = sent(*w);
    const auto dials = t.commands_of("dial", session);
    if (initiated && !dials.empty()) {
        auto last = dials.front()->at;
        for (const auto* d : dials)
            last = std::max(last, d->at);
        out.to_last_dial.add(ms(last - *initiated));
        if (const auto p = pushes.find(session); p != pushes.end()) {
            out.to_first_push.add(ms(p->second.first - *initiated));
            out.to_last_push.add(ms(p->second.second - *initiated));
            out.push_after_dial.add(ms(p->second.second - last));
        }
    }
    const auto answers = t.commands_of("answer", session);
    const auto bridges = t.commands_of("bridge", session);
    if (answered && !answers.empty() && !bridges.empty() && answers.front()->replied_at) {
        // The carrier's own time for the answer command is not ours.
        const auto ours =
            (answers.front()->at - *answered) + (bridges.front()->at - *answers.front()->replied_at);
        out.to_bridge.add(ms(ours));
    }
    if (caller_left) {
        std::optional<time_point> last;
        for (const auto* h : t.commands_of("hangup", session))
            if (h->at >= *caller_left && (!last || h->at > *last)) last = h->at;
        if (last) out.to_last_hangup.add(ms(*last - *caller_left));
    }
}

rig make_rig(bool push = false) {
    z360::testing::rig_options o;
    o.direct = true;
    o.push = push;
    o.devices = push ? 0 : 5;
    o.environment["Z360_TELNYX_DIALS_PER_5S"] = "100000";
    o.environment["Z360_LOG_LEVEL"] = "warn";
    o.carrier.dials_per_window = 1'000'000;
    return rig(std::move(o));
}

/// Five phones with push tokens; the SIP user of the first.
std::string install_phones(rig& r) {
    std::string first;
    for (int n = 1; n <= 5; ++n) {
        const auto token = "phone" + std::to_string(n) + ":APA91b" + std::string(40, 'x');
        r.know_android(token);
        const auto reply = r.register_device("phone-" + std::to_string(n), "android", {{"fcm_token", token}});
        const auto name = reply.data().at("sip_credentials").at("sip_username").get<std::string>();
        if (n == 1) first = name;
    }
    return first;
}

void rings(rig& r, double calls_per_second, int calls, const std::string& answering) {
    r.carrier().set_phone(answering, sim::phone::answers(600ms));
    std::vector<std::string> callers;
    std::this_thread::sleep_for(6s); // a server that has been there for a moment: its connections are warm
    const auto before = cost_of(r);
    const auto start = steady::now();
    const auto at = [&](double seconds) {
        std::this_thread::sleep_until(
            start + std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(seconds))
        );
    };
    // Every second caller gives up after 0.4 s of ringing; the others are answered at 0.6 s and talk for a
    // second.
    struct step {
        double due;
        int call;
        bool begins;
    };
    std::vector<step> plan;
    for (int i = 0; i < calls; ++i) {
        plan.push_back({i / calls_per_second, i, true});
        plan.push_back({i / calls_per_second + (i % 2 == 0 ? 0.4 : 1.6), i, false});
    }
    std::sort(plan.begin(), plan.end(), [](const step& x, const step& y) { return x.due < y.due; });
    for (const auto& p : plan) {
        at(p.due);
        if (p.begins)
            callers.push_back(r.call("+1312555" + std::to_string(1000 + p.call % 9000)));
        else
            r.carrier().caller_hangs_up(callers[static_cast<std::size_t>(p.call)]);
    }
    const bool quiet = r.carrier().wait_until([](const sim::carrier& c) { return c.alive_legs() == 0; }, 20s);
    const auto spent = cost_of(r).since(before);
    auto appends = single_appends(r, 200);
    delays d;
    const auto pushes = r.pushing() ? times_of(r) : push_times{};
    r.carrier().with([&](sim::carrier& c, time_point) {
        for (const auto& s : c.seen().sessions)
            measure(c, s, pushes, d);
    });
    std::printf(
        "%.0f calls/s x 5 devices, %d calls, every leg dead at the end: %s\n", calls_per_second, calls,
        quiet ? "yes" : "NO"
    );
    row("call.initiated -> last dial", d.to_last_dial);
    row("device answered -> bridge (our share)", d.to_bridge);
    row("caller hangs up -> last hang-up command", d.to_last_hangup);
    if (r.pushing()) {
        row("call.initiated -> first push", d.to_first_push);
        row("call.initiated -> last push", d.to_last_push);
        row("last dial -> last push", d.push_after_dial);
    }
    std::printf(
        "a single append by our own inbox, nothing beside it: p50 %.2f ms (n=%zu)\n",
        appends.empty() ? 0 : appends[appends.size() / 2] / 1'000, appends.size()
    );
    std::printf(
        "a call: %.1f statements, %.1f commits; processor time: server %.1f ms, Postgres %.1f ms\n",
        spent.statements / calls, spent.commits / calls, spent.server * 1'000 / calls,
        spent.postgres * 1'000 / calls
    );
    // Where the time went, by the server's own histograms.
    for (const char* name :
         {"z360_postgres_statement_seconds", "z360_postgres_wait_seconds", "z360_telnyx_request_seconds",
          "z360_event_handling_seconds", "z360_webhook_ack_seconds", "z360_loop_delay_seconds",
          "z360_redis_command_seconds"})
        averages(r.server().get("/metrics"), name);
    const auto wrong = r.complaints();
    if (!wrong.empty()) std::printf("WRONG: %s\n", wrong.c_str());
}

/// Twenty devices take turns.
rig make_calling_rig() {
    z360::testing::rig_options o;
    o.direct = true;
    o.devices = 20;
    o.environment["Z360_CALLS_OUTBOUND_PER_MINUTE"] = "600";
    o.environment["Z360_LOG_LEVEL"] = "warn";
    return rig(std::move(o));
}

void calls_out(rig& r, double calls_per_second, int calls) {
    constexpr const char* k_peer = "+14155550199";
    r.carrier().set_phone(k_peer, sim::phone::busy());
    std::this_thread::sleep_for(6s); // as for rings
    const auto before = cost_of(r);
    const auto start = steady::now();
    for (int i = 0; i < calls; ++i) {
        std::this_thread::sleep_until(
            start +
            std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(i / calls_per_second))
        );
        r.carrier().with([&](sim::carrier& c, time_point now) {
            return c.device_calls(r.device(1 + i % 20), "14155550199", nlohmann::json(), now);
        });
    }
    const bool quiet = r.carrier().wait_until([](const sim::carrier& c) { return c.alive_legs() == 0; }, 20s);
    const auto spent = cost_of(r).since(before);
    samples to_order, to_end;
    r.carrier().with([&](sim::carrier& c, time_point) {
        for (const auto& session : c.seen().sessions) {
            const auto told = c.seen().webhooks_of("call.initiated", session);
            const auto orders = c.seen().commands_of("transfer", session);
            const auto ends = c.seen().webhooks_of("call.hangup", session);
            const auto hangups = c.seen().commands_of("hangup", session);
            if (told.empty() || orders.empty()) continue;
            if (const auto at = sent(*told.front())) to_order.add(ms(orders.front()->at - *at));
            if (ends.empty() || hangups.empty()) continue;
            if (const auto at = sent(*ends.front())) to_end.add(ms(hangups.front()->at - *at));
        }
    });
    std::printf(
        "%.0f calls/s by devices, %d calls, every leg dead at the end: %s\n", calls_per_second, calls,
        quiet ? "yes" : "NO"
    );
    row("call.initiated of a device -> transfer", to_order);
    row("called line is taken -> device's hang-up", to_end);
    std::printf(
        "a call: %.1f statements, %.1f commits; processor time: server %.1f ms, Postgres %.1f ms\n",
        spent.statements / calls, spent.commits / calls, spent.server * 1'000 / calls,
        spent.postgres * 1'000 / calls
    );
    const auto wrong = r.complaints();
    if (!wrong.empty()) std::printf("WRONG: %s\n", wrong.c_str());
}

/// Once it does not grow by itself any more: connections get ready for calls from three seconds after their
/// start.
long resident_at_rest(rig& r) {
    long last = r.server().resident_kib();
    for (int same = 0, looks = 0; same < 8 && looks < 60; ++looks) {
        std::this_thread::sleep_for(500ms);
        same = r.server().resident_kib() == last ? same + 1 : 0;
        last = r.server().resident_kib();
    }
    return last;
}

void memory(rig& r, int calls) {
    const long started = r.server().resident_kib();
    const long idle = resident_at_rest(r);
    for (int n = 1; n <= 5; ++n)
        r.phone(n, sim::phone::ignores());
    std::vector<std::string> callers;
    for (int i = 0; i < calls; ++i) {
        callers.push_back(r.call("+1312556" + std::to_string(1000 + i % 9000)));
        if (i % 20 == 19) std::this_thread::sleep_for(200ms); // 100 calls/s
    }
    const auto ringing = static_cast<std::size_t>(calls) * 5;
    const bool all = r.carrier().wait_until(
        [&](const sim::carrier& c) { return c.alive_legs() >= ringing + static_cast<std::size_t>(calls); },
        25s
    );
    const long live = r.server().resident_kib();
    std::printf(
        "resident when ready %.1f MiB, at rest %.1f; with %d live calls x 5 ringing legs %.1f MiB = %.1f KiB "
        "per call%s\n",
        static_cast<double>(started) / 1024, static_cast<double>(idle) / 1024, calls,
        static_cast<double>(live) / 1024, static_cast<double>(live - idle) / calls,
        all ? "" : " (NOT all legs rang)"
    );
    for (const auto& c : callers)
        r.carrier().caller_hangs_up(c);
    (void)r.carrier().wait_until([](const sim::carrier& c) { return c.alive_legs() == 0; }, 30s);
}

/// Keeps one processor busy while it lives.
class busy_processor {
  public:
    busy_processor()
        : thread_([](const std::stop_token& stop) {
              cpu_set_t one;
              CPU_ZERO(&one);
              CPU_SET(0, &one);
              (void)pthread_setaffinity_np(pthread_self(), sizeof one, &one);
              while (!stop.stop_requested()) {
              }
          }) {}

  private:
    std::jthread thread_;
};

void grow_by(rig& r, std::size_t thousands) {
    if (thousands == 0) return;
    const auto began = steady::now();
    const auto caller = r.call();
    const auto session = r.session(caller);
    r.carrier().caller_hangs_up(caller);
    if (!r.phase(session, "ended", 20s) || !r.quiet(session, 0, 20s)) return;
    grow(r, thousands * 1'000, thousands * 10'000);
    std::printf(
        "grown by %s calls and %s events in %.0f s\n",
        r.sql("select count(*) from calls where call_session_id like 'grown-%'").c_str(),
        r.sql("select count(*) from webhook_events where event_id like 'grown-%'").c_str(),
        std::chrono::duration<double>(steady::now() - began).count()
    );
}

} // namespace

int main(int argc, char** argv) {
    (void)std::setvbuf(stdout, nullptr, _IOLBF, 0); // it runs for minutes
    if (!rig::available()) {
        std::puts("bench_rings needs Z360_TEST_DATABASE_URL and Z360_TEST_REDIS_URL; use scripts/bench");
        return 2;
    }
    const int asked = argc > 1 ? std::atoi(argv[1]) : 0;
    const int calls = asked > 0 ? asked : 400;
    const double rate = argument(argc, argv, "rate", 20);
    const auto grown = static_cast<std::size_t>(argument(argc, argv, "grown", 0));
    const auto asked_for = [&](std::string_view word) {
        return std::any_of(argv + 1, argv + argc, [word](const char* a) { return a == word; });
    };
    const bool push = asked_for("push");
    std::optional<busy_processor> other;
    if (asked_for("outbound")) {
        auto r = make_calling_rig();
        calls_out(r, rate, std::min(calls, 600));
        return 0;
    }
    // Rings first: dropping the database of an earlier rig makes Postgres write everything out at once.
    {
        auto r = make_rig();
        grow_by(r, grown);
        if (asked_for("busy")) other.emplace();
        rings(r, rate, calls, r.device(1));
    }
    other.reset();
    if (push) {
        auto r = make_rig(true);
        const auto first = install_phones(r);
        rings(r, rate, calls, first);
        return 0;
    }
    auto r = make_rig();
    memory(r, 500);
    return 0;
}
