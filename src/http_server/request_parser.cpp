// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The only file that sees Beast. Its parser alone is used, without Beast's containers and streams: fields go
// straight into our request.
#include "http_server/request_parser.hpp"

#include "http_server/target.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace z360::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;

constexpr refusal k_malformed{400, "request_malformed", "The request is not valid HTTP"};
constexpr refusal k_bad_target{400, "target_invalid", "The request target is not a valid path"};
constexpr refusal k_bad_host{400, "host_invalid", "An HTTP/1.1 request needs exactly one Host header"};
constexpr refusal k_version{505, "http_version_unsupported", "Only HTTP/1.0 and HTTP/1.1 are spoken here"};
constexpr refusal k_coding{501, "transfer_encoding_unsupported", "The only transfer encoding is chunked"};
constexpr refusal k_header_limit{431, "headers_too_large", "The request's headers are too large"};
constexpr refusal k_body_limit{413, "body_too_large", "The request's body is too large"};

constexpr std::size_t k_small_read = 4 * 1024;
constexpr std::size_t k_large_read = 32 * 1024;

class parser final : public beast_http::basic_parser<true> {
  public:
    request out;
    const refusal* refused = nullptr;
    int version = 11;
    bool expects_continue = false;

  private:
    using string_view = boost::beast::string_view;

    /// Stops the parser with a refusal of our own; the code given to Beast is only a carrier.
    void refuse(const refusal& why, error_code& ec) {
        refused = &why;
        ec = beast_http::error::bad_value;
    }

    void on_request_impl(beast_http::verb, string_view method, string_view target, int v, error_code& ec)
        override {
        version = v;
        out.method.assign(method.data(), method.size());
        out.target.assign(target.data(), target.size());
        auto parts = http::parse_target(out.target);
        if (!parts) return refuse(k_bad_target, ec);
        out.path = std::move(parts->path);
        out.query = std::move(parts->query);
    }
    void on_field_impl(beast_http::field, string_view name, string_view value, error_code&) override {
        // Trailers of a chunked body come here too; taking them would let them pose as checked headers.
        if (is_header_done()) return;
        out.headers.add(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
    }
    void on_header_impl(error_code& ec) override {
        const auto hosts = out.headers.count("Host");
        if (hosts > 1 || (version == 11 && hosts == 0)) return refuse(k_bad_host, ec);
        const auto codings = out.headers.count("Transfer-Encoding");
        if (codings > 1 ||
            (codings == 1 && !boost::beast::iequals(out.headers.get("Transfer-Encoding"), "chunked")))
            return refuse(k_coding, ec);
        expects_continue = version == 11 && boost::beast::iequals(out.headers.get("Expect"), "100-continue");
    }
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
        // Not beyond one large read: memory follows what has arrived, not what was announced.
        if (length)
            out.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, k_large_read)));
    }
    std::size_t on_body_impl(string_view bytes, error_code&) override {
        out.body.append(bytes.data(), bytes.size());
        return bytes.size();
    }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) override {
        out.body.append(bytes.data(), bytes.size());
        return bytes.size();
    }
    void on_finish_impl(error_code&) override {}
    void on_response_impl(int, string_view, int, error_code&) override {} // requests only
};

const refusal& classify(const error_code& ec) {
    if (ec == beast_http::error::header_limit || ec == beast_http::error::buffer_overflow)
        return k_header_limit;
    if (ec == beast_http::error::body_limit) return k_body_limit;
    if (ec == beast_http::error::bad_version) return k_version;
    return k_malformed;
}

} // namespace

struct request_parser::impl {
    std::size_t max_header;
    std::size_t max_body;
    std::optional<parser> current;
    const refusal* refused = nullptr;
};

request_parser::request_parser(std::size_t max_header_bytes, std::size_t max_body_bytes)
    : impl_(std::make_unique<impl>(impl{max_header_bytes, max_body_bytes, {}, nullptr})) {
    restart();
}

request_parser::~request_parser() = default;

void request_parser::restart() {
    auto& p = impl_->current.emplace();
    p.eager(true);
    p.header_limit(static_cast<std::uint32_t>(impl_->max_header));
    p.body_limit(impl_->max_body);
    p.out.headers.reserve(16);
    impl_->refused = nullptr;
}

request_parser::progress request_parser::feed(input_buffer& in) {
    auto& p = *impl_->current;
    while (in.size() > 0 && !p.is_done()) {
        const auto bytes = in.readable();
        error_code ec;
        const std::size_t used = p.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
        in.consume(used);
        if (ec == beast_http::error::need_more) {
            // Chunk headers and trailers have no limit of their own in the parser.
            if (in.size() > impl_->max_header)
                ec = beast_http::error::header_limit;
            else if (used == 0)
                break;
            else
                continue;
        }
        if (ec) {
            impl_->refused = p.refused ? p.refused : &classify(ec);
            return progress::refused;
        }
        if (used == 0) break;
    }
    return p.is_done() ? progress::done : progress::need_more;
}

bool request_parser::started() const {
    return impl_->current->got_some();
}

const refusal& request_parser::why() const {
    return impl_->refused ? *impl_->refused : k_malformed;
}

bool request_parser::keep_alive() const {
    return impl_->current->keep_alive();
}

bool request_parser::http_1_0() const {
    return impl_->current->version == 10;
}

bool request_parser::take_expectation() {
    auto& p = *impl_->current;
    return p.is_header_done() && !p.is_done() && std::exchange(p.expects_continue, false);
}

std::size_t request_parser::read_size() const {
    const auto& p = *impl_->current;
    if (!p.is_header_done() || p.is_done()) return k_small_read;
    return p.content_length_remaining().value_or(k_large_read) > k_small_read ? k_large_read : k_small_read;
}

request request_parser::take() {
    return std::move(impl_->current->out);
}

} // namespace z360::http
