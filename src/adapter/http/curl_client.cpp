// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http/transfer.hpp"

#include <z360/http/client.hpp>
#include <z360/log.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unistd.h>

#include <list>
#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

namespace z360::adapter::http {
namespace {

namespace asio = boost::asio;
using z360::http::client;
using z360::http::client_request;
using z360::http::client_response;

constexpr std::size_t k_spare_handles = 64;

/// A socket that libcurl wants to be told about. The descriptor belongs to libcurl: it is released, never
/// closed, by us. Handlers in flight keep the watch, and look at `live` before they touch the client.
struct watch {
    watch(const asio::any_io_executor& ex, curl_socket_t s) : fd(s), descriptor(ex, s) {}
    curl_socket_t fd;
    asio::posix::stream_descriptor descriptor;
    int wanted = CURL_POLL_NONE;
    bool live = true;
    bool waiting_read = false;
    bool waiting_write = false;
};

class curl_client final : public client {
  public:
    curl_client(asio::any_io_executor ex, std::size_t max_connections_per_host, std::string ca_file)
        : ex_(std::move(ex)), ca_file_(std::move(ca_file)), timer_(ex_), multi_(curl_multi_init()) {
        if (!multi_) throw std::runtime_error("libcurl cannot be set up: no memory");
        const auto per_host = static_cast<long>(max_connections_per_host);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &curl_client::on_socket);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &curl_client::on_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_PIPELINING, long{CURLPIPE_MULTIPLEX});
        curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 2 * per_host); // kept open between requests
    }

    ~curl_client() override {
        *alive_ = false;
        for (auto* t : active_) {
            curl_multi_remove_handle(multi_, t->handle());
            t->fail("the HTTP client was closed");
        }
        active_.clear();
        curl_multi_cleanup(multi_); // closes the connections through on_close
        for (auto& [fd, w] : watches_)
            drop(*w);
    }
    curl_client(const curl_client&) = delete;
    curl_client& operator=(const curl_client&) = delete;

    asio::awaitable<client_response> perform(client_request req) override {
        transfer t(ex_, take_handle(), std::move(req));
        const active_guard guard(*this, t);
        if (!t.prepare(ca_file_)) co_return std::move(t.response);
        curl_easy_setopt(t.handle(), CURLOPT_CLOSESOCKETFUNCTION, &curl_client::on_close);
        curl_easy_setopt(t.handle(), CURLOPT_CLOSESOCKETDATA, this);
        const auto added = curl_multi_add_handle(multi_, t.handle());
        if (added != CURLM_OK) {
            t.response.error = curl_multi_strerror(added);
            t.response.sent = false;
            co_return std::move(t.response);
        }
        if (t.long_bodies()) co_await t.move_bodies();
        while (!t.finished())
            co_await t.wait(); // throws when cancelled: the guard then aborts the transfer
        co_return std::move(t.response);
    }

  private:
    /// Enters a transfer and takes it out again however its coroutine ends, unless the client went first.
    class active_guard {
      public:
        active_guard(curl_client& c, transfer& t) : client_(c), transfer_(t), alive_(c.alive_) {
            place_ = c.active_.insert(c.active_.end(), &t);
        }
        active_guard(const active_guard&) = delete;
        active_guard& operator=(const active_guard&) = delete;
        ~active_guard() {
            if (!*alive_) return;
            client_.active_.erase(place_);
            curl_multi_remove_handle(client_.multi_, transfer_.handle());
            client_.keep_handle(transfer_.take_handle());
        }

      private:
        curl_client& client_;
        transfer& transfer_;
        std::shared_ptr<bool> alive_;
        std::list<transfer*>::iterator place_;
    };

    easy_ptr take_handle() {
        if (spare_.empty()) {
            easy_ptr made(curl_easy_init());
            if (!made) throw std::runtime_error("libcurl: no memory for a transfer");
            return made;
        }
        easy_ptr h = std::move(spare_.back());
        spare_.pop_back();
        return h;
    }
    void keep_handle(easy_ptr h) {
        curl_easy_reset(h.get());
        if (spare_.size() < k_spare_handles) spare_.push_back(std::move(h));
    }

    static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
        try {
            static_cast<curl_client*>(self)->watch_socket(fd, what);
            return 0;
        } catch (const std::exception& e) {
            log::error("http_client_socket_failed", {{"error", e.what()}});
            return -1; // libcurl ends the transfers in question
        }
    }

    static int on_timer(CURLM*, long timeout_ms, void* self) noexcept {
        auto& c = *static_cast<curl_client*>(self);
        if (!*c.alive_) return 0;
        try {
            c.set_timer(timeout_ms);
            return 0;
        } catch (const std::exception& e) {
            log::error("http_client_timer_failed", {{"error", e.what()}});
            return -1;
        }
    }

    /// libcurl closes a connection: the watch goes first, because the number may be used again at once.
    static int on_close(void* self, curl_socket_t fd) noexcept {
        auto& c = *static_cast<curl_client*>(self);
        if (const auto it = c.watches_.find(fd); it != c.watches_.end()) {
            drop(*it->second);
            c.watches_.erase(it);
        }
        return ::close(fd);
    }

    static void drop(watch& w) noexcept {
        w.live = false;
        if (w.descriptor.is_open()) (void)w.descriptor.release(); // ends its waits
    }

    void watch_socket(curl_socket_t fd, int what) {
        auto it = watches_.find(fd);
        if (what == CURL_POLL_REMOVE) {
            if (it == watches_.end()) return;
            drop(*it->second);
            watches_.erase(it);
            return;
        }
        if (it == watches_.end()) it = watches_.emplace(fd, std::make_shared<watch>(ex_, fd)).first;
        it->second->wanted = what;
        arm(it->second);
    }

    void arm(const std::shared_ptr<watch>& w) {
        if ((w->wanted & CURL_POLL_IN) != 0 && !w->waiting_read) {
            w->waiting_read = true;
            w->descriptor.async_wait(
                asio::posix::stream_descriptor::wait_read,
                [this, w](boost::system::error_code ec) {
                    w->waiting_read = false;
                    if (w->live) on_ready(w, ec ? CURL_CSELECT_ERR : CURL_CSELECT_IN);
                }
            );
        }
        if ((w->wanted & CURL_POLL_OUT) != 0 && !w->waiting_write) {
            w->waiting_write = true;
            w->descriptor.async_wait(
                asio::posix::stream_descriptor::wait_write,
                [this, w](boost::system::error_code ec) {
                    w->waiting_write = false;
                    if (w->live) on_ready(w, ec ? CURL_CSELECT_ERR : CURL_CSELECT_OUT);
                }
            );
        }
    }

    void on_ready(const std::shared_ptr<watch>& w, int event) {
        // A wait cannot be taken back: what is no longer wanted is passed over, or libcurl would be told of
        // room to write for ever.
        const int needed = event == CURL_CSELECT_IN    ? CURL_POLL_IN
                           : event == CURL_CSELECT_OUT ? CURL_POLL_OUT
                                                       : CURL_POLL_INOUT;
        if ((w->wanted & needed) == 0) return;
        drive(w->fd, event);
        if (w->live) arm(w);
    }

    void set_timer(long timeout_ms) {
        ++timer_generation_;
        timer_.cancel();
        if (timeout_ms < 0) return;
        timer_.expires_after(millis(timeout_ms)); // also for 0: libcurl must not be called from its callback
        timer_.async_wait([this, alive = alive_, mine = timer_generation_](boost::system::error_code ec) {
            if (ec || !*alive || mine != timer_generation_) return;
            drive(CURL_SOCKET_TIMEOUT, 0);
        });
    }

    void drive(curl_socket_t fd, int event) {
        int running = 0;
        const auto rc = curl_multi_socket_action(multi_, fd, event, &running);
        if (rc != CURLM_OK) log::error("http_client_failed", {{"error", curl_multi_strerror(rc)}});
        int left = 0;
        while (CURLMsg* m = curl_multi_info_read(multi_, &left)) {
            if (m->msg != CURLMSG_DONE) continue;
            const CURLcode result = m->data.result;
            void* owner = nullptr;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &owner);
            static_cast<transfer*>(owner)->finish(result); // only wakes its coroutine
        }
    }

    asio::any_io_executor ex_;
    std::string ca_file_;
    asio::steady_timer timer_;
    CURLM* multi_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::uint64_t timer_generation_ = 0;
    std::unordered_map<curl_socket_t, std::shared_ptr<watch>> watches_;
    std::list<transfer*> active_;
    std::vector<easy_ptr> spare_;
};

} // namespace
} // namespace z360::adapter::http

namespace z360::http {

std::unique_ptr<client>
make_client(boost::asio::any_io_executor ex, std::size_t max_connections_per_host, std::string ca_file) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready != CURLE_OK)
        throw std::runtime_error(std::string("libcurl cannot be set up: ") + curl_easy_strerror(ready));
    return std::make_unique<adapter::http::curl_client>(
        std::move(ex), max_connections_per_host, std::move(ca_file)
    );
}

} // namespace z360::http
