// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/jwt.hpp"
#include "support/rsa_signer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::adapter::crypto;
using nlohmann::json;
using z360::testing::hs256_token;
using z360::testing::rsa_signer;

namespace {

const rsa_signer& apple() {
    static const rsa_signer k_signer("key-1");
    return k_signer;
}
const rsa_signer& stranger() {
    static const rsa_signer k_signer("key-1"); // under the same name
    return k_signer;
}

} // namespace

TEST(jwt, ios_04_a_genuine_token_gives_its_claims) {
    const json claims{
        {"iss", "https://appleid.apple.com"},
        {"exp", 1'800'000'000},
        {"aud", {"a", "b"}},
        {"email_verified", true},
        {"none", nullptr},
        {"events", {{"type", "x"}}}
    };
    const auto token = apple().token(claims);
    EXPECT_EQ(jwt_key_id(token), "key-1");
    const auto got = verify_rs256(token, apple().open_key());
    ASSERT_TRUE(got);
    const std::map<std::string, std::string> expected{
        {"iss", "https://appleid.apple.com"}, {"exp", "1800000000"}, {"aud", R"(["a","b"])"},
        {"email_verified", "true"},           {"none", "null"},      {"events", R"({"type":"x"})"}
    };
    EXPECT_EQ(*got, expected);
}

TEST(jwt, ios_04_any_altered_character_is_refused) {
    const auto token = apple().token({{"sub", "001"}});
    const auto key = apple().open_key();
    ASSERT_TRUE(verify_rs256(token, key));
    for (std::size_t i = 0; i < token.size(); ++i) {
        auto bad = token;
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(verify_rs256(bad, key)) << i;
    }
    for (const std::string& bad :
         {token + "A", token + "=", token + ".", " " + token, token + "\n", token.substr(0, token.size() - 1),
          token.substr(0, token.rfind('.')), token.substr(0, token.rfind('.') + 1)})
        EXPECT_FALSE(verify_rs256(bad, key));
}

TEST(jwt, ios_04_another_key_of_the_same_name_does_not_verify) {
    EXPECT_FALSE(verify_rs256(stranger().token({{"sub", "001"}}), apple().open_key()));
}

TEST(jwt, ios_04_only_rs256_counts_whatever_the_header_says) {
    const auto key = apple().open_key();
    const std::string payload = R"({"sub":"001"})";
    const json none{{"alg", "none"}, {"kid", "key-1"}};
    const std::string unsigned_text = base64url(none.dump()) + "." + base64url(payload) + ".";
    EXPECT_FALSE(verify_rs256(unsigned_text, key));
    EXPECT_FALSE(jwt_key_id(unsigned_text));
    // genuinely signed, but under a header that is not ours to accept
    for (const json& header :
         {none, json{{"alg", "None"}}, json{{"alg", "rs256"}}, json{{"alg", "RS512"}}, json{{"alg", "PS256"}},
          json{{"alg", 256}}, json{{"kid", "key-1"}}, json::array(), json("RS256"),
          json{{"alg", "RS256"}, {"kid", 7}}, json{{"alg", "RS256"}, {"kid", std::string(300, 'k')}},
          json{{"alg", "RS256"}, {"crit", {"b64"}}, {"b64", false}}}) {
        EXPECT_FALSE(verify_rs256(apple().token(header, payload), key)) << header.dump();
        EXPECT_FALSE(jwt_key_id(apple().token(header, payload))) << header.dump();
    }
    // the public key as an HMAC secret
    for (const char* alg : {"HS256", "RS256"}) {
        const auto forged = hs256_token({{"alg", alg}, {"kid", "key-1"}}, payload, key.n);
        EXPECT_FALSE(verify_rs256(forged, key)) << alg;
    }
    EXPECT_EQ(jwt_key_id(apple().token(json{{"alg", "RS256"}}, payload)), "");
}

TEST(jwt, ios_04_a_payload_that_is_no_object_is_refused_although_it_is_signed) {
    const json header{{"alg", "RS256"}, {"kid", "key-1"}};
    const auto key = apple().open_key();
    ASSERT_TRUE(verify_rs256(apple().token(header, "{}"), key));
    for (const std::string& payload :
         {std::string(), std::string("[]"), std::string("{"), std::string("\"x\""),
          std::string("{\"a\":\xFF}"), R"({"a":)" + std::string(3'000, '[') + std::string(3'000, ']') + "}",
          R"({"a":")" + std::string(20'000, 'x') + R"("})"})
        EXPECT_FALSE(verify_rs256(apple().token(header, payload), key)) << payload.substr(0, 40);
}

TEST(jwt, ios_04_keys_of_a_wrong_size_or_shape_are_refused) {
    const rsa_signer small("small", 1024);
    const auto token = small.token({{"sub", "001"}});
    EXPECT_FALSE(verify_rs256(token, small.open_key())) << "1024 bits";
    const auto good = apple().open_key();
    const auto genuine = apple().token({{"sub", "001"}});
    EXPECT_TRUE(verify_rs256(genuine, {"", std::string(1, '\0') + good.n, good.e})) << "a leading zero";
    for (const auto& [n, e] : std::vector<std::pair<std::string, std::string>>{
             {"", good.e},
             {good.n, ""},
             {good.n, std::string("\x01", 1)},
             {good.n, std::string("\x00", 1)},
             {good.n, std::string("\x02", 1)},
             {good.n, std::string(9, '\x03')},
             {std::string(256, '\xFE'), good.e},
             {std::string(1025, '\xFF'), good.e},
             {std::string(100'000, '\xFF'), good.e},
         })
        EXPECT_FALSE(verify_rs256(genuine, {"", n, e}));
}

TEST(jwks, ios_04_signing_keys_are_read_and_everything_else_is_passed_over) {
    const auto good = apple().jwk();
    const auto without = [&](const char* name) {
        auto out = good;
        out.erase(name);
        return out;
    };
    const auto with = [&](const char* name, const json& value) {
        auto out = good;
        out[name] = value;
        return out;
    };
    json keys = json::array({
        nullptr,
        7,
        "key",
        json::array(),
        json::object(),
        {{"kty", "EC"}, {"kid", "ec"}, {"crv", "P-256"}, {"x", "AA"}, {"y", "AA"}},
        with("kty", "oct"),
        with("use", "enc"),
        with("use", nullptr),
        with("alg", "RS512"),
        with("kid", ""),
        with("kid", 5),
        with("n", ""),
        with("n", "a+b="),
        with("n", 5),
        with("e", std::string(40, 'A')),
        without("kid"),
        without("n"),
        without("e"),
        without("kty"),
    });
    keys.push_back(good);
    keys.push_back(without("alg"));
    const auto got = read_jwks(json{{"keys", keys}, {"other", 1}}.dump());
    ASSERT_TRUE(got);
    ASSERT_EQ(got->size(), 2U);
    EXPECT_EQ(got->front().kid, "key-1");
    EXPECT_TRUE(verify_rs256(apple().token({{"sub", "001"}}), got->front()));
}

TEST(jwks, ios_04_other_documents_are_none) {
    for (const std::string& text :
         {std::string(), std::string("{}"), std::string("[]"), std::string("<html>"),
          std::string(R"({"keys":{}})"), std::string(R"({"keys":null})"),
          json{{"keys", json(std::vector<int>(101, 1))}}.dump(),
          R"({"keys":[],"x":")" + std::string(300'000, 'x') + R"("})", std::string(100'000, '[')})
        EXPECT_FALSE(read_jwks(text)) << text.substr(0, 40);
    const auto empty = read_jwks(R"({"keys":[]})");
    ASSERT_TRUE(empty);
    EXPECT_TRUE(empty->empty());
}
