// SPDX-License-Identifier: LicenseRef-z360-proprietary
// nghttp2's C callbacks. None may throw through the library: what could (no memory) ends the process.
#include "adapter/http2/session_stream.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace z360::adapter::http2 {
namespace {

constexpr std::size_t k_most_acks = 100; ///< of PING and SETTINGS, that wait to be written

} // namespace

struct session::callbacks {
    static stream* stream_of(nghttp2_session* raw, std::int32_t id) noexcept {
        return static_cast<stream*>(nghttp2_session_get_stream_user_data(raw, id));
    }
    static session& of(void* self) noexcept { return *static_cast<session*>(self); }

    static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* hd, void* self) noexcept {
        return of(self).on_begin_frame(*hd);
    }
    static int begin_headers(nghttp2_session* raw, const nghttp2_frame* f, void* self) noexcept {
        if (auto* s = stream_of(raw, f->hd.stream_id)) of(self).on_begin_headers(*s);
        return 0;
    }
    static int header(
        nghttp2_session* raw, const nghttp2_frame* f, const std::uint8_t* name, std::size_t name_size,
        const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self
    ) noexcept {
        auto* s = stream_of(raw, f->hd.stream_id);
        if (s == nullptr) return 0;
        return of(self).on_header(
            *s, {reinterpret_cast<const char*>(name), name_size},
            {reinterpret_cast<const char*>(value), value_size}
        );
    }
    static int data(
        nghttp2_session* raw, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t n,
        void* self
    ) noexcept {
        auto* s = stream_of(raw, id);
        if (s == nullptr) return 0;
        return of(self).on_data(*s, {reinterpret_cast<const char*>(bytes), n});
    }
    static int frame(nghttp2_session* raw, const nghttp2_frame* f, void* self) noexcept {
        auto& me = of(self);
        const bool last = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        switch (f->hd.type) {
        case NGHTTP2_SETTINGS:
            if ((f->hd.flags & NGHTTP2_FLAG_ACK) == 0) me.ready_ = true;
            break;
        case NGHTTP2_PING:
            if ((f->hd.flags & NGHTTP2_FLAG_ACK) != 0) me.on_ping_ack(f->ping);
            break;
        case NGHTTP2_GOAWAY: me.on_goaway(f->goaway); break;
        case NGHTTP2_HEADERS:
            if (auto* s = stream_of(raw, f->hd.stream_id)) return me.on_headers_end(*s, last);
            break;
        case NGHTTP2_DATA:
            if (auto* s = stream_of(raw, f->hd.stream_id); s != nullptr && last) me.reply(*s);
            break;
        default: break;
        }
        return 0;
    }
    static int frame_sent(nghttp2_session*, const nghttp2_frame* f, void* self) noexcept {
        if (f->hd.type == NGHTTP2_GOAWAY) of(self).on_goaway_sent(f->goaway.error_code);
        return 0;
    }
    static int stream_close(nghttp2_session* raw, std::int32_t id, std::uint32_t code, void* self) noexcept {
        if (auto* s = stream_of(raw, id)) of(self).close_stream(*s, code);
        return 0;
    }
};

ssize_t session::
    read_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source* from, void*) {
    auto& s = *static_cast<stream*>(from->ptr);
    const std::string& body = s.x->req.body;
    const auto n = std::min(room, body.size() - s.body_at);
    std::memcpy(into, body.data() + s.body_at, n);
    s.body_at += n;
    if (s.body_at == body.size()) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        s.whole = true;
    }
    return static_cast<ssize_t>(n);
}

nghttp2_session* session::make_raw() {
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_option* options = nullptr;
    nghttp2_session* raw = nullptr;
    if (nghttp2_session_callbacks_new(&calls) != 0 || nghttp2_option_new(&options) != 0)
        throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_frame_callback(calls, &callbacks::begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, &callbacks::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(calls, &callbacks::header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, &callbacks::data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, &callbacks::frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(calls, &callbacks::frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, &callbacks::stream_close);
    nghttp2_option_set_no_closed_streams(options, 1); // a connection lives for days
    nghttp2_option_set_max_outbound_ack(options, k_most_acks);
    const int failed = nghttp2_session_client_new2(&raw, calls, this, options);
    nghttp2_session_callbacks_del(calls);
    nghttp2_option_del(options);
    if (failed != 0) throw std::bad_alloc();
    return raw;
}

} // namespace z360::adapter::http2
