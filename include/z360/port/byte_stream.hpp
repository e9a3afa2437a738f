// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Long contents, piece by piece: a recording never lies in memory as a whole.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace z360::port {

/// Takes bytes in their order. Not thread-safe; one call at a time.
class byte_sink {
  public:
    virtual ~byte_sink() = default;
    /// Who sends waits until a piece is taken, so that a slow sink slows its sender down and neither needs
    /// much memory. Throws what keeps the sink from taking it; then nothing more is written.
    virtual boost::asio::awaitable<void> write(std::string piece) = 0;
};

/// Gives bytes in their order. Not thread-safe; one call at a time.
class byte_source {
  public:
    virtual ~byte_source() = default;
    /// All that it gives, in bytes; known before the first is read.
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    /// The next 1 to `most` bytes; empty: that was all. Throws what keeps them from being read.
    virtual boost::asio::awaitable<std::string> read(std::size_t most) = 0;
};

} // namespace z360::port
