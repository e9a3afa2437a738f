// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/ops/import.hpp"
#include "registry.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>
#include <sstream>

using namespace z360;
using namespace z360::testing;
using json = nlohmann::json;
using port::tenant_scope;

namespace {

class old_rows : public registry_test {
  protected:
    pg::import_report import(const std::string& file, bool strict = false) {
        std::istringstream in(file);
        pg::import_options o;
        o.now = k_then;
        o.strict = strict;
        return pg::import_old_rows(in, secret(scratch_->url()), *keys_, o);
    }
    json device(int id, const person& p, const std::string& uid, int seen_day) const {
        const auto n = std::to_string(id);
        return {
            {"table", "user_device_tokens"},
            {"id", id},
            {"user_id", p.user.value},
            {"organization_id", p.org.value},
            {"device_id", uid},
            {"fcm_token", "token of " + uid},
            {"platform", "android"},
            {"app_version", "1.2." + n},
            {"device_name", "Phone " + n},
            {"last_active_at", iso8601(k_then - (100 - seen_day) * k_one_day)},
            {"telnyx_credential_id", "old-cred-" + n},
            {"sip_username", "gencred-old-" + n},
            {"sip_password", "planted-old-" + n},
            {"connection_id", "conn"},
            {"credential_expires_at", nullptr},
            {"created_at", "2026-01-01 00:00:00"},
            {"updated_at", "2026-01-02T00:00:00Z"},
        };
    }
    json credential(int id, const person& p) const {
        const auto n = std::to_string(id);
        return {
            {"table", "user_telnyx_telephony_credentials"},
            {"id", id},
            {"user_id", p.user.value},
            {"organization_id", p.org.value},
            {"credential_id", "org-cred-" + n},
            {"connection_id", "conn"},
            {"sip_username", "gencred-org-" + n},
            {"sip_password", "planted-org-" + n},
        };
    }
    /// Everything that an import may write, for comparing.
    std::string picture() {
        return value(
            "select md5(coalesce(string_agg(x, '|' order by x), '')) from (select d::text x from devices d "
            "union all select i::text from sip_identities i union all select r::text from "
            "device_registrations r) t"
        );
    }
    static std::string lines(const std::vector<json>& rows) {
        std::string out;
        for (const auto& r : rows)
            out += r.dump() + "\n";
        return out;
    }
};

} // namespace

TEST_F(old_rows, cred_05_a_thousand_rows_with_duplicates_have_the_same_survivors_in_any_order) {
    std::vector<json> rows;
    for (int n = 1; n <= 800; ++n)
        rows.push_back(device(n, n % 2 == 0 ? ann_ : bob_, "device-" + std::to_string(n), n % 100));
    for (int n = 801; n <= 1000;
         ++n) // of the devices 1 … 200, some with newer and some with older signs of life
        rows.push_back(
            device(n, n % 2 == 0 ? ann_ : bob_, "device-" + std::to_string(n - 800), n % 2 == 0 ? 99 : 0)
        );
    const auto r = import(lines(rows));
    EXPECT_EQ(r.lines, 1000U);
    EXPECT_EQ(r.bad_lines, 0U);
    EXPECT_EQ(r.devices, 800U);
    EXPECT_EQ(r.duplicates, 200U);
    EXPECT_EQ(r.identities, 800U);
    EXPECT_EQ(r.retired, 200U);
    EXPECT_EQ(r.pending, 0U);
    EXPECT_EQ(value("select count(*) from devices"), "800");
    EXPECT_EQ(value("select count(*) from sip_identities where state = 'active'"), "800");
    EXPECT_EQ(
        value("select count(*) from sip_identities where state = 'retiring' and retire_reason = 'imported'"),
        "200"
    );
    const auto survivor = [this](const std::string& uid) {
        return value(
            "select telnyx_credential_id from sip_identities join devices using (device_id) where state = "
            "'active' and device_uid = '" +
            uid + "'"
        );
    };
    EXPECT_EQ(survivor("device-2"), "old-cred-802"); // the duplicate is newer
    EXPECT_EQ(survivor("device-3"), "old-cred-3");
    const auto survivors =
        "select md5(string_agg(telnyx_credential_id || state, ',' order by telnyx_credential_id)) "
        "from sip_identities";
    const auto first = value(survivors);

    sql("truncate imported_rows");
    sql("update sip_identities set state = 'dead', sip_password = null, password_key_id = null");
    sql("delete from sip_identities");
    sql("delete from devices");
    std::shuffle(rows.begin(), rows.end(), std::mt19937{42});
    import(lines(rows));
    EXPECT_EQ(value(survivors), first);
}

TEST_F(old_rows, a_second_import_changes_nothing_and_revives_nothing) {
    const auto file =
        lines({device(1, ann_, "phone", 90), device(2, ann_, "phone", 80), credential(1, ann_)});
    import(file);
    const auto before = picture();
    const auto again = import(file);
    EXPECT_EQ(picture(), before);
    EXPECT_EQ(again.unchanged, 3U);
    EXPECT_EQ(again.devices + again.identities + again.retired + again.organization_credentials, 0U);
    const device_id d{std::stoll(value("select device_id from devices"))};
    EXPECT_TRUE(run(registry_->remove(tenant_scope::all(), {d, "logout", k_then})));
    for (const auto& r : sql("select identity_id from sip_identities where device_id is not null"))
        run(store_->bury({r[0].as<std::int64_t>()}, k_then));
    EXPECT_EQ(value("select count(*) from devices"), "0");
    import(file);
    EXPECT_EQ(value("select count(*) from devices"), "0");
}

TEST_F(old_rows, cred_03_a_failed_or_missing_credential_becomes_a_pending_identity) {
    auto failed = device(1, ann_, "failed", 90);
    failed["telnyx_credential_id"] = "failed";
    auto missing = device(2, ann_, "missing", 90);
    missing["telnyx_credential_id"] = nullptr;
    missing["sip_username"] = nullptr;
    auto rescued = device(3, ann_, "rescued", 95);
    rescued["telnyx_credential_id"] = "failed";
    const auto r = import(lines({failed, missing, rescued, device(4, ann_, "rescued", 50)}));
    EXPECT_EQ(r.pending, 2U);
    EXPECT_EQ(r.identities, 1U); // an older row of the same device has a good one
    EXPECT_EQ(r.retired, 0U);
    EXPECT_EQ(value("select count(*) from sip_identities where telnyx_credential_id = 'failed'"), "0");
    std::size_t due = 0;
    for (const auto& c : run(store_->claim_due({}, k_then, 10, k_claim)))
        for (const auto& i : c.device.identities)
            due += i.now_in == credential::identity_state::pending ? 1 : 0;
    EXPECT_EQ(due, 2U); // they heal by themselves
}

TEST_F(old_rows, be_06_credentials_of_organisations_are_only_recorded_to_be_deleted) {
    auto never_made = credential(2, ann_);
    never_made["credential_id"] = "failed";
    std::vector<json> rows{credential(1, ann_), never_made};
    for (int n = 10; n < 60; ++n)
        rows.push_back(credential(n, bob_));
    const auto r = import(lines(rows));
    EXPECT_EQ(r.organization_credentials, 51U);
    EXPECT_EQ(
        value("select count(*) from sip_identities where kind = 'organization' and state = 'retiring' and "
              "device_id "
              "is null and sip_password is null"),
        "51"
    );
    EXPECT_EQ(value("select count(distinct retry_at) from sip_identities"), "51"); // not all at once
    std::size_t handed_out = 0;
    for (int round = 0; round < 20; ++round)
        handed_out += run(store_->claim_due({}, k_then + k_one_day, 20, k_claim)).size();
    EXPECT_EQ(handed_out, 51U);
}

TEST_F(old_rows, an_imported_device_rings_on_its_old_identity_even_when_its_date_has_passed) {
    auto row = device(1, ann_, "phone", 99);
    row["credential_expires_at"] = iso8601(k_then - 5 * k_one_day);
    import(lines({row}));
    sql("insert into phone_numbers (org_id, connection_id, e164, receiving_user_id) values (" +
        text(ann_.org) + ", 'c', '+15550100001', " + text(ann_.user) + ")");
    auto directory = pg::make_directory(*db_, {});
    const auto targets = run(directory->resolve("+15550100001", "", k_then)).targets;
    ASSERT_EQ(targets.size(), 1U);
    EXPECT_EQ(targets[0].sip_username, "gencred-old-1");
    EXPECT_EQ(run(registry_->password(targets[0].identity))->reveal(), "planted-old-1");
    EXPECT_EQ(
        run(store_->claim_due({}, k_then + k_one_day * 2, 10, k_claim)).size(), 1U
    ); // and is replaced soon
}

TEST_F(old_rows, push_tokens_are_told_apart_and_have_one_holder) {
    auto voip = device(1, ann_, "iphone", 90);
    voip["platform"] = "ios";
    voip["fcm_token"] = std::string(64, 'a');
    auto alert = device(2, ann_, "iphone", 80);
    alert["platform"] = "ios";
    alert["fcm_token"] = "fcm:alert";
    auto web = device(3, ann_, "web_1", 90);
    web["platform"] = "web";
    web["fcm_token"] = "web_web_1";
    auto older = device(4, bob_, "bob's", 10);
    older["fcm_token"] = "fcm:alert";
    import(lines({older, web, voip, alert}));
    const auto has = [this](const std::string& uid) {
        return value(
            "select (push_token is not null)::text || (voip_token is not null)::text || push_state from "
            "devices where device_uid = '" +
            uid + "'"
        );
    };
    EXPECT_EQ(has("iphone"), "truetrueactive");
    EXPECT_EQ(has("web_1"), "falsefalsenone");
    EXPECT_EQ(
        value("select count(*) from devices where user_id = " + text(bob_.user) + " and push_token is null"),
        "1"
    );
}

TEST_F(old_rows, b_23_bad_lines_are_named_with_their_fields_and_left_out) {
    auto agent = device(1, ann_, "phone", 1);
    agent["user_id"] = 0;
    auto many = device(2, ann_, "", 1);
    many["platform"] = "symbian";
    many["last_active_at"] = "yesterday";
    auto stranger = device(3, ann_, "phone", 1);
    stranger["user_id"] = 987'654;
    auto nowhere = credential(4, ann_);
    nowhere["organization_id"] = 987'654;
    const auto good = device(5, ann_, "good", 1);
    const std::string file = agent.dump() + "\nnot json planted-secret\n" + many.dump() + "\n\n" +
                             stranger.dump() + "\n" + nowhere.dump() + "\n" + good.dump() + "\n" +
                             good.dump() + "\n{\"table\":\"users\"}\n[]\n" + std::string(70'000, 'x') + "\n";
    const auto r = import(file);
    EXPECT_EQ(r.bad_lines, 9U);
    std::string text;
    for (const auto& p : r.problems)
        text += std::to_string(p.line) + " " + p.field + ": " + p.reason + "\n";
    for (const char* expected :
         {"1 user_id: 0 stands for the AI agent", "2 : is not JSON", "3 device_id: is empty",
          "3 platform: is none of", "3 last_active_at: is not a date", "5 user_id: there is no such user",
          "6 organization_id: there is no such organisation", "8 id: appears twice", "9 table: is neither",
          "10 : is not a JSON object", "11 : is longer than"})
        EXPECT_NE(text.find(expected), std::string::npos) << expected << "\nin\n" << text;
    EXPECT_EQ(text.find("planted"), std::string::npos);
    EXPECT_EQ(value("select string_agg(device_uid, ' ') from devices"), "good");
}

TEST_F(old_rows, a_strict_import_with_one_bad_line_changes_nothing) {
    auto bad = device(2, ann_, "other", 1);
    bad["platform"] = "symbian";
    const auto r = import(lines({device(1, ann_, "phone", 1), bad}), true);
    EXPECT_FALSE(r.applied);
    EXPECT_EQ(r.problems.size(), 1U);
    EXPECT_EQ(value("select count(*) from devices"), "0");
    EXPECT_TRUE(import(lines({device(1, ann_, "phone", 1)}), true).applied);
}

TEST_F(old_rows, a_device_that_has_registered_since_keeps_what_it_has) {
    const auto d = enrolled(ann_, "phone");
    activate(d, "new");
    const auto r = import(lines({device(1, ann_, "phone", 99)}));
    EXPECT_EQ(r.retired, 1U);
    EXPECT_EQ(states(d.id), "active retiring");
}

TEST_F(old_rows, sec_02_no_password_of_the_file_is_in_the_database_afterwards) {
    import(lines({device(1, ann_, "phone", 90), device(2, ann_, "phone", 80), credential(1, ann_)}));
    std::string dump;
    for (const auto& t : sql("select tablename from pg_tables where schemaname = 'public'"))
        for (const auto& row : sql(std::string("select t::text from ") + t[0].c_str() + " t"))
            dump += row[0].c_str();
    EXPECT_EQ(dump.find("planted"), std::string::npos);
    EXPECT_EQ(dump.find("token of phone"), std::string::npos);
}

namespace {

std::string notes_of(const pg::import_report& r) {
    std::string out;
    for (const auto& n : r.dropped)
        out += std::to_string(n.line) + " " + n.what + "\n";
    return out;
}

} // namespace

TEST_F(old_rows, cred_05_a_credential_that_another_device_adopts_is_not_retired) {
    // Ann's phone was reset: its older line and the line of the tablet name one credential.
    const auto newest = device(1, ann_, "phone", 90);
    auto older = device(2, ann_, "phone", 80);
    auto tablet = device(3, bob_, "tablet", 50);
    older["telnyx_credential_id"] = tablet["telnyx_credential_id"];
    older["sip_username"] = tablet["sip_username"];
    older["sip_password"] = tablet["sip_password"];
    for (const auto& file : {lines({newest, older, tablet}), lines({tablet, older, newest})}) {
        sql("truncate imported_rows");
        sql("update sip_identities set state = 'dead', sip_password = null, password_key_id = null");
        sql("delete from sip_identities");
        sql("delete from devices");
        const auto r = import(file);
        EXPECT_EQ(r.identities, 2U);
        EXPECT_EQ(r.pending, 0U);
        EXPECT_EQ(r.retired, 0U);
        EXPECT_EQ(
            value(
                "select string_agg(state, ' ') from sip_identities where telnyx_credential_id = 'old-cred-3'"
            ),
            "active"
        );
        EXPECT_NE(notes_of(r).find("credential old-cred-3 stays: another device has it"), std::string::npos)
            << notes_of(r);
    }
}

TEST_F(old_rows, be_06_an_organisations_credential_that_a_device_uses_is_not_retired) {
    auto shared = credential(1, ann_);
    shared["credential_id"] = "old-cred-5";
    const auto r = import(lines({shared, device(5, ann_, "phone", 90)}));
    EXPECT_EQ(r.organization_credentials, 0U);
    EXPECT_EQ(value("select string_agg(state, ' ') from sip_identities"), "active");
}

TEST_F(old_rows, cred_05_a_credential_whose_username_a_device_uses_is_not_retired) {
    const auto newest = device(1, ann_, "phone", 90);
    auto older = device(2, ann_, "phone", 80);   // another id for what the phone logs in with
    auto tablet = device(3, bob_, "tablet", 50); // the same of another person's device
    auto shared = credential(4, ann_);           // and of an organisation
    const auto unused = device(5, ann_, "phone", 70);
    for (auto* row : {&older, &tablet, &shared})
        (*row)["sip_username"] = newest["sip_username"];
    const std::string retiring =
        "select string_agg(telnyx_credential_id, ' ') from sip_identities where state = 'retiring'";
    for (const auto& file :
         {lines({newest, older, tablet, shared, unused}), lines({shared, unused, tablet, older, newest})}) {
        sql("truncate imported_rows");
        sql("update sip_identities set state = 'dead', sip_password = null, password_key_id = null");
        sql("delete from sip_identities");
        sql("delete from devices");
        const auto r = import(file);
        EXPECT_EQ(r.identities, 1U);
        EXPECT_EQ(r.pending, 1U) << "the tablet gets one of its own";
        EXPECT_EQ(value(retiring), "old-cred-5");
        const auto text = notes_of(r);
        for (const char* id : {"old-cred-2", "old-cred-3", "org-cred-4"})
            EXPECT_NE(
                text.find(
                    "credential " + std::string(id) +
                    " stays: a device uses its SIP username gencred-old-1, there of credential old-cred-1"
                ),
                std::string::npos
            ) << id
              << "\nin\n"
              << text;
    }
    // A later file: the device is there already.
    auto late = device(6, bob_, "laptop", 95);
    late["sip_username"] = newest["sip_username"];
    const auto again = import(lines({late}));
    EXPECT_EQ(again.retired, 0U);
    EXPECT_EQ(value(retiring), "old-cred-5");
}

TEST_F(old_rows, cred_05_what_a_line_names_that_was_left_out_is_not_retired) {
    const auto newest = device(1, ann_, "phone", 90);
    std::vector<json> wanting;
    for (int n = 2; n <= 4; ++n) // Ann's older lines, whose credentials others use by now
        wanting.push_back(device(n, ann_, "phone", 10 * n));
    auto unknown = device(12, bob_, "of a stranger", 5);
    unknown["user_id"] = 987'654; // not synchronised yet
    unknown["telnyx_credential_id"] = "old-cred-2";
    auto broken = device(13, bob_, "broken", 5);
    broken["platform"] = "symbian";
    broken["telnyx_credential_id"] = "old-cred-3";
    // The same by the SIP username alone.
    const auto fifth = device(5, ann_, "phone", 45), sixth = device(6, ann_, "phone", 46);
    auto unknown_name = unknown, broken_name = broken;
    unknown_name["id"] = 14;
    unknown_name["telnyx_credential_id"] = "old-cred-14";
    unknown_name["sip_username"] = "gencred-old-5";
    broken_name["id"] = 15;
    broken_name["telnyx_credential_id"] = "old-cred-15";
    broken_name["sip_username"] = "gencred-old-6";
    const auto r = import(lines(
        {newest, wanting[0], wanting[1], wanting[2], fifth, sixth, unknown, broken, unknown_name, broken_name}
    ));
    EXPECT_EQ(r.bad_lines, 4U);
    EXPECT_EQ(r.retired, 1U);
    EXPECT_EQ(
        value("select string_agg(telnyx_credential_id, ' ') from sip_identities where state = 'retiring'"),
        "old-cred-4"
    );
    // Mended and imported: whoever it belongs to has it.
    auto mended = broken;
    mended["platform"] = "android";
    mended["sip_username"] = "gencred-old-3";
    const auto again = import(lines({newest, wanting[0], wanting[1], wanting[2], mended}));
    EXPECT_EQ(again.identities, 1U);
    EXPECT_EQ(again.retired, 1U) << "the one whose line is not in this file any more";
    EXPECT_EQ(value("select state from sip_identities where telnyx_credential_id = 'old-cred-3'"), "active");
}

TEST_F(old_rows, an_import_says_what_it_drops) {
    const auto stranger = add_person("carol");
    auto elsewhere = device(3, ann_, "tablet", 70);
    elsewhere["organization_id"] = stranger.org.value;
    auto failed = device(4, ann_, "laptop", 60);
    failed["telnyx_credential_id"] = "failed";
    failed["fcm_token"] = "token of phone";
    (void)enrolled(bob_, "here already");
    const auto r = import(lines(
        {device(1, ann_, "phone", 90), device(2, ann_, "phone", 80), elsewhere, failed,
         device(5, bob_, "here already", 99), credential(6, ann_)}
    ));
    const auto text = notes_of(r);
    for (const char* expected :
         {"2 device phone is made of line 1", "2 credential old-cred-2 is deleted at Telnyx",
          "3 not registered with organisation", "4 device laptop gets a new identity",
          "4 its push token is another device's", "5 device here already is known here",
          "6 credential org-cred-6 is deleted at Telnyx"})
        EXPECT_NE(text.find(expected), std::string::npos) << expected << "\nin\n" << text;
    EXPECT_EQ(r.drops, r.dropped.size());
    EXPECT_EQ(text.find("planted"), std::string::npos);
}

TEST_F(old_rows, control_characters_are_refused_in_every_field) {
    std::size_t n = 0;
    for (const char* bad :
         {"\x1b[31m",
          "\xC2\x9B"
          "31m",
          "a\nb", "\x7f"})
        for (const char* field : {"device_id", "device_name", "app_version", "sip_username"}) {
            auto row = device(static_cast<int>(++n), ann_, "phone", 1);
            row[field] = std::string("x") + bad;
            const auto r = import(lines({row}));
            EXPECT_EQ(r.bad_lines, 1U) << field;
            ASSERT_EQ(r.problems.size(), 1U);
            EXPECT_EQ(r.problems[0].field, field);
            EXPECT_NE(r.problems[0].reason.find("control character"), std::string::npos);
        }
    EXPECT_EQ(value("select count(*) from devices"), "0");
}

TEST_F(old_rows, a_name_that_nobody_can_read_is_none_and_one_that_misleads_is_refused) {
    auto blank = device(1, ann_, "phone", 1);
    blank["device_name"] = " \u00a0\u200b";
    EXPECT_EQ(import(lines({blank})).devices, 1U) << "a device is not lost for its name";
    EXPECT_EQ(value("select name from devices"), "");
    auto turned = device(2, ann_, "laptop", 1);
    turned["device_name"] = "\u202egnp.exe";
    const auto r = import(lines({turned}));
    EXPECT_EQ(r.bad_lines, 1U);
    ASSERT_EQ(r.problems.size(), 1U);
    EXPECT_EQ(r.problems[0].field, "device_name");
    EXPECT_EQ(value("select count(*) from devices"), "1");
}
