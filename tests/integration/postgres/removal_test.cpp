// SPDX-License-Identifier: LicenseRef-z360-proprietary
// However a device goes out of use, the rows end up the same, and the manager finds what is to be deleted.
#include "registry.hpp"
#include "wire/own_event.hpp"

#include <z360/port/event_inbox.hpp>

#include <algorithm>
#include <chrono>
#include <functional>

using namespace z360;
using namespace z360::testing;
using port::tenant_scope;

namespace {

class removal : public registry_test {
  protected:
    struct way {
        std::string name;
        std::function<void(const person& who, const port::device_view& device)> go;
        std::string status = "removed";
        std::string reason = "device_gone";
        std::string push = "none true";
    };

    void SetUp() override {
        registry_test::SetUp();
        if (!IsSkipped()) tenants_ = pg::make_tenants(*db_, "connection-1");
    }
    void TearDown() override {
        tenants_.reset();
        registry_test::TearDown();
    }

    port::device_view working_device(const person& p) {
        auto r = registration(p, p.slug + "'s phone");
        r.push.push_back(push("token of " + p.slug));
        const auto d = must_enrol(r).device;
        activate(d, p.slug);
        add_token(p, d.id);
        return d;
    }
    std::vector<way> ways() {
        const auto all = tenant_scope::all();
        return {
            {"logout",
             [this](const person& p, const port::device_view& d) {
                 EXPECT_TRUE(run(registry_->remove(tenant_scope::of(p.user), {d.id, "logout", k_then})));
             }},
            {"other-hands",
             [this](const person&, const port::device_view& d) {
                 must_enrol(registration(bob_, d.uid));
                 run(registry_->remove(tenant_scope::all(), {d.id, "again", k_then}));
             }},
            {"operator",
             [this](const person& p, const port::device_view& d) {
                 pg::admin admin(secret(scratch_->url()));
                 port::audit_line line;
                 line.actor = "cli";
                 line.action = "device_removed";
                 line.at = k_then;
                 EXPECT_EQ(admin.revoke_device(p.user, d.uid, line), d.id);
             }},
            {"membership",
             [this](const person& p, const port::device_view& d) {
                 const auto gone =
                     run(tenants_->remove_membership(tenant_scope::of(p.org), p.org, p.user, k_then));
                 EXPECT_EQ(gone, std::vector{d.id});
             }},
            {"person",
             [this, all](const person& p, const port::device_view& d) {
                 EXPECT_EQ(run(tenants_->remove_person(all, p.user, k_then)), std::vector{d.id});
             }},
            {"organisation",
             [this, all](const person& p, const port::device_view& d) {
                 EXPECT_EQ(run(tenants_->remove_organisation(all, p.org, k_then)), std::vector{d.id});
             }},
            {"apple",
             [this](const person& p, const port::device_view& d) {
                 EXPECT_TRUE(run(tenants_->link_apple(p.user, "subject of " + p.slug, "", k_then)));
                 EXPECT_EQ(
                     run(tenants_->unlink_apple("subject of " + p.slug, k_then, k_then)), std::vector{d.id}
                 );
             }},
            {"suspended-person",
             [this, all](const person& p, const port::device_view& d) {
                 port::person row{p.user, p.slug + "@example.com", "X", "suspended", {}};
                 EXPECT_EQ(run(tenants_->put(all, row)).stopped, std::vector{d.id});
             },
             "suspended"},
            {"suspended-organisation",
             [this, all](const person& p, const port::device_view& d) {
                 port::organisation row{p.org, "X", "", "suspended"};
                 EXPECT_EQ(run(tenants_->put(all, row)).stopped, std::vector{d.id});
             },
             "suspended"},
            // It may show up again, and is told so by a push.
            {"silence",
             [this](const person&, const port::device_view& d) {
                 run(store_->suspend(d.id, "silent", k_then));
             },
             "suspended", "silent", "active false"},
        };
    }

    /// A call with a leg to this device, by its one identity.
    std::string on_call(const person& p, device_id d, const std::string& phase = "active") {
        const identity_id i{
            std::stoll(value("select identity_id from sip_identities where device_id = " + text(d)))
        };
        const auto call = put_on_call(p, d, i);
        sql("update calls set phase = '" + phase + "' where call_id = '" + call + "'");
        if (phase != "active")
            sql("update call_legs set answered = false, bridged = false where call_id = '" + call + "'");
        return call;
    }
    /// What the inbox offers now, by route "own".
    std::vector<wire::own_event> withdrawals() {
        const auto inbox = pg::make_event_inbox(*db_);
        std::vector<wire::own_event> out;
        for (const auto& e : run(inbox->claim_pending(100, millis{60'000}))) {
            EXPECT_EQ(e.route, port::webhook_route::own);
            auto w = wire::read_own_event(e.body);
            EXPECT_TRUE(w) << e.body;
            if (!w) continue;
            EXPECT_EQ(w->call_session_id, e.call_session_id);
            out.push_back(std::move(*w));
        }
        return out;
    }
    static bool names(const std::vector<wire::own_event>& all, const std::string& session, device_id d) {
        return std::any_of(all.begin(), all.end(), [&](const auto& w) {
            const auto* withdrawn = w.what ? std::get_if<call::ring_withdrawn>(&*w.what) : nullptr;
            if (withdrawn == nullptr || w.call_session_id != session) return false;
            const auto& devices = withdrawn->devices;
            return std::find(devices.begin(), devices.end(), d) != devices.end();
        });
    }

    std::unique_ptr<port::tenants> tenants_;
};

} // namespace

TEST_F(removal, be_05_every_way_out_of_use_leaves_the_same_rows) {
    for (const auto& w : ways()) {
        SCOPED_TRACE(w.name);
        const auto p = add_person(w.name);
        const auto d = working_device(p);
        w.go(p, d);
        EXPECT_EQ(status(d.id), w.status);
        EXPECT_EQ(states(d.id), "retiring") << "no call is in the way: deleted at Telnyx in the next round";
        EXPECT_EQ(
            value("select retire_reason from sip_identities where device_id = " + text(d.id)), w.reason
        );
        EXPECT_EQ(live_tokens(d.id), "0");
        EXPECT_EQ(
            value(
                "select push_state || ' ' || (push_token is null and push_token_hash is null)::text from "
                "devices where device_id = " +
                text(d.id)
            ),
            w.push
        );
    }
}

TEST_F(removal, and_09_every_way_out_of_use_leaves_a_call_its_identity) {
    for (const auto& w : ways()) {
        SCOPED_TRACE(w.name);
        const auto p = add_person(w.name);
        const auto d = working_device(p);
        const auto call = on_call(p, d.id);
        w.go(p, d);
        EXPECT_EQ(status(d.id), w.status);
        EXPECT_EQ(states(d.id), "active");
        EXPECT_EQ(live_tokens(d.id), "0");
        end_call(call);
        bool due = false;
        const auto later = std::chrono::floor<millis>(std::chrono::system_clock::now()) + millis{1'000};
        for (const auto& c :
             run(store_->claim_due({}, std::max(later, k_then + millis{1'000}), 50, millis{0})))
            due = due || c.device.id == d.id;
        EXPECT_TRUE(due) << "found by the round once the call is over";
    }
}

TEST_F(removal, b_28_every_way_out_of_use_reaches_the_calls_that_ring) {
    for (const auto& w : ways()) {
        SCOPED_TRACE(w.name);
        const auto p = add_person(w.name);
        const auto d = working_device(p);
        const auto call = on_call(p, d.id, "ringing");
        EXPECT_TRUE(withdrawals().empty());
        w.go(p, d);
        EXPECT_TRUE(names(withdrawals(), "session-" + text(d.id), d.id));
        end_call(call);
    }
}

TEST_F(removal, b_28_who_is_rung_is_told_by_legs_whatever_the_call_is_doing) {
    int persons = 0;
    const auto gone = [&](const std::string& leg_is, const std::string& call_is, const char* then = "") {
        const auto p = add_person("p" + std::to_string(++persons));
        const auto d = working_device(p);
        const auto call = on_call(p, d.id, "ringing");
        if (!leg_is.empty()) sql("update call_legs set " + leg_is + " where call_id = '" + call + "'");
        if (!call_is.empty()) sql("update calls set " + call_is + " where call_id = '" + call + "'");
        if (*then != '\0')
            sql("insert into call_joins (call_id, leg_id, epoch, org_id, commanded, accepted, refused, over) "
                "select call_id, leg_id, 1, org_id, true, false, false, " +
                std::string(then) + " from call_legs where call_id = '" + call + "'");
        run(registry_->remove(tenant_scope::of(p.user), {d.id, "logout", k_then}));
        const bool told = names(withdrawals(), "session-" + text(d.id), d.id);
        end_call(call);
        return told;
    };
    EXPECT_TRUE(gone("", ""));
    EXPECT_TRUE(gone("", "phase = 'bridging'"));
    EXPECT_TRUE(gone("", "phase = 'voicemail'")) << "a leg that turned up when the ring was over";
    EXPECT_TRUE(gone("answered = true", ""));
    EXPECT_TRUE(gone("", "", "'dropped'"));
    EXPECT_FALSE(gone("ended = true", ""));
    EXPECT_TRUE(gone("dial = 'failed'", "")) << "one whose dial was given up may turn up";
    EXPECT_FALSE(gone("release_reason = 'ring_timeout'", "")) << "it was told to stop";
    EXPECT_FALSE(gone("bridged = true", "phase = 'bridging'")) << "it has the caller";
    EXPECT_FALSE(gone("", "phase = 'bridging'", "null")) << "it is about to have the caller";
    EXPECT_FALSE(gone("", "winner_leg_id = (select leg_id from call_legs l where l.call_id = calls.call_id)"))
        << "the same by a program that writes no joins";
}

TEST_F(removal, b_28_a_departure_touches_the_calls_of_that_organisation_only) {
    const auto d = working_device(ann_);
    const auto here = on_call(ann_, d.id, "bridging");
    pg::admin(secret(scratch_->url())).upsert_membership(bob_.org, ann_.user, "member");
    run(tenants_->remove_membership(tenant_scope::of(bob_.org), bob_.org, ann_.user, k_then));
    EXPECT_TRUE(withdrawals().empty()) << "a call of another organisation";
    EXPECT_EQ(status(d.id), "active");
    sql("update calls set phase = 'active' where call_id = '" + here + "'");
    sql("update call_legs set answered = true, bridged = true where call_id = '" + here + "'");
    run(tenants_->remove_membership(tenant_scope::of(ann_.org), ann_.org, ann_.user, k_then));
    EXPECT_TRUE(withdrawals().empty()) << "a talk goes on";
    EXPECT_EQ(status(d.id), "removed");
}

// The number is no device: 0 stands for it, whether it rings already or would be dialed later in the ring.
TEST_F(removal, b_28_whoever_leaves_is_not_rung_on_their_mobile_number_either) {
    const device_id number{0};
    const auto all = port::tenant_scope::all();
    int persons = 0;
    const auto gone = [&](const char* leg_is, const char* call_is, bool suspended) {
        const auto p = add_person("m" + std::to_string(++persons));
        const auto d = working_device(p);
        const auto call = on_call(p, d.id, "ringing");
        sql("update call_legs set ended = true where call_id = '" + call + "'");
        if (*leg_is != '\0') {
            sql("insert into call_legs (leg_id, call_id, org_id, role, endpoint, address, dial, initiated, "
                "answered, "
                "bridged, ended) values (gen_random_uuid(), '" +
                call + "', " + text(p.org) +
                ", 'peer', 'e164', '+13125550177', 'accepted', true, false, false, "
                "false)");
            sql(std::string("update call_legs set ") + leg_is + " where role = 'peer' and call_id = '" +
                call + "'");
        }
        sql("update calls set phase = '" + std::string(call_is) + "' where call_id = '" + call + "'");
        if (suspended)
            (void)run(tenants_->put(all, port::person{p.user, p.slug + "@example.com", "X", "suspended", {}})
            );
        else
            (void)run(tenants_->remove_membership(tenant_scope::of(p.org), p.org, p.user, k_then));
        const bool told = names(withdrawals(), "session-" + text(d.id), number);
        end_call(call);
        return told;
    };
    for (const bool suspended : {false, true}) {
        EXPECT_TRUE(gone("", "ringing", suspended)) << "it would be dialed later";
        EXPECT_TRUE(gone("answered = false", "ringing", suspended)) << "it rings";
        EXPECT_TRUE(gone("answered = false", "voicemail", suspended))
            << "its leg turned up when the ring was over";
        EXPECT_FALSE(gone("answered = true, bridged = true", "active", suspended)) << "they talk";
        EXPECT_FALSE(gone("ended = true", "voicemail", suspended));
    }
    const auto d = working_device(ann_);
    (void)on_call(ann_, d.id, "ringing");
    run(registry_->remove(tenant_scope::of(ann_.user), {d.id, "logout", k_then}));
    const auto told = withdrawals();
    EXPECT_TRUE(names(told, "session-" + text(d.id), d.id));
    EXPECT_FALSE(names(told, "session-" + text(d.id), number))
        << "a phone that is signed out is not its person";
}
