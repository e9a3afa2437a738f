// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "http_server/input_buffer.hpp"

#include <z360/http/message.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace z360::http {

/// Why a request is refused before any handler sees it.
struct refusal {
    int status = 400;
    std::string_view code; ///< stable: member of the problem document and label of the metric
    std::string_view title;
};

/// Turns bytes into requests. Does no I/O. One object serves a connection: restart() before each request.
class request_parser {
  public:
    enum class progress { need_more, done, refused };

    request_parser(std::size_t max_header_bytes, std::size_t max_body_bytes);
    ~request_parser();
    request_parser(const request_parser&) = delete;
    request_parser& operator=(const request_parser&) = delete;

    void restart();
    /// Takes what it can use out of `in`. Not to be called again after `refused`, nor after `done` without
    /// restart().
    [[nodiscard]] progress feed(input_buffer& in);
    /// True from the first byte of a request on.
    [[nodiscard]] bool started() const;
    /// After `refused`.
    [[nodiscard]] const refusal& why() const;
    /// After `done`: whether the client may send another request on this connection.
    [[nodiscard]] bool keep_alive() const;
    [[nodiscard]] bool http_1_0() const;
    /// True once per request if the client waits for `100 Continue` before it sends the body.
    [[nodiscard]] bool take_expectation();
    /// How many bytes the next read should have room for.
    [[nodiscard]] std::size_t read_size() const;
    /// After `done`: the request, moved out.
    [[nodiscard]] request take();

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace z360::http
