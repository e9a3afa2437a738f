// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Bytes to a server and back: for webhooks that the simulator would never send.
#pragma once

#include "sim/signer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

struct raw_answer {
    int status = 0; ///< 0: the server closed without an answer
    std::string head;
    std::string body;
    [[nodiscard]] bool is_problem() const {
        return head.find("application/problem+json") != std::string::npos &&
               body.find("\"status\":" + std::to_string(status)) != std::string::npos;
    }
};

/// One connection, kept between requests.
class raw_connection {
  public:
    explicit raw_connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_port = htons(port);
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        timeval limit{5, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) { // NOLINT
            ::close(fd_);
            throw std::runtime_error("nobody listens on the port");
        }
    }
    ~raw_connection() { ::close(fd_); }
    raw_connection(const raw_connection&) = delete;
    raw_connection& operator=(const raw_connection&) = delete;

    void send(const std::string& bytes) const {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const auto n = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
            if (n <= 0) return; // refused while we still write: the answer says why
            done += static_cast<std::size_t>(n);
        }
    }
    /// The next answer; needs Content-Length, which our server always sends.
    raw_answer receive() {
        raw_answer out;
        auto end = std::string::npos;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
            if (!more()) return out;
        out.head = buffer_.substr(0, end);
        buffer_.erase(0, end + 4);
        if (out.head.size() > 12) out.status = std::atoi(out.head.c_str() + 9);
        const auto at = out.head.find("Content-Length: ");
        const std::size_t length =
            at == std::string::npos ? 0 : static_cast<std::size_t>(std::atoll(out.head.c_str() + at + 16));
        while (buffer_.size() < length)
            if (!more()) break;
        out.body = buffer_.substr(0, length);
        buffer_.erase(0, length);
        return out;
    }
    raw_answer ask(const std::string& bytes) {
        send(bytes);
        return receive();
    }

  private:
    bool more() {
        char chunk[8192];
        const auto n = ::recv(fd_, chunk, sizeof chunk, 0);
        if (n > 0) buffer_.append(chunk, static_cast<std::size_t>(n));
        return n > 0;
    }
    int fd_;
    std::string buffer_;
};

using header_list = std::vector<std::pair<std::string, std::string>>;

inline constexpr const char* k_call_control = "/webhooks/cpaas/telnyx/call-control";

[[nodiscard]] inline std::string
post_text(const std::string& path, const header_list& headers, const std::string& body) {
    std::string out = "POST " + path + " HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
    for (const auto& [k, v] : headers)
        out += k + ": " + v + "\r\n";
    return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// The two headers of a webhook signed with the key of `seed` (the simulator's own: "z360"), some seconds
/// from now.
[[nodiscard]] inline header_list
signed_headers(const std::string& body, int seconds = 0, const std::string& seed = "z360") {
    const auto stamp = std::to_string(std::time(nullptr) + seconds);
    return {{"telnyx-timestamp", stamp}, {"telnyx-signature-ed25519", sim::signer(seed).sign(stamp, body)}};
}

[[nodiscard]] inline raw_answer
post(std::uint16_t port, const std::string& path, const header_list& headers, const std::string& body) {
    raw_connection c(port);
    return c.ask(post_text(path, headers, body));
}

/// A genuine webhook that we make up.
[[nodiscard]] inline raw_answer
post_genuine(std::uint16_t port, const std::string& body, const std::string& path = k_call_control) {
    return post(port, path, signed_headers(body), body);
}

} // namespace z360::testing
