// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events that no database keeps, with the reason, for people. One file for all processes of a directory,
// opened only for the moment: it can be read and deleted at any time. Blocking.
#pragma once

#include <z360/port/event_inbox.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace z360::adapter::spool {

struct dead_letter {
    port::inbox_event event;
    std::string why;
};

class dead_letter_file {
  public:
    dead_letter_file(const std::filesystem::path& directory, std::size_t max_bytes);

    /// On disk when it returns; an id that is kept already stays as it is. Throws port::unavailable.
    void add(const std::vector<dead_letter>& events);
    /// The oldest; none without a file. Throws port::unavailable.
    [[nodiscard]] std::vector<dead_letter> read(std::size_t limit) const;
    [[nodiscard]] std::size_t count() const;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    std::size_t max_bytes_;
};

} // namespace z360::adapter::spool
