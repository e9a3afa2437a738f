// SPDX-License-Identifier: LicenseRef-z360-proprietary
// HTTP messages as our code sees them; no library shows through.
#pragma once

#include <z360/port/byte_stream.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::http {

/// Header list in order; names compare without case.
class headers {
  public:
    void set(std::string name, std::string value);
    void add(std::string name, std::string value) { items_.emplace_back(std::move(name), std::move(value)); }
    /// Makes room for `n` headers.
    void reserve(std::size_t n) { items_.reserve(n); }
    /// First value, or empty.
    [[nodiscard]] std::string_view get(std::string_view name) const;
    /// How often the name occurs.
    [[nodiscard]] std::size_t count(std::string_view name) const;
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

  private:
    std::vector<std::pair<std::string, std::string>> items_;
};

struct request {
    std::string method; ///< upper case
    std::string target; ///< as sent, path and query
    std::string path;   ///< percent-decoded path without the query
    std::string query;  ///< raw
    http::headers headers;
    std::string body; ///< raw bytes
    std::string remote_address;
    std::map<std::string, std::string, std::less<>> params; ///< `{name}` parts of the route pattern
};

/// A whole response.
struct response {
    int status = 200;
    http::headers headers;
    std::string body;
    /// Set: sent in place of `body`, piece by piece as the client takes it, with its size as Content-Length.
    /// If it fails, or gives fewer bytes than it said, the connection is closed before the end.
    std::shared_ptr<port::byte_source> stream;

    [[nodiscard]] static response json(int status, std::string body);
    [[nodiscard]] static response
    text(int status, std::string body, std::string content_type = "text/plain; charset=utf-8");
    /// RFC 9457 problem document. `code` is our stable machine-readable name, e.g. "signature_invalid".
    [[nodiscard]] static response
    problem(int status, std::string_view code, std::string_view title, std::string_view detail = {});
};

/// Reason phrase of a status, e.g. "Not Found".
[[nodiscard]] std::string_view reason(int status);

} // namespace z360::http
