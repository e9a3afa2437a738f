// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/response_text.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>

namespace z360::http {
namespace {

bool is(std::string_view name, std::string_view lower) {
    if (name.size() != lower.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != lower[i]) return false;
    }
    return true;
}

bool framing(std::string_view name) {
    return is(name, "content-length") || is(name, "connection") || is(name, "transfer-encoding") ||
           is(name, "keep-alive") || is(name, "date");
}

bool token(std::string_view name) {
    if (name.empty()) return false;
    for (const char c : name) {
        const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) return false;
    }
    return true;
}

void append_value(std::string& out, std::string_view value) {
    for (const char c : value) {
        const auto u = static_cast<unsigned char>(c);
        out.push_back((u < 0x20 && c != '\t') || u == 0x7F ? ' ' : c);
    }
}

void append_number(std::string& out, std::uint64_t n) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
    out.append(digits, end);
}

} // namespace

bool may_have_body(int status) {
    return status >= 200 && status != 204 && status != 304;
}

void append_response_head(std::string& out, const response& r, const response_options& options) {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(r.status));
    out += ' ';
    out += reason(r.status);
    out += "\r\nDate: ";
    out += options.date;
    out += "\r\n";
    for (const auto& [name, value] : r.headers.items()) {
        if (!token(name) || framing(name)) continue;
        out += name;
        out += ": ";
        append_value(out, value);
        out += "\r\n";
    }
    if (options.secure) out += "Strict-Transport-Security: max-age=31536000\r\n";
    if (may_have_body(r.status)) {
        out += "Content-Length: ";
        append_number(out, r.stream ? r.stream->size() : r.body.size());
        out += "\r\n";
    }
    if (!options.keep_alive)
        out += "Connection: close\r\n";
    else if (options.http_1_0)
        out += "Connection: keep-alive\r\n";
    out += "\r\n";
}

std::string http_date(std::int64_t unix_seconds) {
    static constexpr const char* k_days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* k_months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto t = static_cast<std::time_t>(unix_seconds);
    std::tm tm{};
    (void)gmtime_r(&t, &tm);
    char text[64];
    (void)std::snprintf(
        text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", k_days[tm.tm_wday], tm.tm_mday,
        k_months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec
    );
    return text;
}

} // namespace z360::http
