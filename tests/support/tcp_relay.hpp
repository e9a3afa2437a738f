// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A TCP relay in front of a real server, to take the server away without touching it: cut (refused and
// reset), stall (accepted and silent, as a stopped process) and back. Own thread; every method may be called
// from any.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace z360::testing {

class tcp_relay {
  public:
    /// Listens on 127.0.0.1, a port of the kernel's choice, for clients of `target_host`:`target_port`.
    tcp_relay(std::string target_host, std::uint16_t target_port)
        : host_(std::move(target_host)), target_port_(target_port) {
        wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        reserved_ = bound_socket(); // keeps the port ours while nobody listens on it
        open_listener();
        thread_ = std::thread([this] { run(); });
    }
    ~tcp_relay() {
        set(mode::stopping);
        thread_.join();
        for (auto& p : pairs_)
            close_pair(p);
        if (listener_ >= 0) ::close(listener_);
        ::close(reserved_);
        ::close(wake_);
    }
    tcp_relay(const tcp_relay&) = delete;
    tcp_relay& operator=(const tcp_relay&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// Resets every connection and refuses new ones.
    void cut() { set(mode::cut); }
    /// Keeps connections and takes new ones, but passes nothing on.
    void stall() { set(mode::stalled); }
    /// Works again; what was held back while stalled is passed on.
    void resume() { set(mode::open); }
    /// Drops what the server answers, so that the client never learns whether its request took effect.
    void mute_answers() { set(mode::mute); }
    /// Resets the connections that exist; new ones work.
    void reset_connections() {
        set(mode::cut);
        set(mode::open);
    }
    /// Connections accepted so far.
    [[nodiscard]] unsigned accepted() const {
        const std::scoped_lock lock(mutex_);
        return accepted_;
    }

  private:
    enum class mode { open, stalled, mute, cut, stopping };
    struct pair {
        int client = -1;
        int server = -1;
    };

    int bound_socket() {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int one = 1;
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons(port_);
        socklen_t size = sizeof a;
        if (::bind(fd, reinterpret_cast<sockaddr*>(&a), size) != 0 ||
            ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) != 0) {
            ::close(fd);
            throw std::runtime_error(std::string("tcp_relay: ") + std::strerror(errno));
        }
        port_ = ntohs(a.sin_port);
        return fd;
    }
    void open_listener() {
        listener_ = bound_socket();
        ::listen(listener_, 128);
    }

    // Returns after the new mode is in force.
    void set(mode m) {
        const std::scoped_lock lock(mutex_);
        mode_ = m;
        if (m == mode::cut) {
            if (listener_ >= 0) {
                ::shutdown(listener_, SHUT_RDWR);
                ::close(listener_);
            }
            listener_ = -1;
            for (auto& p : pairs_)
                close_pair(p);
            pairs_.clear();
        } else if (m != mode::stopping && listener_ < 0) {
            open_listener();
        }
        const std::uint64_t one = 1;
        (void)!::write(wake_, &one, sizeof one);
    }

    static void close_pair(pair& p) {
        const linger reset{1, 0};
        for (int* fd : {&p.client, &p.server}) {
            if (*fd < 0) continue;
            ::setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            ::shutdown(*fd, SHUT_RDWR); // at once: close() waits for the poll() of the relay's thread
            ::close(*fd);
            *fd = -1;
        }
    }

    int dial() const {
        addrinfo hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (::getaddrinfo(host_.c_str(), std::to_string(target_port_).c_str(), &hints, &found) != 0)
            return -1;
        int fd = -1;
        for (auto* a = found; a && fd < 0; a = a->ai_next) {
            fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (fd >= 0 && ::connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
                ::close(fd);
                fd = -1;
            }
        }
        ::freeaddrinfo(found);
        return fd;
    }

    // false: the connection is over
    static bool pass(int from, int to, bool drop) {
        char buffer[16384];
        const auto n = ::recv(from, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        if (n == 0) return false;
        for (ssize_t sent = 0; !drop && sent < n;) {
            const auto s = ::send(to, buffer + sent, static_cast<std::size_t>(n - sent), MSG_NOSIGNAL);
            if (s <= 0) return false;
            sent += s;
        }
        return true;
    }

    void run() {
        for (;;) {
            std::vector<pollfd> fds;
            fds.push_back({wake_, POLLIN, 0});
            {
                const std::scoped_lock lock(mutex_);
                if (mode_ == mode::stopping) return;
                if (listener_ >= 0) fds.push_back({listener_, POLLIN, 0});
                if (mode_ == mode::open || mode_ == mode::mute)
                    for (const auto& p : pairs_) {
                        fds.push_back({p.client, POLLIN, 0});
                        fds.push_back({p.server, POLLIN, 0});
                    }
            }
            if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
            std::uint64_t drained = 0;
            (void)!::read(wake_, &drained, sizeof drained);
            const std::scoped_lock lock(mutex_);
            if (mode_ == mode::stopping) return;
            accept_one();
            if (mode_ == mode::open || mode_ == mode::mute) pump();
        }
    }

    void accept_one() {
        if (listener_ < 0) return;
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) return;
        ++accepted_;
        pair p{client, dial()};
        for (const int fd : {p.client, p.server}) { // a relay must not add 40 ms by waiting for more
            const int on = 1;
            if (fd >= 0) (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        if (p.server < 0)
            close_pair(p);
        else
            pairs_.push_back(p);
    }

    void pump() {
        for (auto it = pairs_.begin(); it != pairs_.end();) {
            if (pass(it->client, it->server, false) && pass(it->server, it->client, mode_ == mode::mute)) {
                ++it;
            } else {
                close_pair(*it);
                it = pairs_.erase(it);
            }
        }
    }

    const std::string host_;
    const std::uint16_t target_port_;
    std::uint16_t port_ = 0;
    int reserved_ = -1;
    int listener_ = -1;
    int wake_ = -1;
    mutable std::mutex mutex_;
    mode mode_ = mode::open;
    unsigned accepted_ = 0;
    std::list<pair> pairs_;
    std::thread thread_;
};

} // namespace z360::testing
