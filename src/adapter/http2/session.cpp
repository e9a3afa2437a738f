// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/session.hpp"

#include "adapter/http2/fields.hpp"
#include "adapter/http2/session_stream.hpp"

#include <z360/rt/retry.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace z360::adapter::http2 {
namespace {

using namespace std::chrono_literals;

// What a server may send us: a sum at first, so many a second, and more for each request. Above that it does
// not answer requests but keeps us busy.
constexpr double k_frames_at_first = 1'000;
constexpr double k_frames_most = 10'000;
constexpr double k_frames_a_second = 100;
constexpr double k_frames_a_request = 16;
constexpr double k_bytes_at_first = 8 * 1024 * 1024;
constexpr double k_bytes_most = 64 * 1024 * 1024;
constexpr double k_bytes_a_second = 1024 * 1024;

constexpr duration k_first_hold = 10ms; ///< after REFUSED_STREAM
constexpr duration k_longest_hold = 1s;
constexpr duration k_shortest_look = 5ms;
constexpr duration k_longest_look = 250ms;

} // namespace

session::session(session_settings s, moment now)
    : settings_(std::move(s)), now_(now), began_(now), accepted_(!settings_.accepts),
      last_taken_(std::numeric_limits<std::int32_t>::max()), heard_(now), budget_(k_frames_at_first),
      bytes_(k_bytes_at_first), budget_at_(now) {
    raw_ = make_raw();
    const std::array<nghttp2_settings_entry, 3> ours{{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0}, // of the server's own, which it may not have
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(settings_.max_header_bytes)},
    }};
    nghttp2_submit_settings(raw_, NGHTTP2_FLAG_NONE, ours.data(), ours.size());
}

session::~session() {
    for (auto& s : streams_)
        s.x->on = nullptr;
    nghttp2_session_del(raw_);
}

void session::input(std::string_view bytes, moment now) {
    now_ = now;
    if (over()) return;
    heard_ = now;
    if (!spend_bytes(bytes.size())) fail(h2::cause::protocol);
    const auto n = failed_ ? 0
                           : nghttp2_session_mem_recv(
                                 raw_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()
                             );
    if (n < 0) fail(h2::cause::protocol);
    // An error of the connection that nghttp2 found itself: it ends when its GOAWAY is written.
    if (!draining_ && nghttp2_session_check_request_allowed(raw_) == 0) {
        why_ = h2::cause::protocol;
        drain_until_ = now + settings_.drain_limit;
        draining_ = true;
    }
    if (failed_) lost(why_);
    if (draining_ && streams_.empty()) end();
}

void session::output(std::string& into, std::size_t most, moment now, const source& next) {
    now_ = now;
    while (!failed_) {
        while (into.size() < most) {
            const std::uint8_t* data = nullptr;
            const auto n = nghttp2_session_mem_send(raw_, &data);
            if (n < 0) fail(h2::cause::protocol);
            if (n <= 0) break;
            into.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(n));
        }
        if (failed_ || into.size() >= most || room(now) == 0) break;
        auto x = next();
        if (!x) break;
        start(std::move(x));
    }
    if (failed_) lost(why_);
}

std::size_t session::room(moment now) const {
    // Without a window a stream would only stand before what is more urgent.
    if (now < held_until_ || nghttp2_session_get_remote_window_size(raw_) <= 0) return 0;
    return free();
}

std::size_t session::free() const {
    if (!ready_ || draining_ || failed_) return 0;
    if (nghttp2_session_check_request_allowed(raw_) == 0) return 0;
    const std::size_t allowed =
        nghttp2_session_get_remote_settings(raw_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    auto limit = std::min(allowed, settings_.max_streams);
    if (!accepted_) limit = std::min<std::size_t>(limit, 1);
    return limit > streams_.size() ? limit - streams_.size() : 0;
}

void session::start(exchange_ptr x) {
    const field_list fields(x->req, settings_.scheme, settings_.authority);
    if (fields.weight() > nghttp2_session_get_remote_settings(raw_, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE)) {
        refuse(std::move(x), h2::cause::headers_too_large);
        return;
    }
    auto& s = streams_.emplace_back();
    s.x = std::move(x);
    s.sent_at = now_;
    s.probe_at = now_ + settings_.patience;
    s.whole = s.x->req.body.empty();
    nghttp2_data_provider body{};
    body.source.ptr = &s;
    body.read_callback = &read_body;
    s.id = nghttp2_submit_request(
        raw_, nullptr, fields.data(), fields.size(), s.x->req.body.empty() ? nullptr : &body, &s
    );
    if (s.id < 0) { // its ids are used up, after years
        auto given = std::move(s.x);
        streams_.pop_back();
        refuse(std::move(given), h2::cause::drained);
        drain(now_);
        return;
    }
    s.at = std::prev(streams_.end());
    s.x->on = this;
    s.x->stream = s.id;
    earn(k_frames_a_request);
    bytes_ = std::min(
        k_bytes_most, bytes_ + static_cast<double>(settings_.max_body_bytes + 4 * settings_.max_header_bytes)
    );
}

void session::refuse(exchange_ptr x, h2::cause why) {
    h2::result r;
    r.what = h2::outcome::not_processed;
    r.why = why;
    r.connection = settings_.id;
    finished_.push_back({std::move(x), std::move(r)});
}

/// The exchange's outcome, once; the stream may live on.
void session::finish(stream& s, h2::outcome what, h2::cause why) {
    if (s.settled) return;
    s.settled = true;
    h2::result r = std::move(s.got);
    r.what = what;
    r.why = why;
    r.connection = settings_.id;
    if (what != h2::outcome::replied) {
        r.status = 0;
        r.headers = {};
        r.body.clear();
        r.truncated = false;
    }
    s.x->on = nullptr;
    finished_.push_back({s.x, std::move(r)});
}

void session::reply(stream& s) {
    if (std::exchange(s.replied, true)) return;
    ++replies_;
    refused_in_a_row_ = 0;
    if (s.got.truncated) ++truncated_;
    if (!accepted_ && settings_.accepts(s.got)) accepted_ = true;
    finish(s, h2::outcome::replied, h2::cause::none);
    linger(s);
}

/// Nobody waits for the stream, and it is still open.
void session::linger(stream& s) {
    if (s.lingers) return;
    s.lingers = true;
    if (++lingering_ > settings_.max_lingering) drain(now_);
}

void session::give_up(exchange& x, moment now) {
    now_ = now;
    x.on = nullptr;
    auto* s = failed_ ? nullptr : stream_of(x.stream);
    if (s == nullptr || s->settled) return;
    s->settled = true;
    linger(*s);
}

session::stream* session::stream_of(std::int32_t id) const {
    return static_cast<stream*>(nghttp2_session_get_stream_user_data(raw_, id));
}

void session::close_stream(stream& s, std::uint32_t code) {
    if (s.lingers) --lingering_;
    // The server's promise counts only if it has not begun to answer.
    if (code == NGHTTP2_REFUSED_STREAM && !s.final) {
        const bool beyond = s.id > last_taken_;
        if (!beyond) {
            ++refused_in_a_row_;
            held_until_ = now_ + rt::growing(k_first_hold, k_longest_hold, refused_in_a_row_);
        }
        finish(s, h2::outcome::not_processed, beyond ? h2::cause::goaway : h2::cause::refused);
    }
    finish(s, h2::outcome::unknown, h2::cause::reset);
    streams_.erase(s.at);
}

void session::drain(moment now) {
    now_ = now;
    if (!draining_) drain_until_ = now + settings_.drain_limit;
    draining_ = true;
    if (streams_.empty()) end();
}

/// The connection is done for, and the callbacks of nghttp2 may be under way: lost() follows.
void session::fail(h2::cause why) {
    if (!failed_) why_ = why;
    failed_ = true;
}

/// Says goodbye; over when that is written.
void session::end() {
    if (ending_ || failed_) return;
    ending_ = true;
    if (nghttp2_session_want_read(raw_) != 0) nghttp2_session_terminate_session(raw_, NGHTTP2_NO_ERROR);
}

void session::lost(h2::cause why) {
    fail(why);
    draining_ = true;
    if (std::exchange(lost_, true)) return;
    for (auto& s : streams_)
        finish(s, s.whole ? h2::outcome::unknown : h2::outcome::not_processed, why);
    // nghttp2 still points to them, but is not called any more.
    streams_.clear();
    lingering_ = 0;
}

bool session::over() const {
    return failed_ || (nghttp2_session_want_read(raw_) == 0 && nghttp2_session_want_write(raw_) == 0);
}

bool session::wants_output() const {
    return failed_ || nghttp2_session_want_write(raw_) != 0 || nghttp2_session_want_read(raw_) == 0;
}

void session::refill() {
    const std::chrono::duration<double> passed = now_ - budget_at_;
    budget_at_ = now_;
    earn(passed.count() * k_frames_a_second);
    bytes_ = std::min(k_bytes_most, bytes_ + passed.count() * k_bytes_a_second);
}

bool session::spend() {
    budget_ -= 1;
    return budget_ >= 0;
}

bool session::spend_bytes(std::size_t n) {
    refill();
    bytes_ -= static_cast<double>(n);
    return bytes_ >= 0;
}

void session::earn(double frames) {
    budget_ = std::min(budget_ + frames, k_frames_most);
}

void session::tick(moment now) {
    now_ = now;
    if (failed_) return; // but not if it is over in peace: its last words may not get out
    if (!ready_ && now >= began_ + settings_.settings_timeout) {
        fail(h2::cause::timeout);
    } else if (ping_sent_ && now >= *ping_sent_ + settings_.ping_timeout) {
        fail(h2::cause::silent);
    } else if (draining_ && now >= drain_until_) {
        fail(h2::cause::drained);
    } else if (!ping_sent_ && ready_ && (probe_due() || now >= heard_ + settings_.idle_ping)) {
        ping();
    }
    if (failed_) lost(why_);
}

bool session::probe_due() const {
    return std::any_of(streams_.begin(), streams_.end(), [this](const stream& s) {
        return !s.settled && s.probe_at <= now_;
    });
}

void session::ping() {
    ++pings_;
    ping_sent_ = now_;
    std::array<std::uint8_t, 8> payload{};
    for (std::size_t i = 0; i < payload.size(); ++i)
        payload[i] = static_cast<std::uint8_t>(pings_ >> (8 * i));
    nghttp2_submit_ping(raw_, NGHTTP2_FLAG_NONE, payload.data());
}

/// The connection lives and the server is slow: whoever was asked about is asked about less and less often.
void session::probes_answered() {
    for (auto& s : streams_)
        if (s.probe_at <= now_) s.probe_at = now_ + (now_ - s.sent_at);
}

duration session::pause(moment now) const {
    if (held_until_ > now) return std::max(held_until_ - now, k_shortest_look);
    const auto shortest = std::min(
        {settings_.patience, settings_.ping_timeout, settings_.idle_ping, settings_.settings_timeout,
         settings_.drain_limit}
    );
    return std::clamp(shortest / 4, k_shortest_look, k_longest_look);
}

/// nghttp2 has found an error of the server's and says so.
void session::on_goaway_sent(std::uint32_t code) {
    if (code != NGHTTP2_NO_ERROR) why_ = h2::cause::protocol;
}

// --- what the server sends ---

int session::on_begin_frame(const nghttp2_frame_hd& hd) {
    // Payload pays for itself: a reply in small pieces is no attack.
    if (hd.type == NGHTTP2_DATA) earn(static_cast<double>(hd.length) / 512.0);
    if (spend()) return 0;
    fail(h2::cause::protocol);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

void session::on_begin_headers(stream& s) {
    if (s.final) return; // trailers
    s.got.status = 0;
    s.got.headers = {};
}

int session::on_header(stream& s, std::string_view name, std::string_view value) {
    s.header_bytes += name.size() + value.size() + 32;
    if (s.header_bytes > 4 * settings_.max_header_bytes) { // it was told our limit
        fail(h2::cause::protocol);
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (s.final) return 0;
    if (name == ":status") {
        for (const char c : value)
            s.got.status = s.got.status * 10 + (c - '0'); // three digits: nghttp2 has looked
        return 0;
    }
    if (s.header_bytes > settings_.max_header_bytes)
        s.got.truncated = true;
    else
        s.got.headers.add(std::string(name), std::string(value));
    return 0;
}

int session::on_headers_end(stream& s, bool last) {
    if (!s.final && s.got.status >= 200) s.final = true;
    if (s.final && last) reply(s);
    return 0;
}

int session::on_data(stream& s, std::string_view bytes) {
    const std::size_t room = settings_.max_body_bytes - std::min(settings_.max_body_bytes, s.got.body.size());
    if (!s.settled) s.got.body.append(bytes.substr(0, room));
    if (s.settled || bytes.size() > room) {
        wasted_ += s.settled ? bytes.size() : bytes.size() - room;
        if (!s.settled) {
            s.got.truncated = true;
            reply(s);
        }
    }
    if (wasted_ <= k_waste_limit) return 0;
    fail(h2::cause::protocol);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

void session::on_goaway(const nghttp2_goaway& g) {
    last_taken_ = g.last_stream_id;
    h2::goaway said;
    said.code = g.error_code;
    said.debug = printable({reinterpret_cast<const char*>(g.opaque_data), g.opaque_data_len}, k_debug_limit);
    said.connection = settings_.id;
    goaways_.push_back(std::move(said));
    if (!draining_) drain_until_ = now_ + settings_.drain_limit;
    draining_ = true;
}

void session::on_ping_ack(const nghttp2_ping& p) {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < 8; ++i)
        n |= std::uint64_t{p.opaque_data[i]} << (8 * i);
    if (!ping_sent_ || n != pings_) return;
    ping_sent_.reset();
    probes_answered();
}

} // namespace z360::adapter::http2
