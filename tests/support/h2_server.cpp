// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/h2_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <list>

namespace z360::test {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);

int choose_h2(
    SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned n, void* self
) {
    if (!static_cast<h2_server*>(self)->alpn) return SSL_TLSEXT_ERR_NOACK;
    unsigned char* chosen = nullptr;
    static constexpr unsigned char k_ours[] = "\x02h2";
    if (SSL_select_next_proto(&chosen, size, k_ours, 3, in, n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

nghttp2_nv nv(const std::string& name, const std::string& value) {
    nghttp2_nv out{};
    out.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    out.namelen = name.size();
    out.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    out.valuelen = value.size();
    return out;
}

} // namespace

class h2_server::session final : public h2_peer, public std::enable_shared_from_this<session> {
  public:
    session(h2_server& s, tcp::socket socket)
        : server_(s), socket_(std::move(socket)), wake_(s.ex_), tasks_(s.ex_) {}
    ~session() override {
        if (raw_ != nullptr) nghttp2_session_del(raw_);
    }

    awaitable<void> run() {
        try {
            co_await live();
        } catch (const boost::system::system_error&) { // cancelled
        }
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        drop();
        co_await tasks_.join();
    }

    void respond(std::int32_t stream, int status, std::string body, fields more) override {
        send_response(stream, status, std::move(body), std::move(more), {});
    }
    void trailers_after(std::int32_t stream, int status, std::string body, fields trailers) override {
        send_response(stream, status, std::move(body), {}, std::move(trailers));
    }
    void begin_response(std::int32_t stream, int status, fields more) override {
        if (!open()) return;
        const auto code = std::to_string(status);
        std::vector<nghttp2_nv> list{nv(k_status, code)};
        for (const auto& [n, v] : more)
            list.push_back(nv(n, v));
        nghttp2_submit_headers(raw_, NGHTTP2_FLAG_NONE, stream, nullptr, list.data(), list.size(), nullptr);
        wake_.set();
    }
    void reset(std::int32_t stream, std::uint32_t code) override {
        if (!open()) return;
        nghttp2_submit_rst_stream(raw_, NGHTTP2_FLAG_NONE, stream, code);
        wake_.set();
    }
    void settings(std::vector<std::pair<std::int32_t, std::uint32_t>> entries) override {
        if (!open()) return;
        std::vector<nghttp2_settings_entry> list;
        for (const auto& [id, value] : entries)
            list.push_back({id, value});
        nghttp2_submit_settings(raw_, NGHTTP2_FLAG_NONE, list.data(), list.size());
        wake_.set();
    }
    void goaway(std::int32_t last, std::uint32_t code, std::string debug) override {
        if (!open()) return;
        taken_ = last; // what came above that is not looked at, whatever came of it before
        nghttp2_submit_goaway(
            raw_, NGHTTP2_FLAG_NONE, last, code, reinterpret_cast<const std::uint8_t*>(debug.data()),
            debug.size()
        );
        wake_.set();
    }
    void shutdown_notice() override {
        if (!open()) return;
        nghttp2_submit_shutdown_notice(raw_);
        wake_.set();
    }
    void raw(std::string bytes) override {
        extra_ += bytes;
        wake_.set();
    }
    void drop() override {
        dropped_ = true;
        error_code ignored;
        socket_.lowest_layer().close(ignored);
    }
    [[nodiscard]] std::int32_t last_stream() const override { return last_; }
    [[nodiscard]] bool open() const override { return raw_ != nullptr && !dropped_; }

  private:
    struct answer {
        std::string body;
        std::size_t at = 0;
        fields trailers;
        session* of = nullptr;
    };

    awaitable<void> live() {
        if (server_.how == manner::silent_tcp) co_await rt::sleep_for(1h);
        if (server_.tls_) {
            tls_.emplace(socket_, *server_.tls_);
            auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::server, k_token);
            if (ec) co_return;
            const char* name = SSL_get_servername(tls_->native_handle(), TLSEXT_NAMETYPE_host_name);
            server_.names.emplace_back(name == nullptr ? "" : name);
        }
        error_code ignored;
        socket_.set_option(tcp::no_delay(true), ignored);
        begin();
        if (server_.on_open) server_.on_open(*this);
        tasks_.spawn(write_loop());
        std::vector<char> room(32 * 1024);
        while (!dropped_) {
            auto [ec, n] = co_await read(asio::buffer(room));
            if (ec) co_return;
            if (deaf || server_.how == manner::never_settings || server_.how == manner::garbage) continue;
            const auto used =
                nghttp2_session_mem_recv(raw_, reinterpret_cast<const std::uint8_t*>(room.data()), n);
            if (used < 0) co_return;
            wake_.set();
        }
    }
    awaitable<std::tuple<error_code, std::size_t>> read(asio::mutable_buffer into) {
        if (tls_) {
            auto r = co_await tls_->async_read_some(into, k_token);
            co_return r;
        }
        auto r = co_await socket_.async_read_some(into, k_token);
        co_return r;
    }

    awaitable<void> write_loop() {
        std::string out;
        while (!dropped_) {
            out.clear();
            collect(out);
            if (out.empty()) {
                co_await wake_.wait();
                continue;
            }
            error_code ec;
            if (tls_) {
                auto [failed, n] = co_await asio::async_write(*tls_, asio::buffer(out), k_token);
                ec = failed;
                (void)n;
            } else {
                auto [failed, n] = co_await asio::async_write(socket_, asio::buffer(out), k_token);
                ec = failed;
                (void)n;
            }
            if (ec) break;
            if (nghttp2_session_want_read(raw_) == 0 && nghttp2_session_want_write(raw_) == 0) break;
        }
        drop();
    }
    void collect(std::string& out) {
        if (server_.how == manner::never_settings) return;
        if (server_.how == manner::proper) {
            const std::uint8_t* data = nullptr;
            for (ssize_t n = 1; n > 0 && out.size() < 256 * 1024;) {
                n = nghttp2_session_mem_send(raw_, &data);
                if (n > 0) out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(n));
            }
        }
        out += std::exchange(extra_, {});
    }

    void begin() {
        nghttp2_session_callbacks* calls = nullptr;
        nghttp2_session_callbacks_new(&calls);
        nghttp2_session_callbacks_set_on_begin_frame_callback(
            calls,
            [](nghttp2_session*, const nghttp2_frame_hd* hd, void* self) {
                ++static_cast<session*>(self)->server_.frames[hd->type];
                return 0;
            }
        );
        nghttp2_session_callbacks_set_on_begin_headers_callback(
            calls, [](nghttp2_session*, const nghttp2_frame* f,
                      void* self) { return static_cast<session*>(self)->on_begin(f->hd.stream_id); }
        );
        nghttp2_session_callbacks_set_on_header_callback(calls, &session::on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            calls,
            [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* d, std::size_t n,
               void* self) {
                auto& me = *static_cast<session*>(self);
                if (const auto it = me.requests_.find(id); it != me.requests_.end())
                    it->second.body.append(reinterpret_cast<const char*>(d), n);
                return 0;
            }
        );
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            calls,
            [](nghttp2_session*, const nghttp2_frame* f, void* self) {
                const bool last = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
                if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) && last)
                    static_cast<session*>(self)->complete(f->hd.stream_id);
                return 0;
            }
        );
        nghttp2_session_callbacks_set_on_stream_close_callback(
            calls,
            [](nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
                auto& me = *static_cast<session*>(self);
                me.requests_.erase(id);
                me.answers_.erase(id);
                --me.open_;
                return 0;
            }
        );
        nghttp2_option* options = nullptr;
        nghttp2_option_new(&options);
        nghttp2_option_set_no_closed_streams(options, 1);
        nghttp2_session_server_new2(&raw_, calls, this, options);
        nghttp2_option_del(options);
        nghttp2_session_callbacks_del(calls);
        std::vector<nghttp2_settings_entry> ours{
            {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server_.max_streams},
            {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, server_.initial_window},
        };
        if (server_.header_list > 0)
            ours.push_back({NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, server_.header_list});
        nghttp2_submit_settings(raw_, NGHTTP2_FLAG_NONE, ours.data(), ours.size());
        if (server_.how == manner::garbage) extra_ = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
        if (server_.how == manner::raw) extra_ = server_.raw_bytes;
    }

    int on_begin(std::int32_t id) {
        last_ = std::max(last_, id);
        auto& r = requests_[id];
        r.stream = id;
        r.peer = index;
        server_.most_open = std::max(server_.most_open, ++open_);
        return 0;
    }
    static int on_header(
        nghttp2_session*, const nghttp2_frame* f, const std::uint8_t* n, std::size_t ns,
        const std::uint8_t* v, std::size_t vs, std::uint8_t, void* self
    ) {
        auto& r = static_cast<session*>(self)->requests_[f->hd.stream_id];
        std::string name(reinterpret_cast<const char*>(n), ns);
        std::string value(reinterpret_cast<const char*>(v), vs);
        if (name == ":path")
            r.path = std::move(value);
        else if (name == ":method")
            r.method = std::move(value);
        else if (name == ":authority")
            r.authority = std::move(value);
        else if (name[0] != ':')
            r.fields.emplace_back(std::move(name), std::move(value));
        return 0;
    }
    void complete(std::int32_t id) {
        const auto it = requests_.find(id);
        if (it == requests_.end() || id > taken_) return;
        const h2_seen r = it->second;
        if (server_.keep_requests) {
            server_.seen.push_back(r);
            ++server_.times[r.path];
        }
        if (server_.on_request)
            server_.on_request(*this, r);
        else
            respond(id, 200, "ok", {});
    }

    void send_response(std::int32_t stream, int status, std::string body, fields more, fields trailers) {
        if (!open()) return;
        const auto code = std::to_string(status);
        std::vector<nghttp2_nv> list{nv(k_status, code)};
        for (const auto& [n, v] : more)
            list.push_back(nv(n, v));
        auto& a = answers_[stream];
        a.body = std::move(body);
        a.trailers = std::move(trailers);
        a.of = this;
        nghttp2_data_provider from{};
        from.source.ptr = &a;
        from.read_callback = &session::read_answer;
        const bool empty = a.body.empty() && a.trailers.empty();
        nghttp2_submit_response(raw_, stream, list.data(), list.size(), empty ? nullptr : &from);
        wake_.set();
    }
    static ssize_t
    read_answer(nghttp2_session* raw, std::int32_t id, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source* from, void*) {
        auto& a = *static_cast<answer*>(from->ptr);
        const auto n = std::min(room, a.body.size() - a.at);
        std::memcpy(into, a.body.data() + a.at, n);
        a.at += n;
        if (a.at < a.body.size()) return static_cast<ssize_t>(n);
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!a.trailers.empty()) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            std::vector<nghttp2_nv> list;
            for (const auto& [name, value] : a.trailers)
                list.push_back(nv(name, value));
            nghttp2_submit_trailer(raw, id, list.data(), list.size());
        }
        return static_cast<ssize_t>(n);
    }

    static inline const std::string k_status = ":status";
    h2_server& server_;
    tcp::socket socket_;
    std::optional<asio::ssl::stream<tcp::socket&>> tls_;
    rt::event wake_;
    rt::task_group tasks_;
    nghttp2_session* raw_ = nullptr;
    std::map<std::int32_t, h2_seen> requests_;
    std::map<std::int32_t, answer> answers_;
    std::string extra_;
    std::int32_t last_ = 0;
    std::int32_t taken_ = 0x7fffffff;
    std::size_t open_ = 0;
    bool dropped_ = false;
};

h2_server::h2_server(asio::any_io_executor ex, const std::string& certificate, const std::string& key)
    : ex_(ex), acceptor_(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), tasks_(ex) {
    port_ = acceptor_.local_endpoint().port();
    if (certificate.empty()) return;
    tls_ = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    tls_->use_certificate_chain_file(certificate);
    tls_->use_private_key_file(key, asio::ssl::context::pem);
    SSL_CTX_set_alpn_select_cb(tls_->native_handle(), &choose_h2, this);
}

h2_server::~h2_server() = default;

void h2_server::start() {
    tasks_.spawn(accept());
}

awaitable<void> h2_server::accept() {
    while (true) {
        auto [ec, socket] = co_await acceptor_.async_accept(k_token);
        if (ec) co_return;
        ++accepted;
        auto s = std::make_shared<session>(*this, std::move(socket));
        s->index = peers.size();
        peers.push_back(s);
        tasks_.spawn(s->run());
    }
}

void h2_server::refuse() {
    error_code ignored;
    acceptor_.close(ignored);
}

awaitable<void> h2_server::stop() {
    refuse();
    co_await tasks_.join();
}

std::size_t h2_server::open_peers() const {
    return static_cast<std::size_t>(std::count_if(peers.begin(), peers.end(), [](const auto& p) {
        return p->open();
    }));
}

} // namespace z360::test
