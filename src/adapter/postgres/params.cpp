// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/params.hpp"

#include <algorithm>

namespace z360::adapter::postgres {
namespace {

constexpr std::uint32_t k_bytea_oid = 17;
constexpr std::uint32_t k_text_oid = 25;

void put_u32(std::string& out, std::uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>((v >> shift) & 0xFFU));
}

template <class Items>
pqxx::binarystring array(std::uint32_t oid, const Items& items) {
    std::size_t bytes = 20;
    for (const auto& x : items)
        bytes += 4 + x.size();
    std::string out;
    out.reserve(bytes);
    put_u32(out, items.empty() ? 0 : 1); // dimensions
    put_u32(out, 0);                     // no NULLs
    put_u32(out, oid);
    if (!items.empty()) {
        put_u32(out, static_cast<std::uint32_t>(items.size()));
        put_u32(out, 1); // lower bound
    }
    for (const auto& x : items) {
        put_u32(out, static_cast<std::uint32_t>(x.size()));
        out.append(x.data(), x.size());
    }
    return pqxx::binarystring(out);
}

// Length of the UTF-8 sequence at the front of `t`; 0 if it is none (RFC 3629: no overlong forms, no
// surrogates).
std::size_t sequence(std::string_view t) {
    const auto byte = [t](std::size_t i) { return i < t.size() ? static_cast<unsigned char>(t[i]) : 0U; };
    const auto tail = [&byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned a = byte(0);
    if (a < 0x80U) return 1;
    if (a >= 0xC2U && a <= 0xDFU) return tail(1) ? 2 : 0;
    if (a >= 0xE0U && a <= 0xEFU) {
        if (!tail(1) || !tail(2)) return 0;
        if (a == 0xE0U && byte(1) < 0xA0U) return 0;
        return a == 0xEDU && byte(1) > 0x9FU ? 0 : 3;
    }
    if (a >= 0xF0U && a <= 0xF4U) {
        if (!tail(1) || !tail(2) || !tail(3)) return 0;
        if (a == 0xF0U && byte(1) < 0x90U) return 0;
        return a == 0xF4U && byte(1) > 0x8FU ? 0 : 4;
    }
    return 0;
}

} // namespace

std::string storable(std::string_view t) {
    std::string out;
    out.reserve(t.size());
    while (!t.empty()) {
        const auto n = t.front() == '\0' ? 0 : sequence(t);
        if (n == 0)
            out += "\uFFFD";
        else
            out += t.substr(0, n);
        t.remove_prefix(std::max<std::size_t>(n, 1));
    }
    return out;
}

pqxx::binarystring text_array(const std::vector<std::string>& items) {
    return array(k_text_oid, items);
}
pqxx::binarystring bytea_array(const std::vector<std::string_view>& items) {
    return array(k_bytea_oid, items);
}

} // namespace z360::adapter::postgres
