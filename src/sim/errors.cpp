// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace z360::sim {

namespace {
constexpr std::array<std::pair<std::string_view, std::string_view>, 22> k_titles{{
    {"10004", "Missing required parameter"},
    {"10005", "Resource not found"},
    {"10007", "Unexpected error"},
    {"10009", "Authentication failed"},
    {"10010", "Authorization failed"},
    {"10011", "Too many requests"},
    {"10015", "Invalid value for parameter"},
    {"10016", "Phone number must be in +E.164 format"},
    {"10032", "Invalid enumerated value"},
    {"10033", "Value outside of range"},
    {"90015", "Invalid call control ID"},
    {"90016", "Invalid value for stop"},
    {"90017", "Invalid client state"},
    {"90018", "Call has already ended"},
    {"90020", "Recording before audio started"},
    {"90034", "Call not answered yet"},
    {"90043", "Connection channel limit exceeded"},
    {"90053", "Parameters cannot be combined"},
    {"90057", "Invalid event type"},
    {"90102", "Command not valid for an outbound call"},
    {"90103", "Dials per second limit exceeded"},
    {"10001", "Bad request"},
}};
} // namespace

json error_body(std::string_view code, std::string_view detail, std::string_view pointer) {
    std::string_view title = "Error";
    for (const auto& [known, text] : k_titles)
        if (known == code) title = text;
    json error{{"code", code}, {"title", title}, {"detail", detail}};
    if (!pointer.empty()) error["source"] = json{{"pointer", pointer}};
    json body;
    body["errors"] = json::array({std::move(error)});
    return body;
}

std::string_view code_of_status(int status) {
    switch (status) {
    case 400: return "10001";
    case 401: return "10009";
    case 403: return "10010";
    case 404: return "10005";
    case 422: return "10015";
    case 429: return "10011";
    default: return "10007";
    }
}

bool is_e164(std::string_view text) {
    if (text.size() < 8 || text.size() > 16 || text[0] != '+' || text[1] == '0') return false;
    return std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string without_digits(std::string_view to) {
    return std::string(sip_user(to) ? to : to.substr(0, to.find(',')));
}

bool is_emergency_number(std::string_view text) {
    return text.size() == 3 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string> sip_user(std::string_view uri) {
    if (uri.starts_with("sips:"))
        uri.remove_prefix(5);
    else if (uri.starts_with("sip:"))
        uri.remove_prefix(4);
    else
        return std::nullopt;
    const auto at = uri.find('@');
    if (at == std::string_view::npos || at == 0 || at + 1 >= uri.size()) return std::nullopt;
    const auto allowed = [](unsigned char c) { return c > 0x20 && c < 0x7F && c != '@'; };
    const auto host = uri.substr(at + 1);
    if (!std::all_of(uri.begin(), uri.begin() + static_cast<std::ptrdiff_t>(at), allowed))
        return std::nullopt;
    if (!std::all_of(host.begin(), host.end(), allowed)) return std::nullopt;
    return std::string(uri.substr(0, at));
}

bool is_own_address(std::string_view uri) {
    auto host = uri.substr(std::min(uri.find('@'), uri.size() - 1) + 1);
    host = host.substr(0, host.find_first_of(":;"));
    return sip_user(uri).has_value() && (host == "telnyx.com" || host.ends_with(".telnyx.com"));
}

bool is_base64(std::string_view text) {
    // Some clients wrap long base64 with newlines; Telnyx passes that through.
    std::string packed;
    for (const char c : text)
        if (c != '\n' && c != '\r') packed.push_back(c);
    if (packed.size() % 4 != 0) return false;
    std::size_t pad = 0;
    while (pad < 2 && pad < packed.size() && packed[packed.size() - 1 - pad] == '=')
        ++pad;
    const auto alphabet = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '/';
    };
    return std::all_of(packed.begin(), packed.end() - static_cast<std::ptrdiff_t>(pad), alphabet);
}

} // namespace z360::sim
