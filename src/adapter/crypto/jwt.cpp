// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/jwt.hpp"

#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/openssl.hpp"

#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace z360::adapter::crypto {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_max_token = 16 * 1024;
constexpr std::size_t k_max_jwks = 256 * 1024;
constexpr std::size_t k_max_keys = 100;
constexpr std::size_t k_max_modulus = 8192 / 8;
constexpr std::size_t k_max_exponent = 8;
constexpr std::size_t k_max_kid = 256;
constexpr int k_min_bits = 2048;
constexpr int k_max_bits = 8192;
constexpr int k_max_depth = 16;

using number = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using builder = std::unique_ptr<OSSL_PARAM_BLD, freed_by<OSSL_PARAM_BLD_free>>;
using parameters = std::unique_ptr<OSSL_PARAM, freed_by<OSSL_PARAM_free>>;
using key_context = std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>>;
using public_key = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;

// Writing JSON out again recurses; what nests deeper than anything genuine is not even read.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > k_max_depth) return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

std::optional<json> object_of(std::string_view text) {
    if (too_deep(text)) return std::nullopt;
    json out = json::parse(text, nullptr, false);
    if (!out.is_object()) return std::nullopt;
    return out;
}

// header.payload.signature, each still encoded
struct parts {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
    std::string_view signed_text; ///< header.payload
};

std::optional<parts> split(std::string_view token) {
    if (token.size() > k_max_token) return std::nullopt;
    const auto first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const auto second = token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return std::nullopt;
    return parts{
        token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
        token.substr(0, second)
    };
}

std::optional<json> decoded_object(std::string_view part) {
    const auto raw = unbase64url(part, k_max_token);
    if (!raw) return std::nullopt;
    return object_of({reinterpret_cast<const char*>(raw->data()), raw->size()});
}

std::optional<std::string> text_in(const json& object, const char* name) {
    const auto it = object.find(name);
    if (it == object.end() || !it->is_string()) return std::nullopt;
    return it->get<std::string>();
}

// The key id of a header that says RS256 and demands nothing we do not know ("crit"). May be empty.
std::optional<std::string> rs256_key_id(std::string_view encoded_header) {
    const auto header = decoded_object(encoded_header);
    if (!header || text_in(*header, "alg") != "RS256" || header->contains("crit")) return std::nullopt;
    if (!header->contains("kid")) return std::string{};
    auto kid = text_in(*header, "kid");
    if (!kid || kid->size() > k_max_kid) return std::nullopt;
    return kid;
}

std::optional<std::string> bytes_in(const json& object, const char* name, std::size_t max_bytes) {
    const auto text = text_in(object, name);
    if (!text) return std::nullopt;
    const auto raw = unbase64url(*text, max_bytes);
    if (!raw || raw->empty()) return std::nullopt;
    return std::string(raw->begin(), raw->end());
}

std::optional<rsa_key> signing_key(const json& entry) {
    if (!entry.is_object() || text_in(entry, "kty") != "RSA") return std::nullopt;
    if (entry.contains("use") && text_in(entry, "use") != "sig") return std::nullopt;
    if (entry.contains("alg") && text_in(entry, "alg") != "RS256") return std::nullopt;
    auto kid = text_in(entry, "kid");
    auto n = bytes_in(entry, "n", k_max_modulus + 1); // some writers put a zero in front
    auto e = bytes_in(entry, "e", k_max_exponent);
    if (!kid || kid->empty() || kid->size() > k_max_kid || !n || !e) return std::nullopt;
    return rsa_key{std::move(*kid), std::move(*n), std::move(*e)};
}

number as_number(std::string_view raw) {
    return number(BN_bin2bn(bytes(raw), static_cast<int>(raw.size()), nullptr));
}

// nullptr: sizes we do not trust, or OpenSSL does not take it.
public_key load(const rsa_key& key) {
    if (key.n.size() > k_max_modulus + 1 || key.e.size() > k_max_exponent) return nullptr;
    const auto n = as_number(key.n);
    const auto e = as_number(key.e);
    if (!n || !e) return nullptr;
    const int bits = BN_num_bits(n.get());
    if (bits < k_min_bits || bits > k_max_bits || BN_is_odd(n.get()) == 0) return nullptr;
    if (BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) != 0) return nullptr; // with 1 everything is signed
    const builder b(OSSL_PARAM_BLD_new());
    if (!b || OSSL_PARAM_BLD_push_BN(b.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(b.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return nullptr;
    const parameters values(OSSL_PARAM_BLD_to_param(b.get()));
    const key_context context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* made = nullptr;
    if (!values || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, values.get()) != 1)
        return nullptr;
    return public_key(made);
}

// PKCS #1 v1.5 with SHA-256, which is what RS256 means.
bool genuine(EVP_PKEY* key, std::string_view text, const std::vector<unsigned char>& signature) {
    const digest_context context(EVP_MD_CTX_new());
    if (!context) return false;
    if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1) return false;
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes(text), text.size()) == 1;
}

} // namespace

std::optional<std::vector<rsa_key>> read_jwks(std::string_view text) {
    if (text.size() > k_max_jwks) return std::nullopt;
    const auto document = object_of(text);
    if (!document) return std::nullopt;
    const auto keys = document->find("keys");
    if (keys == document->end() || !keys->is_array() || keys->size() > k_max_keys) return std::nullopt;
    std::vector<rsa_key> out;
    for (const auto& entry : *keys)
        if (auto key = signing_key(entry)) out.push_back(std::move(*key));
    return out;
}

std::optional<std::string> jwt_key_id(std::string_view token) {
    const auto p = split(token);
    if (!p) return std::nullopt;
    return rs256_key_id(p->header);
}

std::optional<std::map<std::string, std::string>> verify_rs256(std::string_view token, const rsa_key& key) {
    const error_queue_guard guard;
    const auto p = split(token);
    if (!p || !rs256_key_id(p->header)) return std::nullopt;
    const auto signature = unbase64url(p->signature, k_max_modulus);
    if (!signature || signature->empty()) return std::nullopt;
    const auto loaded = load(key);
    if (!loaded || !genuine(loaded.get(), p->signed_text, *signature)) return std::nullopt;
    const auto claims = decoded_object(p->payload);
    if (!claims) return std::nullopt;
    std::map<std::string, std::string> out;
    for (const auto& [name, value] : claims->items())
        out.emplace(name, value.is_string() ? value.get<std::string>() : value.dump());
    return out;
}

} // namespace z360::adapter::crypto
