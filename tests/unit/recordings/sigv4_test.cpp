// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The examples that Amazon publishes:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
#include "adapter/crypto/digest.hpp"
#include "adapter/recordings/sigv4.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360;
using namespace z360::adapter::recordings;
using namespace std::chrono_literals;

namespace {

const time_point k_at = *parse_iso8601("2013-05-24T00:00:00Z");

signing_key example_key() {
    return {"AKIAIOSFODNN7EXAMPLE", secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "us-east-1"};
}

signable example(std::string method, std::string path) {
    signable s;
    s.method = std::move(method);
    s.path = std::move(path);
    s.headers.emplace_back("Host", "examplebucket.s3.amazonaws.com");
    s.content_sha256 = k_sha256_of_nothing;
    return s;
}

std::string authorization(const signable& s) {
    for (const auto& [name, value] : sign(s, example_key(), k_at))
        if (name == "authorization") return value;
    return {};
}

void expect_signature(const signable& s, const std::string& wanted) {
    const auto text = authorization(s);
    EXPECT_TRUE(text.ends_with(",Signature=" + wanted)) << text;
}

} // namespace

TEST(sigv4, a_get_of_a_range_is_signed_as_in_the_example) {
    auto s = example("GET", "/test.txt");
    s.headers.emplace_back("Range", "bytes=0-9");
    EXPECT_EQ(
        authorization(s),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
}

TEST(sigv4, a_put_is_signed_as_in_the_example) {
    auto s = example("PUT", "/test$file.text");
    s.headers.emplace_back("Date", "Fri, 24 May 2013 00:00:00 GMT");
    s.headers.emplace_back("x-amz-storage-class", "REDUCED_REDUNDANCY");
    s.content_sha256 = adapter::crypto::sha256_hex("Welcome to Amazon S3.");
    expect_signature(s, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(sigv4, a_query_name_without_a_value_is_signed_as_in_the_example) {
    auto s = example("GET", "/");
    s.query.emplace_back("lifecycle", "");
    expect_signature(s, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(sigv4, a_query_is_signed_in_order_as_in_the_example) {
    auto s = example("GET", "/");
    s.query.emplace_back("prefix", "J");
    s.query.emplace_back("max-keys", "2");
    expect_signature(s, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(sigv4, an_address_is_presigned_as_in_the_example) {
    EXPECT_EQ(
        presign(example("GET", "/test.txt"), example_key(), k_at, 86'400s),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

TEST(sigv4, a_presigned_address_is_valid_for_a_second_to_a_week) {
    const auto query = [](std::chrono::seconds valid) {
        return presign(example("GET", "/a"), example_key(), k_at, valid);
    };
    EXPECT_NE(query(-5s).find("&X-Amz-Expires=1&"), std::string::npos);
    EXPECT_NE(query(24h * 30).find("&X-Amz-Expires=604800&"), std::string::npos);
}

TEST(sigv4, a_canonical_request_is_the_one_of_the_example) {
    auto s = example("GET", "/test.txt");
    s.headers.emplace_back("X-Amz-Date", "20130524T000000Z");
    s.headers.emplace_back("Range", "  bytes=0-9 ");
    s.headers.emplace_back("x-amz-content-sha256", k_sha256_of_nothing);
    EXPECT_EQ(
        adapter::crypto::sha256_hex(canonical_request(s)),
        "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972"
    );
}

TEST(sigv4, paths_keep_their_slashes_and_are_encoded_once) {
    EXPECT_EQ(uri_encode("/a b/%20/~_-.$", true), "/a%20b/%2520/~_-.%24");
    EXPECT_EQ(uri_encode("a/b=c&\xC3\xA4", false), "a%2Fb%3Dc%26%C3%A4");
    EXPECT_TRUE(canonical_request(example("GET", "/a//../b")).starts_with("GET\n/a//../b\n\nhost:"))
        << "and are not normalised";
}

TEST(sigv4, inner_spaces_of_a_header_count_once) {
    auto s = example("GET", "/");
    s.headers.emplace_back("X-Amz-Meta-A", " a   b  c ");
    EXPECT_NE(canonical_request(s).find("\nx-amz-meta-a:a b c\n"), std::string::npos);
}

TEST(sigv4, every_part_of_a_request_changes_the_signature) {
    const auto right = signature_of(example("GET", "/a"), example_key(), k_at);
    auto other_key = example_key();
    other_key.secret_access_key = secret("another");
    auto other_region = example_key();
    other_region.region = "eu-central-1";
    auto with_query = example("GET", "/a");
    with_query.query.emplace_back("x", "y");
    auto with_content = example("GET", "/a");
    with_content.content_sha256 = k_unsigned_content;
    EXPECT_NE(signature_of(example("PUT", "/a"), example_key(), k_at), right);
    EXPECT_NE(signature_of(example("GET", "/b"), example_key(), k_at), right);
    EXPECT_NE(signature_of(with_query, example_key(), k_at), right);
    EXPECT_NE(signature_of(with_content, example_key(), k_at), right);
    EXPECT_NE(signature_of(example("GET", "/a"), other_key, k_at), right);
    EXPECT_NE(signature_of(example("GET", "/a"), other_region, k_at), right);
    EXPECT_NE(signature_of(example("GET", "/a"), example_key(), k_at + 1s), right);
    EXPECT_EQ(signature_of(example("GET", "/a"), example_key(), k_at), right);
}
