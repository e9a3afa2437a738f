// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which devices a registration takes out of use: one physical device is one device.
#include "registry.hpp"

using namespace z360;
using namespace z360::testing;
using port::push_kind;
using port::tenant_scope;

namespace {

using replacement = registry_test;

} // namespace

TEST_F(replacement, b_13_a_phone_that_changes_hands_leaves_its_former_owner_at_once) {
    auto anns = registration(ann_, "ann's install");
    anns.push.push_back(push("token of the phone"));
    anns.push.push_back(push("voip token", push_kind::apns_voip));
    const auto old = must_enrol(anns).device;
    activate(old, "ann");
    add_token(ann_, old.id);
    auto bobs = registration(bob_, "bob's install");
    bobs.push.push_back(push("voip token", push_kind::apns_voip));
    const auto now = must_enrol(bobs);
    EXPECT_EQ(now.replaced, std::vector{old.id});
    EXPECT_EQ(status(old.id), "removed");
    EXPECT_EQ(states(old.id), "retiring");
    EXPECT_EQ(live_tokens(old.id), "0");
    EXPECT_EQ(
        value(
            "select count(*) from devices where push_token is null and voip_token is null and device_id = " +
            text(old.id)
        ),
        "1"
    );
    EXPECT_TRUE(run(registry_->list(tenant_scope::of(ann_.user), {}, 10)).empty());
    EXPECT_EQ(status(now.device.id), "active");
}

TEST_F(replacement, b_13_a_device_id_is_no_proof_and_both_exist) {
    auto anns = registration(ann_, "web_1", "web");
    const auto old = must_enrol(anns).device;
    activate(old, "ann");
    add_token(ann_, old.id);
    const auto bobs = must_enrol(registration(bob_, "web_1", "web"));
    EXPECT_TRUE(bobs.replaced.empty());
    EXPECT_NE(bobs.device.id, old.id);
    EXPECT_EQ(status(old.id), "active");
    EXPECT_EQ(states(old.id), "active");
    EXPECT_EQ(live_tokens(old.id), "1");
    // Whoever shows a push token of it, or its bearer, has the phone in hand.
    auto proof = registration(bob_, "web_1", "web");
    proof.proved = {old.id};
    EXPECT_EQ(must_enrol(proof).replaced, std::vector{old.id});
    EXPECT_EQ(status(old.id), "removed");
    EXPECT_EQ(states(old.id), "retiring");
    EXPECT_EQ(live_tokens(old.id), "0");
}

TEST_F(replacement, b_13_the_bearer_of_an_own_install_before_proves_as_much) {
    const auto first = enrolled(ann_, "install-1");
    auto second = registration(ann_, "install-2");
    second.proved = {first.id};
    EXPECT_EQ(must_enrol(second).replaced, std::vector{first.id});
    auto same = registration(ann_, "install-2");
    same.proved = {must_enrol(registration(ann_, "install-2")).device.id};
    EXPECT_TRUE(must_enrol(same).replaced.empty()) << "itself";
    EXPECT_EQ(status(same.proved.front()), "active");
}

TEST_F(replacement, b_13_an_identity_in_a_call_stays_until_the_call_is_over) {
    auto anns = registration(ann_, "phone");
    anns.push.push_back(push("token"));
    const auto old = must_enrol(anns).device;
    const auto identity = activate(old, "ann");
    const auto call = put_on_call(ann_, old.id, identity);
    auto bobs = registration(bob_, "phone of bob");
    bobs.push.push_back(push("token"));
    must_enrol(bobs);
    EXPECT_EQ(status(old.id), "removed");
    EXPECT_EQ(states(old.id), "active");
    const auto due = [this, &old] {
        for (const auto& c : run(store_->claim_due({}, k_then + millis{1'000}, 50, millis{0})))
            if (c.device.id == old.id) return true;
        return false;
    };
    EXPECT_FALSE(due());
    end_call(call);
    EXPECT_TRUE(due());
}

TEST_F(replacement, b_14_a_new_install_of_the_same_phone_replaces_the_old_one) {
    auto first = registration(ann_, "install-1");
    first.push.push_back(push("token"));
    const auto a = must_enrol(first).device;
    auto second = registration(ann_, "install-2");
    second.push.push_back(push("token"));
    const auto b = must_enrol(second);
    EXPECT_EQ(b.replaced, std::vector{a.id});
    auto third = registration(ann_, "install-3");
    third.previous_device_uid = "install-2";
    const auto c = must_enrol(third);
    EXPECT_EQ(c.replaced, std::vector{b.device.id});
    const auto left = run(registry_->list(tenant_scope::of(ann_.user), {}, 10));
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].id, c.device.id);
}

TEST_F(replacement, b_14_somebody_elses_device_cannot_be_named_as_the_previous_one) {
    const auto bobs = enrolled(bob_, "bob's");
    auto r = registration(ann_, "ann's");
    r.previous_device_uid = "bob's";
    EXPECT_TRUE(must_enrol(r).replaced.empty());
    EXPECT_EQ(status(bobs.id), "active");
}

TEST_F(replacement, b_33_a_page_that_registers_for_business_pushes_is_the_device_it_runs_on) {
    auto app = registration(ann_, "app");
    app.push.push_back(push("token"));
    const auto phone = must_enrol(app);
    activate(phone.device, "ann");
    add_token(ann_, phone.device.id);
    auto page = registration(ann_, "push-0123", "android");
    page.wants_identity = false;
    page.push.push_back(push("token"));
    page.now = k_then + millis{60'000};
    const auto before = value("select d::text from devices d");
    const auto same = must_enrol(page);
    EXPECT_EQ(same.device.id, phone.device.id);
    EXPECT_EQ(same.registration_id, phone.registration_id);
    EXPECT_FALSE(same.created);
    EXPECT_TRUE(same.replaced.empty());
    EXPECT_EQ(value("select count(*) from devices"), "1");
    EXPECT_EQ(value("select d::text from devices d"), before) << "nothing changes";
    EXPECT_EQ(states(phone.device.id), "active");
    EXPECT_EQ(live_tokens(phone.device.id), "1");

    // The other order: the page first, then the app, then the page again.
    page.push.front() = push("token of bob");
    page.user = bob_.user;
    page.org = bob_.org;
    const auto alone = must_enrol(page);
    EXPECT_EQ(states(alone.device.id), "") << "no identity for business pushes";
    auto bobs = registration(bob_, "bobs app");
    bobs.push.push_back(push("token of bob"));
    const auto full = must_enrol(bobs);
    EXPECT_EQ(full.replaced, std::vector{alone.device.id});
    EXPECT_EQ(must_enrol(page).device.id, full.device.id);
    // Somebody else's device it never is (B13).
    page.user = ann_.user;
    page.org = ann_.org;
    EXPECT_EQ(must_enrol(page).replaced, std::vector{full.device.id});
}

TEST_F(replacement, b_50_only_the_longest_idle_browsers_beyond_the_limit_go) {
    std::vector<device_id> browsers;
    for (int n = 0; n < 5; ++n) {
        auto r = registration(ann_, "web_" + std::to_string(n), "web");
        r.now = k_then + millis{n};
        browsers.push_back(must_enrol(r).device.id);
    }
    const auto phone = enrolled(ann_, "phone");
    auto r = registration(ann_, "web_5", "web");
    r.now = k_then + millis{10};
    EXPECT_EQ(must_enrol(r).replaced, std::vector{browsers[0]});
    r.now += millis{1};
    EXPECT_TRUE(must_enrol(r).replaced.empty()); // the same browser again
    EXPECT_EQ(status(phone.id), "active");
    r = registration(ann_, "web_6", "web");
    r.now = k_then + millis{20};
    EXPECT_EQ(must_enrol(r, 4).replaced.size(), 2U);
    EXPECT_EQ(status(browsers[1]), "removed");
    EXPECT_EQ(status(browsers[2]), "removed");
    EXPECT_EQ(status(browsers[3]), "active");
}

TEST_F(replacement, mob_14_a_web_view_that_comes_after_its_native_device_gets_no_identity) {
    const auto native = enrolled(ann_, "native");
    auto r = registration(ann_, "web_view", "web");
    r.native_device_uid = "native";
    const auto view = must_enrol(r).device;
    EXPECT_FALSE(view.identity);
    EXPECT_TRUE(view.native_handles_calls);
    EXPECT_TRUE(native.identity);
}

TEST_F(replacement, mob_14_a_web_view_that_came_first_gives_its_identity_up) {
    auto r = registration(ann_, "web_view", "web");
    r.native_device_uid = "native";
    const auto view = must_enrol(r).device;
    ASSERT_TRUE(view.identity);
    activate(view, "view");
    const auto other = enrolled(ann_, "web_other", "web");
    const auto native = enrolled(ann_, "native");
    EXPECT_TRUE(native.identity);
    EXPECT_EQ(states(view.id), "retiring");
    EXPECT_EQ(states(other.id), "pending");
    const auto now = run(registry_->by_id(tenant_scope::of(ann_.user), view.id));
    EXPECT_TRUE(now->native_handles_calls);
    EXPECT_FALSE(now->identity);
}

TEST_F(replacement, mob_14_both_at_once_end_with_one_identity) {
    for (int n = 0; n < 5; ++n) {
        const auto tail = std::to_string(n);
        auto web = registration(ann_, "view" + tail, "web");
        web.native_device_uid = "native" + tail;
        std::vector<port::registered> got;
        std::vector<awaitable<void>> tasks;
        tasks.push_back(enrol_into(*registry_, n % 2 == 0 ? web : registration(ann_, "native" + tail), got));
        tasks.push_back(enrol_into(*registry_, n % 2 == 1 ? web : registration(ann_, "native" + tail), got));
        run(together(std::move(tasks)));
        EXPECT_EQ(
            value(
                "select count(*) from sip_identities i join devices d using (device_id) where i.state = "
                "'pending' "
                "and d.device_uid in ('view" +
                tail + "', 'native" + tail + "')"
            ),
            "1"
        );
    }
}

TEST_F(replacement, ios_01_an_embedded_web_view_has_no_identity_and_takes_no_token_away) {
    auto phone = registration(ann_, "native");
    phone.push.push_back(push("token"));
    const auto native = must_enrol(phone).device;
    auto r = registration(ann_, "view", "web");
    r.embedded_webview = true;
    r.push.push_back(push("token"));
    const auto view = must_enrol(r);
    EXPECT_FALSE(view.device.identity);
    EXPECT_TRUE(view.device.native_handles_calls);
    EXPECT_TRUE(view.replaced.empty());
    EXPECT_EQ(status(native.id), "active");
}
