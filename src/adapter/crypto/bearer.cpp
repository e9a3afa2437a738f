// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/bearer.hpp"

#include "adapter/crypto/base64.hpp"

#include <sodium.h>

#include <array>
#include <cstddef>
#include <stdexcept>

namespace z360::adapter::crypto {
namespace {

constexpr std::string_view k_brand = "z360";
constexpr std::size_t k_random_bytes = 32;
constexpr std::size_t k_random_chars = 43; // base64url of them
constexpr std::size_t k_max_environment = 20;
// brand, letter, '_', environment, '_', random
constexpr std::size_t k_shortest = k_brand.size() + 1 + 1 + 1 + 1 + k_random_chars;
constexpr std::size_t k_longest = k_shortest - 1 + k_max_environment;

char letter(port::token_kind k) {
    switch (k) {
    case port::token_kind::device: return 'd';
    case port::token_kind::service: return 's';
    case port::token_kind::admin: return 'a';
    case port::token_kind::enrolment: return 'e';
    case port::token_kind::handoff: return 'h';
    }
    return '?';
}

std::optional<port::token_kind> kind_of(char c) {
    for (const auto k :
         {port::token_kind::device, port::token_kind::service, port::token_kind::admin,
          port::token_kind::enrolment, port::token_kind::handoff})
        if (letter(k) == c) return k;
    return std::nullopt;
}

bool is_environment(std::string_view text) {
    return !text.empty() && text.size() <= k_max_environment &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

} // namespace

std::optional<bearer> read_bearer(std::string_view text) {
    if (text.size() < k_shortest || text.size() > k_longest || !text.starts_with(k_brand))
        return std::nullopt;
    const auto kind = kind_of(text[k_brand.size()]);
    if (!kind) return std::nullopt;
    // By position, not by searching for '_': the random part may hold some.
    const auto middle = text.substr(k_brand.size() + 1, text.size() - k_brand.size() - 1 - k_random_chars);
    if (middle.front() != '_' || middle.back() != '_') return std::nullopt;
    const auto environment = middle.substr(1, middle.size() - 2);
    if (!is_environment(environment)) return std::nullopt;
    auto raw = unbase64url(text.substr(text.size() - k_random_chars), k_random_bytes);
    if (!raw) return std::nullopt;
    sodium_memzero(raw->data(), raw->size());
    return bearer{*kind, std::string(environment), secret(std::string(text))};
}

secret make_bearer(port::token_kind kind, std::string_view environment) {
    if (!is_environment(environment))
        throw std::invalid_argument("an environment is 1 to 20 of a-z, 0-9 and '-'; see server.environment");
    ensure_sodium();
    std::array<char, k_random_bytes> raw{};
    randombytes_buf(raw.data(), raw.size());
    std::string text(k_brand);
    text.reserve(k_longest); // no reallocation leaves a copy behind
    text += letter(kind);
    text += '_';
    text += environment;
    text += '_';
    std::string random = base64url({raw.data(), raw.size()});
    text += random;
    sodium_memzero(raw.data(), raw.size());
    sodium_memzero(random.data(), random.size());
    return secret(std::move(text));
}

} // namespace z360::adapter::crypto
