// SPDX-License-Identifier: LicenseRef-z360-proprietary
// kill -9 in the middle of registration, rotation and deletion: whatever Telnyx had done by then, in the end
// each of its credentials has a row and each row its credential (I4).
#include "integration/flows/lifecycle.hpp"

#include <atomic>
#include <iostream>
#include <random>
#include <thread>

using namespace z360;
using namespace z360::testing;
using nlohmann::json;
using sim::phone;

namespace {

enum class during { registration, rotation, deletion };
enum class carrier_does {
    acts_later,   ///< the request is there, nothing has happened; it will, when nobody listens any more
    answers_late, ///< it has happened, the answer is on its way
    answers_never,
};

struct kill_point {
    during what;
    std::string verb;
    carrier_does how;
};

std::string name(const kill_point& p) {
    const char* const when[] = {"registration", "rotation", "deletion"};
    const char* const how[] = {"acts later", "answers late", "answers never"};
    return std::string(when[static_cast<int>(p.what)]) + ", " + p.verb + " " + how[static_cast<int>(p.how)];
}

sim::command_fault fault_at(const kill_point& p) {
    auto f = credential_fault(p.verb, 0, 1);
    if (p.how == carrier_does::acts_later) f.stall_before = 700ms;
    if (p.how == carrier_does::answers_late) f.stall_reply = 2s;
    if (p.how == carrier_does::answers_never) f.lose_reply = true;
    return f;
}

std::vector<kill_point> all_points() {
    using enum carrier_does;
    return {
        {during::registration, "create_credential", acts_later},
        {during::registration, "create_credential", answers_late},
        {during::registration, "create_credential", answers_never},
        {during::registration, "mint_token", answers_never},
        {during::rotation, "create_credential", acts_later},
        {during::rotation, "create_credential", answers_never},
        {during::rotation, "delete_credential", acts_later},
        {during::rotation, "delete_credential", answers_never},
        {during::deletion, "delete_credential", acts_later},
        {during::deletion, "delete_credential", answers_late},
        {during::deletion, "delete_credential", answers_never},
    };
}

class crash_flow : public flow {
  protected:
    static rig_options options(int nodes = 1) {
        auto o = lifecycle_options(nodes);
        o.environment["Z360_CREDENTIALS_COMPARE_EVERY_MS"] = "1000";
        o.environment["Z360_CREDENTIALS_STRAY_AGE_MS"] = "1000";
        o.delivery.primary_attempts = 300; // webhooks are repeated until a process is back
        o.delivery.retry_after = 100ms;
        return o;
    }
    static void kill_all(rig& r) {
        for (std::size_t n = 0; n < r.servers(); ++n)
            r.server(n).kill();
        no_more_faults(r);
        let_claims_pass(r);
    }
    static void start_all(rig& r) {
        for (std::size_t n = 0; n < r.servers(); ++n)
            r.server(n).start();
        for (std::size_t n = 0; n < r.servers(); ++n)
            ASSERT_TRUE(r.server(n).ready());
    }
    static bool arrived(rig& r, const std::string& verb, std::size_t more_than, millis limit = 5s) {
        return r.carrier().wait_until(
            [&](const sim::carrier& c) { return c.seen().commands_of(verb).size() > more_than; }, limit
        );
    }
    static void grow_old(rig& r, const std::string& uid) {
        (void)r.sql(
            "update sip_identities set activated_at = now() - interval '26 days', expires_at = now() + "
            "interval "
            "'4 days' where state = 'active' and device_id = (select device_id from devices where device_uid "
            "= '" +
            uid + "')"
        );
    }
    /// The device says that it uses what is newest.
    static void prove(rig& r, const std::string& uid) {
        const auto version = r.sql(
            "select max(version) from sip_identities where state = 'active' and device_id = (select "
            "device_id "
            "from devices where device_uid = '" +
            uid + "')"
        );
        const auto again = enrol(r, uid, "android", {{"credential_version", std::stoi(version)}});
        EXPECT_EQ(again.reply.status, 200) << again.reply.body;
    }
    /// Brings the servers to the point and kills them there.
    static void run_into(rig& r, const kill_point& p, const std::string& uid) {
        std::thread client;
        const auto before = [&] { return requests(r, p.verb); };
        std::size_t seen = before();
        if (p.what == during::registration) {
            r.carrier().add_fault(fault_at(p));
            client = std::thread([&] { (void)enrol(r, uid); }); // its connection breaks
        } else {
            ASSERT_EQ(enrol(r, uid).reply.status, 201);
            if (p.what == during::rotation && p.verb == "delete_credential") {
                grow_old(r, uid);
                ASSERT_TRUE(eventually([&] {
                    return r.sql("select count(*) from sip_identities where state = 'rotating'") == "1";
                }));
            }
            seen = before();
            r.carrier().add_fault(fault_at(p));
            if (p.what == during::deletion)
                EXPECT_EQ(r.service(r.user(), r.org()).remove("/api/device-tokens/" + uid).status, 200);
            else if (p.verb == "delete_credential")
                prove(r, uid);
            else
                grow_old(r, uid);
        }
        EXPECT_TRUE(arrived(r, p.verb, seen));
        kill_all(r);
        if (client.joinable()) client.join();
    }
    /// Both sides agree, and a call reaches exactly what is there.
    static void expect_whole(rig& r) {
        EXPECT_EQ(drift_in_the_end(r), "");
        const auto devices = std::stoul(r.sql("select count(distinct device_id) from sip_identities where "
                                              "state = 'active' and device_id is not null"));
        const auto rung = rung_by_a_call(r, devices);
        EXPECT_GE(rung.size(), devices);
        for (const auto& username : rung)
            EXPECT_TRUE(exists(r, username)) << username;
        // A request that was under way then has been carried out by now; nothing came of it in the end.
        EXPECT_EQ(drift_in_the_end(r), "");
    }
    static void loop(rig& r) {
        (void)r.service(r.user(), r.org());
        int round = 0;
        for (const auto& p : all_points()) {
            SCOPED_TRACE(name(p));
            const auto uid = "phone-" + std::to_string(++round);
            run_into(r, p, uid);
            if (HasFatalFailure()) return;
            start_all(r);
            if (HasFatalFailure()) return;
            if (p.how == carrier_does::acts_later) // the carrier has done it by now
                (void)r.carrier().wait_until([](const sim::carrier&) { return false; }, 700ms);
            expect_whole(r);
            if (HasFailure()) return;
            const auto d = enrol(r, uid); // whatever happened, the client only comes again
            EXPECT_EQ(d.reply.status / 100, 2) << d.reply.body;
            EXPECT_FALSE(d.username.empty());
            EXPECT_TRUE(exists(r, d.username));
            EXPECT_EQ(r.service(r.user(), r.org()).remove("/api/device-tokens/" + uid).status, 200);
        }
        EXPECT_EQ(drift_in_the_end(r), "");
        EXPECT_EQ(r.carrier().credentials().size(), 0U);
    }
};

} // namespace

TEST_F(crash_flow, i_04_killed_at_every_credential_request_both_sides_agree_afterwards) {
    loop(set_up(options()));
}

TEST_F(crash_flow, i_04_two_nodes_killed_and_recovering_side_by_side_agree_afterwards) {
    loop(set_up(options(2)));
}

TEST_F(crash_flow, be_13_killed_between_create_and_store_the_credential_is_adopted_by_its_name) {
    auto o = lifecycle_options();
    o.delivery.primary_attempts = 300;
    o.delivery.retry_after = 100ms;
    auto& r = set_up(std::move(o));
    (void)r.service(r.user(), r.org());
    run_into(r, {during::registration, "create_credential", carrier_does::answers_late}, "phone");
    ASSERT_EQ(r.carrier().credentials().size(), 1U);
    const auto made = r.carrier().credentials().front();
    // Another node, and it is killed while it looks the name up.
    auto slow = credential_fault("list_credentials", 0, 1);
    slow.lose_reply = true;
    r.carrier().add_fault(slow);
    auto& second = r.add_node();
    const auto listed = requests(r, "list_credentials");
    second.start();
    ASSERT_TRUE(arrived(r, "list_credentials", listed));
    second.kill();
    no_more_faults(r);
    let_claims_pass(r);
    start_all(r); // both
    EXPECT_EQ(drift_in_the_end(r), "");
    EXPECT_EQ(effects(r, "create_credential"), 1U);
    EXPECT_EQ(state_of(r, made.sip_username), "active");
    const auto d = enrol(r, "phone", "android", json::object(), 1);
    EXPECT_EQ(d.username, made.sip_username);
    // The password was adopted as well, and nobody has been told it yet.
    EXPECT_EQ(d.reply.data().at("sip_credentials").at("sip_password"), made.sip_password);
    EXPECT_EQ(rung_by_a_call(r, 1), usernames{made.sip_username});
}

TEST_F(crash_flow, i_04_and_09_killed_while_extending_during_a_call) {
    auto o = options();
    auto& r = set_up(std::move(o));
    const auto d = enrol(r, "phone");
    ASSERT_EQ(d.reply.status, 201) << d.reply.body;
    r.carrier().set_phone(d.username, phone::answers(50ms));
    const auto caller = r.call();
    ASSERT_TRUE(r.joined(caller));
    ASSERT_TRUE(r.phase(r.session(caller), "active"));
    r.carrier().add_fault(fault_at({during::rotation, "update_credential", carrier_does::answers_never}));
    (void)r.sql("update sip_identities set expires_at = now() + interval '60 s'");
    ASSERT_TRUE(arrived(r, "update_credential", 0));
    kill_all(r);
    start_all(r);
    ASSERT_TRUE(eventually([&] {
        return r.sql("select (expires_at > now() + interval '5 h')::text from sip_identities") == "true";
    }));
    EXPECT_EQ(requests(r, "delete_credential"), 0U);
    EXPECT_EQ(r.carrier().credentials().size(), 1U);
    EXPECT_TRUE(r.joined(caller));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
    EXPECT_EQ(drift_in_the_end(r), "");
}

TEST_F(crash_flow, i_04_killed_at_random_moments_under_load_both_sides_agree_afterwards) {
    auto& r = set_up(options(2));
    (void)r.service(r.user(), r.org());
    const auto seed = test_seed();
    std::cout << "Z360_TEST_SEED=" << seed << '\n';
    SCOPED_TRACE("Z360_TEST_SEED=" + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&random](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
    constexpr int k_clients = 8;
    constexpr int k_rounds = 5;
    for (int round = 0; round < k_rounds && !HasFailure(); ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        for (const char* verb : {"create_credential", "delete_credential", "mint_token"}) {
            auto f = credential_fault(verb, 0);
            f.stall_reply = millis{below(80)}; // something is always on its way
            r.carrier().add_fault(f);
        }
        grow_old(r, "random-" + std::to_string(below(k_clients)));
        std::atomic<bool> dead = false;
        std::vector<std::thread> clients;
        const auto created = requests(r, "create_credential");
        for (int n = 0; n < k_clients; ++n)
            clients.emplace_back([&r, &dead, n, round, choice = random()]() mutable {
                const auto uid = "random-" + std::to_string(n);
                const auto node = static_cast<std::size_t>(n % 2);
                if (n == round) { // whatever chance wants: one identity has to be made in each round
                    (void)r.service(r.user(), r.org(), node).remove("/api/device-tokens/" + uid);
                    (void)enrol(r, uid, "android", json::object(), node);
                }
                for (; !dead; choice /= 3) {
                    if (choice % 3 == 0)
                        (void)r.service(r.user(), r.org(), node).remove("/api/device-tokens/" + uid);
                    else
                        (void)enrol(r, uid, "android", json::object(), node);
                }
            });
        // However slow the machine is, nothing is killed before it has begun.
        EXPECT_TRUE(arrived(r, "create_credential", created, 30s));
        (void)r.carrier().wait_until([](const sim::carrier&) { return false; }, millis{below(400)});
        for (std::size_t n = 0; n < r.servers(); ++n)
            r.server(n).kill();
        dead = true;
        for (auto& c : clients)
            c.join();
        no_more_faults(r);
        let_claims_pass(r);
        start_all(r);
        expect_whole(r);
    }
    RecordProperty("seed", std::to_string(seed));
    RecordProperty("creates", static_cast<int>(effects(r, "create_credential")));
    EXPECT_GE(effects(r, "create_credential"), static_cast<std::size_t>(k_rounds));
}
