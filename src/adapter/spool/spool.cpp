// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/spool/spool.hpp"

#include "adapter/spool/queue_file.hpp"

#include <z360/rt/blocking_pool.hpp>

#include <string>
#include <utility>
#include <vector>

namespace z360::adapter::spool {
namespace asio = boost::asio;
using port::inbox_event;
namespace {

// One thread: the file has one user at a time, and the disk one waiting thread.
class disk_spool final : public port::spool {
  public:
    disk_spool(const std::filesystem::path& directory, std::size_t max_bytes) : file_(directory, max_bytes) {}

    asio::awaitable<void> append(std::vector<inbox_event> events) override {
        auto work = [this, held = std::move(events)] { file_.append(held); };
        co_await thread_.run(std::move(work));
    }
    asio::awaitable<std::vector<inbox_event>> peek(std::size_t limit) override {
        auto work = [this, limit] { return file_.peek(limit); };
        co_return co_await thread_.run(std::move(work));
    }
    asio::awaitable<void> remove(std::vector<std::string> event_ids) override {
        auto work = [this, held = std::move(event_ids)] { file_.remove(held); };
        co_await thread_.run(std::move(work));
    }
    asio::awaitable<void> set_aside(std::vector<std::string> event_ids, std::string) override {
        return remove(std::move(event_ids));
    }
    asio::awaitable<void> tend() override { co_return; }
    [[nodiscard]] std::size_t size() const override { return file_.size(); }
    [[nodiscard]] port::spool_health health() const override { return {}; }

  private:
    queue_file file_;
    rt::blocking_pool thread_{1}; // joined before the file closes
};

} // namespace

std::unique_ptr<port::spool> make_spool(const std::filesystem::path& directory, std::size_t max_bytes) {
    return std::make_unique<disk_spool>(directory, max_bytes);
}

} // namespace z360::adapter::spool
