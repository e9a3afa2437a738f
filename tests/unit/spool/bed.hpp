// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A directory for a spool, and the same spool in processes of its own.
#pragma once

#include "adapter/spool/disk_queue.hpp"
#include "adapter/spool/spool.hpp"

#include <z360/port/errors.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace z360::testing {

namespace fs = std::filesystem;
namespace asio = boost::asio;

constexpr std::size_t k_plenty = 64 * 1024 * 1024;

inline port::inbox_event event(int n, std::string body = "body") {
    port::inbox_event e;
    e.event_id = "e" + std::to_string(n);
    e.event_type = "call.answered";
    e.route = port::webhook_route::credential;
    e.call_session_id = "session";
    e.call_control_id = "control";
    e.received_at = time_point{millis{1'760'000'000'123 + n}};
    e.body = std::move(body);
    return e;
}

class spool_bed : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "z360-spool-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { fs::remove_all(directory_); }

    template <class T>
    static T run(asio::awaitable<T> task) {
        asio::io_context io{1};
        std::optional<T> out;
        std::exception_ptr error;
        asio::co_spawn(io, rt::detail::into(std::move(task), &out), [&error](std::exception_ptr e) {
            error = e;
        });
        io.run();
        if (error) std::rethrow_exception(error);
        return std::move(*out);
    }
    static void run(asio::awaitable<void> task) {
        asio::io_context io{1};
        std::exception_ptr error;
        asio::co_spawn(io, std::move(task), [&error](std::exception_ptr e) { error = e; });
        io.run();
        if (error) std::rethrow_exception(error);
    }
    [[nodiscard]] std::vector<fs::path> files_named(const std::string& part) const {
        std::vector<fs::path> out;
        for (const auto& f : fs::directory_iterator(directory_))
            if (f.path().filename().string().find(part) != std::string::npos) out.push_back(f.path());
        return out;
    }
    /// The queues in the directory, without what SQLite keeps beside them.
    [[nodiscard]] std::vector<fs::path> queues() const {
        auto out = files_named("spool-");
        std::erase_if(out, [](const fs::path& p) { return p.extension() != ".sqlite"; });
        return out;
    }
    static std::vector<std::string> ids(const std::vector<port::inbox_event>& events) {
        std::vector<std::string> out;
        for (const auto& e : events)
            out.push_back(e.event_id);
        return out;
    }
    [[nodiscard]] std::uintmax_t bytes_used() const {
        std::uintmax_t n = 0;
        for (const auto& f : fs::directory_iterator(directory_))
            n += f.file_size();
        return n;
    }

    fs::path directory_;
};

/// A process that does something and then holds what it has, until it is killed or the object ends.
class holder {
  public:
    /// `act` is called in the child; what it makes stays alive until the child is gone.
    explicit holder(const std::function<std::shared_ptr<void>()>& act) {
        int fds[2];
        if (::pipe(fds) != 0) std::abort();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::close(fds[0]);
            hold(act, fds[1]);
        }
        ::close(fds[1]);
        char done = 0;
        EXPECT_EQ(::read(fds[0], &done, 1), 1) << "the process ended early";
        ::close(fds[0]);
    }
    ~holder() { kill(); }
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;

    /// kill -9.
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        int status = 0;
        EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
        pid_ = -1;
    }

  private:
    [[noreturn]] static void hold(const std::function<std::shared_ptr<void>()>& act, int pipe) {
        try { // nothing may get out of here: this process is a copy of the whole test
            const auto held = act();
            const char done = 1;
            if (::write(pipe, &done, 1) == 1)
                for (;;)
                    ::pause();
        } catch (const std::exception& e) {
            (void)std::fprintf(stderr, "%s\n", e.what());
        }
        ::_exit(1);
    }
    pid_t pid_ = -1;
};

} // namespace z360::testing
