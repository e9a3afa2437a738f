// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/apple.hpp"

#include "sim/base64url.hpp"
#include "sim/json_keys.hpp"

#include <z360/base/ids.hpp>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <stdexcept>
#include <utility>

namespace z360::sim {

namespace {

constexpr unsigned k_key_bits = 2048;
constexpr const char* k_issuer = "https://appleid.apple.com";

[[noreturn]] void failed(const char* what) {
    throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

struct free_key {
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
struct free_context {
    void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};

std::string number(const EVP_PKEY* key, const char* name) {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &value) != 1) failed("tell a key's parts");
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(value);
    return base64url(bytes);
}

std::int64_t seconds_of(time_point t) {
    return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

/// Members that a token and a notification share.
struct envelope {
    std::string sub;
    std::string aud;
    std::string iss = k_issuer;
    std::string kid;
    void read(key_reader& r) {
        r.text("sub", sub);
        r.text("aud", aud);
        r.text("iss", iss);
        r.text("kid", kid);
        if (sub.empty()) r.fail("sub", "given");
        if (aud.empty()) r.fail("aud", "given");
    }
};

} // namespace

struct apple_id::key {
    std::string kid;
    std::unique_ptr<EVP_PKEY, free_key> pair;
};

apple_id::apple_id() = default;
apple_id::~apple_id() = default;

std::string apple_id::rotate() {
    auto k = std::make_unique<key>();
    k->kid = "SIM" + std::to_string(keys_.size() + 1);
    k->pair.reset(EVP_RSA_gen(k_key_bits));
    if (!k->pair) failed("make an RSA key");
    keys_.push_back(std::move(k));
    return keys_.back()->kid;
}

apple_id::key& apple_id::newest() {
    if (keys_.empty()) rotate();
    return *keys_.back();
}

json apple_id::keys() {
    (void)newest();
    json list = json::array();
    for (std::size_t i = keys_.size() > 1 ? keys_.size() - 2 : 0; i < keys_.size(); ++i)
        list.push_back(json{
            {"kty", "RSA"},
            {"kid", keys_[i]->kid},
            {"use", "sig"},
            {"alg", "RS256"},
            {"n", number(keys_[i]->pair.get(), OSSL_PKEY_PARAM_RSA_N)},
            {"e", number(keys_[i]->pair.get(), OSSL_PKEY_PARAM_RSA_E)},
        });
    return json{{"keys", std::move(list)}};
}

std::string apple_id::sign(const json& claims, const std::string& kid) {
    auto* signer = &newest();
    for (const auto& k : keys_)
        if (k->kid == kid) signer = k.get();
    const json header{{"alg", "RS256"}, {"kid", kid.empty() ? signer->kid : kid}};
    const auto text = base64url(header.dump()) + "." + base64url(claims.dump());
    const std::unique_ptr<EVP_MD_CTX, free_context> context(EVP_MD_CTX_new());
    std::size_t size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    if (!context ||
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, signer->pair.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1)
        failed("sign");
    std::string signature(size, '\0');
    if (EVP_DigestSign(
            context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()
        ) != 1)
        failed("sign");
    signature.resize(size);
    return text + "." + base64url(signature);
}

std::string apple_id::identity_token(const json& about, time_point now) {
    envelope e;
    key_reader r(about, "token");
    e.read(r);
    std::string nonce;
    std::string email;
    r.text("nonce", nonce);
    r.text("email", email);
    std::int64_t exp_in_s = 600;
    if (const auto* v = r.take("exp_in_s")) {
        if (!v->is_number_integer()) r.fail("exp_in_s", "a whole number of seconds");
        exp_in_s = v->get<std::int64_t>();
    }
    r.done();
    json claims{
        {"iss", e.iss},
        {"aud", e.aud},
        {"sub", e.sub},
        {"iat", seconds_of(now)},
        {"auth_time", seconds_of(now)},
        {"exp", seconds_of(now) + exp_in_s},
        {"nonce_supported", true},
        {"c_hash", derive_uuid("sign-in " + std::to_string(++signed_in_)).text()}, // no two are the same
    };
    if (!nonce.empty()) claims["nonce"] = nonce;
    if (!email.empty()) {
        claims["email"] = email;
        claims["email_verified"] = "true"; // a text at Apple, not a boolean
    }
    return sign(claims, e.kid);
}

json apple_id::notification(const json& about, time_point now) {
    envelope e;
    key_reader r(about, "event");
    e.read(r);
    std::string type;
    r.text("type", type);
    r.done();
    if (type.empty()) r.fail("type", "given");
    const auto ms = now.time_since_epoch().count();
    const json event{{"type", type}, {"sub", e.sub}, {"event_time", ms}};
    const json claims{
        {"iss", e.iss},           {"aud", e.aud},
        {"iat", seconds_of(now)}, {"jti", derive_uuid(type + "/" + e.sub + "/" + std::to_string(ms)).text()},
        {"events", event.dump()}, // JSON within a text, as Apple sends it
    };
    return json{{"payload", sign(claims, e.kid)}};
}

} // namespace z360::sim
