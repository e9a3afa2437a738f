// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/http/bodies.hpp"

#include <z360/http/client.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace z360::adapter::http {

struct easy_cleanup {
    void operator()(CURL* h) const { curl_easy_cleanup(h); }
};
using easy_ptr = std::unique_ptr<CURL, easy_cleanup>;

/// One exchange: libcurl's easy handle with everything it points to. Knows nothing of the loop's sockets.
class transfer {
  public:
    transfer(boost::asio::any_io_executor ex, easy_ptr handle, z360::http::client_request req);
    transfer(const transfer&) = delete;
    transfer& operator=(const transfer&) = delete;
    ~transfer();

    /// Hands the request to libcurl. False: it cannot be sent; the response says why.
    [[nodiscard]] bool prepare(const std::string& ca_file);
    /// Takes the outcome over and wakes the waiter.
    void finish(CURLcode result);
    /// Ends it without an outcome from libcurl.
    void fail(std::string why);

    [[nodiscard]] CURL* handle() const { return easy_.get(); }
    /// The handle, for another transfer; it must be out of the multi handle.
    [[nodiscard]] easy_ptr take_handle() { return std::move(easy_); }
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] boost::asio::awaitable<void> wait() { return done_.wait(); }
    /// Its body comes from a source, or goes to a sink: move_bodies() until it is finished.
    [[nodiscard]] bool long_bodies() const { return bodies_ != nullptr; }
    /// Moves pieces between sink, source and libcurl; must not run inside libcurl. Throws what they throw,
    /// and when cancelled: then the transfer is to be taken out of libcurl.
    [[nodiscard]] boost::asio::awaitable<void> move_bodies();
    z360::http::client_response response;

  private:
    static std::size_t on_body(char* data, std::size_t size, std::size_t n, void* self);
    static std::size_t on_header(char* data, std::size_t size, std::size_t n, void* self);
    static std::size_t on_read(char* to, std::size_t size, std::size_t n, void* self);
    [[nodiscard]] std::size_t pass_on(const char* data, std::size_t n);
    [[nodiscard]] bool set_headers();
    [[nodiscard]] bool append_header(const std::string& line);
    void set_method();
    void set_bodies();
    void resume(int way);
    [[nodiscard]] std::string describe(CURLcode result) const;

    easy_ptr easy_;
    z360::http::client_request request_;
    curl_slist* headers_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> error_{};
    std::unique_ptr<bodies> bodies_; ///< null: both bodies are strings
    rt::event done_;
    bool finished_ = false;
    bool too_large_ = false;
    bool stalled_ = false;
};

} // namespace z360::adapter::http
