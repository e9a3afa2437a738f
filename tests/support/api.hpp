// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The REST API as an app uses it. Every exchange is written down, so that a later check can hold each
// response against the published document.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

struct api_reply {
    int status = 0;                             ///< 0: no answer
    std::map<std::string, std::string> headers; ///< names in lower case
    std::string body;
    nlohmann::json json; ///< of the body; discarded when it is none
    millis took{0};

    [[nodiscard]] const nlohmann::json& data() const { return json.at("data"); }
    [[nodiscard]] std::string code() const { return json.is_object() ? json.value("code", "") : ""; }
    [[nodiscard]] std::string header(const std::string& lower_case_name) const;
};

/// One client: a server, and what is sent with every request.
class api {
  public:
    explicit api(std::uint16_t port) : port_(port) {}

    [[nodiscard]] api with(std::string header, std::string value) const;
    [[nodiscard]] api bearer(const std::string& token) const {
        return with("Authorization", "Bearer " + token);
    }
    [[nodiscard]] api cookie(const std::string& value) const { return with("Cookie", value); }
    /// The same client at another server.
    [[nodiscard]] api at(std::uint16_t port) const;

    [[nodiscard]] api_reply get(const std::string& path) const { return send("GET", path, ""); }
    [[nodiscard]] api_reply remove(const std::string& path) const { return send("DELETE", path, ""); }
    [[nodiscard]] api_reply
    post(const std::string& path, const nlohmann::json& body = nlohmann::json::object()) const {
        return send("POST", path, body.dump());
    }
    [[nodiscard]] api_reply put(const std::string& path, const nlohmann::json& body) const {
        return send("PUT", path, body.dump());
    }
    /// Body as it is.
    [[nodiscard]] api_reply send(
        const std::string& method, const std::string& path, const std::string& body,
        const std::string& content_type = "application/json"
    ) const;

  private:
    std::uint16_t port_;
    std::vector<std::pair<std::string, std::string>> headers_;
};

/// Where the exchanges of this process are written down, a JSON object a line.
[[nodiscard]] std::string exchanges_file();

/// Runs `f(0) … f(n - 1)` at the same time, on threads of their own; results in order.
template <class F>
auto in_parallel(int n, F f) -> std::vector<decltype(f(0))>;

} // namespace z360::testing

#include <thread>

namespace z360::testing {

template <class F>
auto in_parallel(int n, F f) -> std::vector<decltype(f(0))> {
    std::vector<decltype(f(0))> out(static_cast<std::size_t>(n));
    std::vector<std::thread> threads;
    threads.reserve(out.size());
    for (int i = 0; i < n; ++i)
        threads.emplace_back([&out, &f, i] { out[static_cast<std::size_t>(i)] = f(i); });
    for (auto& t : threads)
        t.join();
    return out;
}

} // namespace z360::testing
