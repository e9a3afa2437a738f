// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where our own copies of recordings are kept: a folder, or a bucket of an S3-compatible store.
#pragma once

#include <z360/base/time.hpp>
#include <z360/port/byte_stream.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace z360::port {

/// What has been taken in.
struct kept_copy {
    std::uint64_t bytes = 0;
    std::string sha256; ///< of the content, 64 lower-case hex digits
};

/// A copy on its way in. Destroyed without keep(): nothing of it remains.
class vault_intake : public byte_sink {
  public:
    /// All was written: from now on it is kept under its key, durably, in place of what was there before.
    /// Throws unavailable; then nothing has changed under the key, or, where the store's answer was lost, the
    /// same content is there.
    virtual boost::asio::awaitable<kept_copy> keep() = 0;
};

/// A part of what is kept: `length` bytes from `first` on.
struct byte_range {
    std::uint64_t first = 0;
    std::uint64_t length = 0;
};

/// Keys are like paths: 1 to 500 characters of [A-Za-z0-9._/-], parts separated by single '/', none of them
/// "." or "..", none empty, the first not ".incoming"; anything else throws std::invalid_argument. Used on
/// the loop; files are read and written by workers. Functions throw unavailable where the store is away,
/// full, or refuses us; its text says why, without secrets.
class recording_vault {
  public:
    virtual ~recording_vault() = default;

    /// "folder" or "s3": stored beside each key, so that a later change of the setting is noticed.
    [[nodiscard]] virtual std::string_view kind() const = 0;
    virtual boost::asio::awaitable<std::unique_ptr<vault_intake>> begin(std::string key) = 0;
    /// Bytes kept under the key; nullopt: nothing is.
    virtual boost::asio::awaitable<std::optional<std::uint64_t>> size_of(std::string key) = 0;
    /// Reads a part; null: nothing is kept under the key. A range that does not lie within what is kept
    /// throws std::invalid_argument.
    virtual boost::asio::awaitable<std::unique_ptr<byte_source>> open(std::string key, byte_range part) = 0;
    /// An address from which anybody can read it for `valid`, without us; nullopt: the store gives none, so
    /// that it is read through us (`open`). Of a key where nothing is kept it leads nowhere.
    [[nodiscard]] virtual std::optional<std::string> link(std::string key, millis valid) const = 0;
    /// Idempotent: removing what is not there is no error.
    virtual boost::asio::awaitable<void> remove(std::string key) = 0;
};

} // namespace z360::port
