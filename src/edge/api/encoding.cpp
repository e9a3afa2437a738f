// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/encoding.hpp"

#include <z360/http/gzip.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace z360::edge::api {
namespace {

/// In lower case; several are a list.
std::string coding_of(const http::request& req) {
    if (req.headers.count("Content-Encoding") > 1) return ",";
    std::string out(req.headers.get("Content-Encoding"));
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool is_compression(std::string_view coding) {
    constexpr std::array<std::string_view, 7> k_known{"gzip",     "x-gzip", "deflate",   "br",
                                                      "compress", "zstd",   "x-compress"};
    for (const auto known : k_known)
        if (coding == known) return true;
    return coding.find(',') != std::string_view::npos;
}

problem unsupported(std::size_t most) {
    problem p;
    p.status = 415;
    p.code = "content_encoding_unsupported";
    p.title = "The body's encoding is not taken here";
    p.detail = most == 0 ? "Send it as it is, without Content-Encoding" : "Send it as it is, or with gzip";
    return p;
}

problem broken() {
    problem p;
    p.status = 400;
    p.code = "content_encoding_broken";
    p.title = "The body is not what Content-Encoding says";
    p.detail = "It must be one whole member of gzip, with nothing behind it";
    return p;
}

problem too_large(std::size_t most) {
    problem p;
    p.status = 413;
    p.code = "body_too_large";
    p.title = "The request's body is too large";
    p.detail = "At most " + std::to_string(most) +
               " bytes are taken, uncompressed, and of more than 65536 at most a hundred times what is sent";
    return p;
}

} // namespace

std::optional<problem> decode_body(http::request& req, std::size_t most) {
    const auto coding = coding_of(req);
    if (coding.empty() || coding == "identity") return std::nullopt;
    const bool gzip = coding == "gzip" || coding == "x-gzip"; // the same (RFC 9110, 8.4.1.3)
    // Where none is taken a header that names none was never looked at: old clients send "utf-8".
    if (most == 0) return is_compression(coding) ? std::optional(unsupported(most)) : std::nullopt;
    if (!gzip) return unsupported(most);
    auto plain = http::gunzip(req.body, most);
    if (plain.how == http::inflation::broken) return broken();
    if (plain.how == http::inflation::too_large) return too_large(most);
    req.body = std::move(plain.bytes);
    return std::nullopt;
}

void name_encodings(http::response& to, std::size_t most) {
    if (to.status == 415) to.headers.set("Accept-Encoding", most == 0 ? "identity" : "gzip, identity");
}

} // namespace z360::edge::api
