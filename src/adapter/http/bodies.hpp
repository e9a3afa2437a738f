// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>
#include <z360/port/byte_stream.hpp>
#include <z360/rt/time.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace z360::adapter::http {

inline constexpr std::size_t k_piece = 64 * 1024; ///< what a source is asked for at once
inline constexpr std::size_t k_held = 128 * 1024; ///< most that lies between libcurl and our side, each way

/// The long bodies of one exchange: what lies between libcurl, which calls take_in and give_out, and the sink
/// and source, which a coroutine serves. Who finds no room, or nothing to take, pauses that way.
class bodies {
  public:
    /// Either may be null.
    bodies(port::byte_source* source, port::byte_sink* sink, millis stall);

    /// From the peer. False: no room now; nothing was taken, and that way is paused.
    [[nodiscard]] bool take_in(const char* data, std::size_t n);
    /// To the peer, at most `room` bytes; 0: that was all. CURL_READFUNC_PAUSE: nothing is here yet, and that
    /// way is paused.
    [[nodiscard]] std::size_t give_out(char* to, std::size_t room);

    [[nodiscard]] bool has_incoming() const { return !incoming_.empty(); }
    /// For the sink: all that came meanwhile.
    [[nodiscard]] std::string take_incoming();
    /// How much to ask the source for now; 0: nothing.
    [[nodiscard]] std::size_t wanted() const;
    /// What the source gave; throws std::runtime_error if it ended before its size.
    void add_outgoing(std::string piece);

    /// Bytes moved, or our side had its turn: the time of the stall begins anew.
    void touch() { moved_at_ = rt::clock::now(); }
    /// Until the peer has stalled; not above zero: it has.
    [[nodiscard]] rt::clock::duration patience() const { return moved_at_ + stall_ - rt::clock::now(); }

    port::byte_source* const source;
    port::byte_sink* const sink;
    bool to_sink = false; ///< the body that comes is the sink's
    int paused = 0;       ///< CURLPAUSE_RECV, CURLPAUSE_SEND: as libcurl has it

  private:
    rt::clock::duration stall_;
    rt::clock::time_point moved_at_ = rt::clock::now();
    std::string incoming_;
    std::string outgoing_;
    std::size_t given_ = 0;    ///< of outgoing_
    std::uint64_t unread_ = 0; ///< what the source has still to give
};

} // namespace z360::adapter::http
