// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/content_digest.hpp"

#include "adapter/crypto/digest.hpp"
#include "adapter/crypto/openssl.hpp"

#include <stdexcept>

namespace z360::adapter::crypto {
namespace {

void check(int ok) {
    if (ok != 1) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

} // namespace

// OpenSSL and not libsodium: it uses what the processor has for it, which is some times faster.
struct content_digest::state {
    digest_context context{EVP_MD_CTX_new()};
};

content_digest::content_digest() : state_(std::make_unique<state>()) {
    const error_queue_guard guard;
    check(state_->context ? EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) : 0);
}

content_digest::~content_digest() = default;

void content_digest::add(std::string_view piece) {
    const error_queue_guard guard;
    check(EVP_DigestUpdate(state_->context.get(), piece.data(), piece.size()));
}

std::string content_digest::hex() const {
    const error_queue_guard guard;
    const digest_context copy(EVP_MD_CTX_new());
    check(copy ? EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) : 0);
    std::string raw(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    check(EVP_DigestFinal_ex(copy.get(), reinterpret_cast<unsigned char*>(raw.data()), &size));
    raw.resize(size);
    return crypto::hex(raw);
}

} // namespace z360::adapter::crypto
