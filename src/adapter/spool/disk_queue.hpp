// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One process's queue over the files it holds: its own, and those of processes that are gone. Blocking; used
// by one thread at a time.
#pragma once

#include "adapter/spool/dead_letter_file.hpp"
#include "adapter/spool/queue_file.hpp"

#include <z360/log.hpp>
#include <z360/port/spool.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::spool {

class disk_queue {
  public:
    /// Opens nothing: the first append() or tend() does.
    disk_queue(std::filesystem::path directory, std::size_t max_bytes);
    /// Deletes the own file if nothing waits in it.
    ~disk_queue();
    disk_queue(const disk_queue&) = delete;
    disk_queue& operator=(const disk_queue&) = delete;

    // As port::spool promises.
    void append(const std::vector<port::inbox_event>& events);
    [[nodiscard]] std::vector<port::inbox_event> peek(std::size_t limit);
    void remove(const std::vector<std::string>& event_ids);
    void set_aside(const std::vector<std::string>& event_ids, const std::string& why);
    void tend();
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] const port::spool_health& health() const { return health_; }

  private:
    using file_ptr = std::unique_ptr<queue_file>;

    [[nodiscard]] queue_file& own();
    [[nodiscard]] std::vector<file_ptr*> files();
    void store(const std::vector<port::inbox_event>& events);
    void adopt();
    void take_over(const std::filesystem::path& file);
    void catch_up();
    void take_away(const std::vector<std::string>& event_ids);
    void give_room_back();
    void look_at_set_aside();
    void look_at_disk();
    bool with(file_ptr& f, const std::function<void(queue_file&)>& act, std::string* why = nullptr);
    void note_usable();
    void note_unusable(const std::string& why);
    [[nodiscard]] std::size_t bytes() const;

    std::filesystem::path directory_;
    std::size_t max_bytes_;
    file_ptr own_;
    std::vector<file_ptr> adopted_;
    dead_letter_file dead_letters_;
    std::set<std::string> hidden_;                    ///< done with, but the disk refused to forget them
    std::map<std::string, dead_letter> to_set_aside_; ///< hidden until they are kept
    std::set<std::filesystem::path> refused_;         ///< foreign files that could not be opened, told once
    port::spool_health health_;
    log::sparse told_;
    log::sparse untended_;
};

} // namespace z360::adapter::spool
