// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/service_account.hpp"

#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/key_file.hpp"
#include "adapter/crypto/openssl_key.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace z360::adapter::crypto {
namespace {

using json = nlohmann::json;

constexpr millis k_early{30'000};
constexpr std::int64_t k_life = 3'600; // seconds from `iat`, the longest that Google takes
constexpr int k_least_bits = 2048;
constexpr std::size_t k_longest_field = 512;

[[noreturn]] void refuse(const std::string& setting, const std::string& where, const std::string& why) {
    throw std::runtime_error(setting + ": " + where + ": " + why);
}

bool printable(std::string_view text) {
    return !text.empty() && text.size() <= k_longest_field &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// The host of an https address without user, port or anything odd; empty: it is none.
std::string_view https_host(std::string_view uri) {
    constexpr std::string_view k_scheme = "https://";
    if (!uri.starts_with(k_scheme)) return {};
    const auto host = uri.substr(k_scheme.size(), uri.find('/', k_scheme.size()) - k_scheme.size());
    const bool plain = std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    });
    return plain ? host : std::string_view{};
}

bool is_googles(std::string_view uri) {
    const auto host = https_host(uri);
    return host == "accounts.google.com" || host == "googleapis.com" || host.ends_with(".googleapis.com");
}

class fields {
  public:
    fields(const std::string& setting, const std::string& where, const secret& text)
        : setting_(setting), where_(where) {
        const auto raw = text.reveal();
        root_ = json::parse(raw.begin(), raw.end(), nullptr, false);
        if (!root_.is_object())
            refuse(setting, where, "not JSON; name the service account's key file as Google gave it");
        const auto type = root_.find("type");
        if (type == root_.end() || *type != "service_account")
            refuse(
                setting, where,
                "not of a service account (its type says so); make a key of one in the Google Cloud console"
            );
    }
    // json keeps copies of its texts; the key's is overwritten.
    ~fields() {
        if (const auto it = root_.find("private_key"); it != root_.end() && it->is_string())
            const secret gone(std::move(it->get_ref<std::string&>()));
    }
    fields(const fields&) = delete;
    fields& operator=(const fields&) = delete;

    [[nodiscard]] std::string word(const char* name) const {
        const auto it = root_.find(name);
        if (it == root_.end() || !it->is_string() || !printable(it->get_ref<const std::string&>()))
            refuse(
                setting_, where_,
                std::string("its ") + name + " is missing or no plain text; download the file again"
            );
        return it->get<std::string>();
    }
    [[nodiscard]] secret key() const {
        const auto it = root_.find("private_key");
        if (it == root_.end() || !it->is_string())
            refuse(setting_, where_, "its private_key is missing; download the file again");
        return secret(it->get<std::string>());
    }

  private:
    const std::string& setting_;
    const std::string& where_;
    json root_;
};

private_key read_rsa(const std::string& setting, const std::string& where, const secret& pem) {
    auto read = read_private_key(pem);
    switch (read.fault) {
    case key_fault::not_pem:
    case key_fault::broken: refuse(setting, where, "its private_key cannot be read; download the file again");
    case key_fault::encrypted:
        refuse(setting, where, "its private_key is encrypted; Google's are not: download the file again");
    case key_fault::none: break;
    }
    if (EVP_PKEY_is_a(read.key.get(), "RSA") != 1 || EVP_PKEY_get_bits(read.key.get()) < k_least_bits)
        refuse(
            setting, where,
            "its private_key is not an RSA key of 2048 bits or more; make a new key of the account"
        );
    return std::move(read.key);
}

class openssl_service_account final : public service_account {
  public:
    openssl_service_account(const fields& f, private_key key)
        : project_(f.word("project_id")), email_(f.word("client_email")), uri_(f.word("token_uri")),
          key_id_(f.word("private_key_id")), key_(std::move(key)) {}

    [[nodiscard]] secret assertion(time_point now, std::string_view scope) const override {
        const auto issued =
            std::chrono::floor<std::chrono::seconds>(now - k_early).time_since_epoch().count();
        const nlohmann::ordered_json header{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", key_id_}};
        const nlohmann::ordered_json claims{
            {"iss", email_}, {"scope", scope}, {"aud", uri_}, {"iat", issued}, {"exp", issued + k_life}
        };
        const auto text = base64url(header.dump()) + "." + base64url(claims.dump());
        const auto signature = sign_sha256(key_.get(), text);
        if (signature.empty()) throw std::runtime_error("OpenSSL does not sign with the key of " + email_);
        return secret(text + "." + base64url(signature));
    }
    [[nodiscard]] const std::string& project_id() const override { return project_; }
    [[nodiscard]] const std::string& client_email() const override { return email_; }
    [[nodiscard]] const std::string& token_uri() const override { return uri_; }

  private:
    std::string project_, email_, uri_, key_id_;
    private_key key_;
};

} // namespace

std::shared_ptr<const service_account> service_account::parse(
    const std::string& setting, const std::string& where, const secret& text, token_hosts hosts
) {
    ensure_sodium();
    const fields f(setting, where, text);
    auto out = std::make_shared<const openssl_service_account>(f, read_rsa(setting, where, f.key()));
    if (hosts == token_hosts::google && !is_googles(out->token_uri()))
        refuse(
            setting, where,
            "its token_uri is not an https address of googleapis.com or accounts.google.com; an assertion is "
            "sent to no "
            "other: download the file again"
        );
    return out;
}

std::shared_ptr<const service_account>
service_account::open(const std::string& setting, const std::string& file, token_hosts hosts) {
    return parse(setting, file, read_key_file(setting, file), hosts);
}

} // namespace z360::adapter::crypto
