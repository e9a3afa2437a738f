// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/s3_address.hpp"

#include "adapter/recordings/key.hpp"

#include <algorithm>
#include <stdexcept>

namespace z360::adapter::recordings {
namespace {

[[noreturn]] void wrong(const std::string& setting, const std::string& why) {
    throw std::invalid_argument("recordings: the S3 " + setting + " " + why);
}

bool small_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_bucket(std::string_view name) {
    return name.size() >= 3 && name.size() <= 63 && small_or_digit(name.front()) &&
           small_or_digit(name.back()) && name.find("..") == std::string_view::npos &&
           std::ranges::all_of(name, [](char c) { return small_or_digit(c) || c == '-' || c == '.'; });
}

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// A name, an IPv4 address, or an IPv6 address in brackets.
bool is_host(std::string_view text) {
    const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
    if (bracketed) text = text.substr(1, text.size() - 2);
    return !text.empty() && std::ranges::all_of(text, [bracketed](char c) {
        return small_or_digit(c) || c == '.' || (bracketed ? c == ':' : c == '-');
    });
}

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= 128 &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '/' && c != ','; });
}

struct parts {
    std::string scheme; ///< with "://"
    std::string host;
    std::string port; ///< empty, or with ':' before it
};

parts read_endpoint(std::string_view text) {
    parts out;
    std::string_view own_port;
    for (const auto& [scheme, port] : {std::pair{"https://", ":443"}, std::pair{"http://", ":80"}})
        if (text.starts_with(scheme)) {
            out.scheme = scheme;
            own_port = port;
        }
    if (out.scheme.empty()) wrong("endpoint", "begins with neither https:// nor http://");
    text.remove_prefix(out.scheme.size());
    if (text.ends_with('/')) text.remove_suffix(1);
    const auto colon = text.find(':', text.find(']') == std::string_view::npos ? 0 : text.find(']'));
    out.host = text.substr(0, colon);
    std::ranges::transform(out.host, out.host.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (!is_host(out.host)) wrong("endpoint", "is not a scheme and a host, with no path behind it");
    if (colon == std::string_view::npos) return out;
    if (!is_port(text.substr(colon + 1))) wrong("endpoint", "has no port behind the ':'");
    if (text.substr(colon) != own_port) out.port = text.substr(colon);
    return out;
}

} // namespace

s3_address::s3_address(const s3_settings& s) {
    const auto at = read_endpoint(s.endpoint);
    if (!is_bucket(s.bucket)) wrong("bucket", "is not 3 to 63 of a-z, 0-9, '-' and '.'");
    if (!is_word(s.region)) wrong("region", "is missing or malformed");
    if (!is_word(s.access_key_id)) wrong("access key id", "is missing or malformed");
    if (s.secret_access_key.empty()) wrong("secret access key", "is missing");
    if (!s.prefix.empty() && !is_key(s.prefix))
        wrong("prefix", "is not a path of [A-Za-z0-9._-] without '/' at its ends");
    host_ = (s.path_style ? "" : s.bucket + ".") + at.host + at.port;
    origin_ = at.scheme + host_;
    if (s.path_style) bucket_path_ = "/" + s.bucket;
    if (!s.prefix.empty()) prefix_ = s.prefix + "/";
}

std::string s3_address::path_of(std::string_view key) const {
    return bucket_path_ + "/" + prefix_ + std::string(key);
}

} // namespace z360::adapter::recordings
