// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/certificate.hpp"
#include "site.hpp"
#include "test_certificate.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <fstream>

using namespace z360;
using namespace z360::test;
namespace ssl = boost::asio::ssl;

namespace {

struct tls_site : site {
    temp_folder folder;
    tls_site(int days = 90) {
        settings.tls_certificate_file = folder.file("cert.pem");
        settings.tls_key_file = folder.file("key.pem");
        renew("first", days);
    }
    void renew(const std::string& name, int days) {
        write_certificate(settings.tls_certificate_file, settings.tls_key_file, name, days);
    }
};

/// A TLS client that trusts anybody and looks at whom it got.
class tls_wire {
  public:
    tls_wire(asio::any_io_executor ex, int version, const std::string& ciphers = "DEFAULT")
        : context_(ssl::context::tls_client), stream(ex, context_) {
        SSL_CTX* c = context_.native_handle();
        (void)SSL_CTX_set_cipher_list(c, "DEFAULT@SECLEVEL=0"); // or OpenSSL itself would not offer TLS 1.1
        (void)SSL_CTX_set_min_proto_version(c, version);
        (void)SSL_CTX_set_max_proto_version(c, version);
        (void)SSL_set_cipher_list(stream.native_handle(), (ciphers + "@SECLEVEL=0").c_str());
        (void)SSL_set_min_proto_version(stream.native_handle(), version);
        (void)SSL_set_max_proto_version(stream.native_handle(), version);
    }
    awaitable<bool> connect(std::uint16_t port) {
        const tcp::endpoint at(asio::ip::address_v4::loopback(), port);
        co_await stream.next_layer().async_connect(at, asio::use_awaitable);
        auto [ec] = co_await stream.async_handshake(ssl::stream_base::client, k_tuple);
        error = ec;
        co_return !ec;
    }
    awaitable<reply> ask(std::string bytes) {
        auto [ec, n] = co_await asio::async_write(stream, asio::buffer(bytes), k_tuple);
        (void)ec;
        (void)n;
        reply r = co_await read_reply(stream, rest);
        co_return r;
    }
    [[nodiscard]] std::string peer_name() {
        X509* c = SSL_get1_peer_certificate(stream.native_handle());
        if (!c) return {};
        char name[64] = {};
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(c), NID_commonName, name, sizeof name);
        X509_free(c);
        return name;
    }

  private:
    ssl::context context_;

  public:
    ssl::stream<tcp::socket> stream;
    boost::system::error_code error;
    std::string rest;
};

awaitable<std::string> served_name(site& s) {
    tls_wire w(s.io.get_executor(), TLS1_3_VERSION);
    const bool ok = co_await w.connect(s.port());
    co_return ok ? w.peer_name() : "handshake failed: " + w.error.message();
}

awaitable<void> serves(tls_site& s) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        tls_wire w(s.io.get_executor(), version);
        const bool ok = co_await w.connect(s.port());
        EXPECT_TRUE(ok) << w.error.message();
        for (int i = 0; i < 3; ++i) { // keep-alive
            const reply r = co_await w.ask(post("/echo", "over TLS"));
            EXPECT_EQ(r.status, 200);
            EXPECT_EQ(r.body, "over TLS");
            EXPECT_TRUE(r.has("Strict-Transport-Security: ")) << r.head;
        }
        const reply large = co_await w.ask(get("/large"));
        EXPECT_EQ(large.body.size(), 3U * 1024 * 1024);
        const reply bad = co_await w.ask("nonsense\r\n\r\n");
        EXPECT_EQ(bad.status, 400);
    }
}

awaitable<void> refuses_weak_ciphers(tls_site& s) {
    for (const char* weak :
         {"AES128-GCM-SHA256", "AES256-SHA", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"}) {
        tls_wire w(s.io.get_executor(), TLS1_2_VERSION, weak);
        const bool ok = co_await w.connect(s.port());
        EXPECT_FALSE(ok) << weak;
    }
}

awaitable<void> refuses_old_versions(tls_site& s) {
    tls_wire w(s.io.get_executor(), TLS1_1_VERSION);
    const bool ok = co_await w.connect(s.port());
    EXPECT_FALSE(ok);
    EXPECT_NE(w.error.message().find("alert"), std::string::npos) << w.error.message(); // by the server
    const bool counted = co_await eventually([&s] {
        return s.metrics.counted("http_rejected_total", {{"reason", "tls_handshake"}}) == 1;
    });
    EXPECT_TRUE(counted);
}

awaitable<void> plain_on_tls_port(tls_site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const reply r = co_await w.ask(get("/hello"));
    EXPECT_EQ(r.status, 0);
    EXPECT_EQ(r.body, "");
    EXPECT_EQ(s.metrics.total("http_requests_total"), 0);
}

awaitable<void> silent_client(tls_site& s) {
    wire w(s.io.get_executor());
    co_await w.connect(s.port());
    const bool closed = co_await w.closed();
    EXPECT_TRUE(closed);
    EXPECT_EQ(s.metrics.counted("http_rejected_total", {{"reason", "tls_timeout"}}), 1);
}

awaitable<void> reloads(tls_site& s) {
    tls_wire old(s.io.get_executor(), TLS1_3_VERSION);
    const bool ok = co_await old.connect(s.port());
    EXPECT_TRUE(ok);
    EXPECT_EQ(old.peer_name(), "first");

    s.renew("second", 200);
    const auto before = std::chrono::steady_clock::now();
    std::string name;
    while (name != "second" && std::chrono::steady_clock::now() - before < 5s) {
        name = co_await served_name(s);
        co_await rt::sleep_for(20ms);
    }
    EXPECT_EQ(name, "second");
    EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
    EXPECT_NEAR(s.server->certificate_days_left().value_or(0), 200, 0.1);
    EXPECT_EQ(s.metrics.counted("tls_reloads_total", {{"result", "ok"}}), 1);
    const reply r = co_await old.ask(get("/hello")); // the old connection was not disturbed
    EXPECT_EQ(r.status, 200);
}

awaitable<void> keeps_the_old_one(tls_site& s) {
    {
        std::ofstream broken(s.settings.tls_certificate_file);
        broken << "-----BEGIN CERTIFICATE-----\nnot base64\n";
    }
    const auto failed = [&s] { return s.metrics.counted("tls_reloads_total", {{"result", "failed"}}); };
    const bool noticed = co_await eventually([&failed] { return failed() == 1; });
    EXPECT_TRUE(noticed);
    std::string name = co_await served_name(s);
    EXPECT_EQ(name, "first");
    EXPECT_NEAR(s.server->certificate_days_left().value_or(0), 90, 0.1);
    s.renew("repaired", 90);
    const bool repaired =
        co_await eventually([&s] { return s.metrics.counted("tls_reloads_total", {{"result", "ok"}}) == 1; });
    EXPECT_TRUE(repaired);
    name = co_await served_name(s);
    EXPECT_EQ(name, "repaired");
}

// A replacement that clients do not take, then one that they take.
awaitable<void> keeps_the_valid_one(tls_site& s, std::string from, std::string until) {
    write_certificate_of(s.settings.tls_certificate_file, s.settings.tls_key_file, "worse", from, until);
    const auto failed = [&s] { return s.metrics.counted("tls_reloads_total", {{"result", "failed"}}); };
    const bool noticed = co_await eventually([&failed] { return failed() == 1; });
    EXPECT_TRUE(noticed);
    std::string name = co_await served_name(s);
    EXPECT_EQ(name, "first");
    EXPECT_NEAR(s.server->certificate_days_left().value_or(0), 90, 0.1);
    EXPECT_EQ(s.metrics.gauge_value("tls_files_refused"), 1);
    s.renew("better", 60);
    const bool taken =
        co_await eventually([&s] { return s.metrics.counted("tls_reloads_total", {{"result", "ok"}}) == 1; });
    EXPECT_TRUE(taken);
    name = co_await served_name(s);
    EXPECT_EQ(name, "better");
    EXPECT_EQ(failed(), 1) << "counted once for one state of the files";
    EXPECT_EQ(s.metrics.gauge_value("tls_files_refused"), 0);
}
awaitable<void> keeps_it_over_an_expired_one(tls_site& s) {
    co_await keeps_the_valid_one(s, "20200101000000Z", "20200201000000Z");
}
awaitable<void> keeps_it_over_a_future_one(tls_site& s) {
    co_await keeps_the_valid_one(s, "20990101000000Z", "20991231000000Z");
}

awaitable<void> goes_on_after_a_fault(tls_site& s) {
    int faults = 2;
    s.metrics.fault = [&faults](std::string_view gauge) {
        if (gauge == "tls_certificate_days_left" && faults-- > 0)
            throw std::runtime_error("nobody expected this");
    };
    const bool failed = co_await eventually([&s] {
        return s.metrics.counted("loop_failures_total", {{"loop", "http_certificate"}}) == 2;
    });
    EXPECT_TRUE(failed);
    s.metrics.fault = {};
    s.renew("second", 200);
    const bool renewed =
        co_await eventually([&s] { return s.server->certificate_days_left().value_or(0) > 100; });
    EXPECT_TRUE(renewed);
    const std::string name = co_await served_name(s);
    EXPECT_EQ(name, "second");
    const bool well = co_await eventually([&s] {
        const auto loops = s.server->loops();
        return loops.size() == 3 && loops.at(2).failures == 0;
    });
    EXPECT_TRUE(well);
}

awaitable<void> raises_alarm(tls_site& s) {
    const bool alarmed = co_await eventually([&s] {
        return s.metrics.counted("tls_certificate_alarms_total", {{"days", "7"}}) == 1;
    });
    EXPECT_TRUE(alarmed);
    EXPECT_NEAR(s.metrics.gauge_value("tls_certificate_days_left"), 6, 0.1);
    s.renew("fresh", 365);
    const bool renewed =
        co_await eventually([&s] { return s.metrics.gauge_value("tls_certificate_days_left") > 300; });
    EXPECT_TRUE(renewed);
    EXPECT_EQ(s.metrics.total("tls_certificate_alarms_total"), 1) << "one alarm per threshold, and none anew";
}

awaitable<void> stops_over_tls(tls_site& s) {
    tls_wire w(s.io.get_executor(), TLS1_3_VERSION);
    const bool ok = co_await w.connect(s.port());
    EXPECT_TRUE(ok);
    const reply r = co_await w.ask(get("/hello"));
    EXPECT_EQ(r.status, 200);
    const auto before = std::chrono::steady_clock::now();
    co_await s.server->stop(10s);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 2s) << "an idle TLS connection holds the stop up";
}

std::string start_error(const http::server_settings& settings) {
    asio::io_context io;
    recording_metrics m;
    auto server = http::make_server(io.get_executor(), settings, {}, m);
    try {
        server->start();
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return "started";
}

} // namespace

TEST(http_tls, cfg_05_serves_tls_1_2_and_1_3_with_hsts) {
    tls_site s;
    s.run(serves(s));
}
TEST(http_tls, cfg_05_tls_1_1_is_refused) {
    tls_site s;
    s.run(refuses_old_versions(s));
}
TEST(http_tls, cfg_05_ciphers_without_forward_secrecy_or_authenticated_encryption_are_refused) {
    tls_site s;
    s.run(refuses_weak_ciphers(s));
}
TEST(http_tls, cfg_05_plain_http_on_the_tls_port_gets_no_data) {
    tls_site s;
    s.run(plain_on_tls_port(s));
}
TEST(http_tls, a_handshake_that_does_not_come_is_ended) {
    tls_site s;
    s.settings.read_timeout = 100ms;
    s.run(silent_client(s));
}
TEST(http_tls, sys_01_a_replaced_certificate_is_served_within_5_s_and_disturbs_no_connection) {
    tls_site s;
    s.run(reloads(s));
}
TEST(http_tls, sys_01_a_broken_replacement_leaves_the_old_certificate_in_use) {
    tls_site s;
    s.run(keeps_the_old_one(s));
}
TEST(http_tls, sys_01_a_valid_certificate_is_not_replaced_by_one_that_clients_refuse) {
    for (const auto play : {keeps_it_over_an_expired_one, keeps_it_over_a_future_one}) {
        tls_site s;
        s.run(play(s));
    }
}
TEST(http_tls, sys_01_the_check_says_what_the_start_says) {
    const temp_folder files;
    const auto at = [&files](const char* name) { return files.file(name); };
    write_certificate(at("a.pem"), at("a.key"), "a", 30);
    write_certificate(at("b.pem"), at("b.key"), "b", 30);
    std::ofstream(at("junk")) << "junk";
    struct pair_of_files {
        const char* certificate;
        const char* key;
    };
    for (const auto& [certificate, key] :
         {pair_of_files{"a.pem", "b.key"},
          {"a.pem", "junk"},
          {"junk", "a.key"},
          {"a.pem", "none"},
          {"none", "a.key"}}) {
        http::server_settings settings;
        settings.tls_certificate_file = at(certificate);
        settings.tls_key_file = at(key);
        const auto said = http::identity_fault(settings.tls_certificate_file, settings.tls_key_file);
        EXPECT_NE(said, "");
        EXPECT_EQ(said, start_error(settings)) << certificate << " " << key;
    }
    EXPECT_NE(http::identity_fault(at("a.pem"), at("b.key")).find("is not the key of"), std::string::npos);
    EXPECT_EQ(http::identity_fault(at("a.pem"), at("a.key")), "");
}
TEST(http_tls, sys_01_i_03_a_fault_of_the_certificate_loop_does_not_end_it) {
    tls_site s;
    s.run(goes_on_after_a_fault(s));
}
TEST(http_tls, sys_01_six_days_left_raise_the_seven_day_alarm_once) {
    tls_site s(6);
    s.run(raises_alarm(s));
}
TEST(http_tls, idle_connections_do_not_hold_a_stop_up) {
    tls_site s;
    s.run(stops_over_tls(s));
}
TEST(http_tls, sys_01_a_certificate_file_can_be_checked_without_a_server) {
    const temp_folder folder;
    const auto cert = folder.file("cert.pem");
    write_certificate(cert, folder.file("key.pem"), "checked", 6);
    const auto status = http::read_certificate(cert);
    EXPECT_TRUE(status.ok()) << status.error;
    EXPECT_EQ(status.subject, "CN=checked");
    EXPECT_EQ(status.certificates, 1U);
    const auto now = std::chrono::time_point_cast<millis>(std::chrono::system_clock::now());
    EXPECT_NEAR(status.days_left(now), 6, 0.01);
}
TEST(http_tls, sys_01_the_earliest_end_of_the_chain_counts) {
    const temp_folder folder;
    const auto cert = folder.file("cert.pem");
    const auto issuer = folder.file("issuer.pem");
    write_certificate(cert, folder.file("key.pem"), "leaf", 90);
    write_certificate(issuer, folder.file("issuer.key"), "issuer", 10);
    std::ofstream(cert, std::ios::app) << std::ifstream(issuer).rdbuf();
    const auto status = http::read_certificate(cert);
    EXPECT_EQ(status.subject, "CN=leaf");
    EXPECT_EQ(status.certificates, 2U);
    const auto now = std::chrono::time_point_cast<millis>(std::chrono::system_clock::now());
    EXPECT_NEAR(status.days_left(now), 10, 0.01);
}
TEST(http_tls, files_that_cannot_work_are_named_at_the_start) {
    tls_site s;
    auto settings = s.settings;
    settings.tls_key_file.clear();
    EXPECT_NE(start_error(settings).find("both"), std::string::npos);
    settings.tls_key_file = s.folder.file("absent.pem");
    EXPECT_NE(start_error(settings).find("absent.pem"), std::string::npos) << start_error(settings);
    write_certificate(s.folder.file("c2.pem"), s.folder.file("k2.pem"), "other", 9);
    settings.tls_key_file = s.folder.file("k2.pem");
    EXPECT_NE(start_error(settings).find("k2.pem"), std::string::npos) << start_error(settings);
    settings.tls_certificate_file = "/nonexistent.pem";
    EXPECT_NE(start_error(settings).find("/nonexistent.pem"), std::string::npos) << start_error(settings);
}
