// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whose things are whose at a terminal: commands that only name something make nothing, README's set-up does
// what it says, and a server on the wrong database leaves the carrier's credentials alone.
#include "adapter/postgres/ops/migrate.hpp"
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "support/run_program.hpp"

#include <pqxx/pqxx>

#include <fstream>
#include <regex>

using namespace z360;
using namespace z360::testing;

namespace {

class ownership_flow : public flow {
  protected:
    void begin() {
        rig_options o;
        o.start = false;
        rig_ = &set_up(o);
    }
    ended run(const std::string& arguments) { return run_voipd(arguments, rig_->server().environment()); }
    std::string sql(const std::string& statement) { return rig_->sql(statement); }
    /// Every row of what commands make, as it is.
    std::string everything() {
        std::string out;
        for (const char* table :
             {"organizations", "users", "memberships", "phone_numbers", "contacts", "devices",
              "sip_identities", "api_tokens", "audit_events"})
            out +=
                std::string(table) + ": " +
                sql(std::string("select string_agg(t::text, E'\\n' order by t::text) from ") + table + " t") +
                "\n";
        return out;
    }
    rig* rig_ = nullptr;
};

/// The commands of a shell block in README.md that begin with "$z ", without it.
std::vector<std::string> readme_steps() {
    std::ifstream in(std::string(Z360_SOURCE_DIR) + "/README.md");
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) {
        const auto at = line.find_first_not_of(' ');
        if (at == std::string::npos || line.compare(at, 3, "$z ") != 0) continue;
        out.push_back(line.substr(at + 3, line.find(" #", at) - at - 3));
    }
    return out;
}

} // namespace

TEST_F(ownership_flow, i_05_what_a_command_only_names_is_never_made) {
    begin();
    EXPECT_EQ(run("--create-org Other").code, 0);
    const auto before = everything();
    const std::vector<std::pair<std::string, std::string>> slips{
        {"--create-user eve@flow.example --org 'Flow Test'", "Flow Test"},
        {"--create-user ada@flow.example --org 4711 --name Eve", "4711"},
        {"--create-user ada@flow.example --org 'Flow Tests' --id 999", "ada@flow.example"},
        {"--add-number +13125550177 --org 'Flow Test' --user ada@flow.example", "Flow Test"},
        {"--add-number +13125550177 --org 'Flow Tests' --user adda@flow.example", "adda@flow.example"},
        {"--add-number +13125550177 --org 'Flow Tests' --user 4711", "4711"},
        {"--add-number +13125550177 --org Other --user ada@flow.example", "no member"},
        {"--add-number +13125550100 --org Other --route voicemail", "belongs to organisation"},
        {"--add-contact +13125550188 --org 'Flow Test' --name Carol", "Flow Test"},
        {"--add-member adda@flow.example --org Other", "adda@flow.example"},
        {"--add-member ada@flow.example --org 4711", "4711"},
        {"--add-device d-1 --org 'Flow Test' --user ada@flow.example --platform ios --sip-username gencredX",
         "Flow Test"},
        {"--add-device d-1 --org 'Flow Tests' --user adda@flow.example --platform ios --sip-username "
         "gencredX",
         "adda@flow.example"},
        {"--org-settings 'Flow Test' --ring-seconds 10", "Flow Test"},
        {"--create-token service --org 'Flow Test'", "Flow Test"},
        {"--enroll-device --user adda@flow.example", "adda@flow.example"},
        {"--remove-user adda@flow.example", "adda@flow.example"},
        {"--remove-member ada@flow.example --org Other", "not there"},
        {"--remove-org 4711", "4711"},
        {"--revoke-device device-9 --user ada@flow.example", "device-9"},
    };
    for (const auto& [command, names] : slips) {
        const auto e = run(command);
        EXPECT_EQ(e.code, 1) << command << ": " << e.out;
        EXPECT_NE(e.err.find(names), std::string::npos) << command << ": " << e.err;
        EXPECT_EQ(std::count(e.err.begin(), e.err.end(), '\n'), 1) << command << ": " << e.err;
        EXPECT_EQ(everything(), before) << command;
    }
}

TEST_F(ownership_flow, i_05_naming_a_person_or_an_organisation_again_changes_nothing_about_them) {
    begin();
    EXPECT_EQ(
        run("--add-number +13125550177 --org 'Flow Tests' --user ada@flow.example --name main").code, 0
    );
    EXPECT_EQ(sql("select name from users where login = 'ada@flow.example'"), "Ada");
    EXPECT_EQ(run("--add-number +13125550177 --org flow --user ada@flow.example").code, 0);
    EXPECT_EQ(sql("select alias from phone_numbers where e164 = '+13125550177'"), "main");
    const auto before = everything();
    EXPECT_EQ(run("--create-user ada@flow.example --org flow").code, 0);
    EXPECT_EQ(run("--create-org flow").code, 0);
    EXPECT_EQ(run("--create-org 'Flow Tests'").code, 0);
    EXPECT_EQ(everything(), before) << "neither name, nor role, nor organisation";
    EXPECT_EQ(run("--create-user ada@flow.example --org flow --name 'Ada L.' --role member").code, 0);
    EXPECT_EQ(sql("select name from users where login = 'ada@flow.example'"), "Ada L.");
    EXPECT_EQ(sql("select role from memberships"), "member");
}

TEST_F(ownership_flow, i_05_the_steps_of_the_readme_work_as_they_are_written_once_and_again) {
    begin();
    EXPECT_EQ(run("--remove-number +13125550100 --org flow").code, 0) << "README's example has it";
    const auto steps = readme_steps();
    ASSERT_GE(steps.size(), 5U) << "README.md says how people, numbers and devices are made";
    for (int round = 0; round < 2; ++round)
        for (const auto& step : steps) {
            const auto e = run(step);
            EXPECT_EQ(e.code, 0) << step << ": " << e.err;
        }
    EXPECT_EQ(sql("select count(*) from organizations where name = 'Example Ltd'"), "1");
    EXPECT_EQ(
        sql("select u.name from phone_numbers n join users u on u.user_id = n.receiving_user_id join "
            "organizations o on o.org_id = n.org_id where o.name = 'Example Ltd'"),
        "Ada"
    );
    EXPECT_EQ(sql("select count(*) from users where login = 'ada@example.com'"), "1");
    EXPECT_EQ(sql("select count(*) from api_tokens where kind = 'enrolment'"), "2") << "a code each time";
    // In another order than written, what is missing is named.
    for (const auto& step : steps) {
        if (step.find("--add-number") == std::string::npos) continue;
        const auto e = run(std::regex_replace(step, std::regex("Example Ltd"), "Exmaple Ltd"));
        EXPECT_EQ(e.code, 1);
        EXPECT_NE(e.err.find("--create-org"), std::string::npos) << "the fix: " << e.err;
    }
}

TEST_F(ownership_flow, be_06_a_server_on_the_wrong_database_deletes_none_of_productions_credentials) {
    rig_options o;
    o.devices = 0;
    auto& r = set_up(std::move(o));
    for (int n = 0; n < 6; ++n)
        (void)install(r, "phone-" + std::to_string(n));
    ASSERT_EQ(r.carrier().credentials().size(), 6U);
    const auto installation = r.sql("select id from installation");
    for (const auto& c : r.carrier().credentials())
        EXPECT_EQ(c.tag, "z360-test-" + installation + "-u" + std::to_string(r.user()));
    // One that the program of before ids made, and that nobody knows any more.
    const auto connection = r.server().environment().at("Z360_TELNYX_CREDENTIAL_CONNECTION_ID");
    const auto unmarked = "z360-test-" + r.sql("select gen_random_uuid()");
    r.carrier().with([&](sim::carrier& c, time_point now) {
        c.seed_credential(unmarked, "z360-test-u1", connection, std::nullopt, now - 11min);
    });

    const auto name = r.sql("select current_database()") + "_empty";
    const auto url = std::regex_replace(r.database_url(), std::regex("/z360_flow_[0-9_]+"), "/" + name);
    pqxx::connection own(r.database_url());
    {
        pqxx::nontransaction tx(own);
        tx.exec("create database " + name);
    }
    adapter::postgres::migrate(secret(url));
    auto& wrong = r.add_node(
        {{"Z360_DATABASE_URL", url},
         {"Z360_CREDENTIALS_STRAY_AGE_MS", "1000"},
         {"Z360_CREDENTIALS_COMPARE_EVERY_MS", "1000"}}
    );
    wrong.start();
    EXPECT_TRUE(wrong.ready());
    EXPECT_TRUE(eventually([&] { return wrong.metric("credential_strangers_foreign") == 7; }, 10s));
    EXPECT_TRUE(eventually([&] {
        return read_file(wrong.log_file()).find("our_installation") != std::string::npos;
    }));
    EXPECT_NE(read_file(wrong.log_file()).find(installation), std::string::npos) << "whose they are";
    const auto compared = run_voipd("--compare-credentials --json", wrong.environment());
    EXPECT_NE(compared.out.find("\"foreign\":7"), std::string::npos) << compared.out << compared.err;
    EXPECT_NE(compared.out.find("\"retired\":0"), std::string::npos) << compared.out;
    wrong.kill();
    EXPECT_EQ(r.carrier().credentials().size(), 7U);

    // On the right one only what nobody marked is left to people, who may say that it goes.
    const auto right = run_voipd("--compare-credentials --json", r.server().environment());
    EXPECT_NE(right.out.find("\"foreign\":1"), std::string::npos) << right.out << right.err;
    EXPECT_EQ(
        run_voipd("--compare-credentials --adopt --confirm-strangers", r.server().environment()).code, 2
    );
    const auto adopted = run_voipd("--compare-credentials --adopt --json", r.server().environment());
    EXPECT_NE(adopted.out.find("\"retired\":1"), std::string::npos) << adopted.out << adopted.err;
    EXPECT_TRUE(eventually([&] { return r.carrier().credentials().size() == 6; }));
    for (const auto& c : r.carrier().credentials())
        EXPECT_NE(c.name, unmarked);
    pqxx::nontransaction tx(own);
    tx.exec("drop database " + name + " with (force)");
}

TEST_F(
    ownership_flow, i_05_a_bound_backends_device_neither_rings_for_nor_sees_the_persons_other_organisation
) {
    rig_options o;
    o.devices = 0;
    auto& r = set_up(std::move(o));
    const auto acme = founded(r, 711, "acme", "+13125550711");
    const auto rival = founded(r, 712, "rival", "+13125550712");
    const auto person = std::to_string(acme.user);
    EXPECT_EQ(r.admin().put(rival.org_path() + "/members/" + person, {{"role", "member"}}).status, 201);
    EXPECT_EQ(
        r.admin().put(
                     rival.org_path() + "/numbers/" + rival.number, {{"receiving_user_id", acme.user}}
        ).status,
        200
    );
    const auto token = [&](const std::string& kind) {
        json body{{"kind", kind}, {"name", "acme's"}, {"organization_id", acme.org}};
        body["scopes"] = kind == "admin" ? json{"enrolment"} : json{"act"};
        const auto made = r.admin().post("/api/admin/tokens", body);
        EXPECT_EQ(made.status, 201) << made.body;
        return r.client().bearer(made.data().at("token").get<std::string>());
    };
    const auto backend = token("service").with("X-Z360-User", person);
    const auto code = token("admin").post("/api/admin/users/" + person + "/enrolment-codes");
    ASSERT_EQ(code.status, 201) << code.body;
    const auto coded = r.client().bearer(code.data().at("enrolment_code").get<std::string>());
    const auto body = [](const std::string& uid) {
        return json{{"device_id", uid}, {"platform", "android"}};
    };
    const auto by_backend =
        installed("by-backend", backend.post("/api/device-tokens", body("by-backend")), r.client());
    const auto by_code = installed("by-code", coded.post("/api/device-tokens", body("by-code")), r.client());
    const auto own = install_for(r, acme, "adas-own-phone");

    const auto theirs = r.carrier().place_call("+13125550142", rival.number);
    const auto session = r.session(theirs);
    ASSERT_TRUE(r.ringing(session, 1));
    EXPECT_EQ(leg_of(r, session, by_backend).call_control_id, "");
    EXPECT_EQ(leg_of(r, session, by_code).call_control_id, "");
    EXPECT_NE(leg_of(r, session, own).call_control_id, "");
    for (const auto& bound : {by_backend, by_code}) {
        EXPECT_EQ(bound.client.get("/api/voip/call-status/" + session).status, 404);
        for (const char* path :
             {"/api/voip/calls", "/api/voip/calls?since=0", "/api/voip/my-active-call", "/api/voip/bootstrap",
              "/api/device-tokens"}) {
            const auto reply = bound.client.get(path);
            EXPECT_EQ(reply.status, 200) << path;
            for (const auto& hidden : {session, std::string("rival"), rival.number, own.uid, own.sip()})
                EXPECT_EQ(reply.body.find(hidden), std::string::npos) << path << " shows " << hidden;
        }
        EXPECT_EQ(
            bound.client.post("/api/voip/switch-org", {{"target_organization_id", rival.org}}).status, 403
        );
    }
    EXPECT_EQ(own.client.get("/api/voip/call-status/" + session).status, 200);
    r.carrier().caller_hangs_up(theirs);
    EXPECT_TRUE(r.quiet(session));

    const auto ours = r.carrier().place_call("+13125550143", acme.number);
    const auto second = r.session(ours);
    ASSERT_TRUE(r.ringing(second, 3)) << "all three";
    EXPECT_EQ(by_code.client.get("/api/voip/call-status/" + second).status, 200);
    EXPECT_TRUE(answers(r, second, by_backend));
    EXPECT_TRUE(r.joined(ours));
}

TEST_F(ownership_flow, b_16_two_phones_of_a_person_with_cookies_each_get_their_own_identity) {
    rig_options o;
    o.devices = 0;
    o.start = false;
    auto& r = set_up(std::move(o));
    auto& server = r.add_node(
        {{"Z360_AUTH_INTROSPECTION_URL", r.carrier().introspection_url()},
         {"Z360_AUTH_ALLOWED_ORIGINS", "https://app.example"}}
    );
    server.start();
    ASSERT_TRUE(server.ready());
    const auto phone = [&](const std::string& session) {
        r.carrier().put_session(session, {{"user_id", r.user()}, {"organization_id", r.org()}});
        return r.client(1)
            .cookie("session=" + session)
            .with("User-Agent", "Z360/12 CFNetwork/1490 Darwin/23")
            .with("Origin", "https://app.example");
    };
    const json to{{"target_organization_id", r.org()}};
    std::map<std::string, std::string> identity;
    for (const char* name : {"first", "second"}) {
        const auto reply = phone(name).post("/api/device-tokens", {{"device_id", name}, {"platform", "ios"}});
        ASSERT_EQ(reply.status, 201) << reply.body;
        identity[name] = reply.data().at("sip_credentials").at("sip_username").get<std::string>();
    }
    for (int round = 0; round < 2; ++round)
        for (const char* name : {"first", "second"}) { // whoever asks last has the last contact
            const auto reply = phone(name).post("/api/voip/switch-org", to);
            ASSERT_EQ(reply.status, 200) << reply.body;
            EXPECT_EQ(reply.data().at("device_id"), name);
            EXPECT_EQ(reply.data().at("sip_username"), identity[name]);
        }
    const auto third = phone("third").post("/api/voip/switch-org", to);
    EXPECT_EQ(third.status, 409) << third.body;
    EXPECT_EQ(third.code(), "device_ambiguous");
    EXPECT_EQ(
        phone("third")
            .with("X-Z360-Device", "second")
            .post("/api/voip/switch-org", to)
            .data()
            .at("sip_username"),
        identity["second"]
    );
}

TEST_F(ownership_flow, b_13_a_device_id_of_somebody_else_takes_nothing_from_them) {
    rig_options o;
    o.devices = 0;
    auto& r = set_up(std::move(o));
    const auto ann = founded(r, 711, "acme", "+13125550711");
    const auto bob = founded(r, 712, "rival", "+13125550712");
    const auto anns = install_for(r, ann, "the-phone");
    const auto bobs = install_for(r, bob, "the-phone");
    EXPECT_EQ(anns.client.get("/api/voip/devices/self").status, 200);
    EXPECT_EQ(bobs.client.get("/api/voip/devices/self").status, 200);
    const auto caller = r.carrier().place_call("+13125550142", ann.number);
    ASSERT_TRUE(r.ringing(r.session(caller), 1)) << "both exist";
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(r.session(caller)));
    // With the bearer of the device before, it is the phone that changed hands.
    const auto taken = install_for(r, bob, "the-phone", "android", {{"previous_device_token", anns.token}});
    EXPECT_EQ(anns.client.get("/api/voip/devices/self").status, 401);
    EXPECT_EQ(taken.client.get("/api/voip/devices/self").status, 200);
    EXPECT_EQ(r.sql("select status from devices where user_id = 711"), "removed");
}
