// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps read, mixed at 200 requests a second over keep-alive connections, while calls ring and are talked
// on; /healthz, which asks nobody, is the baseline in the same run. Needs Z360_TEST_DATABASE_URL
// (scripts/bench sets it).
//
//   bench_api [grown=N]
//
// grown: the database holds so many thousand calls of the same organisation, and ten times as many events.
#include "adapter/crypto/ring_ticket.hpp"
#include "bench/cost.hpp"
#include "bench/load.hpp"
#include "support/rig.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace z360;
using namespace z360::bench;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr std::size_t k_devices = 5;
constexpr unsigned k_connections = 16;
constexpr double k_reads_per_second = 200;
constexpr std::size_t k_seconds = 30;

struct route {
    const char* name;
    const char* method;
    std::string path;
    std::string body;
};

/// `who`: what the Authorization header says.
std::string request(const route& r, const std::string& who) {
    std::string out = std::string(r.method) + " " + r.path + " HTTP/1.1\r\nHost: voip.test\r\n";
    if (!who.empty()) out += "Authorization: " + who + "\r\n";
    if (!r.body.empty()) out += "Content-Type: application/json\r\n";
    if (r.method != std::string_view("GET"))
        out += "Content-Length: " + std::to_string(r.body.size()) + "\r\n";
    return out + "\r\n" + r.body;
}

z360::testing::rig_options options() {
    z360::testing::rig_options o;
    o.devices = 0;
    o.direct = true;
    o.environment["Z360_LOG_LEVEL"] = "warn";
    for (const char* c : {"REGISTER", "CREDENTIALS", "POLL", "READ", "ADDRESS"})
        o.environment[std::string("Z360_LIMITS_") + c + "_PER_MINUTE"] = "1000000";
    return o;
}

std::vector<std::string> register_devices(z360::testing::rig& r) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < k_devices; ++i) {
        const auto reply = r.register_device("phone-" + std::to_string(i));
        if (reply.status != 201) {
            std::printf("a device does not register: %s\n", reply.body.c_str());
            std::exit(1);
        }
        out.push_back("Bearer " + reply.data().at("device_token").get<std::string>());
    }
    return out;
}

/// Some calls that are over, and one that rings; the session of the latter.
std::string make_calls(z360::testing::rig& r) {
    for (int i = 0; i < 15; ++i) {
        const auto caller = r.call();
        const auto session = r.session(caller);
        if (!r.ringing(session, 1)) std::puts("a call does not ring");
        r.carrier().caller_hangs_up(caller);
        if (!r.phase(session, "ended")) std::puts("a call does not end");
    }
    // A person of some years: what is asked about live calls must not cost by what is over.
    (void)r.sql(
        "create temporary table past as select call_id as old, gen_random_uuid() as fresh "
        "from calls, generate_series(1, 200) where phase = 'ended'; "
        "insert into calls (call_id, call_session_id, org_id, user_id, phone_number_id, phase, end_reason, "
        "version, snapshot, began_at, ended_at, updated_at) "
        "select fresh, fresh::text, org_id, user_id, phone_number_id, phase, end_reason, version, snapshot, "
        "began_at - interval '1 hour', ended_at, updated_at from past join calls on call_id = old; "
        "insert into call_legs (leg_id, call_id, org_id, device_id, identity_id, dial, initiated, answered, "
        "bridged, ended) select gen_random_uuid(), fresh, org_id, device_id, identity_id, dial, initiated, "
        "answered, bridged, ended from past join call_legs on call_id = old; analyze calls; analyze call_legs"
    );
    const auto session = r.session(r.call());
    if (!r.ringing(session, k_devices)) std::puts("the call does not ring everywhere");
    return session;
}

/// What a push of the ringing call carries, for one of its phones.
std::string ticket_for(z360::testing::rig& r, const std::string& session) {
    const auto column = [&](const std::string& what) {
        return r.sql(
            "select " + what + " from calls join call_legs using (call_id) where call_session_id = '" +
            session + "' limit 1"
        );
    };
    adapter::crypto::ring_ticket t;
    t.call = *call_id::parse(column("call_id"));
    t.ring = 1;
    t.device = {std::stoll(column("device_id"))};
    t.user = {r.user()};
    t.org = {r.org()};
    t.until = std::chrono::floor<millis>(std::chrono::system_clock::now()) + std::chrono::hours{1};
    const secret api_key(r.server().environment().at("Z360_TELNYX_API_KEY"));
    return "Ticket " + std::string(adapter::crypto::ring_ticket_codec({}, api_key).sign(t).reveal());
}

} // namespace

int main(int argc, char** argv) {
    if (!z360::testing::rig::available()) {
        std::puts("bench_api needs Z360_TEST_DATABASE_URL and Z360_TEST_REDIS_URL; use scripts/bench");
        return 2;
    }
    z360::testing::rig r(options());
    const auto bearers = register_devices(r);
    const auto session = make_calls(r);
    const auto ticket = ticket_for(r, session);
    const auto thousands = static_cast<std::size_t>(argument(argc, argv, "grown", 0));
    if (thousands > 0) grow(r, thousands * 1'000, thousands * 10'000);
    constexpr std::size_t k_by_ticket = 2; // of the routes below
    const json switched{{"target_organization_id", r.org()}};
    const std::vector<route> routes{
        {"healthz (baseline)", "GET", "/healthz", ""},
        {"call-status", "GET", "/api/voip/call-status/" + session, ""},
        {"call-status by ticket", "GET", "/api/voip/call-status/" + session, ""},
        {"my-active-call", "GET", "/api/voip/my-active-call", ""},
        {"devices/self", "GET", "/api/voip/devices/self", ""},
        {"token (cached)", "POST", "/api/voip/token", "{}"},
        {"credentials", "GET", "/api/voip/credentials", ""},
        {"switch-org", "POST", "/api/voip/switch-org", switched.dump()},
    };
    const auto reads = static_cast<double>(routes.size() - 1);
    const auto rounds = static_cast<std::size_t>(k_reads_per_second) * k_seconds / (routes.size() - 1);
    const auto mix = [&](std::size_t n) {
        std::vector<std::string> out;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t k = 0; k < routes.size(); ++k)
                out.push_back(request(
                    routes[k], k == 0             ? ""
                               : k == k_by_ticket ? ticket
                                                  : bearers[(i + k) % bearers.size()]
                ));
        return out;
    };
    const double pace = k_reads_per_second * static_cast<double>(routes.size()) / reads;
    (void)run_load(r.server().port(), mix(50), k_connections, pace); // plans and caches
    const auto result = run_load(r.server().port(), mix(rounds), k_connections, pace);

    std::printf("%-22s %8s %9s %9s %9s\n", "ms at 200 reads/s", "n", "p50", "p99", "max");
    double worst = 0;
    for (std::size_t k = 0; k < routes.size(); ++k) {
        samples s;
        for (std::size_t i = k; i < result.each.size(); i += routes.size())
            if (result.each[i] >= 0) s.add(result.each[i]);
        if (k > 0) worst = std::max(worst, s.percentile(99));
        std::printf(
            "%-22s %8zu %9.2f %9.2f %9.2f\n", routes[k].name, s.count(), s.percentile(50), s.percentile(99),
            s.percentile(100)
        );
    }
    std::printf("%lu of %zu not answered 200\n", result.failed, result.each.size());
    std::printf("goal p99 20 ms: worst route %.1f ms\n", worst);
    return 0;
}
