// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_figures.hpp"

#include "wire/address.hpp"
#include "wire/display_name.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_most_digits = 12; // on either side of the point
constexpr std::size_t k_most_parts = 32;
constexpr std::size_t k_longest_part = 64;
constexpr std::size_t k_longest_currency = 8;
constexpr double k_best_mos = 5;

const json* find(const json& in, const char* key) {
    const auto it = in.find(key);
    return it == in.end() ? nullptr : &*it;
}

call::decimal decimal_in(const json& in, const char* key) {
    const json* v = find(in, key);
    if (v == nullptr) return {};
    if (v->is_string()) return exact_decimal(v->get_ref<const std::string&>());
    return v->is_number() ? exact_decimal(v->dump()) : call::decimal{};
}

call::decimal positive_in(const json& in, const char* key) {
    auto text = decimal_in(in, key);
    return text.starts_with('-') ? call::decimal{} : text;
}

// Of a count with a fraction the whole part says enough.
std::optional<std::int64_t> count_in(const json& in, const char* key) {
    const auto text = positive_in(in, key);
    std::int64_t n = 0;
    const auto end = text.data() + std::min(text.find('.'), text.size());
    if (const auto r = std::from_chars(text.data(), end, n); r.ec != std::errc{} || r.ptr != end)
        return std::nullopt;
    return n;
}

// Seconds are an int where they are stored.
std::optional<std::int64_t> seconds_in(const json& in, const char* key) {
    const auto n = count_in(in, key);
    return n && *n <= std::numeric_limits<std::int32_t>::max() ? n : std::nullopt;
}

std::string word_in(const json& in, const char* key, std::size_t most) {
    const json* v = find(in, key);
    if (v == nullptr || !v->is_string()) return {};
    const auto& text = v->get_ref<const std::string&>();
    return text.find('\0') == std::string::npos ? std::string(clip(text, most)) : std::string{};
}

// Sums of different currencies are none.
std::string common_currency(const std::vector<call::charge_part>& parts) {
    if (parts.empty()) return {};
    const auto& first = parts.front().currency;
    const bool same =
        std::all_of(parts.begin(), parts.end(), [&first](const auto& p) { return p.currency == first; });
    return same ? first : std::string{};
}

void read_part(const json& in, std::vector<call::charge_part>& out) {
    if (!in.is_object() || out.size() >= k_most_parts) return;
    call::charge_part p;
    p.what = word_in(in, "call_part", k_longest_part);
    p.cost = decimal_in(in, "cost");
    p.rate = decimal_in(in, "rate");
    p.currency = word_in(in, "currency", k_longest_currency);
    p.billed_secs = seconds_in(in, "billed_duration_secs");
    out.push_back(std::move(p));
}

} // namespace

call::decimal exact_decimal(std::string_view text) {
    const bool minus = text.starts_with('-');
    const auto digits = text.substr(minus ? 1 : 0);
    const auto point = std::min(digits.find('.'), digits.size());
    const auto whole = digits.substr(0, point);
    const auto rest = digits.substr(std::min(point + 1, digits.size()));
    const auto are_digits = [](std::string_view t) {
        return std::all_of(t.begin(), t.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    const bool good = !whole.empty() && whole.size() <= k_most_digits && rest.size() <= k_most_digits &&
                      are_digits(whole) && are_digits(rest) && (point == digits.size() || !rest.empty());
    return good ? call::decimal(text) : call::decimal{};
}

call::media_figures read_media_figures(const json& payload) {
    call::media_figures out;
    const json* stats = find(payload, "call_quality_stats");
    if (stats == nullptr || !stats->is_object()) return out;
    if (const json* in = find(*stats, "inbound"); in != nullptr && in->is_object()) {
        out.mos = positive_in(*in, "mos");
        if (std::strtod(out.mos.c_str(), nullptr) > k_best_mos) out.mos.clear();
        out.jitter = positive_in(*in, "jitter_max_variance");
        out.packets_in = count_in(*in, "packet_count");
        out.skipped_in = count_in(*in, "skip_packet_count");
    }
    if (const json* sent = find(*stats, "outbound"); sent != nullptr && sent->is_object()) {
        out.packets_out = count_in(*sent, "packet_count");
        out.skipped_out = count_in(*sent, "skip_packet_count");
    }
    return out;
}

call::charge read_charge(const json& payload) {
    call::charge out;
    out.total = decimal_in(payload, "total_cost");
    out.failed = word_in(payload, "status", k_longest_part) == "error";
    out.billed_secs = seconds_in(payload, "billed_duration_secs");
    if (const json* parts = find(payload, "cost_parts"); parts != nullptr && parts->is_array())
        for (const auto& p : *parts)
            read_part(p, out.parts);
    out.currency = common_currency(out.parts);
    return out;
}

} // namespace z360::wire
