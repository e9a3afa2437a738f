// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a copy of the database gives away, and changing the key it is encrypted under.
#include "adapter/postgres/ops/rekey.hpp"
#include "registry.hpp"

using namespace z360;
using namespace z360::testing;
using adapter::crypto::vault;
using port::push_kind;

namespace {

class stored_secrets : public registry_test {
  protected:
    void SetUp() override {
        registry_test::SetUp();
        if (IsSkipped()) return;
        auto r = registration(ann_, "phone");
        r.push.push_back(push("planted-fcm-token"));
        r.push.push_back(push("planted-voip-token", push_kind::apns_voip));
        device_ = must_enrol(r).device;
        identity_ = activate(device_, "planted");
        run(store_->store_token(identity_, port::carrier_token{secret("planted.jwt"), std::nullopt}, k_then));
        run(store_->failed(identity_, "10015", std::nullopt));
    }
    /// Every column of every table as text.
    std::string dump() {
        std::string out;
        for (const auto& t : sql("select tablename from pg_tables where schemaname = 'public'"))
            for (const auto& row : sql(std::string("select t::text from ") + t[0].c_str() + " t"))
                out += std::string(row[0].c_str()) + "\n";
        return out;
    }
    static std::string hex(std::string_view bytes) {
        static constexpr std::string_view k_digits = "0123456789abcdef";
        std::string out;
        for (const char c : bytes) {
            const auto b = static_cast<unsigned char>(c);
            out += {k_digits[b >> 4U], k_digits[b & 15U]};
        }
        return out;
    }
    port::device_view device_;
    identity_id identity_;
};

} // namespace

TEST_F(stored_secrets, sec_02_a_dump_holds_none_of_the_planted_secrets) {
    const auto text = dump();
    EXPECT_NE(text.find("gencredplanted"), std::string::npos); // it is a dump of these rows
    for (const char* planted :
         {"password-of-planted", "planted-fcm-token", "planted-voip-token", "planted.jwt"}) {
        EXPECT_EQ(text.find(planted), std::string::npos) << planted;
        EXPECT_EQ(text.find(hex(planted)), std::string::npos) << planted;
    }
    EXPECT_EQ(run(registry_->password(identity_))->reveal(), "password-of-planted");
}

TEST_F(stored_secrets, sec_02_a_ciphertext_moved_to_another_row_does_not_open) {
    const auto other = enrolled(bob_, "phone of bob");
    const auto theirs = activate(other, "bob");
    sql("update sip_identities i set sip_password = o.sip_password, jwt = o.jwt, jwt_key_id = o.jwt_key_id "
        "from "
        "sip_identities o where i.identity_id = " +
        text(theirs) + " and o.identity_id = " + text(identity_));
    EXPECT_FALSE(run(registry_->password(theirs)));
    const auto token = run(store_->token(other.id, millis{0}));
    ASSERT_TRUE(token);
    EXPECT_FALSE(token->token);
    sql("update sip_identities set sip_password = jwt where identity_id = " + text(identity_)
    ); // another column
    EXPECT_FALSE(run(registry_->password(identity_)));
}

TEST_F(stored_secrets, sec_02_everything_is_encrypted_again_under_the_new_key) {
    const secret line_of_new(std::string(vault::generate_line("second").reveal()));
    const secret old_line(std::string(vault::generate_line("old").reveal()));
    const auto with_newline = [](const secret& a, const secret& b) {
        return secret(std::string(a.reveal()) + "\n" + std::string(b.reveal()) + "\n");
    };
    const auto before = vault::parse(old_line, "test");
    const auto after = vault::parse(with_newline(line_of_new, old_line), "test");
    registry_ = pg::make_device_registry(*db_, before);
    store_ = pg::make_credential_store(*db_, before);
    for (int n = 0; n < 450; ++n) {
        auto r = registration(bob_, "bulk-" + std::to_string(n), "android");
        r.push.push_back(push("bulk token " + std::to_string(n)));
        must_enrol(r);
    }
    const auto bobs = enrolled(bob_, "phone of bob");
    const auto identity = activate(bobs, "bob");
    run(store_->store_token(identity, port::carrier_token{secret("jwt.of.bob"), std::nullopt}, k_then));
    add_token(bob_, bobs.id);

    std::size_t calls = 0;
    const auto report =
        pg::rekey(secret(scratch_->url()), *after, [&calls](const std::string&, std::size_t) { ++calls; });
    EXPECT_EQ(report.changed(), 452U);
    EXPECT_GE(calls, 5U);
    EXPECT_EQ(report.tokens_under_old_keys, 1U);
    EXPECT_FALSE(report.complete()); // ann's rows are under a key that is not in the file
    std::vector<std::string> left;
    for (const auto& c : report.columns)
        left.insert(left.end(), c.left.begin(), c.left.end());
    EXPECT_EQ(
        left, (std::vector<std::string>{
                  "sip_identities.sip_password/" + text(identity_), "sip_identities.jwt/" + text(identity_),
                  "devices.push_token/" + text(device_.id), "devices.voip_token/" + text(device_.id)
              })
    );
    const auto again = pg::rekey(secret(scratch_->url()), *after);
    EXPECT_EQ(again.changed(), 0U);

    const auto only_new = vault::parse(line_of_new, "test");
    registry_ = pg::make_device_registry(*db_, only_new);
    store_ = pg::make_credential_store(*db_, only_new);
    EXPECT_EQ(run(registry_->password(identity))->reveal(), "password-of-bob");
    EXPECT_EQ(run(store_->token(bobs.id, millis{0}))->token->jwt.reveal(), "jwt.of.bob");
    auto moved = registration(ann_, "moved", "android"); // found by the new hash
    moved.push.push_back(push("bulk token 7"));
    EXPECT_EQ(must_enrol(moved).replaced.size(), 1U);
}

TEST_F(stored_secrets, b_13_a_token_stored_under_the_old_key_is_found_before_the_rekeying) {
    const secret old_line(std::string(vault::generate_line("old").reveal()));
    const secret new_line(std::string(vault::generate_line("new").reveal()));
    registry_ = pg::make_device_registry(*db_, vault::parse(old_line, "test"));
    auto r = registration(ann_, "ann's other", "android");
    r.push.push_back(push("shared token"));
    const auto old = must_enrol(r).device;
    registry_ = pg::make_device_registry(
        *db_,
        vault::parse(secret(std::string(new_line.reveal()) + "\n" + std::string(old_line.reveal())), "test")
    );
    auto bobs = registration(bob_, "bob's", "android");
    bobs.push.push_back(push("shared token"));
    EXPECT_EQ(must_enrol(bobs).replaced, std::vector{old.id});
}
