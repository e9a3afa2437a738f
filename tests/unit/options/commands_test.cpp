// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support.hpp"

#include <gmock/gmock.h>

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

    const auto explain = accepted({"--explain", "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0"}, k_database);
    EXPECT_EQ(explain.what, command::explain);
    EXPECT_EQ(explain.arguments.subject, "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0");

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
    EXPECT_THAT(text({"--create-org", "A", "--create-org", "B"}), HasSubstr("given more than once"));
    EXPECT_THAT(refused({"--org", "X"}, complete()), HasSubstr("--org: belongs to a command"));
    EXPECT_THAT(refused({"--migrate"}, {}), HasSubstr("config: database.url: (not set): "));
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
