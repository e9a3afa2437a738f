// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Signed requests to one bucket.
#pragma once

#include "adapter/recordings/recordings.hpp"
#include "adapter/recordings/s3_address.hpp"
#include "adapter/recordings/sigv4.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace z360::adapter::recordings {

/// What a bucket says of an object.
struct s3_object {
    std::uint64_t bytes = 0;
    std::string etag; ///< as its header has it; empty: the store gave none
};

/// On the loop. Throws port::unavailable with why_not(). Stateless: everything may be asked at the same time.
class s3_store {
  public:
    s3_store(http::client& client, const port::clock& clock, s3_settings settings);

    /// Stores a content in place of what is there.
    boost::asio::awaitable<void> put(std::string key, port::byte_source& content, std::string sha256);
    /// nullopt: no such object.
    boost::asio::awaitable<std::optional<s3_object>> look(std::string key);
    /// A part of an object, at most 1 MiB of it; throws if it is not as it was when it was looked at.
    boost::asio::awaitable<std::string> get(std::string key, s3_object object, port::byte_range part);
    boost::asio::awaitable<void> remove(std::string key);
    [[nodiscard]] std::string link(std::string_view key, millis valid) const;
    [[nodiscard]] const s3_settings& settings() const { return settings_; }

  private:
    [[nodiscard]] http::client_request
    request(std::string method, std::string path, name_values headers, std::string_view sha256) const;
    [[noreturn]] void refuse(const http::client_response& answer, std::string_view doing) const;

    http::client& client_;
    const port::clock& clock_;
    s3_settings settings_;
    s3_address address_;
    signing_key key_;
};

} // namespace z360::adapter::recordings
