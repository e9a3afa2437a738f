// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What every use of OpenSSL here needs. Private to this folder.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>
#include <string_view>

namespace z360::adapter::crypto {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};
using digest_context = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;

/// OpenSSL's error queue belongs to the thread: what failed here must not confuse TLS.
struct error_queue_guard {
    error_queue_guard() = default;
    error_queue_guard(const error_queue_guard&) = delete;
    error_queue_guard& operator=(const error_queue_guard&) = delete;
    ~error_queue_guard() { ERR_clear_error(); }
};

inline const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace z360::adapter::crypto
