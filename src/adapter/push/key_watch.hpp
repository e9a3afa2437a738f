// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Key files that may be replaced while the server runs.
#pragma once

#include <z360/log.hpp>
#include <z360/port/metrics.hpp>
#include <z360/rt/blocking_pool.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace z360::adapter::push {

/// What tells two states of a file apart without reading it.
struct file_mark {
    std::uint64_t inode = 0;
    std::int64_t size = -1; ///< -1: it is not there
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0; ///< of its rights too
    bool operator==(const file_mark&) const = default;
};
/// Blocks for a moment. Never throws.
[[nodiscard]] file_mark mark_of(const std::string& file);

/// One key file. A new one is taken when it can be read; a broken one is told about and the old key stays.
/// On the loop, but for what it says.
class key_watch {
  public:
    /// Reads the key, on a worker thread; throws std::runtime_error. Returns what is to be done with it on
    /// the loop.
    using reader = std::function<std::function<void()>()>;

    /// `of`: whose key it is, a label. The file was read when `read_at` was its mark.
    key_watch(
        std::string of, std::string file, file_mark read_at, reader read, rt::blocking_pool& workers,
        port::metrics& metrics
    );
    /// Looks at the file once, and takes a new key.
    boost::asio::awaitable<void> look();

  private:
    std::string of_;
    std::string file_;
    file_mark seen_;
    reader read_;
    rt::blocking_pool& workers_;
    port::metrics& metrics_;
};

} // namespace z360::adapter::push
