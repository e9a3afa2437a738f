// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is forgotten, and what never is.
#include "registry.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class purging : public registry_test {
  protected:
    static constexpr millis k_month{30LL * 86'400'000};

    std::size_t purge(millis after, std::size_t limit = 500) {
        return run(store_->purge(k_then + after, limit));
    }
    std::string count(const std::string& what) { return value("select count(*) from " + what); }
    /// A second identity in use; the first is dead.
    identity_id rotate(const port::device_view& d, identity_id first, const std::string& name) {
        run(store_->retire(first, credential::retire_reason::rotated, k_then));
        run(store_->bury(first, k_then));
        (void)run(store_->add_identity(d.id, "connection-9", k_then));
        return activate(d, name);
    }
};

} // namespace

TEST_F(purging, be_05_dead_identities_of_living_devices_go_after_thirty_days_unless_a_call_names_them) {
    const auto phone = enrolled(ann_, "phone");
    const auto old = activate(phone, "first");
    const auto used = enrolled(bob_, "used");
    const auto named = activate(used, "second");
    end_call(put_on_call(bob_, used.id, named));
    rotate(phone, old, "third");
    rotate(used, named, "fourth");
    EXPECT_EQ(purge(k_month), 0U) << "not yet";
    EXPECT_EQ(purge(k_month + millis{1}), 1U);
    EXPECT_EQ(states(phone.id), "active");
    EXPECT_EQ(states(used.id), "dead active") << "history names it";
    EXPECT_EQ(purge(k_month + millis{1}), 0U);
    EXPECT_EQ(value("select credential_version from devices where device_id = " + text(phone.id)), "2")
        << "a version never comes twice";
}

TEST_F(purging, be_05_a_removed_device_goes_when_nothing_is_left_of_it_at_telnyx) {
    auto page = registration(ann_, "push-1", "android");
    page.wants_identity = false;
    const auto pushes = must_enrol(page).device;
    const auto phone = enrolled(ann_, "phone");
    const auto i = activate(phone, "phone");
    for (const auto d : {pushes.id, phone.id})
        EXPECT_TRUE(run(registry_->remove(port::tenant_scope::all(), {d, "logout", k_then})));
    EXPECT_EQ(purge(2 * k_month), 1U) << "the one that never had an identity";
    EXPECT_EQ(status(phone.id), "removed");
    EXPECT_EQ(states(phone.id), "retiring") << "Telnyx still has it";
    run(store_->bury(i, k_then));
    EXPECT_EQ(count("devices"), "0");
}

TEST_F(purging, tokens_audit_and_leases_go_in_batches_long_after_their_end) {
    const auto at = "z360_at(" + std::to_string(k_then.time_since_epoch().count()) + ")";
    const auto token = [&](const std::string& seed, const std::string& expires, const std::string& revoked) {
        sql("insert into api_tokens (kind, hash, hash_key_id, expires_at, ends_at, revoked_at) values "
            "('service', "
            "sha256('" +
            seed + "'), 'first', " + at + " + interval '" + expires + "', " + at + " + interval '1 year', " +
            (revoked.empty() ? "null" : at + " + interval '" + revoked + "'") + ")");
    };
    for (int n = 0; n < 5; ++n)
        token("expired " + std::to_string(n), "-31 days", "");
    token("revoked", "100 days", "-31 days");
    token("expired lately", "-29 days", "");
    token("revoked lately", "100 days", "-29 days");
    token("valid", "100 days", "");
    sql("insert into audit_events (actor, action, at) values ('cli', 'old', " + at +
        " - interval '401 days'), ('cli', 'kept', " + at + " - interval '399 days')");
    sql("insert into leases (name, holder, held_until) values ('old', 'a', " + at +
        " - interval '31 days'), ('current', 'b', " + at + ")");
    sql("insert into imported_rows (source, old_id, imported_at) values ('user_device_tokens', 1, " + at +
        " - interval '10 years')");
    EXPECT_EQ(purge(millis{0}, 4), 6U) << "four tokens, a line of the audit, a lease";
    EXPECT_EQ(purge(millis{0}, 4), 2U);
    EXPECT_EQ(purge(millis{0}, 4), 0U);
    EXPECT_EQ(count("api_tokens"), "3");
    EXPECT_EQ(value("select string_agg(action, ' ') from audit_events"), "kept");
    EXPECT_EQ(value("select string_agg(name, ' ') from leases"), "current");
    EXPECT_EQ(count("imported_rows"), "1") << "an import that is repeated must not bring anything back";
}
