// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/recordings/directory.hpp"

#include <z360/port/recording_vault.hpp>
#include <z360/rt/blocking_pool.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace z360::adapter::recordings {

/// A part of an open file, read by workers, in pieces of at most 256 KiB. A file that is shorter by then
/// throws port::unavailable. The pool outlives it.
class file_source final : public port::byte_source {
  public:
    file_source(rt::blocking_pool& pool, std::shared_ptr<const descriptor> file, port::byte_range part);
    /// A worker closes the file.
    ~file_source() override;
    file_source(const file_source&) = delete;
    file_source& operator=(const file_source&) = delete;

    [[nodiscard]] std::uint64_t size() const override { return part_.length; }
    boost::asio::awaitable<std::string> read(std::size_t most) override;

  private:
    rt::blocking_pool& pool_;
    std::shared_ptr<const descriptor> file_;
    port::byte_range part_;
    std::uint64_t given_ = 0;
};

/// Throws std::invalid_argument unless the part lies within so many bytes.
void check_range(port::byte_range part, std::uint64_t bytes);

} // namespace z360::adapter::recordings
