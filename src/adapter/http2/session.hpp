// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One client's side of HTTP/2 without a socket: bytes in, bytes out, results. Time is handed in.
#pragma once

#include "adapter/http2/exchange.hpp"

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::adapter::http2 {

/// What a session needs to know of a pool's settings.
struct session_settings {
    std::string scheme = "https";
    std::string authority;
    std::uint64_t id = 0; ///< of the connection, in what it reports
    std::size_t max_streams = 1'000;
    std::size_t max_body_bytes = 64 * 1024;
    std::size_t max_header_bytes = 16 * 1024;
    std::size_t max_lingering = 100;
    duration patience = std::chrono::seconds{2};
    duration ping_timeout = std::chrono::seconds{1};
    duration idle_ping = std::chrono::hours{1};
    duration settings_timeout = std::chrono::seconds{5};
    duration drain_limit = std::chrono::seconds{30};
    std::function<bool(const h2::result&)> accepts;
};

/// Its life: opening (until the server's SETTINGS), ready, draining (no new streams), over. Each exchange
/// that it took comes back through take_finished() exactly once, unless it was given up before.
class session {
  public:
    /// The next request of the line; null: none.
    using source = std::function<exchange_ptr()>;
    struct finished {
        exchange_ptr x;
        h2::result result;
    };

    /// Queues the preface and our SETTINGS.
    session(session_settings s, moment now);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// The connection stands: from now on its time counts.
    void begin(moment now) { began_ = heard_ = budget_at_ = now_ = now; }
    /// What came from the server.
    void input(std::string_view bytes, moment now);
    /// Appends what is to be written, up to about `most` bytes in all, and takes requests from the line for
    /// it as long as streams are free. Whoever calls this writes at once: what is in `into` counts as
    /// written.
    void output(std::string& into, std::size_t most, moment now, const source& next);
    /// Looks at the time: SETTINGS, PING, draining.
    void tick(moment now);
    /// How long until the next tick().
    [[nodiscard]] duration pause(moment now) const;
    /// No new streams; over when the last one ends.
    void drain(moment now);
    /// The connection is gone: every exchange gets its outcome.
    void lost(h2::cause why);
    /// Nobody waits for it any more. Its stream goes on and counts as lingering.
    void give_up(exchange& x, moment now);

    [[nodiscard]] std::vector<finished> take_finished() { return std::exchange(finished_, {}); }
    [[nodiscard]] std::vector<h2::goaway> take_goaways() { return std::exchange(goaways_, {}); }
    [[nodiscard]] std::uint64_t id() const { return settings_.id; }
    [[nodiscard]] bool ready() const { return ready_; }
    [[nodiscard]] bool draining() const { return draining_; }
    /// The server has accepted a request, or need not.
    [[nodiscard]] bool accepted() const { return accepted_; }
    /// There is something to write, or to close.
    [[nodiscard]] bool wants_output() const;
    /// No requests before that: the server refuses.
    [[nodiscard]] moment held_until() const { return held_until_; }
    /// Over by force: close without another word.
    [[nodiscard]] bool failed() const { return failed_; }
    /// Nothing more is read or written: close.
    [[nodiscard]] bool over() const;
    [[nodiscard]] h2::cause why_over() const { return why_; }
    /// Streams that the server and the settings leave us, held back or not.
    [[nodiscard]] std::size_t free() const;
    /// Streams that may be opened now.
    [[nodiscard]] std::size_t room(moment now) const;
    [[nodiscard]] std::size_t streams() const { return streams_.size(); }
    [[nodiscard]] std::size_t lingering() const { return lingering_; }
    [[nodiscard]] std::uint64_t replies() const { return replies_; }
    [[nodiscard]] std::uint64_t truncated() const { return truncated_; }

  private:
    struct stream;
    struct callbacks;
    friend struct callbacks;

    /// A client's session of nghttp2 that calls back to this one.
    [[nodiscard]] nghttp2_session* make_raw();
    /// nghttp2's data source; its pointer is a stream.
    static ssize_t read_body(
        nghttp2_session* raw, std::int32_t id, std::uint8_t* into, std::size_t room, std::uint32_t* flags,
        nghttp2_data_source* from, void* self
    );

    [[nodiscard]] stream* stream_of(std::int32_t id) const;
    void start(exchange_ptr x);
    void refuse(exchange_ptr x, h2::cause why);
    void finish(stream& s, h2::outcome what, h2::cause why);
    void reply(stream& s);
    void linger(stream& s);
    void close_stream(stream& s, std::uint32_t code);
    void fail(h2::cause why);
    void end();
    [[nodiscard]] bool spend();
    [[nodiscard]] bool spend_bytes(std::size_t n);
    void refill();
    void earn(double frames);
    void ping();
    [[nodiscard]] bool probe_due() const;
    void probes_answered();

    void on_goaway_sent(std::uint32_t code);
    int on_begin_frame(const nghttp2_frame_hd& hd);
    void on_begin_headers(stream& s);
    int on_header(stream& s, std::string_view name, std::string_view value);
    int on_headers_end(stream& s, bool last);
    int on_data(stream& s, std::string_view bytes);
    void on_goaway(const nghttp2_goaway& g);
    void on_ping_ack(const nghttp2_ping& p);

    session_settings settings_;
    moment now_;
    moment began_;
    nghttp2_session* raw_ = nullptr;
    std::list<stream> streams_; ///< in the order of their ids
    std::vector<finished> finished_;
    std::vector<h2::goaway> goaways_;
    bool ready_ = false;
    bool draining_ = false;
    bool ending_ = false; ///< our GOAWAY is queued
    bool accepted_;
    bool failed_ = false;
    bool lost_ = false;
    h2::cause why_ = h2::cause::none;
    std::int64_t last_taken_; ///< by the server, as its GOAWAY says
    moment drain_until_{};
    moment held_until_{}; ///< the server refuses streams: none before that
    unsigned refused_in_a_row_ = 0;
    std::size_t lingering_ = 0;
    std::size_t wasted_ = 0; ///< bytes of replies that were thrown away
    std::uint64_t replies_ = 0;
    std::uint64_t truncated_ = 0;
    std::optional<moment> ping_sent_;
    std::uint64_t pings_ = 0;
    moment heard_;  ///< of anything
    double budget_; ///< of frames that the server may still send
    double bytes_;  ///< the same of bytes, for what nghttp2 skips without a word
    moment budget_at_;
};

} // namespace z360::adapter::http2
