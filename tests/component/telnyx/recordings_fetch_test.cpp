// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Contents of recordings over loopback HTTP: what is sent, what comes, what the answers come to.
#include "adapter/telnyx/recordings_client.hpp"
#include "fakes.hpp"

#include <z360/http/server.hpp>
#include <z360/port/errors.hpp>

#include <gtest/gtest.h>

#include <functional>

using namespace z360;
using namespace z360::test;
using rt::awaitable;

namespace {

constexpr const char* k_right = "X-Amz-Signature=right-of-its-own"; // what an address is worth

struct collected final : port::byte_sink {
    std::string all;
    std::function<void(std::size_t)> fault; ///< told of what has come; may throw
    awaitable<void> write(std::string piece) override {
        all += piece;
        if (fault) fault(all.size());
        co_return;
    }
};

struct claim_gone : std::exception {};

/// A store of contents, and the client before it.
struct line {
    boost::asio::io_context io{1};
    counting_metrics metrics;
    std::vector<http::request> seen;
    http::response reply = http::response::text(200, "content", "audio/mpeg");
    std::unique_ptr<http::server> server =
        http::make_server(io.get_executor(), http::server_settings{}, routes(), metrics);
    std::unique_ptr<http::client> http = http::make_client(io.get_executor());
    adapter::telnyx::recordings_client_settings settings;
    std::unique_ptr<port::carrier_recordings> client_;
    collected sink;
    std::optional<port::fetched> got;
    std::string failure;
    bool sink_failed = false;

    line() { server->start(); }
    std::vector<http::route> routes() {
        const auto give = [this](http::request r) { return answered(std::move(r)); };
        const auto other = [this](http::request r) { return wrong_way(std::move(r)); };
        return {
            {"GET", "/files/{name}", give},
            {"GET", "/elsewhere", other},
            {"GET", "/v2/recordings/{id}", give},
            {"DELETE", "/v2/recordings/{id}", give},
        };
    }
    awaitable<http::response> answered(http::request r) {
        seen.push_back(std::move(r));
        co_return reply;
    }
    awaitable<http::response> wrong_way(http::request r) {
        seen.push_back(std::move(r));
        co_return http::response::text(200, "what nobody asked for");
    }
    [[nodiscard]] std::string site() const { return "http://127.0.0.1:" + std::to_string(server->port()); }
    [[nodiscard]] std::string address() const { return site() + "/files/1.mp3?" + k_right; }

    /// `base`: empty: this site's, of plain HTTP.
    port::carrier_recordings& client(const std::string& base = {}) {
        settings.base_url = base.empty() ? site() + "/v2" : base;
        settings.api_key = secret{std::string("KEY-for-tests")};
        client_ = adapter::telnyx::make_carrier_recordings(settings, *http, metrics);
        return *client_;
    }
    awaitable<void> whole(port::carrier_recordings& c, std::string url) {
        try {
            got = co_await c.fetch(std::move(url), sink);
        } catch (const port::unavailable& e) {
            failure = e.what();
        } catch (const claim_gone&) {
            sink_failed = true;
        }
        co_await server->stop(millis{1'000});
    }
    void fetch(std::string url, const std::string& base = {}) {
        boost::asio::co_spawn(io, whole(client(base), std::move(url)), stage::rethrow);
        io.restart();
        io.run_for(std::chrono::seconds{30});
        EXPECT_TRUE(io.stopped());
    }
    [[nodiscard]] double counted(const std::string& outcome) const {
        const auto it = metrics.values.find("telnyx_recording_requests_total what=fetch outcome=" + outcome);
        return it == metrics.values.end() ? 0 : it->second;
    }
};

/// Against an answer of this status.
line& answered_with(line& l, int status, const std::string& body = "no content of ours") {
    l.reply = http::response::text(status, body);
    l.fetch(l.address());
    return l;
}

} // namespace

TEST(recordings_fetch, be_24_the_content_comes_whole_and_our_key_goes_nowhere) {
    line l;
    std::string content;
    for (int i = 0; content.size() < 10 * 1024 * 1024; ++i) // more than an answer held in memory may have
        content += std::to_string(i * 7919);
    l.reply.body = content;
    l.fetch(l.address());
    EXPECT_EQ(l.failure, "");
    EXPECT_EQ(l.got, port::fetched::done);
    EXPECT_TRUE(l.sink.all == content) << l.sink.all.size();
    ASSERT_EQ(l.seen.size(), 1U);
    EXPECT_EQ(l.seen[0].query, k_right);
    EXPECT_EQ(l.seen[0].headers.count("Authorization"), 0U);
    for (const auto& [name, value] : l.seen[0].headers.items())
        EXPECT_EQ(value.find("KEY-for-tests"), std::string::npos) << name;
    EXPECT_EQ(l.counted("done"), 1);
}

TEST(recordings_fetch, be_24_an_address_that_has_run_out_is_refused) {
    for (const int status : {400, 401, 403, 404, 410}) {
        line l;
        answered_with(l, status);
        EXPECT_EQ(l.got, port::fetched::refused) << status << l.failure;
        EXPECT_EQ(l.sink.all, "") << "an error's words are no recording";
        EXPECT_EQ(l.counted("refused"), 1);
    }
}

TEST(recordings_fetch, be_24_a_store_in_trouble_is_unavailable) {
    for (const int status : {408, 429, 500, 502, 503, 504}) {
        line l;
        answered_with(l, status);
        EXPECT_FALSE(l.got) << status;
        EXPECT_NE(l.failure.find("HTTP " + std::to_string(status)), std::string::npos) << l.failure;
        EXPECT_EQ(l.sink.all, "");
        EXPECT_EQ(l.counted("failed"), 1);
    }
    line nobody;
    nobody.fetch("http://127.0.0.1:1/files/1.mp3?" + std::string(k_right));
    EXPECT_FALSE(nobody.got);
    EXPECT_NE(nobody.failure, "");
}

TEST(recordings_fetch, be_24_nobody_is_followed_to_another_address) {
    for (const int status : {301, 302, 303, 307, 308}) {
        line l;
        l.reply = http::response::text(status, "");
        l.reply.headers.add("Location", l.site() + "/elsewhere");
        l.fetch(l.address());
        EXPECT_FALSE(l.got) << status;
        EXPECT_NE(l.failure, "");
        EXPECT_EQ(l.seen.size(), 1U);
        EXPECT_EQ(l.sink.all, "");
    }
}

TEST(recordings_fetch, be_24_recordings_come_over_tls_where_the_carrier_does) {
    line l;
    l.fetch(l.address(), "https://telnyx.example.test/v2");
    EXPECT_EQ(l.got, port::fetched::refused);
    EXPECT_TRUE(l.seen.empty()) << "nothing is asked in the clear";
    for (const auto* odd :
         {"", "ftp://127.0.0.1/1.mp3", "file:///etc/passwd", "//127.0.0.1/1.mp3", "1.mp3"}) {
        line other;
        other.fetch(odd);
        EXPECT_EQ(other.got, port::fetched::refused) << odd;
    }
}

TEST(recordings_fetch, be_24_what_the_sink_throws_ends_it_and_is_thrown_on) {
    line l;
    l.reply.body = std::string(4 * 1024 * 1024, 'x');
    l.sink.fault = [](std::size_t come) {
        if (come > 100'000) throw claim_gone{};
    };
    l.fetch(l.address());
    EXPECT_TRUE(l.sink_failed);
    EXPECT_FALSE(l.got);
    EXPECT_LT(l.sink.all.size(), l.reply.body.size());
}

TEST(recordings_fetch, sec_03_an_address_is_never_in_logs_or_errors) {
    log::settings everything;
    everything.threshold = log::level::debug;
    log::configure(everything);
    testing::internal::CaptureStderr();
    log::info("capture_works");
    std::string told;
    const auto hear = [&told](const line& l) {
        told += l.failure + "\n";
        for (const auto& [key, value] : l.metrics.values)
            told += key + "\n";
    };
    for (const int status : {200, 302, 403, 404, 429, 503}) {
        line l;
        hear(answered_with(l, status));
    }
    for (const std::string where :
         {"http://127.0.0.1:1/1.mp3?", "http://no-such-host.invalid/1.mp3?", "http://[::1/1.mp3?",
          "http://127.0.0.1:99999/1.mp3?", "http://a b/1.mp3?", "https://127.0.0.1:1/1.mp3?", "ftp://x/?"}) {
        line l;
        l.fetch(where + k_right);
        hear(l);
    }
    const auto text = told + testing::internal::GetCapturedStderr();
    log::configure({});
    EXPECT_NE(text.find("capture_works"), std::string::npos);
    EXPECT_NE(told.find("the content does not come"), std::string::npos);
    for (const auto* hidden : {"X-Amz-Signature", "right-of-its-own", "1.mp3"})
        EXPECT_EQ(text.find(hidden), std::string::npos) << hidden << "\n" << text;
}
