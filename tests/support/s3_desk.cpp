// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/s3_desk.hpp"

#include "adapter/crypto/digest.hpp"

#include <z360/base/percent.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace z360::testing {
namespace {

using adapter::crypto::same_secret;
using adapter::crypto::sha256_hex;
using adapter::recordings::basic_time;
using adapter::recordings::name_values;
using adapter::recordings::signable;
using adapter::recordings::signature_of;
using namespace std::chrono_literals;

std::vector<std::string> split(std::string_view text, char by) {
    std::vector<std::string> out;
    while (true) {
        const auto end = text.find(by);
        out.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end + 1);
    }
}

std::string value_of(const name_values& all, std::string_view name) {
    const auto at = std::ranges::find(all, name, [](const auto& e) -> const std::string& { return e.first; });
    return at == all.end() ? std::string() : at->second;
}

name_values read_query(std::string_view text) {
    name_values out;
    if (text.empty()) return out;
    for (const auto& part : split(text, '&')) {
        const auto equals = std::min(part.find('='), part.size());
        const auto value = part.substr(std::min(equals + 1, part.size()));
        out.emplace_back(unescaped_leniently(part.substr(0, equals)), unescaped_leniently(value));
    }
    return out;
}

// 20130524T000000Z
std::optional<time_point> read_time(const std::string& t) {
    if (t.size() != 16) return std::nullopt;
    return parse_iso8601(
        t.substr(0, 4) + "-" + t.substr(4, 2) + "-" + t.substr(6, 2) + "T" + t.substr(9, 2) + ":" +
        t.substr(11, 2) + ":" + t.substr(13, 2) + "Z"
    );
}

} // namespace

struct s3_desk::call {
    const http::request& r;
    std::string path;
    name_values query;
    std::string key; ///< empty: the bucket itself
    bool of_our_bucket = false;

    // The request with these headers alone.
    [[nodiscard]] signable with(const std::string& names) const {
        signable s{r.method, path, query, {}, std::string(r.headers.get("x-amz-content-sha256"))};
        for (const auto& name : split(names, ';'))
            s.headers.emplace_back(name, r.headers.get(name));
        return s;
    }
};

s3_desk::s3_desk(std::string bucket, adapter::recordings::signing_key key, const port::clock& clock)
    : bucket_(std::move(bucket)), key_(std::move(key)), clock_(clock) {}

s3_desk::outcome s3_desk::answer(const http::request& r) {
    const auto mark = std::min(r.target.find('?'), r.target.size());
    call c{r, unescaped_leniently(r.target.substr(0, mark)), {}, {}, false};
    c.query = read_query(std::string_view(r.target).substr(std::min(mark + 1, r.target.size())));
    seen.push_back(r.method + " " + c.path);
    auto rest = c.path.substr(1);
    const bool by_host = r.headers.get("Host").starts_with(bucket_ + ".");
    const auto first = rest.substr(0, rest.find('/'));
    c.of_our_bucket = by_host || first == bucket_;
    if (!by_host) rest.erase(0, std::min(first.size() + 1, rest.size()));
    c.key = rest;

    const fault f = take_fault(r.method);
    outcome out;
    out.stall = f.stall;
    out.lose_answer = f.lose_answer;
    if (f.status != 0)
        out.response = refuse(f.status, f.code);
    else if (const auto why = unauthentic(c))
        out.response =
            refuse(*why == "XAmzContentSHA256Mismatch" || *why == "MissingContentLength" ? 400 : 403, *why);
    else if (!c.of_our_bucket)
        out.response = refuse(404, "NoSuchBucket");
    else
        out.response = carry_out(c);
    return out;
}

s3_desk::fault s3_desk::take_fault(const std::string& method) {
    const auto f = std::ranges::find_if(faults, [&method](const fault& each) {
        return each.times > 0 && (each.method.empty() || each.method == method);
    });
    if (f == faults.end()) return {};
    --f->times;
    return *f;
}

std::optional<std::string> s3_desk::unauthentic(const call& c) const {
    return value_of(c.query, "X-Amz-Signature").empty() ? unsigned_headers(c) : unsigned_address(c);
}

std::optional<std::string> s3_desk::unsigned_address(const call& c) const {
    const auto at = read_time(value_of(c.query, "X-Amz-Date"));
    const auto valid = std::chrono::seconds(std::atol(value_of(c.query, "X-Amz-Expires").c_str()));
    const auto scope = split(value_of(c.query, "X-Amz-Credential"), '/');
    if (!at || scope.size() != 5 || value_of(c.query, "X-Amz-Algorithm") != "AWS4-HMAC-SHA256" ||
        valid < 1s || valid > 604'800s)
        return "AuthorizationQueryParametersError";
    if (scope[0] != key_.access_key_id) return "InvalidAccessKeyId";
    if (scope[2] != key_.region) return "AuthorizationQueryParametersError";
    if (clock_.now() > *at + valid || *at > clock_.now() + 15min) return "AccessDenied";
    auto s = c.with(value_of(c.query, "X-Amz-SignedHeaders"));
    std::erase_if(s.query, [](const auto& each) { return each.first == "X-Amz-Signature"; });
    s.content_sha256 = adapter::recordings::k_unsigned_content;
    if (c.r.method != "GET" || !same_secret(signature_of(s, key_, *at), value_of(c.query, "X-Amz-Signature")))
        return "SignatureDoesNotMatch";
    return std::nullopt;
}

std::optional<std::string> s3_desk::unsigned_headers(const call& c) const {
    std::string text(c.r.headers.get("Authorization"));
    if (!text.starts_with("AWS4-HMAC-SHA256 ")) return "AccessDenied";
    text.erase(0, 17);
    name_values fields;
    for (const auto& part : split(text, ',')) {
        const auto begin = std::min(part.find_first_not_of(' '), part.size());
        const auto equals = std::max(begin, std::min(part.find('='), part.size()));
        fields.emplace_back(
            part.substr(begin, equals - begin), part.substr(std::min(equals + 1, part.size()))
        );
    }
    const auto scope = split(value_of(fields, "Credential"), '/');
    const auto at = read_time(std::string(c.r.headers.get("x-amz-date")));
    const auto names = ";" + value_of(fields, "SignedHeaders") + ";";
    if (!at || scope.size() != 5 || scope[1] != basic_time(*at).substr(0, 8) || scope[2] != key_.region)
        return "AuthorizationHeaderMalformed";
    if (scope[0] != key_.access_key_id) return "InvalidAccessKeyId";
    if (*at > clock_.now() + 15min || *at < clock_.now() - 15min) return "RequestTimeTooSkewed";
    // Every header of Amazon's own, the host and the type must be signed.
    for (const auto& [name, value] : c.r.headers.items()) {
        std::string small = name;
        std::ranges::transform(small, small.begin(), [](char l) {
            return l >= 'A' && l <= 'Z' ? static_cast<char>(l + 32) : l;
        });
        const bool must = small.starts_with("x-amz-") || small == "host" || small == "content-type";
        if (must && names.find(";" + small + ";") == std::string::npos) return "AccessDenied";
    }
    const auto right = signature_of(c.with(value_of(fields, "SignedHeaders")), key_, *at);
    if (!same_secret(right, value_of(fields, "Signature"))) return "SignatureDoesNotMatch";
    if (c.r.method == "PUT" && c.r.headers.get("Content-Length").empty()) return "MissingContentLength";
    if (c.r.headers.get("x-amz-content-sha256") != sha256_hex(c.r.body)) return "XAmzContentSHA256Mismatch";
    return std::nullopt;
}

http::response s3_desk::carry_out(const call& c) {
    if (c.key.empty()) return http::response::text(200, "");
    if (c.r.method == "PUT") return put(c);
    if (c.r.method == "DELETE") {
        objects.erase(c.key);
        return http::response::text(204, "");
    }
    if (!objects.contains(c.key)) return refuse(404, "NoSuchKey");
    return get(c);
}

http::response s3_desk::get(const call& c) const {
    const object& o = objects.at(c.key);
    auto out = http::response::text(200, o.bytes, o.content_type);
    out.headers.set("ETag", o.etag);
    const auto wanted = c.r.headers.get("If-Match");
    if (!wanted.empty() && wanted != o.etag)
        return http::response::text(412, "<Error><Code>PreconditionFailed</Code></Error>");
    const std::string range(c.r.headers.get("Range"));
    if (!range.starts_with("bytes=")) return out;
    std::size_t first = 0;
    std::size_t last = 0;
    const char* end = range.data() + range.size();
    const auto [dash, e1] = std::from_chars(range.data() + 6, end, first);
    const auto [stop, e2] = std::from_chars(std::min(dash + 1, end), end, last);
    if (e1 != std::errc() || e2 != std::errc() || stop != end || first >= o.bytes.size() || last < first)
        return http::response::text(416, "<Error><Code>InvalidRange</Code></Error>");
    out.status = 206;
    out.body = o.bytes.substr(first, last - first + 1);
    return out;
}

http::response s3_desk::put(const call& c) {
    std::size_t used = c.r.body.size();
    for (const auto& [name, o] : objects)
        if (name != c.key) used += o.bytes.size();
    if (used > room) return refuse(507, "XMinioStorageFull");
    auto& o = objects[c.key];
    o.bytes = c.r.body;
    o.content_type = c.r.headers.get("Content-Type");
    o.etag = '"' + sha256_hex(o.bytes).substr(0, 32) + '"';
    auto out = http::response::text(200, "");
    out.headers.set("ETag", o.etag);
    return out;
}

http::response s3_desk::refuse(int status, const std::string& code) {
    refused.push_back(code);
    return http::response::text(
        status,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
            "</Code><Message>no</Message><AWSAccessKeyId>" + key_.access_key_id + "</AWSAccessKeyId></Error>",
        "application/xml"
    );
}

} // namespace z360::testing
