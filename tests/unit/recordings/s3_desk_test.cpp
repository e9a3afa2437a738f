// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The store of the tests refuses what Amazon would refuse: else it would prove nothing.
#include "adapter/crypto/digest.hpp"
#include "support/s3_desk.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;
using adapter::recordings::signable;
using adapter::recordings::signing_key;

namespace {

class set_clock final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override { return at; }
    time_point at{millis{1'780'000'000'000}};
};

signing_key our_key() {
    return {"AKIATEST", secret("test secret"), "eu-central-1"};
}

struct desk_bed : ::testing::Test {
    set_clock clock;
    s3_desk desk{"our-bucket", our_key(), clock};

    [[nodiscard]] http::request request(
        const std::string& method, const std::string& key, std::string body = {},
        const signing_key& by = our_key()
    ) const {
        signable s;
        s.method = method;
        s.path = "/our-bucket/" + key;
        s.headers.emplace_back("host", "s3.test");
        s.content_sha256 = adapter::crypto::sha256_hex(body);
        http::request r;
        r.method = method;
        r.target = s.path;
        for (auto& [name, value] : sign(s, by, clock.at))
            r.headers.add(name, value);
        r.headers.add("Content-Length", std::to_string(body.size()));
        r.body = std::move(body);
        return r;
    }
    std::string refusal(const http::request& r) {
        desk.refused.clear();
        const auto out = desk.answer(r);
        return desk.refused.empty() ? std::to_string(out.response.status) : desk.refused.back();
    }
};

} // namespace

TEST_F(desk_bed, takes_what_is_signed) {
    EXPECT_EQ(refusal(request("PUT", "a", "content")), "200");
    EXPECT_EQ(desk.objects.at("a").bytes, "content");
    EXPECT_EQ(desk.answer(request("GET", "a")).response.body, "content");
    EXPECT_EQ(refusal(request("DELETE", "a")), "204");
    EXPECT_EQ(refusal(request("GET", "a")), "NoSuchKey");
}

TEST_F(desk_bed, refuses_what_is_not) {
    EXPECT_EQ(
        refusal(request("PUT", "a", "content", {"AKIATEST", secret("wrong"), "eu-central-1"})),
        "SignatureDoesNotMatch"
    );
    EXPECT_EQ(
        refusal(request("PUT", "a", "content", {"AKIAOTHER", secret("test secret"), "eu-central-1"})),
        "InvalidAccessKeyId"
    );
    EXPECT_EQ(
        refusal(request("PUT", "a", "content", {"AKIATEST", secret("test secret"), "us-east-1"})),
        "AuthorizationHeaderMalformed"
    );
    auto other_body = request("PUT", "a", "content");
    other_body.body = "CONTENT";
    EXPECT_EQ(refusal(other_body), "XAmzContentSHA256Mismatch");
    auto other_key = request("PUT", "a", "content");
    other_key.target = "/our-bucket/b";
    EXPECT_EQ(refusal(other_key), "SignatureDoesNotMatch");
    auto more = request("PUT", "a", "content");
    more.headers.add("x-amz-acl", "public-read");
    EXPECT_EQ(refusal(more), "AccessDenied");
    http::request bare;
    bare.method = "GET";
    bare.target = "/our-bucket/a";
    EXPECT_EQ(refusal(bare), "AccessDenied");
    EXPECT_TRUE(desk.objects.empty());
}

TEST_F(desk_bed, refuses_what_was_signed_a_quarter_of_an_hour_ago) {
    const auto r = request("PUT", "a", "content");
    clock.at += 15min;
    EXPECT_EQ(refusal(r), "200");
    clock.at += 1s;
    EXPECT_EQ(refusal(r), "RequestTimeTooSkewed");
    clock.at -= 31min;
    EXPECT_EQ(refusal(r), "RequestTimeTooSkewed");
}
