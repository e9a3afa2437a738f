// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Apple's side: signatures are checked with OpenSSL directly, from the published numbers alone.
#include "sim/apple.hpp"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <stdexcept>

using namespace z360;
using namespace z360::sim;

namespace {

const time_point k_now{std::chrono::hours{24 * 20'000}};

std::string decode(std::string_view text) {
    static constexpr std::string_view k_alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    unsigned held = 0;
    int bits = 0;
    for (const char c : text) {
        held = (held << 6) | static_cast<unsigned>(k_alphabet.find(c));
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out.push_back(static_cast<char>((held >> bits) & 0xFFU));
    }
    return out;
}

struct token {
    explicit token(const std::string& jwt) {
        const auto first = jwt.find('.');
        const auto second = jwt.find('.', first + 1);
        header = json::parse(decode(jwt.substr(0, first)));
        claims = json::parse(decode(jwt.substr(first + 1, second - first - 1)));
        signed_part = jwt.substr(0, second);
        signature = decode(jwt.substr(second + 1));
    }
    json header;
    json claims;
    std::string signed_part;
    std::string signature;
};

EVP_PKEY* key_from(const json& jwk) {
    const auto number = [](const std::string& bytes) {
        return BN_bin2bn(
            reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr
        );
    };
    BIGNUM* n = number(decode(jwk["n"].get<std::string>()));
    BIGNUM* e = number(decode(jwk["e"].get<std::string>()));
    OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

bool good(const token& t, const json& jwk) {
    EVP_PKEY* key = key_from(jwk);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const auto bytes = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
    const bool ok =
        EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
        EVP_DigestVerify(
            context, bytes(t.signature), t.signature.size(), bytes(t.signed_part), t.signed_part.size()
        ) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok;
}

const json k_who{
    {"sub", "001.abc"}, {"aud", "com.example.z360"}, {"nonce", "n"}, {"email", "a@example.test"}
};

} // namespace

TEST(apple, identity_tokens_are_signed_with_the_published_key) {
    apple_id apple;
    const token t(apple.identity_token(k_who, k_now));
    const auto keys = apple.keys()["keys"];
    ASSERT_EQ(keys.size(), 1U);
    EXPECT_EQ(t.header["alg"], "RS256");
    EXPECT_EQ(t.header["kid"], keys[0]["kid"]);
    EXPECT_EQ(keys[0]["kty"], "RSA");
    EXPECT_TRUE(good(t, keys[0]));
    auto forged = t;
    forged.signed_part.back() ^= 1;
    EXPECT_FALSE(good(forged, keys[0]));
    EXPECT_EQ(t.claims["iss"], "https://appleid.apple.com");
    EXPECT_EQ(t.claims["aud"], "com.example.z360");
    EXPECT_EQ(t.claims["sub"], "001.abc");
    EXPECT_EQ(t.claims["nonce"], "n");
    EXPECT_EQ(t.claims["exp"], 24LL * 20'000 * 3600 + 600);
}

TEST(apple, keys_rotate_and_the_one_before_stays_published_for_a_while) {
    apple_id apple;
    const token old(apple.identity_token(k_who, k_now));
    const auto kid = apple.rotate();
    const token fresh(apple.identity_token(k_who, k_now));
    EXPECT_EQ(fresh.header["kid"], kid);
    auto keys = apple.keys()["keys"];
    ASSERT_EQ(keys.size(), 2U);
    EXPECT_TRUE(good(old, keys[0]));
    EXPECT_TRUE(good(fresh, keys[1]));
    EXPECT_FALSE(good(fresh, keys[0]));
    (void)apple.rotate();
    keys = apple.keys()["keys"];
    ASSERT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys[0]["kid"], kid) << "the first is gone";
}

TEST(apple, tokens_can_be_wrong_on_purpose) {
    apple_id apple;
    auto who = k_who;
    who["exp_in_s"] = -1;
    who["iss"] = "https://evil.example.test";
    who["kid"] = "nobody";
    const token t(apple.identity_token(who, k_now));
    EXPECT_EQ(t.claims["exp"], 24LL * 20'000 * 3600 - 1);
    EXPECT_EQ(t.claims["iss"], "https://evil.example.test");
    EXPECT_EQ(t.header["kid"], "nobody");
    EXPECT_THROW((void)apple.identity_token(json{{"sub", "x"}}, k_now), std::invalid_argument);
    EXPECT_THROW((void)apple.identity_token(json{{"subject", "x"}}, k_now), std::invalid_argument);
}

TEST(apple, notifications_carry_the_event_as_text) {
    apple_id apple;
    const auto body =
        apple.notification(json{{"type", "consent-revoked"}, {"sub", "001.abc"}, {"aud", "app"}}, k_now);
    const token t(body["payload"].get<std::string>());
    EXPECT_TRUE(good(t, apple.keys()["keys"][0]));
    ASSERT_TRUE(t.claims["events"].is_string());
    const auto event = json::parse(t.claims["events"].get<std::string>());
    EXPECT_EQ(event["type"], "consent-revoked");
    EXPECT_EQ(event["sub"], "001.abc");
    EXPECT_THROW((void)apple.notification(json{{"sub", "x"}, {"aud", "y"}}, k_now), std::invalid_argument);
}
