// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Keys for Apple's and Google's push services: what is read, what is refused and how, what is signed.
#include "adapter/crypto/apns_key.hpp"
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/service_account.hpp"
#include "support/key_maker.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/err.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::adapter::crypto;
using nlohmann::json;
using z360::testing::made_key;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr time_point k_now{1'780'000'000'500ms};
const apns_key::names k_who{"ABC123DEFG", "TEAM567890"};

const made_key& p256() {
    static const auto k_key = made_key::ec();
    return k_key;
}
const made_key& rsa() {
    static const auto k_key = made_key::rsa();
    return k_key;
}

json account(const std::string& pem) {
    return {
        {"type", "service_account"},
        {"project_id", "z360-example"},
        {"private_key_id", "0123456789abcdef"},
        {"private_key", pem},
        {"client_email", "push@z360-example.iam.gserviceaccount.com"},
        {"client_id", "1"},
        {"token_uri", "https://oauth2.googleapis.com/token"}
    };
}

/// What was thrown; empty: nothing.
std::string refusal(const std::function<void()>& what) {
    try {
        what();
    } catch (const std::runtime_error& e) {
        EXPECT_EQ(ERR_peek_error(), 0UL); // nothing left behind that would confuse TLS
        return e.what();
    }
    return {};
}
std::string apns_refusal(const std::string& pem, apns_key::names who = k_who) {
    return refusal([&] { (void)apns_key::parse("push.apns.key_file", "k.p8", secret(pem), std::move(who)); });
}
std::string google_refusal(
    const std::string& text, service_account::token_hosts hosts = service_account::token_hosts::google
) {
    return refusal([&] {
        (void)service_account::parse("push.fcm.account_file", "a.json", secret(text), hosts);
    });
}
void expect_one_line(
    const std::string& text, std::string_view setting, std::string_view file, std::string_view part
) {
    EXPECT_TRUE(text.starts_with(std::string(setting) + ": " + std::string(file) + ": ")) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find(';'), std::string::npos) << "no fix in: " << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}
/// No eight characters of it in a row: neither the key nor a piece.
void expect_no_part(const std::string& text, const std::string& key) {
    for (std::size_t i = 40; i + 60 < key.size(); i += 4)
        EXPECT_EQ(text.find(key.substr(i, 8)), std::string::npos) << text;
}

std::vector<std::string> split(std::string_view token) {
    std::vector<std::string> out(1);
    for (const char c : token)
        if (c == '.')
            out.emplace_back();
        else
            out.back() += c;
    return out;
}
std::string plain(const std::string& part) {
    const auto raw = unbase64url(part, 8'192);
    return raw ? std::string(raw->begin(), raw->end()) : std::string();
}

/// A folder of this test alone.
class key_files : public ::testing::Test {
  protected:
    key_files() : folder_(fs::temp_directory_path() / ("z360-push-keys-" + std::to_string(::getpid()))) {
        fs::create_directories(folder_);
    }
    ~key_files() override { fs::remove_all(folder_); }
    std::string write(const std::string& name, const std::string& text, fs::perms mode) const {
        const auto path = folder_ / name;
        std::ofstream(path, std::ios::binary) << text;
        fs::permissions(path, mode);
        return path.string();
    }
    [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }

  private:
    fs::path folder_;
};

constexpr auto k_owner = fs::perms::owner_read | fs::perms::owner_write;

} // namespace

TEST(apns_key, be_28_a_provider_token_is_es256_over_both_ids_half_a_minute_old) {
    const auto key = apns_key::parse("s", "f", secret(p256().pem()), k_who);
    for (int i = 0; i < 50; ++i) { // r or s is shorter than 32 bytes now and then
        const auto token = key->mint(k_now + std::chrono::seconds{i});
        const auto parts = split(token.reveal());
        ASSERT_EQ(parts.size(), 3U);
        EXPECT_EQ(json::parse(plain(parts[0])), json({{"alg", "ES256"}, {"kid", "ABC123DEFG"}}));
        EXPECT_EQ(json::parse(plain(parts[1])), json({{"iss", "TEAM567890"}, {"iat", 1'779'999'970 + i}}));
        const auto signature = plain(parts[2]);
        EXPECT_EQ(signature.size(), 64U); // r and s, no DER
        EXPECT_TRUE(p256().signed_raw(parts[0] + "." + parts[1], signature));
        EXPECT_FALSE(p256().signed_raw(parts[0] + ".x" + parts[1], signature));
        EXPECT_FALSE(made_key::ec().signed_raw(parts[0] + "." + parts[1], signature));
    }
}

TEST(apns_key, be_28_all_forms_in_which_people_have_such_a_key_are_read) {
    const auto pem = p256().pem();
    std::string windows;
    for (const char c : pem)
        windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
    for (const auto& text : {pem, p256().old_pem(), windows, "# from Apple\n" + pem, pem + "\n\n"})
        EXPECT_EQ(apns_refusal(text), "");
}

TEST(apns_key, be_28_what_is_no_such_key_is_refused_with_file_and_fix) {
    const auto expect = [](const std::string& pem, std::string_view part) {
        const auto text = apns_refusal(pem);
        expect_one_line(text, "push.apns.key_file", "k.p8", part);
        expect_no_part(text, pem);
    };
    expect(made_key::ec("P-384").pem(), "P-256");
    expect(made_key::ec("secp256k1").pem(), "P-256"); // 256 bits too, another curve
    expect(rsa().pem(), "P-256");
    expect(made_key::ed25519().pem(), "P-256");
    expect(p256().pem("geheim"), "encrypted");
    expect(p256().old_pem("geheim"), "encrypted");
    expect(p256().public_pem(), "no private key");
    expect("junk", "no private key");
    expect("", "no private key");
    expect(std::string(4'000, '\0'), "no private key");
    expect("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private key");
    const std::string word = "PRIVATE KEY";
    expect("-----BEGIN " + word + "-----\nAAAA\n-----END " + word + "-----\n", "cannot be read");
    expect("-----BEGIN " + word + "-----", "cannot be read");
    auto cut = p256().pem();
    cut.resize(cut.size() / 2);
    expect(cut, "cannot be read");
}

TEST(apns_key, be_28_ids_of_another_form_are_refused_by_name) {
    for (const char* odd : {"", "ABC123DEF", "ABC123DEFGH", "abc123defg", "ABC 23DEFG", "ABC123DEF\n"}) {
        expect_one_line(
            apns_refusal(p256().pem(), {odd, "TEAM567890"}), "push.apns.key_file", "k.p8", "key id"
        );
        expect_one_line(
            apns_refusal(p256().pem(), {"ABC123DEFG", odd}), "push.apns.key_file", "k.p8", "team id"
        );
    }
}

TEST_F(key_files, sec_02_a_key_that_others_may_read_is_refused) {
    const auto good = write("good.p8", p256().pem(), k_owner);
    EXPECT_EQ(apns_key::open("s", good, k_who)->who().key_id, "ABC123DEFG");
    EXPECT_NO_THROW((void)apns_key::open("s", write("ro.p8", p256().pem(), fs::perms::owner_read), k_who));
    for (const auto more :
         {fs::perms::group_read, fs::perms::others_read, fs::perms::group_write, fs::perms::others_exec}) {
        const auto file = write("open.p8", p256().pem(), k_owner | more);
        const auto text = refusal([&] { (void)apns_key::open("push.apns.key_file", file, k_who); });
        expect_one_line(text, "push.apns.key_file", file, "chmod 600 " + file);
        fs::remove(file);
    }
    const auto account_file =
        write("open.json", account(rsa().pem()).dump(), k_owner | fs::perms::group_read);
    const auto text = refusal([&] { (void)service_account::open("push.fcm.account_file", account_file); });
    expect_one_line(text, "push.fcm.account_file", account_file, "chmod 600 " + account_file);
}

TEST_F(key_files, sec_02_a_file_that_is_none_is_refused_with_its_name) {
    const auto expect = [](const std::string& file, std::string_view part) {
        const auto text = refusal([&] { (void)apns_key::open("push.apns.key_file", file, k_who); });
        expect_one_line(text, "push.apns.key_file", file, part);
    };
    expect(at("missing.p8"), "no such file");
    expect(at("missing/deeper.p8"), "no such file");
    expect(fs::temp_directory_path().string(), "not a regular file");
    expect(write("empty.p8", "", k_owner), "empty");
    expect(write("large.p8", std::string(20'000, 'x'), k_owner), "16 KiB");
    expect(write("plain.p8", "x", k_owner) + "/key.p8", "cannot be looked at");
    const auto account_file = write("good.json", account(rsa().pem()).dump(2), k_owner);
    EXPECT_EQ(service_account::open("s", account_file)->project_id(), "z360-example");
}

TEST(service_account, be_28_an_assertion_is_rs256_with_what_google_asks_for) {
    const auto a = service_account::parse("s", "f", secret(account(rsa().pem()).dump()));
    EXPECT_EQ(a->client_email(), "push@z360-example.iam.gserviceaccount.com");
    EXPECT_EQ(a->token_uri(), "https://oauth2.googleapis.com/token");
    const auto token = a->assertion(k_now, "https://www.googleapis.com/auth/firebase.messaging");
    const auto parts = split(token.reveal());
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(
        json::parse(plain(parts[0])), json({{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "0123456789abcdef"}})
    );
    const json claims{
        {"iss", "push@z360-example.iam.gserviceaccount.com"},
        {"scope", "https://www.googleapis.com/auth/firebase.messaging"},
        {"aud", "https://oauth2.googleapis.com/token"},
        {"iat", 1'779'999'970},
        {"exp", 1'779'999'970 + 3'600}
    };
    EXPECT_EQ(json::parse(plain(parts[1])), claims);
    EXPECT_TRUE(rsa().signed_by(parts[0] + "." + parts[1], plain(parts[2])));
    EXPECT_FALSE(rsa().signed_by(parts[0] + "." + parts[1] + "x", plain(parts[2])));
}

TEST(service_account, sec_02_an_assertion_is_sent_to_google_alone) {
    const auto with = [](const std::string& uri) {
        auto a = account(rsa().pem());
        a["token_uri"] = uri;
        return a.dump();
    };
    for (const char* good :
         {"https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token",
          "https://www.googleapis.com/oauth2/v4/token", "https://googleapis.com"})
        EXPECT_EQ(google_refusal(with(good)), "") << good;
    for (const char* odd :
         {"http://oauth2.googleapis.com/token", "https://example.com/token",
          "https://googleapis.com.example.com/token", "https://evilgoogleapis.com/token",
          "https://oauth2.googleapis.com@example.com/token", "https://oauth2.googleapis.com:8443/token",
          "https://OAUTH2.GOOGLEAPIS.COM/token", "https:///token", "https://example.com/.googleapis.com",
          "https://example.com?.googleapis.com", "https://google.com/token",
          "https://example.com#.googleapis.com", "oauth2.googleapis.com"})
        expect_one_line(google_refusal(with(odd)), "push.fcm.account_file", "a.json", "token_uri");
    EXPECT_EQ(google_refusal(with("http://127.0.0.1:9/token"), service_account::token_hosts::any), "");
}

TEST(service_account, be_28_what_is_no_such_file_is_refused_with_file_and_fix) {
    const auto expect = [](const std::string& text, std::string_view part) {
        expect_one_line(google_refusal(text), "push.fcm.account_file", "a.json", part);
        expect_no_part(google_refusal(text), rsa().pem());
    };
    for (const char* junk : {"", "junk", "[]", "null", "7", "{\"type\":", "\xFF"})
        expect(junk, "not JSON");
    expect("{}", "service account");
    expect(R"({"type":7})", "service account");
    auto user = account(rsa().pem());
    user["type"] = "authorized_user";
    expect(user.dump(), "service account");
    for (const char* field : {"project_id", "client_email", "token_uri", "private_key_id", "private_key"}) {
        auto a = account(rsa().pem());
        a.erase(field);
        expect(a.dump(), field);
        for (const json& odd : {json(nullptr), json(7), json::array(), json(""), json("a b\n")}) {
            a[field] = odd;
            expect(a.dump(), field);
        }
    }
    const auto with_key = [](const std::string& pem) { return account(pem).dump(); };
    expect(with_key(p256().pem()), "RSA");
    expect(with_key(made_key::rsa(1024).pem()), "2048");
    expect(with_key(rsa().pem("geheim")), "encrypted");
    expect(with_key(rsa().public_pem()), "private_key");
}
