// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Certificates of the simulated push services: an authority made at the start, worth nothing outside of this
// process, or files that somebody gives.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace z360::sim {

/// PEM texts.
struct tls_material {
    std::string ca; ///< what clients are to trust; empty: whatever the given files came with
    std::string certificate;
    std::string key;
};

/// An authority and a certificate of it, for the names of Apple's and Google's services, localhost and
/// `address`. Throws std::runtime_error if OpenSSL cannot.
[[nodiscard]] tls_material make_tls(const std::string& address);
/// Throws std::runtime_error: a file cannot be read.
[[nodiscard]] tls_material read_tls(const std::string& certificate_file, const std::string& key_file);
/// TLS 1.2 and newer. Throws std::runtime_error: certificate and key do not fit.
[[nodiscard]] std::shared_ptr<boost::asio::ssl::context> server_context(const tls_material& m);

} // namespace z360::sim
