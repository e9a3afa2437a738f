// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/sigv4.hpp"

#include "adapter/crypto/digest.hpp"

#include <algorithm>

namespace z360::adapter::recordings {
namespace {

constexpr std::string_view k_algorithm = "AWS4-HMAC-SHA256";

bool unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

// Without spaces at its ends, and one in place of several.
std::string trimmed(std::string_view value) {
    std::string out;
    for (const char c : value)
        if (c != ' ' || (!out.empty() && out.back() != ' ')) out.push_back(c);
    if (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

name_values in_order(const name_values& headers) {
    name_values out;
    for (const auto& [name, value] : headers)
        out.emplace_back(lower(name), trimmed(value));
    std::ranges::sort(out);
    return out;
}

std::string names_of(const name_values& headers) {
    std::string out;
    for (const auto& [name, value] : in_order(headers))
        out += (out.empty() ? "" : ";") + name;
    return out;
}

std::string query_text(const name_values& query) {
    name_values encoded;
    for (const auto& [name, value] : query)
        encoded.emplace_back(uri_encode(name, false), uri_encode(value, false));
    std::ranges::sort(encoded);
    std::string out;
    for (const auto& [name, value] : encoded) {
        if (!out.empty()) out += '&';
        out += name;
        out += '=';
        out += value;
    }
    return out;
}

std::string scope(const signing_key& key, time_point at) {
    return basic_time(at).substr(0, 8) + "/" + key.region + "/s3/aws4_request";
}

secret derived(const secret& from, std::string_view text) {
    return secret(crypto::hmac_sha256(from.reveal(), text));
}

} // namespace

std::string uri_encode(std::string_view text, bool keep_slashes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (unreserved(c) || (keep_slashes && c == '/')) {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.push_back('%');
        out.push_back(digits[byte >> 4U]);
        out.push_back(digits[byte & 15U]);
    }
    return out;
}

std::string basic_time(time_point t) {
    auto out = iso8601(t).substr(0, 19); // 2013-05-24T00:00:00
    std::erase_if(out, [](char c) { return c == '-' || c == ':'; });
    return out + "Z";
}

std::string canonical_request(const signable& r) {
    std::string out = r.method + "\n" + uri_encode(r.path, true) + "\n" + query_text(r.query) + "\n";
    for (const auto& [name, value] : in_order(r.headers)) {
        out += name;
        out += ':';
        out += value;
        out += '\n';
    }
    return out + "\n" + names_of(r.headers) + "\n" + r.content_sha256;
}

std::string signature_of(const signable& r, const signing_key& key, time_point at) {
    std::string first = "AWS4";
    first += key.secret_access_key.reveal();
    const secret start{std::move(first)};
    const auto day = derived(start, basic_time(at).substr(0, 8));
    const auto region = derived(day, key.region);
    const auto service = derived(region, "s3");
    const auto signer = derived(service, "aws4_request");
    const std::string to_sign = std::string(k_algorithm) + "\n" + basic_time(at) + "\n" + scope(key, at) +
                                "\n" + crypto::sha256_hex(canonical_request(r));
    return crypto::hex(crypto::hmac_sha256(signer.reveal(), to_sign));
}

name_values sign(signable r, const signing_key& key, time_point at) {
    r.headers.emplace_back("x-amz-content-sha256", r.content_sha256);
    r.headers.emplace_back("x-amz-date", basic_time(at));
    std::string text = std::string(k_algorithm) + " Credential=" + key.access_key_id + "/" + scope(key, at) +
                       ",SignedHeaders=" + names_of(r.headers) + ",Signature=" + signature_of(r, key, at);
    r.headers.emplace_back("authorization", std::move(text));
    return std::move(r.headers);
}

std::string presign(signable r, const signing_key& key, time_point at, std::chrono::seconds valid) {
    valid = std::clamp(valid, std::chrono::seconds{1}, k_longest_presigned);
    r.content_sha256 = k_unsigned_content;
    r.query.emplace_back("X-Amz-Algorithm", k_algorithm);
    r.query.emplace_back("X-Amz-Credential", key.access_key_id + "/" + scope(key, at));
    r.query.emplace_back("X-Amz-Date", basic_time(at));
    r.query.emplace_back("X-Amz-Expires", std::to_string(valid.count()));
    r.query.emplace_back("X-Amz-SignedHeaders", names_of(r.headers));
    return query_text(r.query) + "&X-Amz-Signature=" + signature_of(r, key, at);
}

} // namespace z360::adapter::recordings
