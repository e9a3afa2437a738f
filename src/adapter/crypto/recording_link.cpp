// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/recording_link.hpp"

#include "adapter/crypto/base64.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <tuple>

namespace z360::adapter::crypto {
namespace {

constexpr std::string_view k_use = "z360-voip recording_link key 1|";

} // namespace

recording_link_codec::recording_link_codec(const secret& key, const secret& api_key)
    : mac_(k_use, key.empty() ? api_key : key) {}

std::string recording_link_codec::signed_text(const uuid& recording, std::string_view expires) {
    return recording.text() + "|" + std::string(expires);
}

std::string recording_link_codec::sign(const uuid& recording, time_point until) const {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(until).time_since_epoch().count();
    const auto expires = std::to_string(seconds);
    const auto m = mac_.of(signed_text(recording, expires));
    const std::string_view bytes(reinterpret_cast<const char*>(m.data()), m.size());
    return "expires=" + expires + "&signature=" + base64url(bytes);
}

recording_link_codec::verdict recording_link_codec::check(
    const uuid& recording, std::string_view expires, std::string_view signature, time_point now
) const {
    const auto bytes = unbase64url(signature, std::tuple_size_v<keyed_mac::bytes>);
    if (!bytes) return verdict::not_ours;
    const std::string_view claimed(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (!mac_.is_of(claimed, signed_text(recording, expires))) return verdict::not_ours;
    std::int64_t seconds = 0;
    const auto [end, ec] = std::from_chars(expires.data(), expires.data() + expires.size(), seconds);
    if (ec != std::errc{} || end != expires.data() + expires.size()) return verdict::not_ours;
    return now < time_point{std::chrono::seconds{seconds}} ? verdict::good : verdict::expired;
}

} // namespace z360::adapter::crypto
