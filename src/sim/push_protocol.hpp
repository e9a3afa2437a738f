// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The server side of HTTP/2 and HTTP/1.1 as bytes in, requests out, answers in, bytes out. No I/O. Everything
// that a client can make grow has a limit.
#pragma once

#include "sim/push_types.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

struct push_limits {
    std::size_t header_bytes = 16 * 1024;
    std::size_t body_bytes = 64 * 1024;
    std::size_t output_bytes = 256 * 1024; ///< handed out at once
};

class push_protocol {
  public:
    /// A request that is there as a whole; `stream` names it when it is finished.
    struct incoming {
        std::int32_t stream = 0;
        push_request request;
    };
    virtual ~push_protocol() = default;
    /// False: the client broke the protocol; what take_output() still has may be sent, then it is over.
    [[nodiscard]] virtual bool feed(std::string_view bytes) = 0;
    [[nodiscard]] virtual std::vector<incoming> take_requests() = 0;
    /// Answers, or does what the script says instead; a delay is over by now.
    virtual void finish(std::int32_t stream, const push_exchange& e) = 0;
    /// How many streams a client may have at once from now on.
    virtual void allow_streams(unsigned n) = 0;
    /// Empty: nothing to send for now.
    [[nodiscard]] virtual std::string take_output() = 0;
    /// Nothing more will be read or written.
    [[nodiscard]] virtual bool over() const = 0;
    /// The connection is to end at once, whatever waits to be sent.
    [[nodiscard]] virtual bool dropped() const = 0;
};

/// Begins with the client's preface. Not strict: what makes a request malformed (RFC 9113 section 8.1.1) is
/// passed over. Throws std::bad_alloc.
[[nodiscard]] std::unique_ptr<push_protocol> make_http2(push_limits limits, unsigned streams, bool strict);
[[nodiscard]] std::unique_ptr<push_protocol> make_http1(push_limits limits);
/// Do these first bytes of a connection begin HTTP/2? Three are enough to tell.
[[nodiscard]] bool begins_http2(std::string_view bytes);

} // namespace z360::sim
