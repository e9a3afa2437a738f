// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an operator does at a terminal to tenants, tokens, devices and keys.
#include "adapter/crypto/bearer.hpp"
#include "adapter/crypto/vault.hpp"
#include "integration/flows/flow.hpp"
#include "support/run_program.hpp"

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

using namespace z360;
using namespace z360::testing;
using nlohmann::json;

namespace {

class command_flow : public flow {
  protected:
    void begin() {
        rig_options o;
        o.start = false;
        rig_ = &set_up(o);
    }
    ended run(const std::string& arguments) { return run_voipd(arguments, rig_->server().environment()); }
    /// Every line as JSON; the command must succeed.
    std::vector<json> ask(const std::string& arguments) {
        const auto e = run(arguments + " --json");
        EXPECT_EQ(e.code, 0) << arguments << ": " << e.err;
        std::vector<json> out;
        std::istringstream lines(e.out);
        for (std::string line; std::getline(lines, line);)
            out.push_back(json::parse(line));
        return out;
    }
    std::string sql(const std::string& statement) { return rig_->sql(statement); }
    static mode_t mode(const std::string& file) {
        struct stat s{};
        EXPECT_EQ(::stat(file.c_str(), &s), 0);
        return s.st_mode & 0777;
    }
    rig* rig_ = nullptr;
};

} // namespace

TEST_F(command_flow, tenants_are_made_changed_and_removed_and_every_command_repeats_safely) {
    begin();
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(ask("--create-org 'Acme Ltd' --id 4711").at(0).at("org"), 4711);
        EXPECT_EQ(
            ask("--create-user bob@acme.example --org 4711 --id 900 --role owner").at(0).at("user"), 900
        );
        EXPECT_EQ(
            ask("--add-member ada@flow.example --org 'Acme Ltd' --role admin").at(0).at("role"), "admin"
        );
        ask("--add-number +13125550177 --org 4711 --user bob@acme.example");
        ask("--add-contact +13125550188 --org acme-ltd --name Carol --avatar-url https://x.example/c.png");
        EXPECT_EQ(
            ask("--org-settings 4711 --ring-seconds 20 --record-calls false")
                .at(0)
                .at("settings")
                .at("ring_seconds"),
            20
        );
    }
    const auto settings = ask("--org-settings 4711 --ring-seconds= --voice Polly").at(0).at("settings");
    EXPECT_TRUE(settings.at("ring_seconds").is_null());
    EXPECT_EQ(settings.at("record_calls"), false) << "what was not named stays";
    EXPECT_EQ(ask("--list-members --org 4711").size(), 2U);
    EXPECT_EQ(ask("--list-numbers --org 4711").at(0).at("user"), 900);
    EXPECT_EQ(ask("--list-contacts --org 4711").at(0).at("name"), "Carol");
    EXPECT_EQ(ask("--list-orgs").size(), 2U);

    EXPECT_EQ(run("--remove-contact +13125550188 --org 4711").code, 0);
    EXPECT_EQ(run("--remove-number +13125550177 --org 4711").code, 0);
    EXPECT_EQ(run("--remove-member bob@acme.example --org 4711").code, 0);
    EXPECT_EQ(run("--remove-org 'Acme Ltd'").code, 0);
    for (const auto* again :
         {"--remove-contact +13125550188 --org 4711", "--remove-number +13125550177 --org 4711",
          "--remove-member bob@acme.example --org 4711", "--remove-org 99999"}) {
        const auto e = run(again);
        EXPECT_EQ(e.code, 1) << again;
        EXPECT_FALSE(e.err.empty());
    }
    for (const auto* unknown :
         {"--remove-org Nobody", "--remove-user nobody@x.example", "--add-member 99 --org 1",
          "--list-numbers --org Nobody"})
        EXPECT_EQ(run(unknown).code, 1) << unknown;
    EXPECT_EQ(sql("select count(*) from organizations"), "2") << "looking for one makes none";
}

TEST_F(command_flow, b28_removing_the_user_ends_their_devices) {
    begin();
    EXPECT_EQ(sql("select count(*) from devices where status = 'active'"), "2");
    EXPECT_EQ(run("--remove-user ada@flow.example").code, 0);
    EXPECT_EQ(sql("select count(*) from devices where status = 'removed'"), "2");
    EXPECT_EQ(sql("select action from audit_events"), "user_removed");
}

TEST_F(command_flow, and_11_a_revoked_device_is_out_and_the_others_stay) {
    begin();
    const auto devices = ask("--list-devices --user ada@flow.example");
    ASSERT_EQ(devices.size(), 2U);
    const auto device = devices.at(0).at("device_id").get<std::string>();
    EXPECT_EQ(run("--revoke-device " + device + " --user ada@flow.example").code, 0);
    EXPECT_EQ(sql("select status from devices where device_uid = '" + device + "'"), "removed");
    EXPECT_EQ(sql("select count(*) from devices where status = 'active'"), "1");
    EXPECT_EQ(run("--revoke-device " + device + " --user ada@flow.example").code, 1);
    const auto by_id = std::to_string(devices.at(1).at("device").get<std::int64_t>());
    EXPECT_EQ(run("--revoke-device " + by_id + " --user ada@flow.example").code, 0);
    EXPECT_EQ(
        sql("select count(*) from audit_events where action = 'device_removed' and actor = 'cli'"), "2"
    );
}

TEST_F(command_flow, and_01_tokens_are_shown_once_stored_as_hashes_and_revoked_by_id) {
    begin();
    const auto made =
        ask("--create-token admin --name 'nightly sync' --scopes tenants:read,tenants:write").at(0);
    const auto text = made.at("token").get<std::string>();
    const auto bearer = adapter::crypto::read_bearer(text);
    ASSERT_TRUE(bearer);
    EXPECT_EQ(bearer->kind, port::token_kind::admin);
    EXPECT_EQ(bearer->environment, "test");
    const auto hash = adapter::crypto::vault::open(rig_->key_file())->hash(secret(text));
    std::string hex;
    for (const char c : hash.bytes) {
        char digits[3];
        (void)std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
        hex += digits;
    }
    EXPECT_EQ(sql("select encode(hash, 'hex') from api_tokens"), hex);
    EXPECT_EQ(sql("select hash_key_id from api_tokens"), "k1");
    const auto secret_part = text.substr(text.rfind('_') + 1);
    EXPECT_EQ(sql("select count(*) from api_tokens t where t::text like '%" + secret_part + "%'"), "0");

    const auto service = run("--create-token service --org 'Flow Tests'");
    EXPECT_EQ(service.code, 0) << service.err;
    EXPECT_TRUE(service.out.starts_with("z360s_test_")) << "the token stands alone on the first line";
    const auto listed = ask("--list-tokens");
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed.at(0).at("scopes"), json::array({"act"}));
    EXPECT_EQ(listed.at(1).at("name"), "nightly sync");
    EXPECT_EQ(ask("--list-tokens --org 'Flow Tests'").size(), 1U);
    EXPECT_EQ(run("--list-tokens").out.find(secret_part), std::string::npos);

    const auto id = std::to_string(made.at("id").get<std::int64_t>());
    EXPECT_EQ(run("--revoke-token " + id).code, 0);
    EXPECT_EQ(run("--revoke-token " + id).code, 1);
    EXPECT_EQ(ask("--list-tokens").size(), 1U);
    EXPECT_EQ(run("--create-token admin --scopes tenant:read").code, 1);
}

TEST_F(command_flow, an_enrolment_code_is_for_one_active_user_and_ends_soon) {
    begin();
    const auto made = ask("--enroll-device --user ada@flow.example --org 'Flow Tests' --minutes 15").at(0);
    const auto bearer = adapter::crypto::read_bearer(made.at("enrolment_code").get<std::string>());
    ASSERT_TRUE(bearer);
    EXPECT_EQ(bearer->kind, port::token_kind::enrolment);
    EXPECT_EQ(
        sql("select ends_at - created_at = interval '15 minutes' and ends_at = expires_at from api_tokens"),
        "t"
    );
    const auto stranger = run("--enroll-device --user nobody@flow.example");
    EXPECT_EQ(stranger.code, 1);
    EXPECT_NE(stranger.err.find("nobody@flow.example"), std::string::npos);
    EXPECT_EQ(run("--create-org Other").code, 0);
    EXPECT_EQ(run("--enroll-device --user ada@flow.example --org Other").code, 1) << "no member there";
    EXPECT_EQ(run("--remove-user ada@flow.example").code, 0);
    EXPECT_EQ(run("--enroll-device --user ada@flow.example").code, 1) << "suspended";
}

TEST_F(command_flow, sec_02_a_key_file_is_private_grows_at_the_front_and_is_never_shown) {
    begin();
    const auto file = std::filesystem::path(rig_->key_file()).parent_path().string() + "/new-keys";
    const auto made = run("--generate-key " + file);
    EXPECT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(mode(file), 0600U);
    const auto first = read_file(file);
    EXPECT_EQ(adapter::crypto::vault::open(file)->current_key(), "k1");
    const auto more = run("--generate-key " + file);
    EXPECT_EQ(more.code, 0) << more.err;
    EXPECT_EQ(mode(file), 0600U);
    const auto keys = adapter::crypto::vault::open(file);
    EXPECT_EQ(keys->current_key(), "k2");
    EXPECT_EQ(keys->key_ids().size(), 2U);
    EXPECT_TRUE(read_file(file).ends_with(first)) << "old keys still open old secrets";
    std::istringstream lines(read_file(file));
    for (std::string id, key; lines >> id >> key;)
        for (const auto& e : {made, more})
            EXPECT_EQ((e.out + e.err).find(key), std::string::npos);
    EXPECT_EQ(::chmod(file.c_str(), 0644), 0);
    EXPECT_EQ(run("--generate-key " + file).code, 1) << "everybody may read it";
    EXPECT_EQ(run("--generate-key /nonexistent/folder/keys").code, 1);
    EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

TEST_F(command_flow, i_04_both_sides_are_compared_on_demand) {
    begin();
    auto& carrier = rig_->carrier();
    const auto key = sql("select gen_random_uuid()");
    const auto connection = rig_->server().environment().at("Z360_TELNYX_CREDENTIAL_CONNECTION_ID");
    const auto name = "z360-test-" + key;
    const auto tag = "z360-test-" + sql("select id from installation") + "-u1";
    carrier.with([&](sim::carrier& c, time_point now) {
        c.seed_credential(name, tag, connection, std::nullopt, now - 11min);
        c.seed_credential("somebody else's", "", connection, std::nullopt, now - 11min);
    });
    // Somebody deletes the credentials of the rig's two devices in the portal.
    for (const auto& c : carrier.credentials())
        if (c.name.starts_with("seeded-")) EXPECT_TRUE(carrier.lose_credential(c.id));
    const auto first = ask("--compare-credentials").at(0);
    EXPECT_EQ(first.at("complete"), true);
    EXPECT_EQ(first.at("listed"), 2);
    EXPECT_EQ(first.at("strangers"), 1);
    EXPECT_EQ(first.at("retired"), 1);
    EXPECT_EQ(first.at("missing"), 2);
    EXPECT_EQ(sql("select count(*) from sip_identities where kind = 'stranger' and state = 'retiring'"), "1");
    EXPECT_EQ(sql("select count(*) from sip_identities where retire_reason = 'lost'"), "2");
    const auto again = run("--compare-credentials");
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_NE(again.out.find("known here: 1"), std::string::npos) << again.out;

    sql("insert into leases (name, holder, held_until) values ('credential-comparison', 'another node', "
        "now() + "
        "interval '1 hour') on conflict (name) do update set holder = excluded.holder, held_until = "
        "excluded.held_until returning name");
    const auto busy = run("--compare-credentials");
    EXPECT_EQ(busy.code, 1);
    EXPECT_NE(busy.err.find("another node"), std::string::npos);
    sql("delete from leases returning name");

    auto elsewhere = rig_->server().environment();
    elsewhere["Z360_TELNYX_BASE_URL"] = "http://127.0.0.1:1";
    const auto no_telnyx = run_voipd("--compare-credentials", elsewhere);
    EXPECT_EQ(no_telnyx.code, 3) << no_telnyx.err;
    EXPECT_NE(no_telnyx.err.find("Telnyx's list, page 1"), std::string::npos) << no_telnyx.err;
    elsewhere = rig_->server().environment();
    elsewhere["Z360_DATABASE_URL"] = "postgresql://postgres@127.0.0.1:1/nothing";
    EXPECT_EQ(run_voipd("--compare-credentials", elsewhere).code, 3);
}
