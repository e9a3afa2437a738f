// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A copy on its way in: a file in `<root>/.incoming`, which becomes a recording under its key by being
// renamed.
#pragma once

#include "adapter/crypto/content_digest.hpp"
#include "adapter/recordings/directory.hpp"

#include <z360/port/recording_vault.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::recordings {

/// Blocking; one thread at a time. Its file is removed with it, unless it was moved to its place.
/// Everything throws port::unavailable for what the system says.
class intake_file {
  public:
    /// A new, empty one; readable for its owner alone.
    [[nodiscard]] static std::shared_ptr<intake_file> begin(const std::filesystem::path& root);
    intake_file(descriptor folder, std::string name, descriptor file);
    ~intake_file();
    intake_file(const intake_file&) = delete;
    intake_file& operator=(const intake_file&) = delete;

    /// After a failure, or after finish(), nothing more is taken.
    void write(std::string_view piece);
    /// All was written: what it is. The same each time; throws if a write had failed.
    [[nodiscard]] port::kept_copy finish();
    /// finish(), and from now on it is kept under the key, on the disk. May be repeated where it failed.
    [[nodiscard]] port::kept_copy move_to(const std::filesystem::path& root, std::string_view key);
    /// The file itself, for reading while the intake is there.
    [[nodiscard]] const std::shared_ptr<const descriptor>& file() const { return file_; }

  private:
    descriptor folder_;
    std::string name_;
    std::shared_ptr<const descriptor> file_;
    crypto::content_digest digest_;
    std::uint64_t bytes_ = 0;
    bool failed_ = false;
    bool finished_ = false;
    std::optional<place> moved_; ///< where to
};

/// Removes what was left behind by processes that died in the middle: whatever in `<root>/.incoming` was not
/// written to for so long. Tells how many; never throws. Blocking.
int remove_leftovers(const std::filesystem::path& root, std::chrono::seconds older_than) noexcept;

} // namespace z360::adapter::recordings
