// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/webhook_verifier.hpp"

#include "adapter/crypto/base64.hpp"

#include <sodium.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace z360::adapter::crypto {
namespace {

constexpr std::size_t k_signature_bytes = crypto_sign_BYTES;
static_assert(crypto_sign_PUBLICKEYBYTES == 32);

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) {
        return lower(x) == lower(y);
    });
}

std::optional<std::int64_t> seconds_of(std::string_view text) {
    if (text.empty() || text.front() == '-') return std::nullopt; // from_chars would take a sign
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool within_tolerance(std::int64_t stamped, time_point now) {
    const auto here = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    // Compared without subtracting: a hostile stamp near the type's limit must not overflow.
    return stamped >= here - k_webhook_tolerance_secs && stamped <= here + k_webhook_tolerance_secs;
}

} // namespace

std::string_view name(verdict v) {
    switch (v) {
    case verdict::genuine: return "genuine";
    case verdict::missing_header: return "missing_header";
    case verdict::duplicate_header: return "duplicate_header";
    case verdict::bad_timestamp: return "bad_timestamp";
    case verdict::stale: return "stale";
    case verdict::bad_format: return "bad_format";
    case verdict::no_key_matches: return "no_key_matches";
    }
    return "?";
}

webhook_verifier::webhook_verifier(const std::vector<std::string>& public_keys) {
    ensure_sodium();
    if (public_keys.empty())
        throw std::invalid_argument(
            "telnyx.public_keys is empty: without a key no webhook can be trusted. Copy the public key from "
            "Telnyx's portal (Account, Keys & Credentials, Public Key)."
        );
    for (std::size_t i = 0; i < public_keys.size(); ++i) {
        const auto bytes = unbase64(public_keys[i], sizeof(key));
        const auto refuse = [&](std::string_view why) {
            throw std::invalid_argument(
                "telnyx.public_keys, entry " + std::to_string(i + 1) + ": " + std::string(why) +
                ". Expected the 44 characters that Telnyx's portal shows (base64 of 32 bytes, no PEM)."
            );
        };
        if (!bytes) refuse("not base64 of 32 bytes");
        if (bytes->size() != sizeof(key)) refuse(std::to_string(bytes->size()) + " bytes instead of 32");
        if (crypto_core_ed25519_is_valid_point(bytes->data()) != 1) refuse("not an Ed25519 public key");
        key k{};
        std::copy(bytes->begin(), bytes->end(), k.begin());
        keys_.push_back(k);
    }
}

verdict webhook_verifier::verify(
    std::string_view signature, std::string_view timestamp, std::string_view body, time_point now
) const {
    if (signature.empty() || timestamp.empty()) return verdict::missing_header;
    const auto stamped = seconds_of(timestamp);
    if (!stamped) return verdict::bad_timestamp;
    if (!within_tolerance(*stamped, now)) return verdict::stale;
    const auto bytes = unbase64(signature, k_signature_bytes);
    if (!bytes || bytes->size() != k_signature_bytes) return verdict::bad_format;
    std::string signed_text;
    signed_text.reserve(timestamp.size() + 1 + body.size());
    signed_text.append(timestamp).append(1, '|').append(body);
    const auto* message = reinterpret_cast<const unsigned char*>(signed_text.data());
    for (const auto& k : keys_)
        if (crypto_sign_verify_detached(bytes->data(), message, signed_text.size(), k.data()) == 0)
            return verdict::genuine;
    return verdict::no_key_matches;
}

verdict webhook_verifier::verify(const http::headers& headers, std::string_view body, time_point now) const {
    std::string_view signature;
    std::string_view timestamp;
    int signatures = 0;
    int timestamps = 0;
    for (const auto& [header, value] : headers.items()) {
        if (same_name(header, k_signature_header)) {
            signature = value;
            ++signatures;
        } else if (same_name(header, k_timestamp_header)) {
            timestamp = value;
            ++timestamps;
        }
    }
    if (signatures > 1 || timestamps > 1) return verdict::duplicate_header;
    return verify(signature, timestamp, body, now);
}

} // namespace z360::adapter::crypto
