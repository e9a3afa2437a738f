// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What depends on an app's platform and versions, and what a device id or push token must look like. Pure.
#pragma once

#include <z360/config.hpp>
#include <z360/port/device_registry.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::edge::api {

/// "3.10.0" against "3.9": by number, part by part; what follows a '-' or '+' is ignored.
[[nodiscard]] bool older(std::string_view version, std::string_view than);

/// The settings of [clients], by platform.
class client_rules {
  public:
    /// Throws std::runtime_error naming the entry that is not platform=value.
    explicit client_rules(const config& c);

    /// The lowest version allowed, when `version` is below it (CFG-07).
    [[nodiscard]] std::optional<std::string>
    refused_below(std::string_view platform, std::string_view version) const;
    [[nodiscard]] std::string min_version(std::string_view platform) const { return at(min_, platform); }
    [[nodiscard]] std::string latest_version(std::string_view platform) const {
        return at(latest_, platform);
    }
    [[nodiscard]] std::string store_url(std::string_view platform) const { return at(store_, platform); }
    /// No password leaves for this device: browsers, and apps whose SDK can log in with a token (CFG-03).
    [[nodiscard]] bool jwt_only(std::string_view platform, std::string_view sdk_version) const;
    /// A device id as it is kept: as given, or without blanks around it where old clients may send blanks.
    [[nodiscard]] std::string device_id(std::string_view given) const;
    /// Why this is no device id; nullptr: it is one (AND-24).
    [[nodiscard]] const char* device_id_fault(std::string_view id) const;
    /// An empty push token is none, not a fault: old clients.
    [[nodiscard]] bool empty_tokens() const { return empty_tokens_; }

  private:
    using by_platform = std::map<std::string, std::string, std::less<>>;
    static std::string at(const by_platform& m, std::string_view platform);
    by_platform min_, latest_, store_, jwt_from_;
    bool empty_tokens_ = false;
    bool blanks_ = false;
};

/// Longest push token that is taken.
inline constexpr std::size_t k_longest_push_token = 4096;

/// A push token as one of the request's fields gave it.
struct token_reading {
    std::optional<port::push_kind> kind; ///< nullopt: there is no token in it, or a fault
    const char* fault = nullptr;
};
/// `field` is fid, fcm_token, voip_token, apns_voip_token or push_token. A browser's placeholder is no token.
/// FCM tokens are opaque: 20 to 4096 printable ASCII characters; only what is shorter than any real one is
/// looked into for the errors that SDKs return in place of a token.
[[nodiscard]] token_reading read_push_token(
    std::string_view platform, std::string_view field, std::string_view token, std::string_view device_id
);

/// Onboarding hints by what the device says it cannot do (AND-17): {capability, title}.
struct prompt {
    std::string_view capability;
    std::string_view text;
};
[[nodiscard]] std::vector<prompt> prompts_for(std::string_view platform, std::string_view capabilities_json);

/// The User-Agent of the app's own web view (WEB-06).
[[nodiscard]] bool is_native_webview(std::string_view user_agent);
/// Which of a person's devices a request without a device id means.
struct picked_device {
    const port::device_view* device = nullptr; ///< nullptr: none fits, or nobody can tell
    bool ambiguous = false;                    ///< one or more fit, and none of them is it for certain
};
/// The device that was registered in this web session; the User-Agent tells an app from the pages in it. Else
/// the only device of the platform that the User-Agent tells, unless it is a phone that another
/// session registered. `session`: digest, empty when it is not known. Never a guess.
[[nodiscard]] picked_device pick_device(
    const std::vector<port::device_view>& devices, std::string_view user_agent, std::string_view session
);

/// +15551234567
[[nodiscard]] bool is_e164(std::string_view text);

} // namespace z360::edge::api
