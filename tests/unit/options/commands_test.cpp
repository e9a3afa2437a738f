// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/values.hpp"
#include "support.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>

using namespace z360;
using namespace z360::app;
using namespace z360::app::test;
using testing::HasSubstr;

namespace {
const environment k_database{{"Z360_DATABASE_URL", "postgresql://z360:pw@127.0.0.1/z360"}};
}

TEST(commands, without_one_it_serves) {
    EXPECT_EQ(accepted({}, complete()).what, command::serve);
}

TEST(commands, each_has_its_arguments) {
    EXPECT_EQ(accepted({"--check-config"}, complete()).what, command::check_config);
    EXPECT_EQ(accepted({"--check-certs"}, {}).what, command::check_certs);
    EXPECT_EQ(accepted({"--migrate"}, k_database).what, command::migrate);
    const auto letters = accepted({"--dead-letters", "--json"}, k_database);
    EXPECT_EQ(letters.what, command::dead_letters);
    EXPECT_TRUE(letters.json);

    const auto again = accepted({"--replay", "0ccc7b54", "--export", "call.json", "--masked"}, k_database);
    EXPECT_EQ(again.what, command::replay_call);
    EXPECT_EQ(again.arguments.export_to, "call.json");
    EXPECT_TRUE(again.arguments.masked);
    EXPECT_EQ(accepted({"--replay-file", "call.json"}, {}).what, command::replay_file)
        << "needs nothing else";
    EXPECT_THAT(refused({"--replay", "x", "--masked"}, k_database), HasSubstr("--masked: "));
    EXPECT_THAT(refused({"--replay-file", "x", "--export", "y"}, {}), HasSubstr("--export: "));

    const auto explain = accepted({"--explain", "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0"}, k_database);
    EXPECT_EQ(explain.what, command::explain);
    EXPECT_EQ(explain.arguments.subject, "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0");

    const auto number_explained = accepted({"--explain", "+1 312 555 0100", "--since", "2h"}, k_database);
    EXPECT_EQ(number_explained.arguments.subject, "+1 312 555 0100");
    EXPECT_EQ(number_explained.arguments.since, "2h");
    EXPECT_FALSE(number_explained.arguments.timing);
    EXPECT_TRUE(accepted({"--explain", "ada@demo.example", "--timing"}, k_database).arguments.timing);

    const auto route = accepted(
        {"--explain-route", "+13125550100", "--from", "+1 312 555 0142", "--at", "2026-12-24T18:00:00Z"},
        k_database
    );
    EXPECT_EQ(route.what, command::explain_route);
    EXPECT_EQ(route.arguments.number, "+13125550100");
    EXPECT_EQ(route.arguments.from, "+13125550142");
    EXPECT_EQ(route.arguments.at, "2026-12-24T18:00:00Z");

    const auto org = accepted({"--create-org", "Demo & Sons"}, k_database);
    EXPECT_EQ(org.what, command::create_org);
    EXPECT_EQ(org.arguments.subject, "Demo & Sons");

    const auto user =
        accepted({"--create-user", "a@b.example", "--org", "Demo", "--name", "Alice"}, k_database);
    EXPECT_EQ(user.what, command::create_user);
    EXPECT_EQ(user.arguments.subject, "a@b.example");
    EXPECT_EQ(user.arguments.org, "Demo");
    EXPECT_EQ(user.arguments.name, "Alice");

    const auto number =
        accepted({"--add-number", "+13125550100", "--org=Demo", "--user=a@b.example"}, k_database);
    EXPECT_EQ(number.what, command::add_number);
    EXPECT_EQ(number.arguments.number, "+13125550100");
    EXPECT_EQ(number.arguments.user, "a@b.example");

    const auto contact =
        accepted({"--add-contact", "+13125550199", "--org", "Demo", "--name", "Bob"}, k_database);
    EXPECT_EQ(contact.what, command::add_contact);
    EXPECT_EQ(contact.arguments.name, "Bob");

    const auto device = accepted(
        {"--add-device", "phone-1", "--org", "Demo", "--user", "a@b.example", "--platform", "ios",
         "--sip-username", "gencredX"},
        k_database
    );
    EXPECT_EQ(device.what, command::add_device);
    EXPECT_EQ(device.arguments.subject, "phone-1");
    EXPECT_EQ(device.arguments.platform, "ios");
    EXPECT_EQ(device.arguments.sip_username, "gencredX");
}

TEST(commands, every_admin_route_has_a_flag_with_its_arguments) {
    const struct {
        std::vector<std::string> arguments;
        command what;
    } all[]{
        {{"--create-org", "Demo", "--id", "7"}, command::create_org},
        {{"--org-settings", "Demo", "--ring-seconds", "20", "--voice=", "--record-calls", "false"},
         command::org_settings},
        {{"--outbound-rules", "Demo", "--enabled", "on", "--allow", "+49,+1", "--forbid=", "--premium", "off",
          "--ring-seconds", "600", "--at-once", "10000", "--per-minute="},
         command::outbound_rules},
        {{"--remove-org", "7"}, command::remove_org},
        {{"--list-orgs"}, command::list_orgs},
        {{"--create-user", "a@b.example", "--org", "7", "--id", "9", "--role", "owner"}, command::create_user
        },
        {{"--remove-user", "a@b.example"}, command::remove_user},
        {{"--add-member", "9", "--org", "7", "--role", "admin"}, command::add_member},
        {{"--remove-member", "9", "--org", "7"}, command::remove_member},
        {{"--list-members", "--org", "7"}, command::list_members},
        {{"--add-number", "+13125550100", "--org", "7", "--route", "voicemail"}, command::add_number},
        {{"--remove-number", "+13125550100", "--org", "7"}, command::remove_number},
        {{"--list-numbers", "--org", "7"}, command::list_numbers},
        {{"--remove-contact", "+13125550100", "--org", "7"}, command::remove_contact},
        {{"--list-contacts", "--org", "7"}, command::list_contacts},
        {{"--list-tokens"}, command::list_tokens},
        {{"--list-tokens", "--org", "7"}, command::list_tokens},
        {{"--revoke-token", "12"}, command::revoke_token},
        {{"--list-devices", "--user", "9"}, command::list_devices},
        {{"--revoke-device", "phone-1", "--user", "9"}, command::revoke_device},
    };
    for (const auto& [arguments, what] : all) {
        const auto o = accepted(arguments, k_database);
        EXPECT_EQ(o.what, what) << arguments.front();
        auto as_json = arguments;
        as_json.emplace_back("--json");
        EXPECT_TRUE(accepted(as_json, k_database).json) << arguments.front();
    }
    const auto settings = accepted(all[1].arguments, k_database).arguments;
    EXPECT_EQ(settings.ring_seconds, "20");
    EXPECT_EQ(settings.voice, "");
    EXPECT_EQ(settings.record_calls, "false");
    EXPECT_FALSE(settings.hold_prompt);
    const auto rules = accepted(all[2].arguments, k_database).arguments;
    EXPECT_EQ(rules.enabled, "on");
    EXPECT_EQ(rules.allow, "+49,+1");
    EXPECT_EQ(rules.forbid, "");
    EXPECT_EQ(rules.premium, "off");
    EXPECT_EQ(rules.ring_seconds, "600");
    EXPECT_EQ(rules.at_once, "10000");
    EXPECT_EQ(rules.per_minute, "");
    EXPECT_FALSE(accepted({"--outbound-rules", "Demo"}, k_database).arguments.allow);
}

TEST(commands, a_push_test_is_of_one_device_and_may_be_dry) {
    auto env = k_database;
    env["Z360_SECRETS_KEY_FILE"] = key_file();
    const auto plain = accepted({"--push-test", "phone-1"}, env);
    EXPECT_EQ(plain.what, command::push_test);
    EXPECT_EQ(plain.arguments.subject, "phone-1");
    EXPECT_FALSE(plain.arguments.dry);
    const auto dry = accepted({"--push-test", "Ada's iPhone", "--user", "ada@example.com", "--dry"}, env);
    EXPECT_EQ(dry.arguments.subject, "Ada's iPhone");
    EXPECT_EQ(dry.arguments.user, "ada@example.com");
    EXPECT_TRUE(dry.arguments.dry);
    EXPECT_THAT(refused({"--push-test", ""}, env), HasSubstr("--push-test: \"\": empty; give DEVICE"));
    EXPECT_THAT(refused({"--migrate", "--dry"}, env), HasSubstr("--dry"));
    EXPECT_THAT(refused({"--push-test", "a", "--org", "7"}, env), HasSubstr("--org"));
}

TEST(commands, sec_02_what_needs_the_keys_says_so_and_making_them_needs_nothing) {
    EXPECT_EQ(
        accepted({"--generate-key", "/etc/z360-voip/keys"}, {}).arguments.subject, "/etc/z360-voip/keys"
    );
    auto with_keys = k_database;
    with_keys["Z360_SECRETS_KEY_FILE"] = key_file();
    for (const auto& arguments :
         {std::vector<std::string>{
              "--create-token", "service", "--org", "7", "--scopes", "act", "--days", "30"
          },
          {"--enroll-device", "--user", "9", "--org", "7", "--minutes", "15"},
          {"--rekey"},
          {"--push-test", "phone-1"},
          {"--import", "old.jsonl", "--strict"}}) {
        EXPECT_THAT(refused(arguments, k_database), HasSubstr("config: secrets.key_file: (not set): "));
        EXPECT_NE(accepted(arguments, with_keys).what, command::serve);
    }
    auto with_telnyx = with_keys;
    EXPECT_THAT(
        refused({"--compare-credentials"}, with_keys), HasSubstr("config: telnyx.api_key: (not set): ")
    );
    with_telnyx["Z360_TELNYX_API_KEY"] = "KEY0123456789";
    EXPECT_THAT(
        refused({"--compare-credentials"}, with_telnyx),
        HasSubstr("config: telnyx.credential_connection_id: (not set): ")
    );
    with_telnyx["Z360_TELNYX_CREDENTIAL_CONNECTION_ID"] = "1234567890";
    const auto usual = accepted({"--compare-credentials"}, with_telnyx);
    EXPECT_EQ(usual.what, command::compare_credentials);
    EXPECT_FALSE(usual.arguments.adopt || usual.arguments.confirm_strangers);
    EXPECT_TRUE(accepted({"--compare-credentials", "--adopt"}, with_telnyx).arguments.adopt);
    EXPECT_TRUE(
        accepted({"--compare-credentials", "--confirm-strangers"}, with_telnyx).arguments.confirm_strangers
    );
    EXPECT_THAT(
        refused({"--compare-credentials", "--adopt", "--confirm-strangers"}, with_telnyx),
        HasSubstr("--adopt: cannot be combined with --confirm-strangers")
    );
    EXPECT_THAT(refused({"--rekey", "--adopt"}, with_keys), HasSubstr("--adopt: --rekey does not take it"));
    EXPECT_TRUE(accepted({"--import", "old.jsonl", "--strict"}, with_keys).arguments.strict);
    EXPECT_FALSE(accepted({"--import", "old.jsonl"}, with_keys).arguments.strict);
}

TEST(commands, wrong_arguments_of_the_new_ones_are_refused_with_the_fix) {
    const auto text = [](const std::vector<std::string>& a) { return refused(a, k_database); };
    EXPECT_THAT(
        text({"--create-token", "device"}), HasSubstr("\"device\": unknown kind; give service or admin")
    );
    EXPECT_THAT(text({"--revoke-token", "x"}), HasSubstr("not a whole number"));
    EXPECT_THAT(
        text({"--add-member", "9", "--org", "7", "--role", "king"}), HasSubstr("owner, admin or member")
    );
    EXPECT_THAT(
        text({"--add-member", "9", "--org", "7", "--mobile", "tel:+13125550177;ext=5"}),
        HasSubstr("cannot be dialed")
    );
    EXPECT_THAT(
        text({"--add-number", "+13125550100", "--org", "7", "--route", "fax"}), HasSubstr("--route: \"fax\"")
    );
    EXPECT_THAT(text({"--add-number", "+13125550100", "--org", "7", "--route", "user"}), HasSubstr("--user"));
    EXPECT_THAT(text({"--org-settings", "7", "--ring-seconds", "61"}), HasSubstr("5 to 60"));
    EXPECT_THAT(
        text({"--org-settings", "7", "--at-once", "5"}), HasSubstr("--org-settings does not take it")
    );
    const auto rules = [&](const char* flag, const std::string& value) {
        return text({"--outbound-rules", "7", flag, value});
    };
    EXPECT_THAT(rules("--ring-seconds", "601"), HasSubstr("5 to 600"));
    EXPECT_THAT(rules("--at-once", "0"), HasSubstr("1 to 10000"));
    EXPECT_THAT(rules("--per-minute", "601"), HasSubstr("1 to 600"));
    EXPECT_THAT(rules("--enabled", "true"), HasSubstr("neither on nor off"));
    EXPECT_THAT(rules("--premium", "yes"), HasSubstr("neither on nor off"));
    for (const char* odd : {"49", "+", "+49,1", "+1234567890123456", "+49 30"})
        EXPECT_THAT(rules("--allow", odd), HasSubstr("begins no number")) << odd;
    EXPECT_THAT(rules("--allow", ","), HasSubstr("nothing between its commas")) << "not: any number";
    std::string many;
    for (int n = 0; n < 301; ++n)
        many += "+1,";
    EXPECT_THAT(rules("--forbid", many), HasSubstr("more than 300"));
    EXPECT_THAT(
        text({"--org-settings", "7", "--record-calls", "perhaps"}), HasSubstr("neither true nor false")
    );
    EXPECT_THAT(text({"--create-org", "Demo", "--id", "0"}), HasSubstr("--id: \"0\": out of range"));
    EXPECT_THAT(text({"--enroll-device", "--user", "9", "--minutes", "0"}), HasSubstr("1 to 10080"));
    EXPECT_THAT(text({"--revoke-device", "phone-1"}), HasSubstr("--user: --revoke-device needs it"));
    EXPECT_THAT(text({"--remove-number", "3125550100", "--org", "7"}), HasSubstr("not an E.164"));
    EXPECT_THAT(text({"--remove-org", ""}), HasSubstr("--remove-org: \"\": empty"));
    EXPECT_THAT(text({"--migrate", "--strict"}), HasSubstr("--strict: --migrate does not take it"));
}

TEST(commands, wrong_use_is_refused_with_the_fix) {
    const auto text = [](const std::vector<std::string>& a) { return refused(a, k_database); };
    EXPECT_THAT(
        text({"--migrate", "--dead-letters"}), HasSubstr("--dead-letters: cannot be combined with --migrate")
    );
    EXPECT_THAT(text({"--migrate", "--org", "X"}), HasSubstr("--org: --migrate does not take it"));
    EXPECT_THAT(
        text({"--add-number", "+13125550100", "--org", "X"}), HasSubstr("--user: --add-number needs it")
    );
    EXPECT_THAT(
        text({"--add-number", "3125550100", "--org", "X", "--user", "Y"}),
        HasSubstr("\"3125550100\": not an E.164")
    );
    EXPECT_THAT(
        text({"--create-user", "alice", "--org", "X"}), HasSubstr("\"alice\": not an e-mail address")
    );
    EXPECT_THAT(
        text({"--add-device", "d", "--org", "X", "--user", "Y", "--platform", "palm", "--sip-username", "z"}),
        HasSubstr("--platform: \"palm\": unknown platform; give ios")
    );
    EXPECT_THAT(text({"--create-org", ""}), HasSubstr("--create-org: \"\": empty"));
    EXPECT_THAT(text({"--explain"}), HasSubstr("--explain: wrong number of values; write --explain VALUE"));
    EXPECT_THAT(text({"--migrat"}), HasSubstr("--migrat: no such option; did you mean --migrate?"));
    EXPECT_THAT(text({"serve", "--migrate"}), HasSubstr("\"serve\": not an option"));
    EXPECT_THAT(
        text({"--explain", "+1", "312", "555", "0142"}),
        HasSubstr("a value that holds blanks stands in quotes")
    );
    EXPECT_THAT(text({"--create-org", "A", "--create-org", "B"}), HasSubstr("given more than once"));
    EXPECT_THAT(refused({"--org", "X"}, complete()), HasSubstr("--org: belongs to a command"));
    EXPECT_THAT(refused({"--migrate"}, {}), HasSubstr("config: database.url: (not set): "));
}

TEST(commands, texts_are_such_as_the_api_takes_them) {
    const auto text = [](const std::vector<std::string>& a) { return refused(a, k_database); };
    const std::string longest(255, 'x');
    EXPECT_EQ(accepted({"--create-org", longest}, k_database).arguments.subject, longest);
    EXPECT_THAT(
        text({"--create-org", longest + "x"}), HasSubstr("…\": has 256 characters; give at most 255")
    );
    for (const char* blank : {"  ", "\t", "\n", "\xc2\xa0", "\xe2\x80\x8b\xe3\x80\x80", "\xef\xbb\xbf"}) {
        const std::string in_quotes = std::string("a ") + blank;
        EXPECT_THAT(text({"--create-org", blank}), HasSubstr("nothing but blanks")) << in_quotes;
        EXPECT_THAT(
            text({"--create-user", "ada@example.com", "--org", "X", "--name", blank}),
            HasSubstr("nothing but blanks")
        ) << in_quotes;
        EXPECT_THAT(
            text({"--add-number", "+13125550100", "--org", "X", "--route", "reject", "--name", blank}),
            HasSubstr("nothing but blanks")
        ) << in_quotes;
        EXPECT_THAT(text({"--org-settings", "7", "--hold-prompt", blank}), HasSubstr("nothing but blanks"));
        EXPECT_THAT(
            text({"--create-user", std::string("a") + blank + "da@example.com", "--org", "X"}),
            HasSubstr("not an e-mail address")
        );
    }
    const std::string label(101, 'x');
    EXPECT_THAT(
        text({"--add-number", "+13125550100", "--org", "X", "--route", "reject", "--name", label}),
        HasSubstr("…\": has 101 characters; give at most 100")
    );
    EXPECT_THAT(text({"--create-user", "@example.com", "--org", "X"}), HasSubstr("not an e-mail address"));
    EXPECT_THAT(text({"--explain-route", "5550100"}), HasSubstr("not an E.164 number"));
    EXPECT_THAT(text({"--explain-route", "+13125550100", "--at", "noon"}), HasSubstr("--at: "));
    EXPECT_THAT(text({"--explain-route", "+13125550100", "--from", "me"}), HasSubstr("--from: "));
    for (const std::string odd :
         {"a\x1b[31m", "a\nb", "a\xc2\x9b", "a\xff",
          "\xe2\x80\xae"
          "a"}) {
        EXPECT_THAT(text({"--create-org", odd}), HasSubstr("--create-org: ")) << odd;
        EXPECT_THAT(
            text({"--add-contact", "+13125550199", "--org", "X", "--name", odd}), HasSubstr("--name: ")
        );
        const auto said = text({"--list-members", "--org", odd});
        EXPECT_THAT(said, HasSubstr("--org: "));
        EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
        EXPECT_THAT(text({"--explain", odd}), HasSubstr("--explain: "));
    }
    EXPECT_EQ(accepted({"--create-org", "Bäckerei 山田"}, k_database).arguments.subject, "Bäckerei 山田");
    const auto prompt = accepted({"--org-settings", "7", "--hold-prompt", "One\nmoment"}, k_database);
    EXPECT_EQ(prompt.arguments.hold_prompt, "One\nmoment");
    EXPECT_THAT(text({"--org-settings", "7", "--hold-prompt", "\xc2\x9b"}), HasSubstr("--hold-prompt: "));
}

TEST(commands, sec_04_an_empty_limit_is_not_taken_for_none) {
    auto env = k_database;
    env["Z360_SECRETS_KEY_FILE"] = key_file();
    const auto text = [&](const std::vector<std::string>& a) { return refused(a, env); };
    EXPECT_THAT(text({"--create-token", "admin", "--org", ""}), HasSubstr("--org: \"\": empty"));
    EXPECT_THAT(text({"--create-token", "admin", "--org="}), HasSubstr("--org: \"\": empty"));
    EXPECT_THAT(text({"--create-token", "admin", "--scopes", ""}), HasSubstr("--scopes: \"\": empty"));
    EXPECT_THAT(text({"--enroll-device", "--user", "7", "--org", ""}), HasSubstr("--org: \"\": empty"));
    EXPECT_THAT(text({"--list-tokens", "--org", ""}), HasSubstr("--org: \"\": empty"));
}

TEST(commands, and_14_calls_are_narrowed_by_one_of_user_number_and_device) {
    EXPECT_EQ(accepted({"--calls"}, k_database).what, command::calls);
    const auto number =
        accepted({"--calls", "--number", "+1 (312) 555-0100", "--missed"}, k_database).arguments;
    EXPECT_EQ(number.number, "+13125550100");
    EXPECT_TRUE(number.missed);
    EXPECT_FALSE(accepted({"--calls", "--user", "a@b.example"}, k_database).arguments.missed);
    EXPECT_EQ(accepted({"--calls", "--device", "Ada's iPhone"}, k_database).arguments.device, "Ada's iPhone");
    EXPECT_THAT(
        refused({"--calls", "--user", "a@b.example", "--device", "x"}, k_database),
        HasSubstr("--calls: takes one of --user, --number and --device")
    );
    EXPECT_THAT(
        refused({"--calls", "--number", "12"}, k_database),
        HasSubstr("--number: \"12\": not a phone number; write it")
    );
    EXPECT_THAT(refused({"--dead-letters", "--missed"}, k_database), HasSubstr("--missed: "));
}

TEST(commands, since_takes_a_length_or_a_time_and_says_what_it_takes) {
    time_point out{};
    const time_point now{millis{1'760'000'000'000}};
    const auto read = [&](const char* text) {
        const auto problem = read_since(text, now, out);
        EXPECT_EQ(problem, "") << text;
        return now - out;
    };
    EXPECT_EQ(read("2h"), std::chrono::hours{2});
    EXPECT_EQ(read("30m"), std::chrono::minutes{30});
    EXPECT_EQ(read("3d"), std::chrono::hours{72});
    EXPECT_EQ(read("45s"), std::chrono::seconds{45});
    EXPECT_EQ(read("2025-10-09T08:53:20Z"), millis{0});
    EXPECT_EQ(read("2025-10-09T08:53:20+01:00"), std::chrono::hours{1});
    for (const char* bad :
         {"", "x", "2", "5000", "2 weeks", "h", "-2h", "0h", "500ms", "4000d", "99999999999999999999d",
          "2025-10-09", "2025-13-09T08:53:20Z"}) {
        const auto said = refused({"--calls", "--since", bad}, k_database);
        EXPECT_THAT(said, HasSubstr("--since: ")) << bad;
        EXPECT_THAT(said, HasSubstr("give e.g. 30m, 2h, 3d or ")) << bad;
        EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    }
    EXPECT_THAT(read_since("2025-10-09T08:53:21Z", now, out), HasSubstr("lies ahead"));
}

TEST(commands, a_value_after_an_unknown_option_is_not_repeated) {
    EXPECT_THAT(refused({"--telnyx.api_kei", "canary"}, complete()), testing::Not(HasSubstr("canary")));
}

TEST(commands, booleans_need_no_value) {
    EXPECT_TRUE(accepted({"--log.json", "--http.port", "1"}, complete()).settings.logging.json);
    EXPECT_TRUE(accepted({"--log.json=true"}, complete()).settings.logging.json);
    EXPECT_FALSE(accepted({"--log.json=false"}, complete()).settings.logging.json);
    EXPECT_FALSE(accepted({"--calls.record_calls", "false"}, complete()).settings.calls.record_calls);
}

TEST(commands, help_and_version_need_no_configuration) {
    const auto help = parse_options({"--help"}, {}, {});
    const auto& h = std::get<early_exit>(help);
    EXPECT_EQ(h.code, 0);
    for (const auto* part :
         {"--http.port", "--telnyx.api_key_file", "--check-config", "Exit codes:", "3  a dependency"})
        EXPECT_THAT(h.out, HasSubstr(part));
    EXPECT_EQ(h.out.find("--telnyx.api_key "), std::string::npos) << "offers a flag that is refused";
    const auto version = parse_options({"--version"}, {}, {});
    EXPECT_EQ(std::get<early_exit>(version).code, 0);
    EXPECT_TRUE(std::get<early_exit>(version).out.starts_with("z360-voipd 0."));
}

TEST(commands, problems_come_as_json_too) {
    auto env = complete();
    env["Z360_HTTP_PORT"] = "x\"y";
    const auto r = parse_options({"--check-config", "--json"}, env, {});
    const auto& e = std::get<early_exit>(r);
    EXPECT_EQ(e.code, 2);
    EXPECT_TRUE(e.out.starts_with(R"({"problems":["http.port: \"x\\\"y\": not a whole number)")) << e.out;
}
