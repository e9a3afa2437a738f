// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/balancer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

namespace z360::testing {
namespace {

using namespace std::chrono_literals;
constexpr auto k_check_period = 100ms;
constexpr int k_check_limit_ms = 500;
constexpr int k_answer_limit_ms = 5'000; // the carrier gives up sooner
constexpr int k_look_ms = 100;           // how soon a waiting thread sees that all is over

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    return a;
}

int connect_to(std::uint16_t port, int limit_ms) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{limit_ms / 1000, (limit_ms % 1000) * 1000};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); // also of the connect
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto a = loopback(port);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0) return fd; // NOLINT
    ::close(fd);
    return -1;
}

bool send_all(int fd, const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
        const auto n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return false;
        sent += static_cast<std::size_t>(n);
    }
    return true;
}

// Value of a header in a head whose names may be written in any case; "" without it.
std::string header(const std::string& head, std::string name) {
    std::string lower = head;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    name = "\r\n" + name + ":";
    const auto at = lower.find(name);
    if (at == std::string::npos) return {};
    auto value = lower.substr(at + name.size(), lower.find("\r\n", at + 2) - at - name.size());
    value.erase(0, value.find_first_not_of(' '));
    return value;
}

/// One message from its first to its last byte; what follows stays in `rest`. nullopt: no whole one came.
std::optional<std::string> read_message(int fd, std::string& rest) {
    char buffer[16'384];
    for (;;) {
        const auto head = rest.find("\r\n\r\n");
        if (head != std::string::npos) {
            const auto length =
                std::strtoul(header(rest.substr(0, head + 2), "content-length").c_str(), nullptr, 10);
            const auto whole = head + 4 + length;
            if (rest.size() >= whole) {
                auto message = rest.substr(0, whole);
                rest.erase(0, whole);
                return message;
            }
        }
        const auto n = ::recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) return std::nullopt;
        rest.append(buffer, static_cast<std::size_t>(n));
    }
}

std::string problem(const char* status) {
    return std::string("HTTP/1.1 ") + status + "\r\nContent-Length: 0\r\n\r\n";
}

bool is_ready(std::uint16_t port) {
    const int fd = connect_to(port, k_check_limit_ms);
    if (fd < 0) return false;
    std::string rest;
    std::optional<std::string> answer;
    if (send_all(fd, "GET /readyz HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n"))
        answer = read_message(fd, rest);
    ::close(fd);
    return answer && answer->starts_with("HTTP/1.1 200");
}

} // namespace

balancer::balancer(std::vector<std::uint16_t> nodes) {
    for (const auto p : nodes)
        targets_.push_back({p});
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto a = loopback(0);
    socklen_t size = sizeof a;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 ||
        ::listen(listener_, 512) != 0 ||                                       // NOLINT
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0) // NOLINT
        throw std::runtime_error("balancer: no port to listen on");
    port_ = ntohs(a.sin_port);
    acceptor_ = std::thread([this] { accept_clients(); });
    checker_ = std::thread([this] { check_nodes(); });
}

balancer::~balancer() {
    stopping_ = true;
    acceptor_.join();
    checker_.join();
    ::close(listener_);
    for (auto& c : conversations_)
        c.thread.join();
}

std::string balancer::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
}

bool balancer::in_rotation(std::size_t n) const {
    const std::scoped_lock lock(mutex_);
    return targets_.at(n).ready;
}

void balancer::accept_clients() {
    while (!stopping_) {
        pollfd p{listener_, POLLIN, 0};
        if (::poll(&p, 1, k_look_ms) <= 0) continue;
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        for (auto it = conversations_.begin(); it != conversations_.end();) {
            if (!it->over) {
                ++it;
                continue;
            }
            it->thread.join();
            it = conversations_.erase(it);
        }
        auto& c = conversations_.emplace_back();
        c.client = client;
        c.thread = std::thread([this, &c] { converse(c); });
    }
}

void balancer::check_nodes() {
    while (!stopping_) {
        for (std::size_t n = 0; n < targets_.size(); ++n) { // its length and ports never change
            const bool ready = is_ready(targets_[n].port);
            const std::scoped_lock lock(mutex_);
            targets_[n].ready = ready;
        }
        std::this_thread::sleep_for(k_check_period); // tidy: allow, the period of the looks at the nodes
    }
}

std::uint16_t balancer::next() {
    const std::scoped_lock lock(mutex_);
    const bool none = std::none_of(targets_.begin(), targets_.end(), [](const target& t) { return t.ready; });
    for (;;) {
        const auto& t = targets_[turn_++ % targets_.size()];
        if (none || t.ready) return t.port;
    }
}

// A connection to the node of its own for each request, so that each goes to another node.
std::string balancer::exchange(const std::string& request) {
    const int fd = connect_to(next(), k_answer_limit_ms);
    if (fd < 0) {
        ++refused_;
        return problem("502 Bad Gateway");
    }
    auto text = request;
    text.insert(text.find("\r\n") + 2, "Connection: close\r\n");
    std::string rest;
    std::optional<std::string> answer;
    errno = 0;
    if (send_all(fd, text)) answer = read_message(fd, rest);
    const bool late = !answer && (errno == EAGAIN || errno == EWOULDBLOCK);
    ::close(fd);
    if (answer) return *answer;
    if (late) return problem("504 Gateway Timeout");
    ++refused_;
    return problem("502 Bad Gateway");
}

void balancer::converse(conversation& c) {
    std::string rest;
    while (!stopping_) {
        pollfd p{c.client, POLLIN, 0};
        if (rest.empty() && ::poll(&p, 1, k_look_ms) <= 0) continue;
        const auto request = read_message(c.client, rest);
        if (!request || !send_all(c.client, exchange(*request))) break;
    }
    ::close(c.client);
    c.over = true;
}

} // namespace z360::testing
