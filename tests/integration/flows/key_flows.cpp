// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The keys of stored secrets: wrong ones are noticed at the start, old ones are replaced while everybody
// works (SEC-02).
#include "adapter/crypto/vault.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "support/run_program.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace z360;
using namespace z360::testing;
namespace fs = std::filesystem;

namespace {

class key_flow : public flow {};

void write_keys(const std::string& file, const std::string& text, fs::perms mode = fs::perms::owner_read) {
    fs::remove(file);
    std::ofstream(file) << text;
    fs::permissions(file, mode);
}

/// Starts one more node with this key file; what it says when it ends.
std::string refused_start(rig& r, const std::string& file) {
    auto& n = r.add_node({{"Z360_SECRETS_KEY_FILE", file}});
    n.start();
    const auto code = n.wait(10s);
    EXPECT_TRUE(code) << "it still runs";
    EXPECT_NE(code.value_or(0), 0);
    return read_file(n.log_file());
}

/// Adds a key to the file; its id.
std::string added_key(rig& r, const std::string& file) {
    return json::parse(r.run("--json --generate-key " + file)).at("key").get<std::string>();
}

void restart(node& n) {
    n.signal(SIGTERM);
    ASSERT_EQ(n.wait(), 0);
    n.start();
    ASSERT_TRUE(n.ready());
}

} // namespace

TEST_F(key_flow, sec_02_a_wrong_key_file_is_a_clear_end_at_the_start) {
    rig_options o;
    o.devices = 0;
    auto& r = set_up(std::move(o));
    (void)install(r, "phone");
    const auto good = read_file(r.key_file());
    const auto key = good.substr(good.find(' ') + 1, 40);
    const auto file = r.folder() + "/other-keys";
    struct wrong {
        std::string name, text, says;
        fs::perms mode = fs::perms::owner_read;
    };
    const std::string foreign(adapter::crypto::vault::generate_line("k1").reveal());
    const std::vector<wrong> all{
        {"empty", "", "key"},
        {"no key", "k1 " + key.substr(0, 20) + "\n", "other-keys:1"},
        {"readable by all", good, "chmod 600", fs::perms::owner_read | fs::perms::others_read},
        {"of another system", foreign + "\n", "none of its keys opens"},
    };
    for (const auto& w : all) {
        SCOPED_TRACE(w.name);
        write_keys(file, w.text, w.mode);
        const auto said = refused_start(r, file);
        EXPECT_NE(said.find(w.says), std::string::npos) << said;
        EXPECT_NE(said.find(file), std::string::npos) << said;
        EXPECT_EQ(said.find(key), std::string::npos) << "no key in an error";
        EXPECT_EQ(said.find(foreign.substr(3, 40)), std::string::npos);
    }
    fs::remove(file);
    EXPECT_NE(refused_start(r, file).find(file), std::string::npos);
    // The old key behind a new one is what a rotation looks like.
    write_keys(file, std::string(adapter::crypto::vault::generate_line("k2").reveal()) + "\n" + good);
    auto& next = r.add_node({{"Z360_SECRETS_KEY_FILE", file}});
    next.start();
    EXPECT_TRUE(next.ready());
}

TEST_F(key_flow, sec_02_a_node_with_an_old_copy_of_the_key_file_signs_nobody_out) {
    rig_options o;
    o.devices = 0;
    auto& r = set_up(std::move(o));
    const auto phone = install(r, "phone");
    const auto old_copy = r.folder() + "/old-copy";
    fs::copy_file(r.key_file(), old_copy);
    const auto id = added_key(r, r.key_file());
    restart(r.server());
    (void)r.run("--promote-key " + r.key_file() + " --key " + id);
    restart(r.server());
    // The bearer is under the new key now: who lacks it would call it unknown, and the app would forget it.
    EXPECT_EQ(r.client().bearer(phone.token).get("/api/voip/devices/self").status, 200);
    const auto said = refused_start(r, old_copy);
    EXPECT_NE(said.find("lacks the key '" + id + "'"), std::string::npos) << said;
    EXPECT_NE(said.find(old_copy), std::string::npos) << said;
    auto environment = r.server().environment();
    environment["Z360_SECRETS_KEY_FILE"] = old_copy;
    const auto checked = run_voipd("--check-config", environment);
    EXPECT_EQ(checked.code, 1);
    EXPECT_NE(checked.err.find("lacks the key '" + id + "'"), std::string::npos) << checked.err;
    EXPECT_EQ(run_voipd("--check-config", r.server().environment()).code, 0);
}

TEST_F(key_flow, sec_02_keys_are_replaced_while_registrations_run_and_nothing_fails) {
    rig_options o;
    o.devices = 0;
    o.environment = {
        {"Z360_LIMITS_REGISTER_PER_MINUTE", "100000"}, {"Z360_CREDENTIALS_REQUESTS_PER_SECOND", "1000"}
    };
    auto& r = set_up(std::move(o));
    std::vector<app> apps;
    const auto push = [](int i) { return json{{"fcm_token", fcm_token("push-" + std::to_string(i))}}; };
    for (int i = 0; i < 6; ++i)
        apps.push_back(install(r, "old-" + std::to_string(i), "android", push(i)));
    (void)r.service(r.user(), r.org()); // the token is made under the old key

    const auto now = added_key(r, r.key_file());
    (void)r.run("--promote-key " + r.key_file() + " --key " + now);
    restart(r.server());

    std::atomic<bool> done{false};
    std::vector<app> during;
    std::vector<std::string> failures;
    std::thread registering([&] {
        for (int i = 0; !done && i < 400; ++i) {
            const auto uid = "new-" + std::to_string(i % 40);
            const auto reply = r.register_device(uid, "android", push(100 + i % 40));
            if (reply.status != 201 && reply.status != 200) failures.push_back(reply.body);
            if (reply.status == 201) during.push_back(installed(uid, reply, r.client()));
            const auto& old = apps[static_cast<std::size_t>(i) % apps.size()];
            const auto seen = old.client.get("/api/voip/devices/self");
            if (seen.status != 200 && seen.status != 429) failures.push_back(seen.body);
        }
    });
    std::vector<json> reports;
    for (int i = 0; i < 3; ++i)
        reports.push_back(json::parse(r.run("--json --rekey")));
    done = true;
    registering.join();
    EXPECT_EQ(failures, std::vector<std::string>{});
    EXPECT_GE(reports[0].at("changed").get<int>(), 12) << reports[0];
    EXPECT_EQ(reports[2].at("left"), json::array());
    EXPECT_EQ(
        r.sql(
            "select count(*) from sip_identities where password_key_id <> '" + now + "' or jwt_key_id <> '" +
            now + "'"
        ),
        "0"
    );
    EXPECT_EQ(r.sql("select count(*) from devices where push_key_id <> '" + now + "'"), "0");

    // Every bearer was used since; the old key may go.
    for (const auto& a : apps)
        ASSERT_EQ(a.client.get("/api/voip/devices/self").status, 200);
    ASSERT_TRUE(eventually([&] {
        return json::parse(r.run("--json --rekey")).at("tokens_under_old_keys") == 0;
    }));
    const auto both = read_file(r.key_file());
    write_keys(r.key_file(), both.substr(0, both.find('\n') + 1));
    restart(r.server());
    ASSERT_FALSE(during.empty());
    apps.insert(apps.end(), during.begin(), during.end());
    for (const auto& a : apps) {
        const auto reply = a.client.post("/api/voip/credentials/reveal");
        ASSERT_EQ(reply.status, 200) << a.uid << " " << reply.body;
        EXPECT_EQ(reply.data().at("sip_password"), a.reply.at("sip_credentials").at("sip_password")) << a.uid;
    }
    const auto again = r.register_device("old-0", "android", push(0));
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(r.sql("select count(distinct push_token_hash) = count(*) from devices"), "t")
        << "the push token is known";
}

// The steps of operations.md, "To replace a key", on two nodes with a file each, while apps of both are in
// use.
TEST_F(key_flow, sec_02_a_rotation_over_two_nodes_signs_no_device_out) {
    rig_options o;
    o.devices = 0;
    o.environment = {
        {"Z360_LIMITS_REGISTER_PER_MINUTE", "100000"},
        {"Z360_LIMITS_READ_PER_MINUTE", "1000000"},
        {"Z360_CREDENTIALS_REQUESTS_PER_SECOND", "1000"}
    };
    auto& r = set_up(std::move(o));
    const auto other_file = r.folder() + "/keys-of-two";
    const auto copy = [&] { write_keys(other_file, read_file(r.key_file())); };
    copy();
    auto& two = r.add_node({{"Z360_SECRETS_KEY_FILE", other_file}});
    two.start();
    ASSERT_TRUE(two.ready());
    std::vector<app> apps;
    for (int i = 0; i < 8; ++i)
        apps.push_back(install(r, "app-" + std::to_string(i)));

    std::atomic<bool> done{false};
    std::atomic<int> served{0};
    std::vector<std::string> failures;
    std::thread traffic([&] {
        // Every app at one node, then at the other: what the first has made of its bearer, the second must
        // know. New ones come in by both.
        for (int i = 0; !done; ++i) {
            for (const std::size_t n : {std::size_t{0}, std::size_t{1}}) {
                const auto& a = apps[static_cast<std::size_t>(i) % apps.size()];
                const auto seen = r.client(n).bearer(a.token).get("/api/voip/devices/self");
                if (seen.status == 200)
                    ++served;
                else if (seen.status != 0 && seen.status != 503)
                    failures.push_back(seen.body);
                const auto fresh =
                    r.register_device("new-" + std::to_string(i % 20), "android", json::object(), n);
                if (fresh.status != 0 && fresh.status != 503 && fresh.status > 202)
                    failures.push_back(fresh.body);
            }
        }
    });
    const auto passed = [&] { // both nodes have served everybody since now
        const int before = served;
        return eventually([&] { return served >= before + 2 * static_cast<int>(apps.size()) + 2; }, 20s);
    };
    const auto id = added_key(r, r.key_file());
    copy();
    restart(r.server(0));
    EXPECT_TRUE(passed());
    restart(r.server(1));
    EXPECT_TRUE(passed());
    (void)r.run("--promote-key " + r.key_file() + " --key " + id);
    copy();
    restart(r.server(0));
    EXPECT_TRUE(passed()) << "one node uses the new key, the other one reads it";
    restart(r.server(1));
    EXPECT_TRUE(passed());
    EXPECT_EQ(json::parse(r.run("--json --rekey")).at("left"), json::array());
    EXPECT_TRUE(passed());
    done = true;
    traffic.join();
    EXPECT_EQ(failures, std::vector<std::string>{});
    // Each bearer has followed; with the old line deleted everybody is still in.
    for (const auto& a : apps)
        EXPECT_EQ(r.client(1).bearer(a.token).get("/api/voip/devices/self").status, 200);
    EXPECT_EQ(
        r.sql(
            "select count(*) from api_tokens where kind = 'device' and hash_key_id <> '" + id +
            "' and device_id in (select device_id from devices where device_uid like 'app-%') and revoked_at "
            "is "
            "null"
        ),
        "0"
    );
}
