// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "client_site.hpp"
#include "test_certificate.hpp"

#include <gtest/gtest.h>

#include <vector>

using namespace z360;
using namespace z360::test;
using http::client_response;

namespace {

awaitable<void> exchanges(client_site& s) {
    auto r = ask(url(s.port(), "/echo"), "POST", "a body");
    r.headers.add("Content-Type", "application/json");
    r.bearer = secret("token-1");
    const client_response posted = co_await s.out->perform(r);
    EXPECT_EQ(posted.status, 200) << posted.error;
    EXPECT_EQ(posted.body, "a body");
    EXPECT_EQ(posted.headers.get("x-auth"), "Bearer token-1");
    EXPECT_EQ(posted.headers.get("X-Type"), "application/json");
    const client_response got = co_await s.out->perform(ask(url(s.port(), "/echo/n?x=1")));
    EXPECT_EQ(got.status, 200) << got.error;
    EXPECT_EQ(got.headers.get("X-Query"), "x=1");
    EXPECT_EQ(got.headers.get("X-Auth"), "") << "the token of another request";
    EXPECT_EQ(got.headers.get("X-Type"), "");
    const client_response put = co_await s.out->perform(ask(url(s.port(), "/echo"), "PUT", "put"));
    EXPECT_EQ(put.body, "put");
    const client_response gone = co_await s.out->perform(ask(url(s.port(), "/echo/n"), "DELETE"));
    EXPECT_EQ(gone.status, 200) << gone.error;
    const client_response head = co_await s.out->perform(ask(url(s.port(), "/hello"), "HEAD"));
    EXPECT_EQ(head.status, 200) << head.error;
    EXPECT_EQ(head.body, "");
    const client_response empty = co_await s.out->perform(ask(url(s.port(), "/echo"), "POST"));
    EXPECT_EQ(empty.status, 200) << empty.error;
    const client_response absent = co_await s.out->perform(ask(url(s.port(), "/absent")));
    EXPECT_EQ(absent.status, 404);
    EXPECT_EQ(absent.error, "");
    EXPECT_EQ(s.server->connections(), 1U) << "one connection serves all";
}

awaitable<void> outlives_idle_close(client_site& s) {
    for (int i = 0; i < 3; ++i) {
        const client_response r = co_await s.out->perform(ask(url(s.port(), "/hello")));
        EXPECT_EQ(r.status, 200) << r.error;
        const bool closed = co_await eventually([&s] { return s.server->connections() == 0; });
        EXPECT_TRUE(closed);
    }
}

awaitable<void> times_out(client_site& s) {
    auto r = ask(url(s.port(), "/wait"));
    r.timeout = 100ms;
    const auto before = std::chrono::steady_clock::now();
    const client_response late = co_await s.out->perform(r);
    const auto took = std::chrono::steady_clock::now() - before;
    EXPECT_EQ(late.status, 0);
    EXPECT_TRUE(late.error.starts_with("timeout")) << late.error;
    EXPECT_TRUE(late.sent) << "the peer may have acted on it";
    EXPECT_GE(took, 90ms);
    EXPECT_LT(took, 2s);
    EXPECT_EQ(s.hits, 1);
    const client_response next = co_await s.out->perform(ask(url(s.port(), "/hello")));
    EXPECT_EQ(next.status, 200) << next.error;
    s.gate.set();
}

awaitable<void> knows_what_was_not_sent(client_site& s) {
    std::uint16_t free_port = 0;
    {
        const tcp::acceptor taken(s.io.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        free_port = taken.local_endpoint().port();
    }
    const client_response refused = co_await s.out->perform(ask(url(free_port, "/"), "POST", "x"));
    EXPECT_EQ(refused.status, 0);
    EXPECT_FALSE(refused.sent);
    EXPECT_NE(refused.error, "");
    const client_response unknown = co_await s.out->perform(ask("http://no-such-host.invalid/"));
    EXPECT_FALSE(unknown.sent) << unknown.error;
    const client_response file = co_await s.out->perform(ask("file:///etc/hostname"));
    EXPECT_EQ(file.status, 0);
    EXPECT_EQ(file.body, "");
    EXPECT_FALSE(file.sent);
    const client_response nonsense = co_await s.out->perform(ask("not a url"));
    EXPECT_FALSE(nonsense.sent);
    auto forged = ask(url(s.port(), "/hello"));
    forged.headers.add("X-One", "1\r\nX-Two: 2");
    const client_response injected = co_await s.out->perform(forged);
    EXPECT_EQ(injected.status, 0);
    EXPECT_FALSE(injected.sent);
    EXPECT_EQ(s.metrics.total("http_requests_total"), 0);

    scripted_peer silent(s.io.get_executor()); // accepts, but never answers the TLS hello
    silent.play({}, false);
    auto r = ask(url(silent.port(), "/", "https"));
    r.connect_timeout = 100ms;
    const client_response no_tls = co_await s.out->perform(r);
    EXPECT_EQ(no_tls.status, 0);
    EXPECT_FALSE(no_tls.sent) << no_tls.error;
    co_await silent.end();
}

awaitable<void> knows_what_may_have_been_done(client_site& s) {
    scripted_peer rude(s.io.get_executor());
    rude.play({});
    const client_response r = co_await s.out->perform(ask(url(rude.port(), "/"), "POST", "x"));
    EXPECT_EQ(r.status, 0);
    EXPECT_TRUE(r.sent) << r.error;
    EXPECT_NE(r.error, "");
    co_await rude.end();
    scripted_peer cut(s.io.get_executor());
    cut.play("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    const client_response half = co_await s.out->perform(ask(url(cut.port(), "/")));
    EXPECT_EQ(half.status, 0) << "half an answer is none";
    EXPECT_EQ(half.body, "");
    EXPECT_TRUE(half.sent);
    co_await cut.end();
}

awaitable<void> follows_no_redirect(client_site& s) {
    scripted_peer peer(s.io.get_executor());
    peer.play("HTTP/1.1 302 Found\r\nLocation: " + url(s.port(), "/hello") + "\r\nContent-Length: 0\r\n\r\n");
    const client_response r = co_await s.out->perform(ask(url(peer.port(), "/")));
    EXPECT_EQ(r.status, 302) << r.error;
    EXPECT_NE(r.headers.get("Location"), "");
    EXPECT_EQ(s.metrics.total("http_requests_total"), 0);
    co_await peer.end();
}

awaitable<void> limits_answers(client_site& s) {
    scripted_peer peer(s.io.get_executor());
    peer.play("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(9 * 1024 * 1024, 'x'));
    const client_response r = co_await s.out->perform(ask(url(peer.port(), "/")));
    EXPECT_EQ(r.status, 0);
    EXPECT_NE(r.error.find("larger"), std::string::npos) << r.error;
    EXPECT_EQ(r.body, "");
    co_await peer.end();
}

awaitable<void> large_both_ways(client_site& s) {
    const std::string up(1024 * 1024, 'u');
    const client_response sent = co_await s.out->perform(ask(url(s.port(), "/echo"), "POST", up));
    EXPECT_EQ(sent.status, 200) << sent.error;
    EXPECT_EQ(sent.body, up);
    const client_response got = co_await s.out->perform(ask(url(s.port(), "/large")));
    EXPECT_EQ(got.body.size(), 3U * 1024 * 1024) << got.error;
    const client_response over = co_await s.out->perform(ask(url(s.port(), "/echo"), "POST", up + "x"));
    EXPECT_EQ(over.status, 413) << over.error << " (the answer must survive the unread body)";
}

awaitable<void> many_at_once(client_site& s, std::size_t per_host) {
    rt::task_group group(s.io.get_executor());
    std::vector<std::shared_ptr<pending>> all;
    for (int i = 0; i < 200; ++i) {
        all.push_back(std::make_shared<pending>());
        auto r = ask(url(s.port(), "/echo"), "POST", "body " + std::to_string(i));
        r.timeout = 20s;
        r.connect_timeout = 20s;
        group.spawn(perform_into(*s.out, std::move(r), all.back()));
    }
    const bool finished = co_await group.drain(20s);
    EXPECT_TRUE(finished);
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i]->response.status, 200) << i << ' ' << all[i]->response.error;
        EXPECT_EQ(all[i]->response.body, "body " + std::to_string(i));
    }
    EXPECT_GT(s.server->connections(), 1U);
    EXPECT_LE(s.server->connections(), per_host);
    co_await group.join();
}

awaitable<void> cancels(client_site& s) {
    rt::task_group group(s.io.get_executor());
    auto p = std::make_shared<pending>();
    group.spawn(perform_into(*s.out, ask(url(s.port(), "/wait")), p));
    co_await s.entered.wait();
    EXPECT_EQ(s.server->connections(), 1U);
    const auto before = std::chrono::steady_clock::now();
    co_await group.join(); // cancels
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
    EXPECT_FALSE(p->finished);
    EXPECT_TRUE(p->cancelled);
    s.gate.set(); // the server's answer meets a connection that is gone
    const bool aborted = co_await eventually([&s] { return s.server->connections() == 0; });
    EXPECT_TRUE(aborted);
    const client_response next = co_await s.out->perform(ask(url(s.port(), "/hello")));
    EXPECT_EQ(next.status, 200) << next.error;
}

awaitable<void> cancels_in_every_phase(client_site& s) {
    for (int i = 0; i < 60; ++i) {
        rt::task_group group(s.io.get_executor());
        for (int k = 0; k < 5; ++k)
            group.spawn(perform_into(*s.out, ask(url(s.port(), "/large")), std::make_shared<pending>()));
        asio::steady_timer later(s.io.get_executor(), std::chrono::microseconds(i * 100));
        co_await later.async_wait(asio::use_awaitable);
        co_await group.join();
    }
    const client_response next = co_await s.out->perform(ask(url(s.port(), "/hello")));
    EXPECT_EQ(next.status, 200) << next.error;
}

awaitable<void> dies_in_flight(client_site& s) {
    rt::task_group group(s.io.get_executor());
    auto p = std::make_shared<pending>();
    group.spawn(perform_into(*s.out, ask(url(s.port(), "/wait")), p));
    co_await s.entered.wait();
    s.out.reset();
    const bool ended = co_await group.drain(5s);
    EXPECT_TRUE(ended);
    EXPECT_TRUE(p->finished);
    EXPECT_EQ(p->response.status, 0);
    EXPECT_NE(p->response.error.find("closed"), std::string::npos) << p->response.error;
    EXPECT_TRUE(p->response.sent);
    co_await group.join();
    s.gate.set();
}

awaitable<void> verifies_tls(client_site& s) {
    const client_response refused = co_await s.out->perform(ask(url(s.port(), "/hello", "https")));
    EXPECT_EQ(refused.status, 0) << "a certificate nobody vouches for was accepted";
    EXPECT_FALSE(refused.sent) << refused.error;
    EXPECT_EQ(s.metrics.total("http_requests_total"), 0);
    auto trusting = http::make_client(s.io.get_executor(), 4, s.settings.tls_certificate_file);
    for (int i = 0; i < 3; ++i) {
        const client_response r = co_await trusting->perform(ask(url(s.port(), "/hello", "https")));
        EXPECT_EQ(r.status, 200) << r.error;
        EXPECT_EQ(r.body, "hello");
    }
    const std::string wrong_name = "https://localhost:" + std::to_string(s.port()) + "/hello";
    const client_response other = co_await trusting->perform(ask(wrong_name)); // issued for 127.0.0.1
    EXPECT_EQ(other.status, 0);
    EXPECT_FALSE(other.sent) << other.error;
}

} // namespace

TEST(http_client, sends_what_it_is_given_and_reuses_its_connection) {
    client_site s;
    s.run(exchanges(s));
}
TEST(http_client, a_connection_the_peer_closed_while_idle_is_not_used_again) {
    client_site s;
    s.settings.idle_timeout = 50ms;
    s.run(outlives_idle_close(s));
}
TEST(http_client, a_timeout_is_an_error_that_may_have_reached_the_peer) {
    client_site s;
    s.run(times_out(s));
}
TEST(http_client, what_certainly_did_not_reach_the_peer_is_marked) {
    client_site s;
    s.run(knows_what_was_not_sent(s));
}
TEST(http_client, a_lost_or_cut_answer_may_have_reached_the_peer) {
    client_site s;
    s.run(knows_what_may_have_been_done(s));
}
TEST(http_client, redirects_are_not_followed) {
    client_site s;
    s.run(follows_no_redirect(s));
}
TEST(http_client, an_endless_answer_is_cut) {
    client_site s;
    s.run(limits_answers(s));
}
TEST(http_client, large_bodies_pass_both_ways_and_a_413_arrives) {
    client_site s;
    s.run(large_both_ways(s));
}
TEST(http_client, two_hundred_requests_at_once_share_few_connections) {
    client_site s(16);
    s.run(many_at_once(s, 16));
}
TEST(http_client, cancelling_the_coroutine_aborts_the_transfer) {
    client_site s;
    s.run(cancels(s));
}
TEST(http_client, cancelling_in_any_phase_leaves_the_client_usable) {
    client_site s;
    s.run(cancels_in_every_phase(s));
}
TEST(http_client, destroying_the_client_ends_transfers_in_flight) {
    client_site s;
    s.run(dies_in_flight(s));
}
TEST(http_client, tls_peers_are_verified) {
    const temp_folder folder;
    client_site s;
    s.settings.tls_certificate_file = folder.file("cert.pem");
    s.settings.tls_key_file = folder.file("key.pem");
    write_certificate(s.settings.tls_certificate_file, s.settings.tls_key_file, "peer", 30);
    s.run(verifies_tls(s));
}
