// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which key files belong to a database.
#include "adapter/postgres/ops/key_check.hpp"
#include "registry.hpp"

using namespace z360;
using namespace z360::testing;
using adapter::crypto::vault;
using port::push_kind;

namespace {

class key_lists : public registry_test {
  protected:
    [[nodiscard]] static std::string line(const std::string& id) {
        return std::string(vault::generate_line(id).reveal()) + "\n";
    }
    [[nodiscard]] static std::shared_ptr<const vault> file(const std::string& text) {
        return vault::parse(secret(text), "test");
    }
    [[nodiscard]] std::string fault(const std::string& text) {
        return pg::foreign_keys(secret(scratch_->url()), *file(text));
    }
    /// Devices with push tokens under the first key of this file.
    void fill(const std::string& text, int devices, const std::string& name) {
        registry_ = pg::make_device_registry(*db_, file(text));
        for (int n = 0; n < devices; ++n) {
            auto r = registration(bob_, name + std::to_string(n), "android");
            r.push.push_back(push(name + " token " + std::to_string(n)));
            must_enrol(r);
        }
    }
    std::string listed() {
        return value("select coalesce(string_agg(key_id, ' ' order by key_id), '') from secret_keys");
    }
    static constexpr const char* k_foreign = "none of its keys opens what this database holds";
};

} // namespace

TEST_F(key_lists, sec_02_the_first_file_is_the_databases_own_and_another_one_is_not) {
    const auto ours = line("a");
    EXPECT_EQ(fault(ours), "");
    EXPECT_EQ(listed(), "a");
    // Nothing that is stored needs it yet: a file that was made anew may take its place.
    EXPECT_EQ(fault(line("b")), "");
    add_token(ann_, enrolled(ann_, "phone").id);
    sql("delete from secret_keys where key_id = 'b'");
    EXPECT_NE(fault(line("b")).find(k_foreign), std::string::npos);
    EXPECT_NE(fault(line("a")).find(k_foreign), std::string::npos) << "the same id, another key";
    EXPECT_EQ(fault(ours), "");
    EXPECT_EQ(listed(), "a") << "who is refused leaves nothing behind";
}

TEST_F(key_lists, sec_02_new_keys_beside_a_known_one_are_added) {
    const auto ours = line("a");
    const auto next = line("b");
    fill(ours, 1, "phone");
    EXPECT_EQ(fault(ours), "");
    EXPECT_EQ(fault(next + ours), "");
    EXPECT_EQ(listed(), "a b");
    EXPECT_EQ(fault(next), "") << "when the old one is deleted";
    EXPECT_NE(fault(ours + line("b")).find("'b' is not the key 'b'"), std::string::npos);
    const auto renamed = "c" + ours.substr(1);
    EXPECT_NE(fault(next + renamed).find("another id"), std::string::npos);
}

TEST_F(key_lists, sec_02_without_a_list_the_file_that_opens_most_is_the_right_one) {
    // Every file began with the same id, and some devices were imported with a wrong one.
    const auto ours = line("k1");
    const auto wrong = line("k1");
    fill(ours, 60, "right");
    fill(wrong, 39, "wrong");
    EXPECT_NE(fault(wrong).find(k_foreign), std::string::npos);
    EXPECT_NE(fault(line("k1")).find(k_foreign), std::string::npos);
    EXPECT_NE(fault(line("other")).find(k_foreign), std::string::npos);
    EXPECT_EQ(listed(), "");
    EXPECT_EQ(fault(ours), "");
    EXPECT_EQ(listed(), "k1");
    fill(wrong, 200, "more"); // nothing of it matters once there is a list
    EXPECT_EQ(fault(ours), "");
    EXPECT_NE(fault(wrong).find(k_foreign), std::string::npos);
}

TEST_F(key_lists, sec_02_rows_under_keys_that_are_gone_do_not_speak_against_a_file) {
    const auto old = line("old");
    const auto now = line("new");
    fill(old, 5, "old");
    fill(now + old, 1, "new");
    EXPECT_EQ(fault(now), "");
}

TEST_F(key_lists, sec_02_an_old_copy_that_lacks_a_key_in_use_is_refused) {
    const auto ours = line("a");
    const auto next = line("b");
    EXPECT_EQ(fault(ours), "");
    EXPECT_EQ(fault(ours + next), "");
    EXPECT_EQ(fault(ours), "") << "nothing is under the new key yet";
    fill(next + ours, 1, "phone");
    EXPECT_NE(fault(ours).find("it lacks the key 'b'"), std::string::npos);
    EXPECT_NE(fault(ours + line("c")).find("it lacks the key 'b'"), std::string::npos) << "a fork";
    EXPECT_EQ(listed(), "a b");
    EXPECT_EQ(fault(next + ours), "");
    EXPECT_EQ(fault(next), "") << "retired, not forgotten";
    fill(ours, 1, "idle");
    EXPECT_EQ(fault(next), "") << "not even if something is still under it";
}

TEST_F(key_lists, sec_02_bearer_tokens_alone_show_an_old_copy) {
    const auto ours = line("a");
    EXPECT_EQ(fault(ours), "");
    EXPECT_EQ(fault(line("b") + ours), "");
    add_token(ann_, enrolled(ann_, "phone").id);
    sql("update api_tokens set hash_key_id = 'b'");
    EXPECT_NE(fault(ours).find("it lacks the key 'b'"), std::string::npos);
    sql("update api_tokens set revoked_at = now()");
    EXPECT_EQ(fault(ours), "");
}

TEST_F(key_lists, sec_02_keys_that_were_met_together_are_of_one_age) {
    const auto ours = line("a");
    const auto other = line("b");
    EXPECT_EQ(fault(ours + other), "");
    fill(other + ours, 1, "phone");
    EXPECT_EQ(fault(ours), "") << "the one that is left out may be the older one";
}

TEST_F(key_lists, sec_02_a_look_adds_nothing) {
    const auto ours = line("a");
    EXPECT_EQ(pg::key_fault(secret(scratch_->url()), *file(ours)), "");
    EXPECT_EQ(listed(), "");
    fill(ours, 1, "phone");
    EXPECT_EQ(fault(ours), "");
    EXPECT_EQ(pg::key_fault(secret(scratch_->url()), *file(line("b") + ours)), "");
    EXPECT_EQ(listed(), "a");
    EXPECT_NE(pg::key_fault(secret(scratch_->url()), *file(line("b"))).find(k_foreign), std::string::npos);
}

TEST_F(key_lists, an_older_schema_is_told_with_its_fix) {
    sql("drop table secret_keys");
    EXPECT_NE(fault(line("a")).find("--migrate"), std::string::npos);
}
