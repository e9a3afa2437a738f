// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/jwt.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360;
using wire::jwt_expiry;
using wire::jwt_in;

namespace {

// {"alg":"HS512","typ":"JWT"} . {"exp":1800000000,"sub":"x"} . a signature that nobody checks
const std::string k_token =
    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE4MDAwMDAwMDAsInN1YiI6IngifQ.not-a-secret";

std::string with_claims(const std::string& part) {
    return "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9." + part + ".c2lnbmF0dXJl";
}

} // namespace

TEST(jwt, mob_01_cred_02_the_end_is_read_from_the_token_itself) {
    EXPECT_EQ(jwt_expiry(k_token), time_point{std::chrono::seconds{1'800'000'000}});
    EXPECT_EQ(jwt_expiry("\"" + k_token + "\""), time_point{std::chrono::seconds{1'800'000'000}});
    EXPECT_EQ(jwt_expiry(" " + k_token + "\r\n"), time_point{std::chrono::seconds{1'800'000'000}});
    // {"exp":1800000000.9}: a number is a number
    EXPECT_EQ(
        jwt_expiry(with_claims("eyJleHAiOjE4MDAwMDAwMDAuOX0")),
        time_point{std::chrono::seconds{1'800'000'000}}
    );
}

TEST(jwt, mob_01_cred_02_without_a_readable_end_there_is_none) {
    for (const char* claims : {
             "e30",                         // {}
             "eyJleHAiOiIxODAwMDAwMDAwIn0", // {"exp":"1800000000"}
             "eyJleHAiOm51bGx9",            // {"exp":null}
             "eyJleHAiOi0xfQ",              // {"exp":-1}
             "eyJleHAiOjB9",                // {"exp":0}
             "eyJleHAiOjFlMzAwfQ",          // {"exp":1e300}
             "WzFd",                        // [1]
             "bm90IGpzb24",                 // not json
         })
        EXPECT_EQ(jwt_expiry(with_claims(claims)), std::nullopt) << claims;
    for (const char* text : {"", "undefined", "a.b", "..", "a..b", "<html>a.b.c</html>"})
        EXPECT_EQ(jwt_expiry(text), std::nullopt) << text;
}

TEST(jwt, only_three_parts_of_base64url_are_a_token) {
    EXPECT_EQ(jwt_in("\"" + k_token + "\"\n"), k_token);
    EXPECT_EQ(jwt_in(k_token + "\n"), k_token);
    for (const std::string& text :
         {std::string{}, std::string("\"\""), std::string("undefined"), k_token + ".x", k_token + " x",
          "Bearer " + k_token, "{\"token\":\"" + k_token + "\"}", std::string("a.bc.de"),
          "ab.cd." + std::string(20'000, 'e')})
        EXPECT_EQ(jwt_in(text), "") << text.substr(0, 60);
}
