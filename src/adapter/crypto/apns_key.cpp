// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/apns_key.hpp"

#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/key_file.hpp"
#include "adapter/crypto/openssl_key.hpp"

#include <nlohmann/json.hpp>
#include <openssl/core_names.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace z360::adapter::crypto {
namespace {

constexpr millis k_early{30'000};
constexpr std::size_t k_id = 10;
constexpr std::size_t k_max_file = std::size_t{16} * 1024;

[[noreturn]] void refuse(const std::string& setting, const std::string& where, const std::string& why) {
    throw std::runtime_error(setting + ": " + where + ": " + why);
}

bool is_id(std::string_view id) {
    return id.size() == k_id && std::all_of(id.begin(), id.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
           });
}

bool on_p256(EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "EC") != 1) return false;
    std::array<char, 64> group{};
    std::size_t size = 0;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), &size) !=
        1)
        return false;
    return std::string_view(group.data(), size) == "prime256v1";
}

void check(const std::string& setting, const std::string& where, const read_key& read) {
    switch (read.fault) {
    case key_fault::not_pem:
        refuse(
            setting, where,
            "no private key in PEM form; name the .p8 file as Apple gave it (not a certificate)"
        );
    case key_fault::encrypted:
        refuse(
            setting, where,
            "the key is encrypted; Apple's .p8 files are not: name the file as it was downloaded"
        );
    case key_fault::broken: refuse(setting, where, "the key cannot be read; download it again");
    case key_fault::none: break;
    }
    if (!on_p256(read.key.get()))
        refuse(
            setting, where, "not a key on the curve P-256, as ES256 needs; name an APNs key (.p8) of Apple's"
        );
}

class openssl_apns_key final : public apns_key {
  public:
    openssl_apns_key(private_key key, names who) : key_(std::move(key)), who_(std::move(who)) {}

    [[nodiscard]] secret mint(time_point now) const override {
        const auto issued =
            std::chrono::floor<std::chrono::seconds>(now - k_early).time_since_epoch().count();
        const nlohmann::ordered_json header{{"alg", "ES256"}, {"kid", who_.key_id}};
        const nlohmann::ordered_json claims{{"iss", who_.team_id}, {"iat", issued}};
        const auto text = base64url(header.dump()) + "." + base64url(claims.dump());
        const auto signature = raw_ecdsa(sign_sha256(key_.get(), text));
        if (signature.empty())
            throw std::runtime_error("OpenSSL does not sign with the APNs key " + who_.key_id);
        return secret(text + "." + base64url(signature));
    }
    [[nodiscard]] const names& who() const override { return who_; }

  private:
    private_key key_;
    names who_;
};

} // namespace

std::shared_ptr<const apns_key>
apns_key::parse(const std::string& setting, const std::string& where, const secret& pem, names who) {
    ensure_sodium();
    if (!is_id(who.key_id))
        refuse(
            setting, where, "its key id is not ten capital letters and digits; Apple shows it beside the key"
        );
    if (!is_id(who.team_id))
        refuse(
            setting, where,
            "the team id is not ten capital letters and digits; Apple shows it under Membership"
        );
    auto read = read_private_key(pem);
    check(setting, where, read);
    return std::make_shared<const openssl_apns_key>(std::move(read.key), std::move(who));
}

std::shared_ptr<const apns_key>
apns_key::open(const std::string& setting, const std::string& file, names who) {
    return parse(setting, file, read_key_file(setting, file, k_max_file), std::move(who));
}

} // namespace z360::adapter::crypto
