// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call that wakes phones: the engine, the push runner, and providers behind HTTP/2.
#include "component/push/bed.hpp"
#include "support/engine_play.hpp"

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;
namespace t = z360::test;

namespace {

/// Device 1 is an iPhone, device 2 an Android phone.
struct world : engine_world {
    t::known_addresses addresses;
    t::listening_ledger ledger;
    t::token_endpoint google_tokens;
    t::recording_metrics figures;
    t::temp_folder folder;
    made_key key = made_key::ec();
    t::h2_server apns{io.get_executor()};
    t::h2_server fcm{io.get_executor()};
    std::unique_ptr<adapter::push::push_runner> runner;
    std::vector<std::string> said; ///< what each provider was told, in order
    int serial = 0;

    world() {
        directory.answer.rules.wake_by_push = true;
        t::write_key(folder.file("key.p8"), key.pem());
        t::write_key(folder.file("account.json"), t::account("our-project"));
        adapter::push::settings s;
        s.tls = false;
        s.apns.emplace();
        s.apns->key_file = folder.file("key.p8");
        s.apns->key_id = "ABCDE12345";
        s.apns->team_id = "TEAM123456";
        s.apns->bundle_ids = {"com.example.phone"};
        s.apns->production = {"127.0.0.1", apns.port()};
        s.apns->sandbox = {"127.0.0.1", apns.port()};
        s.fcm.emplace();
        s.fcm->service_account_file = folder.file("account.json");
        s.fcm->at = {"127.0.0.1", fcm.port()};
        add(1, push::token_kind::voip, t::k_voip_token);
        add(1, push::token_kind::alert, t::k_alert_token);
        add(2, push::token_kind::fcm_token, t::k_fcm_token);
        apns.on_request = [this](t::h2_peer& p, const t::h2_seen& r) {
            said.push_back("apns " + r.get("apns-push-type") + " " + field(r.body, "type"));
            p.respond(r.stream, 200, {}, {{"apns-id", r.get("apns-id")}});
        };
        fcm.on_request = [this](t::h2_peer& p, const t::h2_seen& r) {
            const auto m = nlohmann::json::parse(r.body).at("message").at("data");
            said.push_back("fcm " + m.at("type").get<std::string>());
            last_data = m;
            p.respond(r.stream, 200, R"({"name":"projects/our-project/messages/0:1"})");
        };
        runner = adapter::push::make_push_runner(
            io.get_executor(), std::move(s),
            adapter::push::ports{addresses, ledger, google_tokens, clock, figures, {}, {}}
        );
        apns.start();
        fcm.start();
        runner->start();
    }
    static std::string field(const std::string& body, const char* name) {
        return nlohmann::json::parse(body).at(name).get<std::string>();
    }
    void add(std::int64_t id, push::token_kind kind, const char* token) {
        auto& a = addresses.of[id];
        a.uid = "device-" + std::to_string(id);
        a.platform = id == 1 ? "ios" : "android";
        a.eligible = true;
        a.org = {directory.answer.org, "Acme", "acme"};
        port::push_address_token x;
        x.to.device = {id};
        x.to.token_is = kind;
        x.to.token = secret(token);
        x.to.env = push::environment::production;
        x.to.bundle_id = "com.example.phone";
        x.name = std::string(push::name(kind));
        a.tokens.push_back(std::move(x));
    }
    engine::engine& add_node() {
        auto p = ports();
        p.runners.push_back(runner.get());
        return start(std::move(p));
    }
    engine::genuine_webhook
    of(const std::string& type, const std::string& leg, const std::string& extra = "") {
        auto e = event_of(type, "event-" + std::to_string(++serial), leg, extra);
        return {e.route, e.received_at, std::move(e.body)};
    }
    engine::genuine_webhook device(const std::string& type, int n) {
        return of(
            type, "v3:" + legs[static_cast<std::size_t>(n - 1)].text(),
            R"(,"client_state":"mark:)" + std::to_string(n) + R"(")"
        );
    }
    [[nodiscard]] long told(const std::string& what) const {
        return std::count(said.begin(), said.end(), what);
    }
    awaitable<void> stop() {
        co_await engine_world::stop();
        co_await runner->stop(1s);
        co_await apns.stop();
        co_await fcm.stop();
    }
    nlohmann::json last_data;
};

#define ACCEPT(hook)                                                                                         \
    {                                                                                                        \
        auto h = hook;                                                                                       \
        (void)co_await node.accept(std::move(h));                                                            \
    }

// The dials wait for the carrier; the pushes do not wait for them.
awaitable<void> answered_elsewhere(world& w) {
    w.telnyx.held.insert(call::verb::dial);
    auto& node = w.add_node();
    ACCEPT(w.of("call.initiated", "v3:caller", k_caller_waits));
    WAIT_FOR(w.told("apns voip incoming_call") == 1 && w.told("fcm incoming_call") == 1);
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
    w.telnyx.held.clear();
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 2);
    WAIT_FOR(std::count(w.store.notes.begin(), w.store.notes.end(), "push_accepted") == 2);

    ACCEPT(w.device("call.answered", 1));
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1);
    ACCEPT(w.device("call.bridged", 1));
    ACCEPT(w.of("call.bridged", "v3:caller"));
    WAIT_FOR(w.in(call::phase::active));
    WAIT_FOR(w.told("fcm call_ended") == 1);
    EXPECT_EQ(w.last_data.at("reason"), "answered_elsewhere");
    ACCEPT(w.of("call.hangup", "v3:caller", R"(,"hangup_cause":"normal_clearing")"));
    WAIT_FOR(w.in(call::phase::ended));
    const auto open = [&w] {
        return std::count_if(w.store.commands.begin(), w.store.commands.end(), [](const auto& c) {
            return call::channel_of(c.second.what) == call::channel::push && !c.second.finished;
        });
    };
    WAIT_FOR(open() == 0);
    EXPECT_EQ(w.told("apns alert call_ended"), 0) << "it has the caller";
    EXPECT_EQ(w.told("apns voip call_ended"), 0);
    EXPECT_EQ(w.told("apns alert missed_call") + w.told("fcm missed_call"), 0);
    EXPECT_EQ(w.told("apns voip incoming_call"), 1) << "never twice";
    EXPECT_EQ(w.told("fcm call_ended"), 1);
    EXPECT_EQ(w.last_data.at("call_uuid"), w.state()->id.text());
}

awaitable<void> missed(world& w) {
    auto& node = w.add_node();
    ACCEPT(w.of("call.initiated", "v3:caller", k_caller_waits));
    WAIT_FOR(std::count(w.store.notes.begin(), w.store.notes.end(), "push_accepted") == 2);
    ACCEPT(w.of("call.hangup", "v3:caller", R"(,"hangup_cause":"originator_cancel","hangup_source":"caller")")
    );
    WAIT_FOR(w.in(call::phase::ended));
    WAIT_FOR(w.told("apns alert missed_call") == 1 && w.told("fcm missed_call") == 1);
    WAIT_FOR(w.told("fcm call_ended") == 1);
    EXPECT_EQ(w.told("apns alert call_ended"), 0) << "one notification, not two";
}

} // namespace

TEST(push_calls, push_01_be_18_phones_are_woken_beside_the_dials_and_the_loser_alone_hears_of_the_end) {
    run(answered_elsewhere);
}
TEST(push_calls, and_14_a_caller_who_leaves_is_a_missed_call_on_every_phone) {
    run(missed);
}
