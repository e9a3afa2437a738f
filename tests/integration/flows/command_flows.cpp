// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an operator does at a terminal to tenants, tokens, devices and keys.
#include "adapter/crypto/bearer.hpp"
#include "adapter/crypto/vault.hpp"
#include "component/http/test_certificate.hpp"
#include "integration/flows/flow.hpp"
#include "support/run_program.hpp"

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

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
    const auto rules = [this](const std::string& more) {
        return ask("--outbound-rules 4711 " + more).at(0).at("rules");
    };
    EXPECT_TRUE(rules("").at("allowed").is_null()) << "shown, and not made";
    EXPECT_EQ(rig_->sql("select count(*) from outbound_rules"), "0");
    const auto set = rules("--allow +49,+1 --premium on --ring-seconds 90 --per-minute 5");
    EXPECT_EQ(set.at("allowed"), (json{"+49", "+1"}));
    EXPECT_EQ(set.at("per_minute"), 5);
    const auto changed = rules("--enabled off --allow= --ring-seconds= --forbid +4917");
    EXPECT_EQ(changed.at("enabled"), false);
    EXPECT_TRUE(changed.at("allowed").is_null());
    EXPECT_TRUE(changed.at("ring_seconds").is_null());
    EXPECT_EQ(changed.at("premium"), true) << "what was not named stays";
    EXPECT_EQ(rules(""), changed);
    EXPECT_NE(run("--outbound-rules 4711").out.find("not to: +4917"), std::string::npos);
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

TEST_F(command_flow, a_mobile_number_that_is_ours_is_refused_by_the_options_own_name) {
    begin();
    const auto e = run("--add-member ada@flow.example --org 'Flow Tests' --mobile " + rig_->number());
    EXPECT_EQ(e.code, 1);
    EXPECT_EQ(e.out, "");
    EXPECT_TRUE(e.err.starts_with("--mobile: is a number of ours")) << e.err;
    EXPECT_NE(e.err.find("give the person's own"), std::string::npos) << e.err;
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
    const auto secret_part = text.substr(text.find('_', text.find('_') + 1) + 1); // may hold a '_' itself
    EXPECT_EQ(sql("select count(*) from api_tokens t where t::text like '%" + secret_part + "%'"), "0");

    const auto service = run("--create-token service --org 'Flow Tests'");
    EXPECT_EQ(service.code, 0) << service.err;
    EXPECT_TRUE(service.out.starts_with("z360s_test_"));
    EXPECT_EQ(service.out.find_first_of(" \n"), service.out.size() - 1)
        << "the token stands alone: " << service.out;
    EXPECT_NE(service.err.find("it is not shown again"), std::string::npos) << service.err;
    const auto code = run("--enroll-device --user ada@flow.example");
    EXPECT_TRUE(code.out.starts_with("z360e_test_")) << code.err;
    EXPECT_EQ(code.out.find_first_of(" \n"), code.out.size() - 1) << code.out;
    EXPECT_NE(code.err.find("registers one device of ada@flow.example"), std::string::npos) << code.err;
    (void)sql("delete from api_tokens where kind = 'enrolment'");
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

TEST_F(command_flow, sec_04_no_token_changes_without_its_line_in_the_audit_nor_the_other_way_round) {
    begin();
    const auto token = std::to_string(ask("--create-token service").at(0).at("id").get<std::int64_t>());
    (void)sql("create function refuse() returns trigger language plpgsql as "
              "$$begin raise exception 'switched off'; end$$");
    const auto rows = [this] {
        return sql("select string_agg(t::text, ';' order by t::text) from api_tokens t") + "|" +
               sql("select string_agg(t::text, ';' order by t::text) from audit_events t");
    };
    const auto before = rows();
    for (const std::string table : {"audit_events", "api_tokens"}) {
        (void)sql(
            "create trigger refuse before insert or update on " + table +
            " for each row execute function refuse()"
        );
        for (const auto& command :
             {std::string("--create-token admin"), std::string("--create-token service --org 'Flow Tests'"),
              std::string("--enroll-device --user ada@flow.example"), "--revoke-token " + token}) {
            const auto e = run(command);
            EXPECT_EQ(e.code, 1) << table << " " << command;
            EXPECT_EQ(e.out, "") << "nothing is given out";
            EXPECT_EQ(rows(), before) << table << " " << command;
        }
        (void)sql("drop trigger refuse on " + table);
    }
    EXPECT_EQ(run("--revoke-token " + token).code, 0);
    const auto code = ask("--enroll-device --user ada@flow.example").at(0);
    EXPECT_EQ(
        sql("select string_agg(action || ' ' || (token_id is not null), ';' order by seq) from "
            "audit_events"),
        "token_created true;token_revoked true;enrolment_code_made true"
    );
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

TEST_F(command_flow, sec_02_a_key_file_is_private_grows_at_the_end_and_is_never_shown) {
    begin();
    using adapter::crypto::vault;
    const auto folder = std::filesystem::path(rig_->key_file()).parent_path().string();
    const auto file = folder + "/new-keys";
    const auto made = run("--generate-key " + file);
    EXPECT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(mode(file), 0600U);
    const auto old = vault::open(file)->current_key();
    const auto first = read_file(file);
    const auto more = run("--generate-key " + file);
    EXPECT_EQ(more.code, 0) << more.err;
    EXPECT_EQ(mode(file), 0600U);
    EXPECT_TRUE(read_file(file).starts_with(first));
    const auto ids = vault::open(file)->key_ids();
    ASSERT_EQ(ids.size(), 2U);
    EXPECT_EQ(ids[0], old) << "nothing is under a key that other nodes may not have yet";
    EXPECT_NE(ids[1], old);
    EXPECT_NE(more.out.find("--promote-key " + file + " --key " + ids[1]), std::string::npos) << more.out;

    EXPECT_EQ(ask("--generate-key " + folder + "/others-keys").at(0).at("created"), true);
    EXPECT_NE(vault::open(folder + "/others-keys")->current_key(), old) << "no two files share an id";

    std::vector<ended> all{made, more};
    for (int twice = 0; twice < 2; ++twice) {
        all.push_back(run("--promote-key " + file + " --key " + ids[1]));
        EXPECT_EQ(all.back().code, 0) << all.back().err;
        EXPECT_EQ(vault::open(file)->key_ids(), (std::vector<std::string>{ids[1], ids[0]}));
        EXPECT_EQ(mode(file), 0600U);
    }
    all.push_back(run("--promote-key " + file + " --key nobody"));
    EXPECT_EQ(all.back().code, 1);
    EXPECT_NE(all.back().err.find(ids[0]), std::string::npos) << "which there are: " << all.back().err;
    EXPECT_EQ(run("--promote-key " + file).code, 2);
    EXPECT_EQ(run("--promote-key " + folder + "/nothing --key x").code, 1);
    std::istringstream lines(read_file(file));
    for (std::string id, key; lines >> id >> key;)
        for (const auto& e : all)
            EXPECT_EQ((e.out + e.err).find(key), std::string::npos);
    EXPECT_EQ(::chmod(file.c_str(), 0644), 0);
    EXPECT_EQ(run("--generate-key " + file).code, 1) << "everybody may read it";
    EXPECT_EQ(run("--promote-key " + file + " --key " + ids[0]).code, 1);
    EXPECT_EQ(run("--generate-key /nonexistent/folder/keys").code, 1);
    EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

TEST_F(command_flow, sec_02_a_promoted_key_leaves_every_other_line_as_it_was) {
    begin();
    using adapter::crypto::vault;
    const auto file = rig_->folder() + "/commented-keys";
    const std::string a(vault::generate_line("a").reveal());
    const std::string b(vault::generate_line("b").reveal());
    const std::string c(vault::generate_line("b2").reveal());
    std::ofstream(file) << "# ours\n\n" << a << " # of May\n" << "  " << c << "\n# then\n" << b;
    EXPECT_EQ(::chmod(file.c_str(), 0640), 0);
    EXPECT_EQ(run("--promote-key " + file + " --key b").code, 0);
    EXPECT_EQ(read_file(file), "# ours\n\n" + b + "\n" + a + " # of May\n  " + c + "\n# then\n");
    EXPECT_EQ(mode(file), 0640U);
}

TEST_F(command_flow, sec_02_a_key_file_behind_a_link_is_changed_where_it_lies) {
    begin();
    using adapter::crypto::vault;
    const auto file = rig_->folder() + "/real-keys";
    const auto link = rig_->folder() + "/linked-keys";
    EXPECT_EQ(run("--generate-key " + file).code, 0);
    std::filesystem::create_symlink("real-keys", link);
    EXPECT_EQ(run("--generate-key " + link).code, 0);
    const auto ids = vault::open(file)->key_ids();
    ASSERT_EQ(ids.size(), 2U) << "servers may read it by its other name";
    EXPECT_EQ(run("--promote-key " + link + " --key " + ids[1]).code, 0);
    EXPECT_EQ(vault::open(file)->current_key(), ids[1]);
    EXPECT_TRUE(std::filesystem::is_symlink(link));

    std::ofstream(file + ".new") << "of a run that was cut off";
    const auto blocked = run("--generate-key " + file);
    EXPECT_EQ(blocked.code, 1);
    EXPECT_NE(blocked.err.find("remove it"), std::string::npos) << blocked.err;
    EXPECT_EQ(vault::open(file)->key_ids().size(), 2U);
}

TEST_F(command_flow, sec_02_keys_that_are_added_at_the_same_time_are_all_kept) {
    begin();
    const auto file = rig_->folder() + "/common-keys";
    ASSERT_EQ(run("--generate-key " + file).code, 0);
    std::atomic<std::size_t> added{0};
    std::vector<std::thread> all;
    for (int n = 0; n < 8; ++n)
        all.emplace_back([&] { added += run("--generate-key " + file).code == 0 ? 1 : 0; });
    for (auto& t : all)
        t.join();
    EXPECT_GE(added.load(), 1U);
    EXPECT_EQ(adapter::crypto::vault::open(file)->key_ids().size(), added + 1) << "whoever said 0 is in it";
}

TEST_F(command_flow, what_the_schema_lacks_is_told_with_its_fix) {
    begin();
    auto elsewhere = rig_->server().environment();
    const auto& url = rig_->database_url();
    elsewhere["Z360_DATABASE_URL"] =
        url.substr(0, url.rfind('/')) + "/postgres"; // nothing of ours is in there
    for (const auto* command :
         {"--create-org A", "--create-user a@b.example --org A", "--list-members --org A", "--explain x",
          "--calls", "--dead-letters", "--enroll-device --user 1", "--list-devices --user 1", "--list-orgs",
          "--list-tokens", "--revoke-token 5", "--org-settings A", "--outbound-rules A", "--remove-user 1",
          "--list-numbers --org 1", "--create-token service", "--rekey", "--import /dev/null",
          "--compare-credentials"}) {
        SCOPED_TRACE(command);
        const auto e = run_voipd(command, elsewhere);
        EXPECT_EQ(e.code, 1);
        EXPECT_NE(e.err.find("--migrate"), std::string::npos) << e.err;
        EXPECT_EQ(std::count(e.err.begin(), e.err.end(), '\n'), 1) << e.err;
        EXPECT_EQ(e.err.find("\\u000a"), std::string::npos) << e.err;
    }
}

TEST_F(command_flow, what_an_older_schema_or_a_login_without_rights_lacks_is_told_in_one_line) {
    begin();
    const std::vector<std::string> commands{
        "--explain x",        "--list-tokens",  "--list-orgs",    "--list-contacts --org 1", "--rekey",
        "--import /dev/null", "--create-org A", "--dead-letters", "--compare-credentials",   "--calls"
    };
    const auto one_line_with_the_fix = [&](const std::string& command, const auto& environment) {
        SCOPED_TRACE(command);
        const auto e = run_voipd(command, environment);
        EXPECT_EQ(e.code, 1);
        EXPECT_NE(e.err.find("run z360-voipd --migrate"), std::string::npos) << e.err;
        EXPECT_EQ(e.err.find("Postgres is running"), std::string::npos) << e.err;
        EXPECT_EQ(std::count(e.err.begin(), e.err.end(), '\n'), 1) << e.err;
        EXPECT_EQ(e.err.find("\\u000a"), std::string::npos) << e.err;
    };
    auto poor = rig_->server().environment();
    const auto& url = rig_->database_url();
    const auto role = "poor_" + url.substr(url.rfind('/') + 1);
    (void)rig_->sql("create role " + role + " login");
    const auto host = url.find("://") + 3;
    const auto at = url.find('@');
    poor["Z360_DATABASE_URL"] =
        url.substr(0, host) + role + "@" + url.substr(at == std::string::npos ? host : at + 1);
    for (const auto& c : commands)
        one_line_with_the_fix(c, poor);
    (void)rig_->sql("drop role " + role);

    (void)rig_->sql("alter table api_tokens rename column bound_org_id to not_yet_there");
    (void)rig_->sql("alter table calls rename column caller_number to not_yet_there");
    (void)rig_->sql("alter table imported_rows rename column old_id to not_yet_there");
    for (const auto* c : {"--calls", "--list-tokens", "--import /dev/null"})
        one_line_with_the_fix(c, rig_->server().environment());

    // Whatever of what it needs is not there, and wherever in its work that shows.
    for (const auto& [gone, back] : std::vector<std::pair<std::string, std::string>>{
             {"alter table leases rename column holder to not_yet_there",
              "alter table leases rename column not_yet_there to holder"},
             {"alter table sip_identities rename column last_checked_at to not_yet_there",
              "alter table sip_identities rename column not_yet_there to last_checked_at"},
             {"alter table installation rename to not_yet_there",
              "alter table not_yet_there rename to installation"},
             {"alter table secret_keys rename to not_yet_there",
              "alter table not_yet_there rename to secret_keys"}
         }) {
        SCOPED_TRACE(gone);
        (void)rig_->sql(gone);
        one_line_with_the_fix("--compare-credentials", rig_->server().environment());
        (void)rig_->sql(back);
    }
}

TEST_F(command_flow, sec_02_every_command_that_opens_keys_refuses_those_of_another_system) {
    begin();
    // Nothing is encrypted here yet: --migrate says whose database it is.
    ask("--migrate");
    EXPECT_EQ(sql("select count(*) from secret_keys"), "1");
    ask("--create-token admin");
    const auto folder = rig_->folder();
    const auto rows = folder + "/old-rows";
    std::ofstream(rows) << json{
        {"table", "user_device_tokens"}, {"id", 1},
        {"user_id", rig_->user()},       {"organization_id", rig_->org()},
        {"device_id", "old-phone"},      {"fcm_token", "token-of-old-phone"},
        {"telnyx_credential_id", "c-1"}, {"sip_username", "gencred-old"},
        {"sip_password", "old-secret"},
    } << "\n";
    // Of the same name as ours, as every first key once was, and of one that is unknown here.
    for (const auto& id : std::vector<std::string>{"k1", "another"}) {
        const auto file = folder + "/keys-of-" + id;
        std::ofstream(file) << adapter::crypto::vault::generate_line(id).reveal() << "\n";
        EXPECT_EQ(::chmod(file.c_str(), 0600), 0);
        auto environment = rig_->server().environment();
        environment["Z360_SECRETS_KEY_FILE"] = file;
        const std::vector<std::string> commands{
            "--import " + rows, "--create-token service", "--enroll-device --user ada@flow.example",
            "--rekey",          "--compare-credentials",  "--check-config"
        };
        for (const auto& command : commands) {
            SCOPED_TRACE(command + " with " + id);
            const auto before = sql("select count(*) from api_tokens") + " " +
                                sql("select count(*) from devices") + " " +
                                sql("select count(*) from audit_events");
            const auto e = run_voipd(command, environment);
            EXPECT_EQ(e.code, 1);
            EXPECT_NE(e.err.find(file), std::string::npos) << e.err;
            EXPECT_NE(e.err.find("none of its keys opens"), std::string::npos) << e.err;
            EXPECT_EQ(std::count(e.err.begin(), e.err.end(), '\n'), 1) << e.err;
            EXPECT_EQ(
                sql("select count(*) from api_tokens") + " " + sql("select count(*) from devices") + " " +
                    sql("select count(*) from audit_events"),
                before
            );
        }
    }
    EXPECT_EQ(run("--import " + rows).code, 0) << "with the right file it goes on as if nothing had been";
    EXPECT_EQ(sql("select count(*) from devices where device_uid = 'old-phone'"), "1");
    EXPECT_EQ(run("--rekey").code, 0);
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
    sql("update leases set held_until = now() + interval '1 second' returning name");
    const auto in_turn = run("--compare-credentials"); // soon its turn: it waits
    EXPECT_EQ(in_turn.code, 0) << in_turn.err;

    auto elsewhere = rig_->server().environment();
    elsewhere["Z360_TELNYX_BASE_URL"] = "http://127.0.0.1:1";
    const auto no_telnyx = run_voipd("--compare-credentials", elsewhere);
    EXPECT_EQ(no_telnyx.code, 3) << no_telnyx.err;
    EXPECT_NE(no_telnyx.err.find("Telnyx's list, page 1"), std::string::npos) << no_telnyx.err;
    elsewhere = rig_->server().environment();
    elsewhere["Z360_DATABASE_URL"] = "postgresql://postgres@127.0.0.1:1/nothing";
    EXPECT_EQ(run_voipd("--compare-credentials", elsewhere).code, 3);
}

TEST_F(command_flow, and_01_a_revoked_token_shows_what_it_made_and_takes_it_along_on_request) {
    rig_options o;
    rig_ = &set_up(o);
    const auto boss = json::parse(rig_->run("--json --create-token admin --name operator"));
    const auto id = std::to_string(boss.at("id").get<std::int64_t>());
    const auto by = rig_->client().bearer(boss.at("token").get<std::string>());
    const auto codes = "/api/admin/users/" + std::to_string(rig_->user()) + "/enrolment-codes";
    const auto code = by.post(codes, json::object());
    ASSERT_EQ(code.status, 201) << code.body;
    const auto phone = rig_->client()
                           .bearer(code.data().at("enrolment_code").get<std::string>())
                           .post("/api/device-tokens", {{"device_id", "enrolled"}, {"platform", "ios"}});
    ASSERT_LT(phone.status, 300) << phone.body;
    const auto bearer = rig_->client().bearer(phone.data().at("device_token").get<std::string>());
    ASSERT_EQ(by.post(codes, json::object()).status, 201);
    ASSERT_EQ(
        by.post(
              "/api/admin/tokens", {{"kind", "service"}, {"name", "made by it"}, {"scopes", {"act"}}}
        ).status,
        201
    );

    std::size_t listed = 0;
    for (const auto& t : ask("--list-tokens"))
        listed += t.at("kind") == "enrolment" && t.at("issued_by") == boss.at("id") ? 1 : 0;
    EXPECT_EQ(listed, 1U) << "codes that nobody has used yet";

    const auto first = ask("--revoke-token " + id).at(0);
    EXPECT_EQ(first.at("revoked"), boss.at("id"));
    EXPECT_EQ(first.at("issued_revoked"), false);
    std::multiset<std::string> kinds;
    for (const auto& t : first.at("issued"))
        kinds.insert(t.at("kind").get<std::string>());
    EXPECT_EQ(kinds, (std::multiset<std::string>{"device", "enrolment", "service"}));
    EXPECT_EQ(by.get("/api/admin/tokens").status, 401);
    EXPECT_EQ(bearer.get("/api/voip/devices/self").status, 200) << "nothing of it was asked for";

    const auto again = run("--revoke-token " + id);
    EXPECT_EQ(again.code, 1);
    EXPECT_NE(again.err.find("--issued"), std::string::npos) << again.err;
    const auto second = ask("--revoke-token " + id + " --issued").at(0);
    EXPECT_EQ(second.at("devices_removed"), 1);
    EXPECT_EQ(bearer.get("/api/voip/devices/self").status, 401);
    EXPECT_EQ(sql("select status from devices where device_uid = 'enrolled'"), "removed");
    for (const auto& t : ask("--list-tokens"))
        EXPECT_NE(t.at("issued_by"), boss.at("id")) << t;
    EXPECT_EQ(run("--revoke-token " + id + " --issued").code, 1);
}

TEST_F(command_flow, nothing_that_is_stored_makes_a_terminal_act) {
    begin();
    const auto org = " --org " + std::to_string(rig_->org());
    // As rows may lie there from before: today neither the API nor an import nor a command takes them.
    const std::string esc = "E'\\x1b[31m\\u009b32m\\u202e\\nfaked line'";
    ask("--add-contact +13125550188" + org + " --name Carol");
    sql("update contacts set name = " + esc + " returning 1");
    sql("update devices set name = " + esc + ", device_uid = device_uid || " + esc + " returning 1");
    sql("update organizations set name = " + esc + " returning 1");
    sql("update users set name = " + esc + " returning 1");
    sql("update phone_numbers set alias = " + esc + " returning 1");
    sql("insert into webhook_events (event_id, event_type, route, call_session_id, body, status, error, "
        "received_at, "
        "claimed_until, processed_at) values ('bad-1', " +
        esc + ", 'call_control', 's', '{}', 'dead', " + esc + ", now(), now(), now()) returning 1");
    EXPECT_EQ(run("--create-token service --name \"$(printf '\\033[31m\\302\\233')\"").code, 2);
    ask("--create-token service");
    sql("update api_tokens set name = " + esc + " returning 1");
    const std::vector<std::string> commands{
        "--list-contacts" + org,
        "--list-devices --user ada@flow.example",
        "--dead-letters",
        "--list-members" + org,
        "--list-numbers" + org,
        "--list-orgs",
        "--list-tokens",
        "--revoke-token 999999",
        "--explain bad-1",
        "--explain ada@flow.example",
        "--calls --device \"$(printf 'x\\033[31m')\"",
        "--explain \"$(printf '\\033[31m')\"",
        "--remove-org \"$(printf 'x\\302\\2331m')\"",
        "--ring-seconds \"$(printf '\\033[1m')\" --org-settings 1"
    };
    for (const auto& command : commands)
        for (const std::string& form : {std::string(), std::string(" --json")}) {
            const auto e = run(command + form);
            const auto text = e.out + e.err;
            EXPECT_FALSE(text.empty()) << command;
            for (const char* bad : {"\x1b", "\xc2\x9b", "\xe2\x80\xae", "\nfaked"})
                EXPECT_EQ(text.find(bad), std::string::npos) << command << form;
            if (form.empty() || e.code != 0) continue;
            std::istringstream lines(e.out);
            for (std::string line; std::getline(lines, line);)
                EXPECT_FALSE(json::parse(line, nullptr, false).is_discarded()) << line;
        }
    EXPECT_EQ(
        ask("--list-contacts" + org).at(0).at("name"), "\x1b[31m\xc2\x9b"
                                                       "32m\xe2\x80\xae\nfaked line"
    ) << "as JSON it is what is stored";
}

TEST_F(command_flow, sys_01_the_checks_say_what_the_start_would_say) {
    begin();
    const auto at = [this](const char* name) { return rig_->folder() + "/" + name; };
    test::write_certificate(at("a.pem"), at("a.key"), "a", 60);
    test::write_certificate(at("b.pem"), at("b.key"), "b", 60);
    test::write_certificate_of(at("old.pem"), at("old.key"), "old", "20200101000000Z", "20200201000000Z");
    test::write_certificate_of(at("new.pem"), at("new.key"), "new", "20990101000000Z", "20991231000000Z");
    const auto with = [&](const std::string& arguments, std::map<std::string, std::string> changes) {
        auto environment = rig_->server().environment();
        for (auto& [k, v] : changes)
            environment[k] = v;
        return run_voipd(arguments, environment);
    };
    const auto tls = [&](const char* certificate, const char* key) {
        return std::map<std::string, std::string>{
            {"Z360_HTTP_TLS_CERTIFICATE_FILE", at(certificate)}, {"Z360_HTTP_TLS_KEY_FILE", at(key)}
        };
    };
    EXPECT_EQ(with("--check-certs", tls("a.pem", "a.key")).code, 0);
    EXPECT_EQ(with("--check-config", tls("a.pem", "a.key")).code, 0);
    for (const char* check : {"--check-certs", "--check-config"}) {
        const auto e = with(check, tls("a.pem", "b.key"));
        EXPECT_NE(e.code, 0) << check;
        EXPECT_NE(e.err.find("is not the key of the certificate"), std::string::npos) << check << e.err;
        EXPECT_EQ(std::count(e.err.begin(), e.err.end(), '\n'), 1) << e.err;
    }
    EXPECT_NE(
        with("--check-certs", tls("old.pem", "old.key")).out.find("expired at 2020"), std::string::npos
    );
    const auto future = with("--check-certs", tls("new.pem", "new.key"));
    EXPECT_EQ(future.code, 1);
    EXPECT_NE(future.out.find("not valid before 2099"), std::string::npos) << future.out;
    EXPECT_EQ(::chmod(at("a.key").c_str(), 0660), 0);
    for (const char* check : {"--check-certs", "--check-config"})
        EXPECT_NE(with(check, tls("a.pem", "a.key")).err.find("chmod 600"), std::string::npos) << check;

    std::ofstream(at("empty-keys")) << "# nothing\n";
    EXPECT_EQ(::chmod(at("empty-keys").c_str(), 0600), 0);
    std::filesystem::copy_file(rig_->key_file(), at("shared-keys"));
    EXPECT_EQ(::chmod(at("shared-keys").c_str(), 0660), 0);
    for (const char* file : {"empty-keys", "shared-keys"}) {
        const auto e = with("--check-config", {{"Z360_SECRETS_KEY_FILE", at(file)}});
        EXPECT_EQ(e.code, 2) << file;
        EXPECT_NE(e.err.find(at(file)), std::string::npos) << e.err;
    }
}
