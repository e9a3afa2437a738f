// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"
#include "edge/api/jwks.hpp"
#include "fakes.hpp"

#include <nlohmann/json.hpp>

using namespace z360;
using namespace z360::edge::api;
using namespace z360::edge::api::test;
using kind = key_lookup::kind;
using nlohmann::json;

namespace {

// Keys need no right numbers to be looked up.
http::client_response
document(const std::vector<std::string>& kids, std::string cache_control = "max-age=3600") {
    json keys = json::array();
    for (const auto& kid : kids)
        keys.push_back(
            {{"kty", "RSA"}, {"kid", kid}, {"n", adapter::crypto::base64url(kid + "-n")}, {"e", "AQAB"}}
        );
    auto r = answer(200, json{{"keys", keys}}.dump());
    if (!cache_control.empty()) r.headers.add("Cache-Control", std::move(cache_control));
    return r;
}

struct bed {
    explicit bed(asio::any_io_executor ex)
        : ex_(ex), keys(ex, peer, clock, metrics, "https://apple.example.test/keys") {
        serve({"one"});
    }
    void serve(std::vector<std::string> kids) {
        peer.says = [kids = std::move(kids)](const auto&) { return document(kids); };
    }
    awaitable<void> expect(std::string kid, kind what, std::size_t fetches) {
        const auto got = co_await keys.find(kid);
        EXPECT_EQ(got.what, what) << kid;
        if (got.what == kind::found) EXPECT_EQ(got.key.n, kid + "-n");
        EXPECT_EQ(peer.seen.size(), fetches) << kid;
    }
    awaitable<void> stop() { co_await keys.stop(); }

    asio::any_io_executor ex_;
    fake_peer peer;
    hand_clock clock;
    counting_metrics metrics;
    jwks keys;
};

awaitable<void> kept_while_fresh(bed& b) {
    co_await b.expect("one", kind::found, 1);
    co_await b.expect("one", kind::found, 1);
    b.clock.at += 3'599'999ms;
    co_await b.expect("one", kind::found, 1);
    b.clock.at += 1ms;
    co_await b.expect("one", kind::found, 2);
    EXPECT_EQ(b.peer.seen.front().url, "https://apple.example.test/keys");
    EXPECT_EQ(b.metrics.values["jwks_fetches_total result=ok"], 2);
}

awaitable<void> rotation(bed& b) {
    co_await b.expect("one", kind::found, 1);
    b.clock.at += 10min;
    b.serve({"two"});
    co_await b.expect("two", kind::found, 2);
    co_await b.expect("two", kind::found, 2);
    co_await b.expect("one", kind::unknown, 2); // withdrawn
}

awaitable<void> hammered(bed& b) {
    co_await b.expect("one", kind::found, 1);
    b.clock.at += 2min;
    for (int second = 0; second < 600; ++second) {
        for (int i = 0; i < 5; ++i) {
            const auto got = co_await b.keys.find("junk-" + std::to_string(second * 5 + i));
            EXPECT_EQ(got.what, kind::unknown);
        }
        b.clock.at += 1s;
    }
    EXPECT_EQ(b.peer.seen.size(), 11U) << "one a minute";
    co_await b.expect("one", kind::found, 11);
}

awaitable<void> outage(bed& b) {
    co_await b.expect("one", kind::found, 1);
    b.clock.at += 2h;
    b.peer.says = [](const auto&) { return answer(503); };
    co_await b.expect("one", kind::found, 2); // no longer fresh, but all there is
    co_await b.expect("one", kind::found, 2);
    co_await b.expect("two", kind::unavailable, 2); // nobody knows
    b.clock.at += 1min;
    b.serve({"two"});
    co_await b.expect("two", kind::found, 3);
}

awaitable<void> never_there(bed& b) {
    for (const auto& bad :
         {answer(500), answer(200, "<html>"), answer(200, R"({"keys":[]})"), answer(0), answer(302)}) {
        b.peer.says = [bad](const auto&) { return bad; };
        const auto before = b.peer.seen.size();
        co_await b.expect("one", kind::unavailable, before + 1);
        co_await b.expect("one", kind::unavailable, before + 1);
        b.clock.at += 5s;
    }
    EXPECT_EQ(b.metrics.values["jwks_fetches_total result=failed"], 5);
    b.serve({"one"});
    co_await b.expect("one", kind::found, 6);
}

awaitable<void> find_into(jwks* keys, std::vector<kind>* out) {
    const auto got = co_await keys->find("one");
    out->push_back(got.what);
}

awaitable<void> one_fetch(bed& b) {
    b.peer.holds = true;
    rt::task_group group(b.ex_);
    std::vector<kind> all;
    for (int i = 0; i < 30; ++i)
        group.spawn(find_into(&b.keys, &all));
    const bool asked = co_await until([&b] { return b.peer.seen.size() == 1; });
    EXPECT_TRUE(asked);
    b.peer.release();
    const bool done = co_await group.drain(5s);
    EXPECT_TRUE(done);
    EXPECT_EQ(all, std::vector<kind>(30, kind::found));
    EXPECT_EQ(b.peer.seen.size(), 1U);
    co_await group.join();
}

awaitable<void> stops(bed& b) {
    b.peer.holds = true;
    rt::task_group group(b.ex_);
    std::vector<kind> all;
    group.spawn(find_into(&b.keys, &all));
    const bool asked = co_await until([&b] { return b.peer.seen.size() == 1; });
    EXPECT_TRUE(asked);
    co_await b.keys.stop();
    const bool done = co_await group.drain(5s);
    EXPECT_TRUE(done);
    EXPECT_EQ(all, std::vector<kind>(1, kind::unavailable));
    co_await group.join();
}

} // namespace

TEST(jwks, ios_04_lifetime_is_max_age_within_bounds) {
    const std::vector<std::pair<std::string, millis>> rows{
        {"", 1h},
        {"max-age=3600", 1h},
        {"public, Max-Age=7200, must-revalidate", 2h},
        {"s-maxage=60, max-age=7200", 2h},
        {"max-age=0", 5min},
        {"max-age=1", 5min},
        {"max-age=86400", 24h},
        {"max-age=99999999999999999999999", 24h},
        {"max-age=-1", 1h},
        {"max-age=", 1h},
        {"x-max-age=7200", 1h},
        {"no-store", 5min},
        {"no-cache, max-age=7200", 5min},
    };
    for (const auto& [text, expected] : rows)
        EXPECT_EQ(jwks_lifetime(text), expected) << text;
}
TEST(jwks, ios_04_keys_are_kept_while_fresh) {
    play(kept_while_fresh);
}
TEST(jwks, ios_04_a_change_of_keys_is_exactly_one_fetch) {
    play(rotation);
}
TEST(jwks, ios_04_unknown_keys_cause_one_fetch_a_minute_whoever_sends_them) {
    play(hammered);
}
TEST(jwks, ios_04_old_keys_go_on_while_the_provider_is_away) {
    play(outage);
}
TEST(jwks, ios_04_without_any_keys_it_tries_again_soon) {
    play(never_there);
}
TEST(jwks, ios_04_everybody_waits_for_one_fetch) {
    play(one_fetch);
}
TEST(jwks, stopping_lets_those_who_wait_go) {
    play(stops);
}
