// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http/transfer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace z360::adapter::http {
namespace {

constexpr std::size_t k_max_body = 8 * 1024 * 1024;
constexpr std::size_t k_max_header_bytes = 64 * 1024;
constexpr int k_send_buffer =
    256 * 1024; ///< of an upload, in the kernel; without a bound it may be megabytes

bool printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return (u < 0x20 && c != '\t') || u == 0x7F;
    });
}

std::string_view trim(std::string_view s) {
    const auto first = s.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return s.substr(first, s.find_last_not_of(" \t\r\n") - first + 1);
}

/// Of a status line: 2xx.
bool successful(std::string_view line) {
    const auto space = line.find(' ');
    return space != std::string_view::npos && line.substr(space + 1).starts_with('2');
}

/// Else the kernel takes in so much that a slow peer looks like one that stalls.
int bound_send_buffer(void*, curl_socket_t fd, curlsocktype) {
    (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &k_send_buffer, sizeof k_send_buffer);
    return CURL_SOCKOPT_OK;
}

} // namespace

transfer::transfer(boost::asio::any_io_executor ex, easy_ptr handle, z360::http::client_request req)
    : easy_(std::move(handle)), request_(std::move(req)), done_(std::move(ex)) {
    if (request_.upload != nullptr || request_.download != nullptr)
        bodies_ = std::make_unique<bodies>(request_.upload, request_.download, request_.stall_timeout);
}

transfer::~transfer() {
    for (auto* h = headers_; h; h = h->next)
        explicit_bzero(h->data, std::strlen(h->data)); // one of them may hold the bearer token
    curl_slist_free_all(headers_);
}

bool transfer::prepare(const std::string& ca_file) {
    CURL* h = easy_.get();
    if (!set_headers()) return false;
    set_method();
    curl_easy_setopt(h, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(h, CURLOPT_PRIVATE, this);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, error_.data());
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2TLS});
    // Wait for a connection that may multiplex rather than open one per request. Plain HTTP never does.
    curl_easy_setopt(h, CURLOPT_PIPEWAIT, request_.url.starts_with("https:") ? 1L : 0L);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!ca_file.empty()) curl_easy_setopt(h, CURLOPT_CAINFO, ca_file.c_str());
    curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
    // 0 would mean "for ever" to libcurl
    curl_easy_setopt(
        h, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<millis::rep>(1, request_.timeout.count()))
    );
    curl_easy_setopt(h, CURLOPT_USERAGENT, "z360-voip");
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, &transfer::on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, &transfer::on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, this);
    if (bodies_) set_bodies();
    return true;
}

void transfer::set_bodies() {
    CURL* h = easy_.get();
    // A connection to itself: a pause holds up nobody else's answer, and reaches the peer through TCP.
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    curl_easy_setopt(h, CURLOPT_PIPEWAIT, 0L);
    if (request_.upload == nullptr) return;
    // A new one, as libcurl could not send the body again if the peer had closed an old one meanwhile.
    curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(h, CURLOPT_READFUNCTION, &transfer::on_read);
    curl_easy_setopt(h, CURLOPT_READDATA, this);
    curl_easy_setopt(h, CURLOPT_SOCKOPTFUNCTION, &bound_send_buffer);
}

void transfer::set_method() {
    CURL* h = easy_.get();
    const auto& method = request_.method;
    if (request_.upload != nullptr) {
        curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.upload->size()));
        if (method != "PUT") curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method.c_str());
        return;
    }
    if (method == "GET" && request_.body.empty()) {
        curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
        return;
    }
    if (method == "HEAD") {
        curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
        return;
    }
    if (method == "POST" || !request_.body.empty()) {
        curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, request_.body.c_str()); // not copied: we outlive the transfer
    }
    if (method != "POST") curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method.c_str());
}

bool transfer::set_headers() {
    for (const auto& [name, value] : request_.headers.items()) {
        // an empty value is written "Name;" or libcurl would leave the header out
        const bool ok = append_header(value.empty() ? name + ";" : name + ": " + value);
        if (!ok) return false;
    }
    if (!request_.bearer.empty()) {
        std::string line = "Authorization: Bearer ";
        line += request_.bearer.reveal();
        const bool ok = append_header(line);
        explicit_bzero(line.data(), line.size());
        if (!ok) return false;
    }
    if (request_.headers.count("Content-Type") == 0 && !append_header("Content-Type:")) return false;
    if (!append_header("Expect:")) return false; // never wait for 100-continue
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, headers_);
    return true;
}

bool transfer::append_header(const std::string& line) {
    if (!printable(line)) {
        response.error = "a request header holds a control character"; // the header itself may be a secret
        response.sent = false;
        return false;
    }
    auto* longer = curl_slist_append(headers_, line.c_str());
    if (!longer) throw std::bad_alloc();
    headers_ = longer;
    return true;
}

std::size_t transfer::on_body(char* data, std::size_t size, std::size_t n, void* self) {
    auto& t = *static_cast<transfer*>(self);
    const std::size_t bytes = size * n;
    if (t.bodies_) {
        if (t.bodies_->to_sink) return t.pass_on(data, bytes);
        t.bodies_->touch();
    }
    if (t.response.body.size() + bytes > k_max_body) {
        t.too_large_ = true;
        return 0; // ends the transfer
    }
    t.response.body.append(data, bytes);
    return bytes;
}

std::size_t transfer::pass_on(const char* data, std::size_t n) {
    if (!bodies_->take_in(data, n)) return CURL_WRITEFUNC_PAUSE;
    done_.set();
    return n;
}

std::size_t transfer::on_read(char* to, std::size_t size, std::size_t n, void* self) {
    auto& t = *static_cast<transfer*>(self);
    const std::size_t given = t.bodies_->give_out(to, size * n);
    if (t.bodies_->wanted() > 0) t.done_.set();
    return given;
}

std::size_t transfer::on_header(char* data, std::size_t size, std::size_t n, void* self) {
    auto& t = *static_cast<transfer*>(self);
    const std::string_view line(data, size * n);
    if (t.bodies_) t.bodies_->touch();
    if (line.starts_with("HTTP/")) {
        t.response.headers = {}; // what came before was an interim response
        if (t.bodies_) t.bodies_->to_sink = t.request_.download != nullptr && successful(line);
        return size * n;
    }
    std::size_t known = line.size();
    for (const auto& [name, value] : t.response.headers.items())
        known += name.size() + value.size();
    if (known > k_max_header_bytes) {
        t.too_large_ = true;
        return 0;
    }
    if (const auto colon = line.find(':'); colon != std::string_view::npos && colon > 0)
        t.response.headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
    return size * n;
}

boost::asio::awaitable<void> transfer::move_bodies() {
    auto& b = *bodies_;
    b.touch();
    while (true) {
        if (finished_ && response.status == 0) co_return; // what came of it is worth nothing
        if (b.has_incoming()) {
            std::string piece = b.take_incoming();
            resume(CURLPAUSE_RECV); // the next one comes while this one is written
            co_await b.sink->write(std::move(piece));
            b.touch();
            continue;
        }
        if (finished_) co_return;
        if (const std::size_t most = b.wanted(); most > 0) {
            std::string piece = co_await b.source->read(most);
            b.add_outgoing(std::move(piece));
            b.touch();
            resume(CURLPAUSE_SEND);
            continue;
        }
        const auto patience = b.patience();
        if (patience <= rt::clock::duration::zero()) {
            stalled_ = true;
            finish(CURLE_OPERATION_TIMEDOUT);
            co_return;
        }
        (void)co_await done_.wait_for(patience);
    }
}

void transfer::resume(int way) {
    if (finished_ || (bodies_->paused & way) == 0) return;
    bodies_->paused &= ~way;
    // Hands over at once what it kept back, and has its timer set to go on soon.
    const CURLcode result = curl_easy_pause(easy_.get(), bodies_->paused);
    if (result != CURLE_OK) finish(result);
}

std::string transfer::describe(CURLcode result) const {
    if (too_large_) return "the response is larger than 8 MiB or its headers than 64 KiB";
    if (stalled_)
        return "timeout: not a byte moved for " + std::to_string(request_.stall_timeout.count()) + " ms";
    const char* detail = error_[0] != '\0' ? error_.data() : curl_easy_strerror(result);
    return result == CURLE_OPERATION_TIMEDOUT ? std::string("timeout: ") + detail : std::string(detail);
}

void transfer::finish(CURLcode result) {
    if (result == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
        response.status = static_cast<int>(status);
    } else {
        long request_bytes = 0; // what was given to the connection, over all tries
        curl_easy_getinfo(easy_.get(), CURLINFO_REQUEST_SIZE, &request_bytes);
        response.status = 0;
        response.headers = {};
        response.body.clear();
        response.error = describe(result);
        response.sent = request_bytes > 0;
    }
    finished_ = true;
    done_.set();
}

void transfer::fail(std::string why) {
    response = {};
    response.error = std::move(why);
    finished_ = true;
    done_.set();
}

} // namespace z360::adapter::http
