// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/fields.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace z360::adapter::http2 {
namespace {

namespace h2 = z360::http::h2;

constexpr std::string_view k_scheme_of_token = "bearer ";

const std::uint8_t* bytes(std::string_view s) {
    return reinterpret_cast<const std::uint8_t*>(s.data());
}

bool name_ok(std::string_view n) {
    const bool upper = std::any_of(n.begin(), n.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return !n.empty() && n[0] != ':' && !upper && nghttp2_check_header_name(bytes(n), n.size()) != 0;
}

bool value_ok(std::string_view v) {
    return nghttp2_check_header_value_rfc9113(bytes(v), v.size()) != 0;
}

// RFC 9113 8.2.2: they belong to a connection of HTTP/1.1.
bool of_a_connection(std::string_view name) {
    static constexpr std::array<std::string_view, 6> k_names{"connection",       "keep-alive",
                                                             "proxy-connection", "transfer-encoding",
                                                             "upgrade",          "te"};
    return std::find(k_names.begin(), k_names.end(), name) != k_names.end();
}

} // namespace

std::string fault_of(const h2::request& r) {
    if (r.method.empty() || r.method == "CONNECT" ||
        nghttp2_check_method(bytes(r.method), r.method.size()) == 0)
        return "the method is none";
    if (r.path.empty() || r.path[0] != '/' || nghttp2_check_path(bytes(r.path), r.path.size()) == 0)
        return "the path must begin with / and hold no space and no control character";
    for (const auto& f : r.fields) {
        if (!name_ok(f.name)) return "the name of a header must be a token in lower case";
        if (of_a_connection(f.name)) return "the header " + f.name + " does not exist in HTTP/2";
        if (!value_ok(f.value))
            return "the value of the header " + f.name +
                   " holds a control character, or begins or ends with a space";
    }
    if (!value_ok(r.bearer.reveal())) return "the bearer token holds what a header cannot";
    return {};
}

field_list::field_list(const h2::request& r, const std::string& scheme, const std::string& authority) {
    list_.reserve(r.fields.size() + 6);
    add(":method", r.method);
    add(":scheme", scheme);
    add(":authority", authority);
    add(":path", r.path, false);
    if (!r.bearer.empty()) {
        authorization_.reserve(k_scheme_of_token.size() + r.bearer.reveal().size()); // one copy to wipe
        authorization_.append(k_scheme_of_token).append(r.bearer.reveal());
        add("authorization", authorization_, false);
    }
    bool length = r.body.empty();
    for (const auto& f : r.fields) {
        add(f.name, f.value, f.indexed);
        length = length || f.name == "content-length";
    }
    if (!length) {
        length_ = std::to_string(r.body.size());
        add("content-length", length_);
    }
}

field_list::~field_list() {
    explicit_bzero(authorization_.data(), authorization_.size());
}

// nghttp2 reads only, whatever its structure says.
void field_list::add(std::string_view name, std::string_view value, bool indexed) {
    nghttp2_nv nv{};
    nv.name = const_cast<std::uint8_t*>(bytes(name));
    nv.namelen = name.size();
    nv.value = const_cast<std::uint8_t*>(bytes(value));
    nv.valuelen = value.size();
    nv.flags = static_cast<std::uint8_t>(indexed ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX);
    list_.push_back(nv);
    weight_ += name.size() + value.size() + 32; // RFC 9113 6.5.2
}

std::string printable(std::string_view text, std::size_t most) {
    std::string out(text.substr(0, most));
    for (auto& c : out)
        if (c < 0x20 || c > 0x7E) c = '?';
    return out;
}

} // namespace z360::adapter::http2
