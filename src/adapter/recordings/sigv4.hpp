// SPDX-License-Identifier: LicenseRef-z360-proprietary
// AWS Signature Version 4 with the rules of S3: paths are encoded once, and every request says the digest of
// its content. Pure; any thread.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::adapter::recordings {

using name_values = std::vector<std::pair<std::string, std::string>>;

/// Who signs, and for which region.
struct signing_key {
    std::string access_key_id;
    secret secret_access_key;
    std::string region;
};

/// What is signed of a request. Everything as it is meant, nothing encoded.
struct signable {
    std::string method;
    std::string path; ///< begins with '/'
    name_values query;
    name_values headers;        ///< `host` among them; in any order and case
    std::string content_sha256; ///< lower-case hexadecimal, or k_unsigned_content
};

inline constexpr std::string_view k_unsigned_content = "UNSIGNED-PAYLOAD";
/// Of no content at all.
inline constexpr std::string_view k_sha256_of_nothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// What a presigned address may be valid for at most.
inline constexpr std::chrono::seconds k_longest_presigned{604'800};

/// Everything but letters, digits and "-._~" as %XX; `keep_slashes`: "/" stays, too.
[[nodiscard]] std::string uri_encode(std::string_view text, bool keep_slashes);
/// `20130524T000000Z`.
[[nodiscard]] std::string basic_time(time_point t);
/// The first task of the recipe: the request as one text.
[[nodiscard]] std::string canonical_request(const signable& r);
/// The others: 64 hexadecimal digits.
[[nodiscard]] std::string signature_of(const signable& r, const signing_key& key, time_point at);

/// The headers of the request with those that sign it: `x-amz-date`, `x-amz-content-sha256`, `authorization`.
[[nodiscard]] name_values sign(signable r, const signing_key& key, time_point at);
/// The query of an address that is good for so long without any header but `host`. The content is not signed.
[[nodiscard]] std::string
presign(signable r, const signing_key& key, time_point at, std::chrono::seconds valid);

} // namespace z360::adapter::recordings
