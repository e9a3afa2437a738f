// SPDX-License-Identifier: LicenseRef-z360-proprietary
// People who register devices, a key file, and what Telnyx would have answered.
#pragma once

#include "adapter/crypto/vault.hpp"
#include "fixture.hpp"

#include <z360/port/credential_store.hpp>
#include <z360/port/device_registry.hpp>

namespace z360::testing {

inline constexpr time_point k_then{millis{1'790'000'000'123}};
inline constexpr millis k_one_day{86'400'000};
inline constexpr millis k_claim{30'000};

struct person {
    org_id org;
    user_id user;
    std::string slug;
};

/// One of many registrations at once.
inline awaitable<void>
enrol_into(port::device_registry& registry, port::registration r, std::vector<port::registered>& out) {
    auto got = co_await registry.enrol(std::move(r), 5);
    if (got) out.push_back(std::move(*got));
}

class registry_test : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        keys_ = adapter::crypto::vault::parse(adapter::crypto::vault::generate_line("first"), "test");
        registry_ = pg::make_device_registry(*db_, keys_);
        store_ = pg::make_credential_store(*db_, keys_);
        ann_ = add_person("ann");
        bob_ = add_person("bob");
    }
    void TearDown() override {
        store_.reset();
        registry_.reset();
        postgres_test::TearDown();
    }

    person add_person(const std::string& slug) {
        pg::admin admin(secret(scratch_->url()));
        person p;
        p.slug = slug;
        p.org = admin.upsert_organization(slug, "Org " + slug);
        p.user = admin.upsert_user(slug + "@example.com", "User " + slug);
        admin.upsert_membership(p.org, p.user, "member");
        return p;
    }

    static port::registration
    registration(const person& p, const std::string& uid, const std::string& platform = "ios") {
        port::registration r;
        r.user = p.user;
        r.org = p.org;
        r.device_uid = uid;
        r.platform = platform;
        r.now = k_then;
        return r;
    }
    static port::push_token push(
        const std::string& token, port::push_kind kind = port::push_kind::fcm,
        std::optional<time_point> issued = std::nullopt
    ) {
        return {kind, secret(token), issued};
    }

    port::registered must_enrol(port::registration r, unsigned browsers = 5) {
        auto out = run(registry_->enrol(std::move(r), browsers));
        if (!out) throw std::runtime_error("not registered");
        return std::move(*out);
    }
    port::device_view enrolled(const person& p, const std::string& uid, const std::string& platform = "ios") {
        return must_enrol(registration(p, uid, platform)).device;
    }

    static port::carrier_credential made(const std::string& name) {
        port::carrier_credential c;
        c.id = "cred-" + name;
        c.sip_username = "gencred" + name;
        c.sip_password = secret("password-of-" + name);
        c.connection_id = "connection-9";
        return c;
    }
    /// Its pending identity becomes active, as if made at Telnyx.
    identity_id activate(const port::device_view& d, const std::string& name, time_point now = k_then) {
        const identity_id pending{std::stoll(value(
            "select identity_id from sip_identities where state = 'pending' and device_id = " + text(d.id)
        ))};
        EXPECT_TRUE(run(store_->activate(pending, made(name), now + 30 * k_one_day, now)));
        return pending;
    }

    /// A live leg to the device on this identity; returns the call's id.
    std::string put_on_call(const person& p, device_id d, identity_id i) {
        const auto call = derive_uuid("call of " + text(d)).text();
        sql("insert into calls (call_id, call_session_id, org_id, user_id, phase, version, snapshot, "
            "began_at, "
            "updated_at) values ('" +
            call + "', 'session-" + text(d) + "', " + text(p.org) + ", " + text(p.user) +
            ", 'active', 1, '{}', now(), now())");
        sql("insert into call_legs (leg_id, call_id, org_id, device_id, identity_id, dial, initiated, "
            "answered, "
            "bridged, ended) values (gen_random_uuid(), '" +
            call + "', " + text(p.org) + ", " + text(d) + ", " + text(i) +
            ", 'accepted', true, true, true, false)");
        return call;
    }
    void end_call(const std::string& call) {
        sql("update calls set phase = 'ended', end_reason = 'completed', ended_at = now() where call_id = '" +
            call + "'");
    }

    template <class Id>
    static std::string text(Id id) {
        return std::to_string(id.value);
    }
    std::string states(device_id d) {
        return value(
            "select coalesce(string_agg(state, ' ' order by identity_id), '') from sip_identities where "
            "device_id = " +
            text(d)
        );
    }
    std::string status(device_id d) {
        return value("select status from devices where device_id = " + text(d));
    }
    /// A bearer token's row.
    void add_token(const person& p, device_id d) {
        sql("insert into api_tokens (kind, hash, hash_key_id, user_id, device_id, expires_at, ends_at) "
            "values "
            "('device', sha256('" +
            text(d) + "'), 'first', " + text(p.user) + ", " + text(d) +
            ", now() + interval '1 day', now() + "
            "interval '1 day')");
    }
    std::string live_tokens(device_id d) {
        return value("select count(*) from api_tokens where revoked_at is null and device_id = " + text(d));
    }

    std::shared_ptr<const adapter::crypto::vault> keys_;
    std::unique_ptr<port::device_registry> registry_;
    std::unique_ptr<port::credential_store> store_;
    person ann_, bob_;
};

} // namespace z360::testing
