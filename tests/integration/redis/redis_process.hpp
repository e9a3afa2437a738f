// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace z360::adapter::redis::test {

/// A redis-server of our own on a free loopback port, without persistence. Ends with this object, or with
/// the test program.
class redis_process {
  public:
    explicit redis_process(std::vector<std::string> more = {}) : more_(std::move(more)) {
        std::string path = (std::filesystem::temp_directory_path() / "z360-redis-XXXXXX").string();
        if (::mkdtemp(path.data()) == nullptr) std::abort();
        folder_ = path;
        port = free_port();
        start();
    }
    ~redis_process() {
        kill();
        std::filesystem::remove_all(folder_);
    }
    redis_process(const redis_process&) = delete;
    redis_process& operator=(const redis_process&) = delete;

    static bool installed() { return ::access("/usr/bin/redis-server", X_OK) == 0; }

    void start() {
        std::vector<std::string> words{"redis-server", "--port", std::to_string(port), "--bind", "127.0.0.1",
                                       "--save",       "",       "--appendonly",       "no",     "--dir",
                                       folder_};
        words.insert(words.end(), more_.begin(), more_.end());
        std::vector<char*> raw;
        for (auto& w : words)
            raw.push_back(w.data());
        raw.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            (void)::dup2(null, 1);
            (void)::dup2(null, 2);
            ::execv("/usr/bin/redis-server", raw.data());
            ::_exit(127);
        }
    }
    void kill() {
        if (pid_ <= 0) return;
        (void)::kill(pid_, SIGKILL);
        (void)::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    void freeze() const { (void)::kill(pid_, SIGSTOP); }
    void thaw() const { (void)::kill(pid_, SIGCONT); }

    std::uint16_t port = 0;

  private:
    static std::uint16_t free_port() {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        void* raw = &a;
        if (::bind(fd, static_cast<sockaddr*>(raw), size) != 0) std::abort();
        (void)::getsockname(fd, static_cast<sockaddr*>(raw), &size);
        (void)::close(fd);
        return ntohs(a.sin_port);
    }

    std::vector<std::string> more_;
    std::string folder_;
    pid_t pid_ = -1;
};

} // namespace z360::adapter::redis::test
