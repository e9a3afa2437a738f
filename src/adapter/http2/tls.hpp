// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <boost/asio/ssl/context.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace z360::adapter::http2 {

/// TLS 1.2 or newer, peers verified by these authorities (empty: the system's), ALPN h2. Throws
/// std::runtime_error that names the file.
[[nodiscard]] std::shared_ptr<boost::asio::ssl::context> client_context(const std::string& ca_file);

/// For one connection: the name or address that the certificate must bear, and SNI where it is a name.
void expect_host(SSL* ssl, const std::string& host);

/// Why a handshake failed, for people: what is wrong with the certificate, if that was it; else `otherwise`.
[[nodiscard]] std::string handshake_fault(SSL* ssl, const std::string& otherwise);

/// The server chose HTTP/2.
[[nodiscard]] bool speaks_h2(const SSL* ssl);

} // namespace z360::adapter::http2
