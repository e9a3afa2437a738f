// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Addresses of buckets, and what stores answer.
#include "adapter/recordings/s3_address.hpp"
#include "adapter/recordings/s3_answer.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>

using namespace z360;
using namespace z360::adapter::recordings;

namespace {

s3_settings settings(std::string endpoint, bool path_style = false) {
    s3_settings s;
    s.endpoint = std::move(endpoint);
    s.bucket = "our-bucket";
    s.access_key_id = "AKIA";
    s.secret_access_key = secret("hidden");
    s.path_style = path_style;
    return s;
}

std::string refusal(const std::function<void(s3_settings&)>& spoil) {
    auto s = settings("https://s3.example.com");
    spoil(s);
    try {
        const s3_address taken(s);
        return "taken: " + taken.url("/");
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
}

std::string why(int status, std::string code = {}) {
    http::client_response r;
    r.status = status;
    if (!code.empty())
        r.body = "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code><Message>hidden</Message></Error>";
    return why_not(r, "read one", "our-bucket");
}

} // namespace

TEST(s3_address, the_bucket_is_in_the_host_or_in_the_path) {
    const s3_address host(settings("https://s3.eu-central-1.amazonaws.com"));
    EXPECT_EQ(host.host(), "our-bucket.s3.eu-central-1.amazonaws.com");
    EXPECT_EQ(host.url(host.path_of("a/b.mp3")), "https://our-bucket.s3.eu-central-1.amazonaws.com/a/b.mp3");
    EXPECT_EQ(host.bucket_path(), "/");
    const s3_address path(settings("http://127.0.0.1:9000/", true));
    EXPECT_EQ(path.host(), "127.0.0.1:9000");
    EXPECT_EQ(path.url(path.path_of("a/b.mp3")), "http://127.0.0.1:9000/our-bucket/a/b.mp3");
    EXPECT_EQ(path.bucket_path(), "/our-bucket/");
}

TEST(s3_address, the_host_is_written_as_it_is_sent) {
    EXPECT_EQ(s3_address(settings("https://S3.Example.com:443")).host(), "our-bucket.s3.example.com");
    EXPECT_EQ(s3_address(settings("http://s3.example.com:80", true)).host(), "s3.example.com");
    EXPECT_EQ(s3_address(settings("http://s3.example.com:443", true)).host(), "s3.example.com:443");
    EXPECT_EQ(s3_address(settings("http://[::1]:9000", true)).host(), "[::1]:9000");
    EXPECT_EQ(s3_address(settings("http://[::1]", true)).host(), "[::1]");
}

TEST(s3_address, keys_lie_below_the_prefix) {
    auto s = settings("https://s3.example.com");
    s.prefix = "voip/recordings";
    EXPECT_EQ(s3_address(s).path_of("a"), "/voip/recordings/a");
}

TEST(s3_address, a_wrong_setting_is_named) {
    const auto endpoint = [](const char* text) {
        return refusal([text](s3_settings& s) { s.endpoint = text; });
    };
    for (const char* bad :
         {"", "s3.example.com", "ftp://s3.example.com", "https://", "https://s3.example.com/path",
          "https://a b", "https://user@s3.example.com",
          "https://s3.example.com:", "https://s3.example.com:port", "https://x?y"})
        EXPECT_NE(endpoint(bad).find("S3 endpoint"), std::string::npos) << bad << ": " << endpoint(bad);
    for (const char* bad : {"", "ab", "Our", "a/b", "-ab", "a..b", "a_b"})
        EXPECT_NE(refusal([bad](s3_settings& s) { s.bucket = bad; }).find("S3 bucket"), std::string::npos)
            << bad;
    for (const char* bad : {"/a", "a/", "a b", ".."})
        EXPECT_NE(refusal([bad](s3_settings& s) { s.prefix = bad; }).find("S3 prefix"), std::string::npos)
            << bad;
    EXPECT_NE(refusal([](s3_settings& s) { s.region = ""; }).find("S3 region"), std::string::npos);
    EXPECT_NE(
        refusal([](s3_settings& s) { s.access_key_id = "a\nb"; }).find("access key"), std::string::npos
    );
    EXPECT_NE(refusal([](s3_settings& s) { s.secret_access_key = {}; }).find("secret"), std::string::npos);
}

TEST(s3_answer, the_code_is_taken_from_the_error_document) {
    EXPECT_EQ(error_code("<Error><Code>NoSuchKey</Code></Error>"), "NoSuchKey");
    EXPECT_EQ(error_code(""), "");
    EXPECT_EQ(error_code("<html>bad gateway</html>"), "");
    EXPECT_EQ(error_code("<Code>open"), "open");
    EXPECT_EQ(error_code("<Code>\x1b[2J</Code>"), "") << "nothing that a terminal would act on";
    EXPECT_EQ(error_code("<Code>" + std::string(65, 'x') + "</Code>"), "");
}

TEST(s3_answer, says_in_one_line_what_is_to_be_done) {
    EXPECT_EQ(
        why(403, "SignatureDoesNotMatch"), "recordings: cannot read one: the store refuses us "
                                           "(SignatureDoesNotMatch): check access key and bucket"
    );
    EXPECT_EQ(
        why(403), "recordings: cannot read one: the store refuses us (403): check access key and bucket"
    );
    EXPECT_NE(why(404, "NoSuchBucket").find("no bucket our-bucket (NoSuchBucket)"), std::string::npos);
    EXPECT_NE(why(403, "RequestTimeTooSkewed").find("its clock and ours"), std::string::npos);
    EXPECT_NE(why(507).find("full (507)"), std::string::npos);
    EXPECT_NE(why(400, "QuotaExceeded").find("full (QuotaExceeded)"), std::string::npos);
    EXPECT_NE(why(503, "SlowDown").find("answers 503 (SlowDown)"), std::string::npos);
    EXPECT_NE(why(301).find("answers 301"), std::string::npos);
    http::client_response lost;
    lost.error = "timeout: nothing\ncame";
    EXPECT_EQ(
        why_not(lost, "read one", "b"),
        "recordings: cannot read one: the store is not reached: timeout: nothing\\u000acame"
    );
}
