// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whatever comes as a bearer token, as a JSON Web Token or as a set of keys: read strictly or refused, and
// nothing counts as signed that was not.
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/bearer.hpp"
#include "adapter/crypto/jwt.hpp"
#include "support/rsa_signer.hpp"
#include "wire/jwt.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace z360;
using namespace z360::adapter::crypto;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void as_bearer(std::string_view input) {
    const auto got = read_bearer(input);
    if (!got) return;
    require(got->whole.reveal() == input);
    require(!got->environment.empty() && got->environment.size() <= 20);
    // Another token of this kind and environment differs in the random part only.
    const auto other = make_bearer(got->kind, got->environment);
    require(other.reveal().size() == input.size());
    require(other.reveal().substr(0, input.size() - 43) == input.substr(0, input.size() - 43));
}

void as_token(std::string_view input, const rsa_key& key) {
    // What passes for a token is no longer than what came, and only such a one has an end.
    require(wire::jwt_in(input).size() <= input.size());
    require(!wire::jwt_in(input).empty() || !wire::jwt_expiry(input));
    (void)jwt_key_id(input);
    require(!verify_rs256(input, key)); // nobody here signed it
    // Under a header that is right: the signature is all that is missing.
    const std::string text = base64url(R"({"alg":"RS256"})") + "." + base64url(input) + ".";
    (void)wire::jwt_expiry(text + "AA");
    require(!verify_rs256(text + base64url(input.substr(0, 256)), key));
}

void as_keys(std::string_view input, const std::string& genuine) {
    const auto keys = read_jwks(input);
    if (!keys) return;
    for (const auto& key : *keys) {
        require(!key.kid.empty() && !key.n.empty() && !key.e.empty());
        require(!verify_rs256(genuine, key));
    }
}

void as_claims(std::string_view input, const z360::testing::rsa_signer& signer, const rsa_key& key) {
    if (!input.starts_with('{') || input.size() > 4'096) return;
    const auto got = verify_rs256(signer.token({{"alg", "RS256"}}, std::string(input)), key);
    const auto json = nlohmann::json::parse(input, nullptr, false);
    require(!got || json.is_object());
    if (got) require(got->size() == json.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const z360::testing::rsa_signer signer("k");
    static const rsa_key key = signer.open_key();
    static const std::string genuine = signer.token({{"sub", "001"}});
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    as_bearer(input);
    as_token(input, key);
    as_keys(input, genuine);
    as_claims(input, signer, key);
    return 0;
}
