// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/http/message.hpp>

#include <algorithm>
#include <cstdio>

namespace z360::http {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

/// Length of the valid UTF-8 sequence that starts `s`, 0 if there is none.
std::size_t utf8_length(std::string_view s) {
    const auto at = [s](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const unsigned char first = at(0);
    if (first < 0x80) return 1;
    std::size_t n = 0;
    unsigned char low = 0x80; // bounds of the second byte: no overlong forms, surrogates or values > U+10FFFF
    unsigned char high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        n = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        n = 3;
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
        n = 4;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    if (s.size() < n || at(1) < low || at(1) > high) return 0;
    for (std::size_t i = 2; i < n; ++i)
        if (at(i) < 0x80 || at(i) > 0xBF) return 0;
    return n;
}

void append_json(std::string& out, std::string_view s) {
    out.push_back('"');
    while (!s.empty()) {
        const std::size_t n = utf8_length(s);
        const auto c = static_cast<unsigned char>(s.front());
        if (n == 0) {
            out += "\\ufffd"; // what a client sent may be echoed in a detail; the document stays valid
        } else if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(s.front());
        } else if (c < 0x20 || c == 0x7F) {
            char buffer[8];
            (void)std::snprintf(buffer, sizeof buffer, "\\u%04x", c);
            out += buffer;
        } else {
            out += s.substr(0, n);
        }
        s.remove_prefix(std::max<std::size_t>(n, 1));
    }
    out.push_back('"');
}

} // namespace

void headers::set(std::string name, std::string value) {
    const auto is_it = [&name](const auto& item) { return same_name(item.first, name); };
    const auto first = std::find_if(items_.begin(), items_.end(), is_it);
    if (first == items_.end()) {
        items_.emplace_back(std::move(name), std::move(value));
        return;
    }
    first->second = std::move(value);
    items_.erase(std::remove_if(first + 1, items_.end(), is_it), items_.end());
}

std::string_view headers::get(std::string_view name) const {
    for (const auto& [n, v] : items_)
        if (same_name(n, name)) return v;
    return {};
}

std::size_t headers::count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(items_.begin(), items_.end(), [name](const auto& item) {
        return same_name(item.first, name);
    }));
}

response response::json(int status, std::string body) {
    return text(status, std::move(body), "application/json");
}

response response::text(int status, std::string body, std::string content_type) {
    response r;
    r.status = status;
    r.headers.add("Content-Type", std::move(content_type));
    r.body = std::move(body);
    return r;
}

response
response::problem(int status, std::string_view code, std::string_view title, std::string_view detail) {
    std::string body;
    body.reserve(128 + title.size() + detail.size() + 2 * code.size());
    body += "{\"type\":";
    append_json(body, "urn:z360:problem:" + std::string(code));
    body += ",\"title\":";
    append_json(body, title);
    body += ",\"status\":" + std::to_string(status);
    if (!detail.empty()) {
        body += ",\"detail\":";
        append_json(body, detail);
    }
    body += ",\"code\":";
    append_json(body, code);
    body += "}";
    return text(status, std::move(body), "application/problem+json");
}

std::string_view reason(int status) {
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
    }
}

} // namespace z360::http
