// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/push_protocol.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <new>
#include <utility>

namespace z360::sim {

namespace {

nghttp2_nv pair_of(const std::string& name, const std::string& value) {
    nghttp2_nv out{};
    out.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    out.namelen = name.size();
    out.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    out.valuelen = value.size();
    return out;
}

class http2 final : public push_protocol {
  public:
    http2(push_limits limits, unsigned streams, bool strict) : limits_(limits), streams_(streams) {
        begin(strict);
    }
    ~http2() override { nghttp2_session_del(raw_); }
    http2(const http2&) = delete;
    http2& operator=(const http2&) = delete;

    [[nodiscard]] bool feed(std::string_view bytes) override {
        const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
        return nghttp2_session_mem_recv(raw_, data, bytes.size()) == static_cast<ssize_t>(bytes.size());
    }
    [[nodiscard]] std::vector<incoming> take_requests() override { return std::exchange(complete_, {}); }

    void finish(std::int32_t stream, const push_exchange& e) override {
        const auto& c = e.course;
        // Only what takes effect counts as seen: GOAWAY names the last of those.
        if (c.processed) seen_ = std::max(seen_, stream);
        switch (c.how) {
        case push_course::ending::answer: return answer(stream, e.answer.reply);
        case push_course::ending::stall: return;
        case push_course::ending::drop: dropped_ = true; return;
        case push_course::ending::reset:
            nghttp2_submit_rst_stream(raw_, NGHTTP2_FLAG_NONE, stream, c.code);
            return;
        case push_course::ending::goaway:
            if (c.processed)
                answer(stream, e.answer.reply);
            else if (stream < seen_) // GOAWAY does not cover it: say so of the stream itself
                nghttp2_submit_rst_stream(raw_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_REFUSED_STREAM);
            last_ = seen_;
            nghttp2_submit_goaway(
                raw_, NGHTTP2_FLAG_NONE, seen_, c.code, reinterpret_cast<const std::uint8_t*>(c.debug.data()),
                c.debug.size()
            );
            return;
        }
    }
    void allow_streams(unsigned n) override {
        if (n == streams_) return;
        streams_ = n;
        const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, n};
        nghttp2_submit_settings(raw_, NGHTTP2_FLAG_NONE, &entry, 1);
    }
    [[nodiscard]] std::string take_output() override {
        std::string out;
        const std::uint8_t* data = nullptr;
        while (out.size() < limits_.output_bytes) {
            const auto n = nghttp2_session_mem_send(raw_, &data);
            if (n <= 0) break;
            out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(n));
        }
        return out;
    }
    [[nodiscard]] bool over() const override {
        return dropped_ || (nghttp2_session_want_read(raw_) == 0 && nghttp2_session_want_write(raw_) == 0);
    }
    [[nodiscard]] bool dropped() const override { return dropped_; }

  private:
    struct taking {
        push_request request;
        std::size_t header_bytes = 0;
    };
    struct giving {
        std::string body;
        std::size_t at = 0;
    };
    static http2& of(void* self) { return *static_cast<http2*>(self); }

    void begin(bool strict) {
        nghttp2_session_callbacks* calls = nullptr;
        nghttp2_option* options = nullptr;
        if (nghttp2_session_callbacks_new(&calls) != 0 || nghttp2_option_new(&options) != 0)
            throw std::bad_alloc();
        nghttp2_session_callbacks_set_on_begin_headers_callback(calls, &on_begin);
        nghttp2_session_callbacks_set_on_header_callback(calls, &on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, &on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(calls, &on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(calls, &on_close);
        nghttp2_option_set_no_closed_streams(options, 1);
        if (!strict) nghttp2_option_set_no_http_messaging(options, 1);
        const int failed = nghttp2_session_server_new2(&raw_, calls, this, options);
        nghttp2_session_callbacks_del(calls);
        nghttp2_option_del(options);
        if (failed != 0) throw std::bad_alloc();
        const nghttp2_settings_entry ours[]{
            {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_},
            {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 8000}, // as Apple's
        };
        nghttp2_submit_settings(raw_, NGHTTP2_FLAG_NONE, ours, std::size(ours));
    }
    void answer(std::int32_t stream, const push_reply& r) {
        const std::string status_name = ":status";
        const auto status = std::to_string(r.status);
        std::vector<nghttp2_nv> list{pair_of(status_name, status)};
        for (const auto& [name, value] : r.fields)
            list.push_back(pair_of(name, value));
        auto& g = giving_[stream];
        g.body = r.body;
        nghttp2_data_provider from{};
        from.source.ptr = &g;
        from.read_callback = &read_body;
        nghttp2_submit_response(raw_, stream, list.data(), list.size(), g.body.empty() ? nullptr : &from);
    }
    static ssize_t
    read_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source* from, void*) {
        auto& g = *static_cast<giving*>(from->ptr);
        const auto n = std::min(room, g.body.size() - g.at);
        std::memcpy(into, g.body.data() + g.at, n);
        g.at += n;
        if (g.at == g.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(n);
    }
    static int on_begin(nghttp2_session*, const nghttp2_frame* f, void* self) {
        of(self).taking_.try_emplace(f->hd.stream_id);
        return 0;
    }
    static int on_header(
        nghttp2_session*, const nghttp2_frame* f, const std::uint8_t* n, std::size_t ns,
        const std::uint8_t* v, std::size_t vs, std::uint8_t, void* self
    ) {
        const auto it = of(self).taking_.find(f->hd.stream_id);
        if (it == of(self).taking_.end()) return 0;
        auto& t = it->second;
        constexpr std::size_t k_overhead = 32; // as SETTINGS_MAX_HEADER_LIST_SIZE counts
        t.header_bytes += ns + vs + k_overhead;
        if (t.header_bytes > of(self).limits_.header_bytes) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        std::string name(reinterpret_cast<const char*>(n), ns);
        std::string value(reinterpret_cast<const char*>(v), vs);
        if (name == ":method")
            t.request.method = std::move(value);
        else if (name == ":path")
            t.request.path = std::move(value);
        else if (!name.starts_with(':'))
            t.request.fields.emplace_back(std::move(name), std::move(value));
        return 0;
    }
    static int on_data(
        nghttp2_session* raw, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
        void* self
    ) {
        auto& me = of(self);
        const auto it = me.taking_.find(id);
        if (it == me.taking_.end()) return 0;
        auto& body = it->second.request.body;
        if (body.size() + size > me.limits_.body_bytes) {
            me.taking_.erase(it);
            nghttp2_submit_rst_stream(raw, NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);
            return 0;
        }
        body.append(reinterpret_cast<const char*>(data), size);
        return 0;
    }
    static int on_frame(nghttp2_session*, const nghttp2_frame* f, void* self) {
        auto& me = of(self);
        const bool carries = f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA;
        if (!carries || (f->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
        const auto it = me.taking_.find(f->hd.stream_id);
        if (it == me.taking_.end() || f->hd.stream_id > me.last_) return 0;
        me.complete_.push_back({f->hd.stream_id, std::move(it->second.request)});
        me.taking_.erase(it);
        return 0;
    }
    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
        of(self).taking_.erase(id);
        of(self).giving_.erase(id);
        return 0;
    }

    push_limits limits_;
    unsigned streams_;
    nghttp2_session* raw_ = nullptr;
    std::map<std::int32_t, taking> taking_;
    std::map<std::int32_t, giving> giving_;
    std::vector<incoming> complete_;
    std::int32_t seen_ = 0;
    std::int32_t last_ = 0x7fffffff; ///< of GOAWAY: what came above it is not looked at
    bool dropped_ = false;
};

} // namespace

std::unique_ptr<push_protocol> make_http2(push_limits limits, unsigned streams, bool strict) {
    return std::make_unique<http2>(limits, streams, strict);
}

bool begins_http2(std::string_view bytes) {
    return bytes.starts_with("PRI");
}

} // namespace z360::sim
