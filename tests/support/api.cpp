// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/api.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace z360::testing {
namespace {

std::string lower(std::string text) {
    for (auto& c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

// Sends and reads until the server closes; "" when it cannot be reached.
std::string talk_to(std::uint16_t port, const std::string& out) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    const timeval limit{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    std::string in;
    if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0) { // NOLINT
        std::size_t sent = 0;
        while (sent < out.size()) {
            const auto n = ::send(fd, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) break;
            sent += static_cast<std::size_t>(n);
        }
        char buffer[16384];
        for (;;) {
            const auto n = ::recv(fd, buffer, sizeof buffer, 0);
            if (n <= 0) break;
            in.append(buffer, static_cast<std::size_t>(n));
        }
    }
    ::close(fd);
    return in;
}

void parse_reply(const std::string& text, api_reply& r) {
    const auto head = text.find("\r\n\r\n");
    if (head == std::string::npos || text.size() < 12) return;
    r.status = std::atoi(text.c_str() + 9);
    for (std::size_t at = text.find("\r\n") + 2; at < head;) {
        const auto end = std::min(text.find("\r\n", at), head);
        const auto colon = text.find(':', at);
        if (colon < end) {
            auto value = text.substr(colon + 1, end - colon - 1);
            value.erase(0, value.find_first_not_of(' '));
            r.headers[lower(text.substr(at, colon - at))] = value;
        }
        at = end + 2;
    }
    r.body = text.substr(head + 4);
    r.json = nlohmann::json::parse(r.body, nullptr, false);
}

// As tests/component/api/exchanges.hpp has it. One line an exchange; one file a process. Threads append whole
// lines, which the kernel keeps apart.
void write_down(const std::string& method, const std::string& path, const api_reply& r) {
    static const int fd = [] {
        const std::filesystem::path file = exchanges_file();
        std::filesystem::create_directories(file.parent_path());
        return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }();
    const auto type = r.headers.find("content-type");
    const nlohmann::json line{
        {"method", method},   {"path", path.substr(0, path.find('?'))},
        {"status", r.status}, {"content_type", type == r.headers.end() ? "" : type->second},
        {"body", r.body},
    };
    const auto text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (::write(fd, text.data(), text.size()) < 0) std::abort();
}

} // namespace

std::string exchanges_file() {
    const std::filesystem::path folder = std::filesystem::path(Z360_BINARY_DIR) / "api-exchanges";
    return folder / ("flows-" + std::to_string(::getpid()) + ".jsonl");
}

std::string api_reply::header(const std::string& lower_case_name) const {
    const auto it = headers.find(lower_case_name);
    return it == headers.end() ? "" : it->second;
}

api api::with(std::string header, std::string value) const {
    api out = *this;
    std::erase_if(out.headers_, [&](const auto& h) { return h.first == header; });
    out.headers_.emplace_back(std::move(header), std::move(value));
    return out;
}

api api::at(std::uint16_t port) const {
    api out = *this;
    out.port_ = port;
    return out;
}

api_reply api::send(
    const std::string& method, const std::string& path, const std::string& body,
    const std::string& content_type
) const {
    std::string out = method + " " + path + " HTTP/1.1\r\nConnection: close\r\n";
    const bool named =
        std::any_of(headers_.begin(), headers_.end(), [](const auto& h) { return h.first == "Host"; });
    if (!named) out += "Host: voip.test\r\n";
    for (const auto& [name, value] : headers_)
        out += name + ": " + value + "\r\n";
    if (!body.empty()) out += "Content-Type: " + content_type + "\r\n";
    if (!body.empty() || method != "GET") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    out += "\r\n" + body;
    const auto began = std::chrono::steady_clock::now();
    api_reply r;
    parse_reply(talk_to(port_, out), r);
    r.took = std::chrono::duration_cast<millis>(std::chrono::steady_clock::now() - began);
    if (r.status != 0) write_down(method, path, r);
    return r;
}

} // namespace z360::testing
