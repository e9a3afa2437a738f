// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/recordings/recordings.hpp"

#include <string>
#include <string_view>

namespace z360::adapter::recordings {

/// Where a bucket is. Pure.
class s3_address {
  public:
    /// Throws std::invalid_argument of one line that names the setting.
    explicit s3_address(const s3_settings& s);

    /// As the Host header has it: without the scheme's own port.
    [[nodiscard]] const std::string& host() const { return host_; }
    /// Of the bucket itself.
    [[nodiscard]] std::string bucket_path() const { return bucket_path_ + "/"; }
    [[nodiscard]] std::string path_of(std::string_view key) const;
    [[nodiscard]] std::string url(std::string_view path) const { return origin_ + std::string(path); }

  private:
    std::string host_;
    std::string origin_;      ///< scheme and host
    std::string bucket_path_; ///< empty, or '/' and the bucket
    std::string prefix_;      ///< empty, or with '/' at its end
};

} // namespace z360::adapter::recordings
