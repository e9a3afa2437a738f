// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The credentials client against the simulated carrier, over loopback HTTP.
#include "adapter/telnyx/credentials_client.hpp"
#include "sim/simulator.hpp"

#include <z360/log.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>

using namespace z360;
using outcome = port::credential_outcome;

namespace {

class quiet_metrics final : public port::metrics {
  public:
    void count(std::string_view, port::labels, double) override {}
    void gauge(std::string_view, double, port::labels) override {}
    void observe(std::string_view, double, port::labels) override {}
    [[nodiscard]] std::string text() const override { return {}; }
};

class wall_clock final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override {
        return std::chrono::floor<millis>(std::chrono::system_clock::now());
    }
};

struct line : testing::Test {
    line() {
        sim::simulator_settings s;
        s.api_key = secret("key");
        s.lost_reply_hold = millis{2'000};
        carrier = std::make_unique<sim::simulator>(std::move(s));
        carrier->start();
        http = http::make_client(io.get_executor());
        adapter::telnyx::credentials_client_settings c;
        c.base_url = carrier->base_url();
        c.api_key = secret("key");
        c.attempt_timeout = millis{500};
        c.requests_per_second = 1'000;
        c.burst = 1'000;
        client = adapter::telnyx::make_telnyx_credentials(io.get_executor(), c, *http, clock, metrics);
    }
    template <class T>
    static rt::awaitable<void> keep(rt::awaitable<T> op, std::optional<T>* out) {
        *out = co_await std::move(op);
    }
    template <class T>
    T run(rt::awaitable<T> op) {
        std::optional<T> out;
        boost::asio::co_spawn(io, keep(std::move(op), &out), [](const std::exception_ptr& e) {
            if (e) std::rethrow_exception(e);
        });
        io.restart();
        while (!out && io.run_one() > 0) {
        }
        return std::move(out).value();
    }
    port::credential_request request(std::string name) const {
        return {std::move(name), "z360-test-u7", connection, clock.now() + std::chrono::hours{24 * 30}};
    }
    auto make(std::string name) { return run(client->create(request(std::move(name)))); }
    void fault(const std::string& verb, const std::function<void(sim::command_fault&)>& set) {
        sim::command_fault f;
        f.verb = verb;
        set(f);
        carrier->add_fault(std::move(f));
    }
    void no_faults() {
        carrier->with([](sim::carrier& c, time_point) { c.clear_faults(); });
    }

    const std::string connection = sim::carrier_settings{}.credential_connection_id;
    boost::asio::io_context io{1};
    wall_clock clock;
    quiet_metrics metrics;
    std::unique_ptr<sim::simulator> carrier;
    std::unique_ptr<http::client> http;
    std::unique_ptr<port::telnyx_credentials> client;
};

} // namespace

TEST_F(line, a_credential_lives_from_create_to_delete) {
    const auto made = make("z360-test-one");
    ASSERT_EQ(made.outcome, outcome::done) << made.error;
    const auto& c = *made.value;
    EXPECT_EQ(c.connection_id, connection);
    EXPECT_EQ(c.tag, "z360-test-u7");
    const auto got = run(client->get(c.id));
    ASSERT_EQ(got.outcome, outcome::done);
    EXPECT_EQ(got.value->sip_password.reveal(), c.sip_password.reveal());
    EXPECT_EQ(got.value->created_at, c.created_at);
    const auto later = *c.expires_at + std::chrono::hours{1};
    EXPECT_EQ(run(client->extend(c.id, later)).outcome, outcome::done);
    EXPECT_EQ(run(client->get(c.id)).value->expires_at, later);
    const auto token = run(client->mint(c.id));
    ASSERT_EQ(token.outcome, outcome::done);
    ASSERT_TRUE(token.value->expires_at);
    EXPECT_GT(*token.value->expires_at, clock.now() + std::chrono::hours{9});
    const bool good = carrier->with([&](sim::carrier& t, time_point now) {
        return t.credentials().accepts_token(token.value->jwt.reveal(), now);
    });
    EXPECT_TRUE(good);
    EXPECT_EQ(run(client->remove(c.id)).outcome, outcome::done);
    EXPECT_EQ(run(client->remove(c.id)).outcome, outcome::gone);
    EXPECT_EQ(run(client->get(c.id)).outcome, outcome::gone);
    EXPECT_EQ(run(client->mint(c.id)).outcome, outcome::gone);
    EXPECT_TRUE(carrier->credentials().empty());
    carrier->with([](sim::carrier& t, time_point) { EXPECT_TRUE(t.seen().violations.empty()); });
}

TEST_F(line, cred_03_a_lost_create_is_found_by_its_name) {
    fault("create_credential", [](auto& f) { f.lose_reply = true; });
    EXPECT_EQ(make("z360-test-one").outcome, outcome::unknown);
    no_faults();
    const auto found = run(client->find("z360-test-one"));
    ASSERT_EQ(found.outcome, outcome::done);
    ASSERT_EQ(found.value->size(), 1U);
    EXPECT_EQ(found.value->at(0).id, carrier->credentials().at(0).id);
    EXPECT_FALSE(found.value->at(0).sip_password.empty());
    EXPECT_EQ(run(client->find("z360-test-on")).outcome, outcome::gone);
}

TEST_F(line, cred_03_a_create_that_failed_before_anything_happened_is_unknown_until_looked_up) {
    fault("create_credential", [](auto& f) { f.fail_status = 503; });
    EXPECT_EQ(make("z360-test-one").outcome, outcome::unknown);
    EXPECT_EQ(run(client->find("z360-test-one")).outcome, outcome::gone);
}

TEST_F(line, a_create_that_stalls_beyond_the_time_limit_happens_after_all) {
    fault("create_credential", [](auto& f) { f.stall_before = millis{900}; });
    EXPECT_EQ(make("z360-test-one").outcome, outcome::unknown);
    EXPECT_TRUE(carrier->wait_until(
        [](const sim::carrier& c) { return c.credentials().existing().size() == 1; }, millis{10'000}
    ));
    EXPECT_EQ(run(client->find("z360-test-one")).outcome, outcome::done);
}

TEST_F(line, be_06_expired_ones_can_only_be_deleted) {
    const auto id = make("z360-test-one").value->id;
    EXPECT_TRUE(carrier->expire_credential(id));
    EXPECT_EQ(run(client->extend(id, clock.now() + std::chrono::hours{1})).outcome, outcome::expired);
    EXPECT_EQ(run(client->mint(id)).outcome, outcome::expired);
    EXPECT_TRUE(run(client->get(id)).value->expired);
    EXPECT_EQ(run(client->remove(id)).outcome, outcome::done);
}

TEST_F(line, be_41_a_whole_connection_is_listed_page_by_page) {
    carrier->with([this](sim::carrier& c, time_point now) {
        for (int i = 0; i < 300; ++i)
            c.seed_credential("n" + std::to_string(i), "t", connection, std::nullopt, now);
        c.seed_credential("elsewhere", "t", "2770000000000000009", std::nullopt, now);
    });
    std::set<std::string> seen;
    unsigned page = 1;
    for (bool more = true; more; ++page) {
        const auto r = run(client->list(connection, page));
        ASSERT_EQ(r.outcome, outcome::done) << r.error;
        for (const auto& c : r.value->items)
            seen.insert(c.name);
        more = r.value->more;
    }
    EXPECT_EQ(page, 3U) << "two pages of 250";
    EXPECT_EQ(seen.size(), 300U);
    EXPECT_FALSE(seen.contains("elsewhere"));
}

TEST_F(line, refusals_reach_the_caller_with_their_code) {
    fault("create_credential", [](auto& f) {
        f.fail_status = 429;
        f.match.times = 1;
    });
    EXPECT_EQ(make("z360-test-one").outcome, outcome::unavailable);
    auto wrong = request("z360-test-one");
    wrong.connection_id = "1";
    const auto r = run(client->create(wrong));
    EXPECT_EQ(r.outcome, outcome::refused);
    EXPECT_TRUE(r.error.starts_with("10015")) << r.error;
    EXPECT_TRUE(carrier->credentials().empty());
}

TEST_F(line, a_stopped_carrier_means_not_sent) {
    const auto made = make("z360-test-one");
    ASSERT_EQ(made.outcome, outcome::done);
    carrier->stop();
    EXPECT_EQ(make("z360-test-two").outcome, outcome::unavailable);
}
