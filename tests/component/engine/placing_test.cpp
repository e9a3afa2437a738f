// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls that devices place: from the credential connection's webhook to the order to the carrier (BE-42).
#include "callers_world.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

constexpr const char* k_from_device =
    R"(,"direction":"outgoing","state":"parked","from":"+15550100001","to":"15557654321",)"
    R"("from_sip_uri":"sip:gencred-ada@sip.telnyx.com","custom_headers":[{"name":"x-z360-org-id","value":"7"}])";

port::inbox_event by_device(port::inbox_event e) {
    e.route = port::webhook_route::credential;
    return e;
}
port::inbox_event placed(callers_world& w, int n, const std::string& extra = k_from_device) {
    return by_device(w.event("call.initiated", n, w.caller(n), extra));
}
/// What the carrier tells of the leg that it dials.
port::inbox_event of_peer(callers_world& w, const std::string& type, int n, const std::string& extra = "") {
    return by_device(w.event(
        type, n, "v3:peer-" + std::to_string(n),
        R"(,"direction":"outgoing","client_state":"mark:)" + w.session(n) + ":" +
            call::placed_leg_id(w.call(n)).text() + R"(")" + extra
    ));
}

awaitable<void> goes_out(callers_world& w) {
    auto& node = w.add_node();
    co_await node.accept(w.raw(placed(w, 1)));
    WAIT_FOR(w.telnyx.count(call::verb::transfer) == 1);
    EXPECT_EQ(w.directory.placed.back(), (port::placing{"gencred-ada", "15557654321", "+15550100001", "7"}));
    EXPECT_TRUE(w.directory.asked.empty()) << "nobody of ours is looked up as called";
    EXPECT_EQ(w.telnyx.sent.back().call_control_id, w.caller(1));
    co_await node.accept(w.raw(of_peer(w, "call.initiated", 1, R"(,"state":"bridging")")));
    co_await node.accept(w.raw(of_peer(w, "call.answered", 1)));
    co_await node.accept(w.raw(of_peer(w, "call.bridged", 1)));
    co_await node.accept(w.raw(by_device(w.event("call.bridged", 1, w.caller(1)))));
    WAIT_FOR(w.in(1, call::phase::active));
    co_await node.accept(
        w.raw(by_device(w.event("call.hangup", 1, w.caller(1), R"(,"hangup_cause":"normal_clearing")")))
    );
    WAIT_FOR(w.in(1, call::phase::ended));
    WAIT_FOR(w.hangups_of("v3:peer-1") == 1);
    EXPECT_EQ(w.store.calls.size(), 1U);
    EXPECT_EQ(w.dials_for(1), 0U);
    co_await node.accept(w.raw(of_peer(w, "call.hangup", 1, R"(,"hangup_cause":"normal_clearing")")));
    WAIT_FOR(w.idle());
}

awaitable<void> repeats(callers_world& w) {
    auto& node = w.add_node();
    const auto first = placed(w, 1);
    co_await node.accept(w.raw(first));
    WAIT_FOR(w.telnyx.count(call::verb::transfer) == 1);
    co_await node.accept(w.raw(first));
    co_await node.accept(w.raw(placed(w, 1))); // the same, by another id
    // The other side without our mark, and without a word of its state: no call of its own.
    auto other = by_device(w.event(
        "call.initiated", 1, "v3:other",
        R"(,"direction":"outgoing","from":"+15550100001","to":"+15557654321")"
    ));
    co_await node.accept(w.raw(std::move(other)));
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.telnyx.count(call::verb::transfer), 1U);
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
    EXPECT_EQ(w.store.calls.size(), 1U);
    // A second call of the same device is a call of its own.
    co_await node.accept(w.raw(placed(w, 2)));
    WAIT_FOR(w.telnyx.count(call::verb::transfer) == 2);
}

awaitable<void> without_postgres(callers_world& w) {
    auto& node = w.add_node();
    co_await node.accept(w.raw(placed(w, 1)));
    WAIT_FOR(w.telnyx.count(call::verb::transfer) == 1);
    w.postgres(false);
    co_await node.accept(w.raw(placed(w, 2)));
    WAIT_FOR(node.now().callers_waiting == 1);
    EXPECT_EQ(w.telnyx.count(call::verb::transfer), 1U) << "whether they may call nobody can say";
    w.postgres(true);
    WAIT_FOR(w.telnyx.count(call::verb::transfer) == 2);
}

awaitable<void> nobodys(callers_world& w) {
    auto& node = w.add_node();
    const std::string extra =
        R"(,"direction":"outgoing","state":"parked","from":"+15550100001","to":"15557654321")";
    co_await node.accept(w.raw(placed(w, 1, extra)));
    WAIT_FOR(w.in(1, call::phase::ended));
    WAIT_FOR(w.hangups_of(w.caller(1)) == 1);
    EXPECT_EQ(w.telnyx.count(call::verb::reject), 0U);
    EXPECT_EQ(w.state(1)->reason, call::end_reason::rejected);
    // Without a number of its own a device is shown as its user.
    const std::string as_user =
        R"(,"direction":"outgoing","state":"parked","from":"gencred-ada","to":"15557654321")";
    co_await node.accept(w.raw(placed(w, 2, as_user)));
    WAIT_FOR(w.telnyx.count(call::verb::transfer) == 1);
    EXPECT_EQ(w.directory.placed.back().sip_username, "gencred-ada");
}

} // namespace

TEST(placing, be_42_a_device_calls_and_talks) {
    run(goes_out);
}
TEST(placing, i_12_an_order_is_given_once_however_often_and_by_whichever_side_the_call_is_told) {
    run(repeats);
}
TEST(placing, be_38_without_postgres_a_call_waits_and_is_not_let_out_by_what_was_true_before) {
    run(without_postgres);
}
TEST(placing, be_42_a_call_of_nobody_is_hung_up_on) {
    run(nobodys);
}
