// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/keys.hpp"
#include "support.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

using namespace z360;
using namespace z360::app;
using namespace z360::app::test;
using testing::HasSubstr;
using testing::Not;

namespace {

struct bad {
    std::string key;
    std::string value;
    std::string part_of_fix;
};

std::ostream& operator<<(std::ostream& o, const bad& b) {
    return o << b.key << "=" << b.value;
}

class wrong_value : public testing::TestWithParam<bad> {};

} // namespace

TEST_P(wrong_value, is_refused_with_key_value_and_fix_from_every_source) {
    const auto& [key, value, fix] = GetParam();
    folder f;
    const auto dot = key.find('.');
    const auto file =
        f.write("c.toml", "[" + key.substr(0, dot) + "]\n" + key.substr(dot + 1) + " = '" + value + "'\n");
    auto env = complete();
    env.erase(environment_name(key));
    const auto line = "config: " + key + ": \"" + value + "\": ";

    auto by_environment = env;
    by_environment[environment_name(key)] = value;
    const std::vector<std::pair<std::string, std::string>> all{
        {refused({"--" + key + "=" + value}, env), "flag --" + key},
        {refused({}, by_environment), "environment " + environment_name(key)},
        {refused({"--config", file}, env), file + " line 2"},
    };
    for (const auto& [text, where] : all) {
        EXPECT_TRUE(text.starts_with(line)) << text;
        EXPECT_THAT(text, HasSubstr(fix));
        EXPECT_THAT(text, HasSubstr("; ")) << "no fix";
        EXPECT_THAT(text, HasSubstr("(from " + where + ")"));
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    }
}

INSTANTIATE_TEST_SUITE_P(
    options, wrong_value,
    testing::Values(
        bad{"http.address", "localhost", "127.0.0.1"}, bad{"http.address", "1.2.3", "0.0.0.0"},
        bad{"http.port", "65536", "0 to 65535"}, bad{"http.port", "-1", "0 to 65535"},
        bad{"http.port", "8 0", "0 to 65535"}, bad{"http.port", "0x50", "0 to 65535"},
        bad{"http.max_connections", "0", "1 to 100000"},
        bad{"retention.raw_events_days", "6", "0, or 7 to 36500"},
        bad{"retention.dead_letters_days", "1", "0, or 7 to 36500"},
        bad{"retention.calls_days", "40000", "0 to 36500"}, bad{"retention.calls_days", "-1", "0 to 36500"},
        bad{"http.webhook_connections", "x", "0 to 100000"}, bad{"metrics.address", "localhost", "127.0.0.1"},
        bad{"metrics.port", "70000", "0 to 65535"}, bad{"http.max_body_bytes", "1k", "bytes"},
        bad{"http.max_header_bytes", "99999999999999999999", "1024 to"},
        bad{"http.read_timeout_ms", "1us", "500ms"}, bad{"http.idle_timeout_ms", "2h", "1 h"},
        bad{"http.write_timeout_ms", "9223372036854775807s", "2 m"},
        bad{"database.connections", "65", "1 to 64"}, bad{"redis.budget_ms", "0", "1 ms"},
        bad{"redis.key_prefix", "a b", "letters"},
        bad{"telnyx.public_keys", "abc", "copy the key from the Telnyx portal"},
        bad{"telnyx.public_keys", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", "Telnyx portal"
        }, // no padding
        bad{"telnyx.public_keys", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "Telnyx portal"
        }, // URL alphabet
        bad{"telnyx.public_keys", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURp=", "Telnyx portal"
        }, // stray bits
        bad{"telnyx.public_keys", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "not an Ed25519"},
        bad{"telnyx.base_url", "api.telnyx.com", "https://"},
        bad{"telnyx.base_url", "https://a:b@c@d/", "host"}, bad{"telnyx.base_url", "https://[::1]7/", "host"},
        bad{"telnyx.base_url", "https://$(x)/", "host"}, bad{"telnyx.base_url", "https://x:/", "port"},
        bad{"telnyx.base_url", "https://a:b@c/", "host"}, bad{"telnyx.base_url", "ftp://a", "https://"},
        bad{"telnyx.base_url", "http://x:70000", "port"}, bad{"telnyx.connection_id", "app-1", "digits"},
        bad{"telnyx.default_countries", "USA", "e.g. US"},
        bad{"telnyx.default_countries", "app=US", "connection id"},
        bad{"telnyx.sip_domain", "sip:x", "bare name"}, bad{"telnyx.webhook_url", "https://", "host"},
        bad{"telnyx.hedge_after_ms", "3000", "lower it"}, bad{"telnyx.dials_per_5s", "0", "1 to"},
        bad{"spool.max_bytes", "12", "bytes"},
        bad{"log.level", "verbose", "debug, info, warn, error or critical"},
        bad{"log.json", "maybe", "give one"}, bad{"calls.ring_time_ms", "4999", "5 s to 1 m"},
        bad{"calls.ring_time_ms", "60001", "5 s to 1 m"}, bad{"calls.ring_time_ms", "61s", "5 s to 1 m"},
        bad{"calls.voice", "a b", "AWS.Polly"}, bad{"calls.voicemail_greeting", "", "give a value"},
        bad{"calls.ringback_url", "x", "https://"}, bad{"calls.device_life_ms", "366d", "365 d"},
        bad{"server.shutdown_limit_ms", "1", "100 ms"}, bad{"server.drain_delay_ms", "301s", "5 m"},
        bad{"server.drain_delay_ms", "-1", "5 m"}, bad{"http.trusted_proxies", "10.0.0.0/33", "10.0.0.0/8"},
        bad{"http.trusted_proxies", "proxy.local", "10.0.0.7"},
        bad{"http.trusted_proxies", "::/129", "network"}, bad{"database.api_connections", "0", "1 to 64"},
        bad{"telnyx.credential_connection_id", "conn", "digits"}, bad{"server.environment", "Staging", "a-z"},
        bad{"server.environment", "an-environment-too-long", "1 to 20"},
        bad{"server.public_url", "http://voip.example.com", "https://"},
        bad{"server.public_url", "http://localhost.example.com", "https://"},
        bad{"server.public_url", "https://voip.example.com/?a=b", "path"},
        bad{"auth.introspection_url", "http://127.example.com/x", "127.0.0.1"},
        bad{"auth.introspection_cache_ms", "31s", "30 s"},
        bad{"auth.allowed_origins", "https://app.example.com/", "only scheme, host and port"},
        bad{"auth.allowed_origins", "http://app.example.com", "https://"},
        bad{"auth.allowed_origins", "*", "https://"},
        bad{"auth.device_sliding_ms", "17280000000", "lower it"},
        bad{"apple.keys_url", "http://apple.example", "https://"},
        bad{"apple.client_ids", "com example", "com.example.app"},
        bad{"clients.ws_url", "https://x.example", "wss://"},
        bad{"clients.ws_url", "ws://voip.example.com/app", "wss://"},
        bad{"clients.ws_url", "wss://u@x", "wss://"}, bad{"clients.min_versions", "1.2.0", "ios=1.2.0"},
        bad{"clients.min_versions", "palm=1", "ios, android or web"},
        bad{"clients.latest_versions", "ios=1.", "ios=1.2.0"},
        bad{"clients.jwt_from_sdk", "ios=1.x", "ios=1.2.0"},
        bad{"clients.jwt_from_sdk", "web=1.2.3.4.5", "ios=1.2.0"},
        bad{"clients.store_urls", "https://apps.apple.com", "ios=https://"},
        bad{"clients.store_urls", "ios=http://apps.apple.com", "https://"},
        bad{"clients.bundle_ids", "com/example", "com.example.app"},
        bad{"credentials.life_ms", "1s", "10 s to 365 d"},
        bad{"credentials.rotate_percent", "100", "10 to 95"}, bad{"credentials.overlap_ms", "4d", "3 d"},
        bad{"limits.reveal_per_hour", "0", "1 to"}, bad{"auth.cookie_name", "a b", "browser"},
        bad{"auth.cookie_name", "session=", "browser"}, bad{"auth.cookie_name", "", "give a value"},
        bad{"auth.native_webviews", "maybe", "give one"},
        bad{"clients.empty_push_tokens", "maybe", "give one"},
        bad{"clients.blanks_in_device_ids", "2", "give one"}
    )
);

TEST(options, every_problem_is_reported_at_once_one_per_line) {
    auto env = complete();
    env["Z360_HTTP_PORT"] = "x";
    env["Z360_LOG_LEVEL"] = "y";
    const auto text = refused({"--calls.ring_time_ms", "1", "--http.prot", "80"}, env);
    EXPECT_THAT(text, HasSubstr("config: http.port: \"x\""));
    EXPECT_THAT(text, HasSubstr("config: log.level: \"y\""));
    EXPECT_THAT(text, HasSubstr("config: calls.ring_time_ms: \"1\""));
    EXPECT_THAT(text, HasSubstr("config: --http.prot: no such option; did you mean --http.port?"));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
}

TEST(options, a_wrong_option_is_told_and_nothing_else) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> all{
        {{"--http.prot", "80"}, "--http.prot: no such option; did you mean --http.port?"},
        {{"--check-confg"}, "--check-confg: no such option; did you mean --check-config?"},
        {{"serve"}, "\"serve\": not an option"},
        {{"--org", "x"}, "--org: belongs to a command"},
        {{"--migrate", "--check-config"}, "cannot be combined"},
        {{"--create-user", "ada@example.com"}, "--org: --create-user needs it"},
        {{"--config"}, "--config: wrong number of values"},
    };
    for (const auto& [arguments, wanted] : all) {
        const auto text = refused(arguments, {}); // nothing is set that a server needs
        EXPECT_THAT(text, HasSubstr(wanted));
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    }
}

TEST(options, flags_win_over_environment_and_environment_over_file) {
    folder f;
    const auto file =
        f.write("c.toml", "[http]\nport = 1001\nmax_connections = 11\nmax_body_bytes = 1_000_000\n");
    auto env = complete();
    env["Z360_HTTP_PORT"] = "1002";
    env["Z360_HTTP_MAX_CONNECTIONS"] = "12";
    const auto o = accepted({"--config", file, "--http.port", "1003"}, env);
    EXPECT_EQ(o.settings.http.port, 1003);
    EXPECT_EQ(o.settings.http.max_connections, 12U);
    EXPECT_EQ(o.settings.http.max_body_bytes, 1'000'000U);
    EXPECT_EQ(o.settings.http.max_header_bytes, 16U * 1024);
    EXPECT_EQ(o.config_file, file);
}

TEST(options, the_first_existing_default_file_is_read_and_config_replaces_it) {
    folder f;
    const auto first = f.write("first.toml", "[http]\nport = 1001\n");
    const auto second = f.write("second.toml", "[http]\nport = 1002\n");
    EXPECT_EQ(accepted({}, complete(), {f.path("none"), first, second}).settings.http.port, 1001);
    EXPECT_EQ(accepted({"--config", second}, complete(), {first}).settings.http.port, 1002);
    auto env = complete();
    env["Z360_CONFIG"] = second;
    EXPECT_EQ(accepted({}, env, {first}).settings.http.port, 1002);
    EXPECT_EQ(accepted({"--config", first}, env, {}).settings.http.port, 1001);
    EXPECT_EQ(accepted({}, complete(), {f.path("none")}).settings.http.port, 8080);
    EXPECT_THAT(
        refused({"--config", f.path("none")}, complete()), HasSubstr("config: config: \"" + f.path("none"))
    );
}

TEST(options, a_settings_file_that_is_none_is_refused) {
    folder f;
    const auto big = f.write("big.toml", std::string(1'100'000, '#'));
    EXPECT_THAT(refused({"--config", f.path("")}, complete()), HasSubstr("not a file; name a settings file"));
    EXPECT_THAT(
        refused({"--config", "/dev/zero"}, complete()), HasSubstr("not a file; name a settings file")
    );
    EXPECT_THAT(refused({"--config", big}, complete()), HasSubstr("larger than 1 MiB"));
    EXPECT_EQ(accepted({"--config", "/dev/null"}, complete()).settings.http.port, 8080);
    const auto pipe = f.path("pipe"); // as a shell's <(…) is one
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::thread writer([&] { std::ofstream(pipe) << "[http]\nport = 1003\n"; });
    EXPECT_EQ(accepted({"--config", pipe}, complete()).settings.http.port, 1003);
    writer.join();
}

TEST(options, durations_take_units) {
    const auto o = accepted(
        {"--http.read_timeout_ms", "1500", "--http.write_timeout_ms=2s", "--calls.device_life_ms", "7d",
         "--calls.voicemail_max_ms=3m", "--redis.budget_ms", "40ms"},
        complete()
    );
    EXPECT_EQ(o.settings.http.read_timeout, millis(1500));
    EXPECT_EQ(o.settings.http.write_timeout, millis(2000));
    EXPECT_EQ(o.settings.device_life, millis(7LL * 86'400'000));
    EXPECT_EQ(o.settings.calls.voicemail_max, millis(180'000));
    EXPECT_EQ(o.settings.redis.budget, millis(40));
}

TEST(options, public_keys_may_be_repeated_comma_separated_or_an_array) {
    auto env = complete();
    env.erase("Z360_TELNYX_PUBLIC_KEYS");
    const std::vector<std::string> both{k_key, k_other_key};
    folder f;
    const auto file = f.write(
        "c.toml", "[telnyx]\npublic_keys = [\n  \"" + k_key + "\", # old\n  '" + k_other_key + "',\n]\n"
    );
    EXPECT_EQ(
        accepted({"--telnyx.public_keys", k_key, "--telnyx.public_keys", k_other_key}, env)
            .settings.telnyx.public_keys,
        both
    );
    EXPECT_EQ(
        accepted({"--telnyx.public_keys", k_key + ", " + k_other_key}, env).settings.telnyx.public_keys, both
    );
    EXPECT_EQ(accepted({"--config", file}, env).settings.telnyx.public_keys, both);
}

TEST(options, sec_01_no_server_without_a_public_key) {
    auto env = complete();
    env.erase("Z360_TELNYX_PUBLIC_KEYS");
    for (const auto& arguments : {std::vector<std::string>{}, std::vector<std::string>{"--check-config"}}) {
        const auto text = refused(arguments, env);
        EXPECT_TRUE(text.starts_with("config: telnyx.public_keys: (not set): ")) << text;
        EXPECT_THAT(text, HasSubstr("Z360_TELNYX_PUBLIC_KEYS"));
    }
    for (const auto* blank : {"", " ", ",", " , "}) {
        env["Z360_TELNYX_PUBLIC_KEYS"] = blank;
        EXPECT_THAT(refused({}, env), HasSubstr("config: telnyx.public_keys")) << '"' << blank << '"';
    }
    EXPECT_EQ(accepted({"--migrate"}, env).what, command::migrate); // needs only the database
}

TEST(options, what_a_server_cannot_do_without_is_named) {
    const auto text = refused({}, {});
    for (const auto* key :
         {"database.url", "secrets.key_file", "telnyx.public_keys", "telnyx.api_key", "telnyx.connection_id"})
        EXPECT_THAT(text, HasSubstr("config: " + std::string(key) + ": (not set): ")) << key;
}

TEST(options, unknown_keys_of_the_file_name_the_nearest_known_one) {
    folder f;
    const auto file =
        f.write("c.toml", "[http]\nprot = 80\n[telnyx]\napi_ky_file = 'x'\n[zzz]\nqqqqqqqq = 1\n");
    const auto text = refused({"--config", file}, complete());
    EXPECT_THAT(
        text, HasSubstr("config: http.prot: unknown key; did you mean http.port? (from " + file + " line 2)")
    );
    EXPECT_THAT(text, HasSubstr("did you mean telnyx.api_key_file?"));
    EXPECT_THAT(text, HasSubstr("config: zzz.qqqqqqqq: unknown key; see config/z360.example.toml"));
}

TEST(options, misspelled_variables_of_our_tables_are_warned_about_and_others_left_alone) {
    auto env = complete();
    env["Z360_HTTP_PROT"] = "80";
    env["Z360_TEST_REDIS_URL"] = "redis://127.0.0.1";
    const auto o = accepted({}, env);
    ASSERT_EQ(o.warnings.size(), 1U);
    EXPECT_THAT(
        o.warnings[0], HasSubstr("Z360_HTTP_PROT is no setting and was ignored; did you mean Z360_HTTP_PORT?")
    );
}

// ---- secrets

TEST(options, cfg_02_secrets_on_the_command_line_or_in_the_file_are_refused_and_not_repeated) {
    const std::string canary = "canary-7f3a9c";
    const std::vector<std::pair<std::string, std::string>> all{
        {"telnyx.api_key", canary},
        {"telnyx.client_state_key", canary + canary + canary},
        {"database.url", "postgresql://u:" + canary + "@h/d"},
        {"database.url", "postgresql://h/d?password=" + canary},
        {"redis.url", "redis://:" + canary + "@h"},
    };
    for (const auto& [key, value] : all) {
        folder f;
        const auto dot = key.find('.');
        const auto file = f.write(
            "c.toml", "[" + key.substr(0, dot) + "]\n" + key.substr(dot + 1) + " = '" + value + "'\n"
        );
        auto env = complete();
        env.erase(environment_name(key));
        for (const auto& text : {refused({"--" + key, value}, env), refused({"--config", file}, env)}) {
            EXPECT_TRUE(text.starts_with("config: " + key + ": (secret): ")) << text;
            EXPECT_THAT(text, HasSubstr(environment_name(key)));
            EXPECT_THAT(text, HasSubstr(key + "_file"));
            EXPECT_THAT(text, Not(HasSubstr(canary)));
        }
        env[environment_name(key)] = value;
        EXPECT_NE(accepted({}, env).settings.http.port, 0); // the environment is allowed
    }
}

TEST(options, cfg_02_urls_without_a_password_may_stand_anywhere) {
    auto env = complete();
    env.erase("Z360_DATABASE_URL");
    const auto o = accepted({"--database.url", "postgresql://u@h/d", "--redis.url=redis://h:1/2"}, env);
    EXPECT_EQ(o.settings.database.url.reveal(), "postgresql://u@h/d");
    EXPECT_EQ(o.settings.redis.url.reveal(), "redis://h:1/2");
}

TEST(options, cfg_02_secret_files_are_read_and_their_last_newline_dropped) {
    folder f;
    auto env = complete();
    env.erase("Z360_TELNYX_API_KEY");
    env.erase("Z360_DATABASE_URL");
    const auto key = f.write("key", "KEY-from-a-file\n", 0640);
    const auto url = f.write("url", "postgresql://u:p@h/d\r\n");
    const auto config = f.write("c.toml", "[telnyx]\napi_key_file = '" + key + "'\n");
    const auto o = accepted({"--config", config, "--database.url_file", url}, env);
    EXPECT_EQ(o.settings.telnyx.api_key.reveal(), "KEY-from-a-file");
    EXPECT_EQ(o.settings.database.url.reveal(), "postgresql://u:p@h/d");
}

TEST(options, cfg_02_world_readable_secret_files_are_refused_with_chmod) {
    folder f;
    auto env = complete();
    env.erase("Z360_TELNYX_API_KEY");
    for (const mode_t mode : {0644U, 0604U, 0602U}) {
        const auto path = f.write("key", "KEY-from-a-file", mode);
        env["Z360_TELNYX_API_KEY_FILE"] = path;
        const auto text = refused({}, env);
        EXPECT_THAT(text, HasSubstr("config: telnyx.api_key_file: \"" + path + "\": "));
        EXPECT_THAT(text, HasSubstr("chmod 600 " + path));
        EXPECT_THAT(text, Not(HasSubstr("KEY-from-a-file")));
    }
}

TEST(options, cfg_02_useless_secret_files_are_refused) {
    folder f;
    auto env = complete();
    env.erase("Z360_TELNYX_API_KEY");
    for (const auto& path : {f.path("none"), f.path(""), f.write("empty", "\n")}) {
        env["Z360_TELNYX_API_KEY_FILE"] = path;
        EXPECT_TRUE(refused({}, env).starts_with("config: telnyx.api_key_file: \"" + path + "\": ")) << path;
    }
    env["Z360_TELNYX_API_KEY_FILE"] = f.write("short", "tiny-ky");
    const auto text = refused({}, env);
    EXPECT_THAT(text, HasSubstr("config: telnyx.api_key: (secret): not 8 to 512"));
    EXPECT_THAT(text, Not(HasSubstr("tiny-ky")));
}

TEST(options, cfg_02_a_secret_and_its_file_together_are_refused) {
    folder f;
    auto env = complete();
    env["Z360_TELNYX_API_KEY_FILE"] = f.write("key", "KEY-from-a-file");
    const auto text = refused({}, env);
    EXPECT_THAT(
        text,
        HasSubstr("config: telnyx.api_key: (secret): given both by environment Z360_TELNYX_API_KEY and by")
    );
    EXPECT_THAT(text, HasSubstr("keep one"));
    env["Z360_TELNYX_API_KEY"] = ""; // an empty variable is none
    EXPECT_EQ(accepted({}, env).settings.telnyx.api_key.reveal(), "KEY-from-a-file");
}

TEST(options, cfg_02_wrong_secrets_from_the_environment_are_not_repeated) {
    const std::vector<std::pair<std::string, std::string>> all{
        {"database.url", "mysql://u:canary@h/d"},
        {"database.url", "postgresql://u:canary@h"},
        {"database.url", "canary"},
        {"redis.url", "redis://:canary@h:0"},
        {"redis.url", "rediss://:canary@h"},
        {"redis.url", "redis://:canary@h/x"},
        {"redis.url", "redis://:canary%zz@h"},
        {"telnyx.api_key", "canary canary"},
        {"telnyx.client_state_key", "canary-short"}
    };
    for (const auto& [key, value] : all) {
        auto env = complete();
        env[environment_name(key)] = value;
        const auto text = refused({}, env);
        EXPECT_TRUE(text.starts_with("config: " + key + ": (secret): ")) << text;
        EXPECT_THAT(text, HasSubstr("; ")) << text;
        EXPECT_THAT(text, Not(HasSubstr("canary")));
    }
}

TEST(options, cfg_02_the_description_shows_no_secret) {
    auto env = complete();
    env["Z360_REDIS_URL"] = "redis://:canary@127.0.0.1";
    for (const auto& arguments :
         {std::vector<std::string>{"--check-config"}, std::vector<std::string>{"--check-config", "--json"}}) {
        const auto text = describe(accepted(arguments, env));
        EXPECT_THAT(text, Not(HasSubstr("canary")));
        EXPECT_THAT(text, Not(HasSubstr("KEY0123456789")));
        EXPECT_THAT(text, Not(HasSubstr("z360:pw")));
        EXPECT_THAT(text, HasSubstr("(set)"));
        EXPECT_THAT(text, HasSubstr("(not set)")); // client_state_key
    }
    EXPECT_THAT(describe(accepted({}, env)), HasSubstr("[http]\naddress = \"0.0.0.0\"\nport = 8080\n"));
    EXPECT_THAT(describe(accepted({"--json"}, env)), HasSubstr("\"redis.url\":\"(set)\""));
}

TEST(options, sys_01_certificate_and_key_go_together_and_the_key_is_private) {
    folder f;
    const auto certificate = f.write("c.pem", "x", 0644);
    const auto key = f.write("k.pem", "x");
    const auto open_key = f.write("open.pem", "x", 0644);
    const auto tls = [&](const std::string& c, const std::string& k) {
        return std::vector<std::string>{"--http.tls_certificate_file", c, "--http.tls_key_file", k};
    };
    EXPECT_EQ(accepted(tls(certificate, key), complete()).settings.http.tls_key_file, key);
    EXPECT_THAT(
        refused(tls(certificate, ""), complete()), HasSubstr("config: http.tls_key_file: (not set): ")
    );
    EXPECT_THAT(
        refused(tls("", key), complete()), HasSubstr("config: http.tls_certificate_file: (not set): ")
    );
    EXPECT_THAT(
        refused(tls(f.path("none"), key), complete()),
        HasSubstr("http.tls_certificate_file: \"" + f.path("none"))
    );
    EXPECT_THAT(refused(tls(certificate, open_key), complete()), HasSubstr("chmod 600 " + open_key));
}

TEST(options, a_url_with_control_characters_is_refused_before_it_is_used) {
    for (const std::string url :
         {"https://a.example/\x01v2",
          "https://a.example/v2\x7F"
          "b",
          "https://a\tb/"})
        EXPECT_THAT(refused({"--telnyx.base_url", url}, complete()), HasSubstr("blanks")) << url;
}

TEST(options, cfg_05_plain_urls_are_for_this_machine_or_a_sandbox) {
    const std::vector<std::pair<std::string, std::string>> distant{
        {"server.public_url", "http://voip.example.com"},
        {"auth.introspection_url", "http://10.0.0.9/whoami"},
        {"auth.allowed_origins", "http://app.example.com"},
        {"apple.keys_url", "http://apple.example/keys"},
        {"clients.ws_url", "ws://voip.example.com/app"},
        {"clients.store_urls", "ios=http://store.example"},
    };
    for (const auto& [key, value] : distant) {
        const std::string flag = "--" + key + "=" + value;
        EXPECT_THAT(
            refused({flag}, complete()), HasSubstr("config: " + key + ": \"" + value + "\": readable")
        );
        EXPECT_TRUE(accepted({flag, "--server.sandbox"}, complete()).settings.server.sandbox);
        auto local = flag;
        const auto host = local.find("//") + 2;
        local = local.substr(0, host) + "127.0.0.1:8080";
        EXPECT_EQ(accepted({local}, complete()).what, command::serve) << local;
    }
}

TEST(options, lists_take_several_values_from_every_source) {
    folder f;
    const auto file = f.write(
        "c.toml",
        "[clients]\nmin_versions = ['ios=1.2.0', 'android=2']\n[http]\ntrusted_proxies = ['10.0.0.0/8']\n"
    );
    auto env = complete();
    env["Z360_AUTH_ALLOWED_ORIGINS"] = "https://a.example, https://b.example:8443";
    const auto o = accepted(
        {"--config", file, "--clients.bundle_ids", "com.example.a", "--clients.bundle_ids=com.example.b",
         "--clients.store_urls", "android=https://play.google.com/store/apps/details?id=com.example.a",
         "--http.trusted_proxies", "::1", "--http.trusted_proxies", "fd00::/8"},
        env
    );
    using strings = std::vector<std::string>;
    EXPECT_EQ(o.settings.clients.min_versions, (strings{"ios=1.2.0", "android=2"}));
    EXPECT_EQ(o.settings.auth.allowed_origins, (strings{"https://a.example", "https://b.example:8443"}));
    EXPECT_EQ(o.settings.clients.bundle_ids, (strings{"com.example.a", "com.example.b"}));
    EXPECT_EQ(o.settings.http.trusted_proxies, (strings{"::1", "fd00::/8"}));
}

TEST(options, blanks_around_a_value_are_nobodys_wish_wherever_it_comes_from) {
    folder f;
    for (const std::string blank :
         {" ", "\n", "\r\n", "\t", " \n\n", "\xC2\xA0", "\xE2\x80\x8B", "\xEF\xBB\xBF"}) {
        auto env = complete();
        for (auto& [name, value] : env)
            value = blank + value + blank;
        const auto key = env["Z360_TELNYX_API_KEY"];
        env.erase("Z360_TELNYX_API_KEY");
        env["Z360_TELNYX_API_KEY_FILE"] = f.write("key", key, 0600) + blank;
        const auto o = accepted(
            {"--telnyx.base_url", blank + "https://api.example.com/v2" + blank, "--http.port", "80" + blank},
            env
        );
        const auto plain =
            accepted({"--telnyx.base_url", "https://api.example.com/v2", "--http.port", "80"}, complete());
        EXPECT_EQ(o.settings.telnyx.api_key.reveal(), plain.settings.telnyx.api_key.reveal());
        EXPECT_EQ(o.settings.database.url.reveal(), plain.settings.database.url.reveal());
        EXPECT_EQ(o.settings.telnyx.public_keys, plain.settings.telnyx.public_keys);
        EXPECT_EQ(o.settings.telnyx.connection_id, plain.settings.telnyx.connection_id);
        EXPECT_EQ(o.settings.telnyx.base_url, "https://api.example.com/v2");
        EXPECT_EQ(o.settings.http.port, 80);
    }
    auto env = complete();
    env["Z360_TELNYX_API_KEY"] = " \n ";
    EXPECT_THAT(refused({}, env), HasSubstr("telnyx.api_key")) << "blanks alone are no key";
}

TEST(options, default_countries_are_for_all_connections_or_for_one) {
    auto env = complete();
    env["Z360_TELNYX_DEFAULT_COUNTRIES"] = "US, 1494404757140276706=NL";
    using strings = std::vector<std::string>;
    EXPECT_EQ(accepted({}, env).settings.telnyx.default_countries, (strings{"US", "1494404757140276706=NL"}));
    EXPECT_TRUE(accepted({}, complete()).settings.telnyx.default_countries.empty());
}

TEST(options, sec_02_the_key_file_is_private) {
    folder f;
    auto env = complete();
    const auto open_file = f.write("keys", "k1 x", 0644);
    for (const auto& [path, fix] :
         {std::pair{open_file, "chmod 600 " + open_file},
          std::pair{f.path("none"), "no such file; make it with z360-voipd --generate-key " + f.path("none")}
         }) {
        env["Z360_SECRETS_KEY_FILE"] = path;
        EXPECT_THAT(refused({}, env), HasSubstr("config: secrets.key_file: \"" + path + "\": "));
        EXPECT_THAT(refused({"--check-config"}, env), HasSubstr(fix));
        EXPECT_EQ(accepted({"--migrate"}, env).what, command::migrate) << "needs no keys";
    }
}

TEST(options, without_a_credential_connection_the_server_warns) {
    auto env = complete();
    env.erase("Z360_TELNYX_CREDENTIAL_CONNECTION_ID");
    const auto o = accepted({}, env);
    ASSERT_EQ(o.warnings.size(), 1U);
    EXPECT_THAT(o.warnings[0], HasSubstr("telnyx.credential_connection_id"));
}

TEST(options, cfg_05_a_server_that_nobody_could_reach_over_https_is_warned_about) {
    auto env = complete();
    env.erase("Z360_HTTP_TRUSTED_PROXIES");
    for (const auto& arguments : {std::vector<std::string>{}, std::vector<std::string>{"--check-config"}}) {
        const auto o = accepted(arguments, env);
        ASSERT_EQ(o.warnings.size(), 1U);
        EXPECT_THAT(o.warnings[0], HasSubstr("http.trusted_proxies"));
        EXPECT_THAT(o.warnings[0], HasSubstr("403"));
    }
    EXPECT_TRUE(accepted({"--migrate"}, env).warnings.empty()) << "serves nobody";
    EXPECT_TRUE(accepted({"--http.allow_plain_api"}, env).warnings.empty());
    EXPECT_TRUE(accepted({"--http.trusted_proxies", "10.0.0.0/8"}, env).warnings.empty());
}

TEST(options, plain_http_to_a_distant_carrier_is_warned_about) {
    EXPECT_TRUE(accepted({"--telnyx.base_url", "http://127.0.0.1:4010/v2"}, complete()).warnings.empty());
    EXPECT_EQ(accepted({"--telnyx.base_url", "http://10.0.0.9/v2"}, complete()).warnings.size(), 1U);
}

TEST(options, rows_are_kept_for_a_while_unless_told_otherwise) {
    const auto standard = accepted({}, complete()).settings.retention;
    EXPECT_EQ(standard.raw_events_days, 7U);
    EXPECT_EQ(standard.dead_letters_days, 30U);
    EXPECT_EQ(standard.calls_days, 400U);
    const auto other = accepted(
        {"--retention.raw_events_days", "0", "--retention.dead_letters_days", "7", "--retention.calls_days",
         "1"},
        complete()
    );
    EXPECT_EQ(other.settings.retention.raw_events_days, 0U);
    EXPECT_EQ(other.settings.retention.dead_letters_days, 7U);
    EXPECT_EQ(other.settings.retention.calls_days, 1U);
}

TEST(options, figures_do_not_share_a_port_with_everything_else) {
    EXPECT_THAT(
        refused({"--metrics.port", "8080"}, complete()),
        HasSubstr("config: metrics.port: \"8080\": is http.port too; choose another one")
    );
    EXPECT_EQ(accepted({"--metrics.port", "9090"}, complete()).settings.metrics.port, 9090);
    auto env = complete();
    env["Z360_METRICS_TOKEN"] = "short";
    EXPECT_THAT(refused({}, env), HasSubstr("config: metrics.token: "));
    EXPECT_THAT(refused({}, env), Not(HasSubstr("short")));
    env["Z360_METRICS_TOKEN"] = "0123456789abcdef";
    EXPECT_FALSE(accepted({}, env).settings.metrics.token.empty());
}
