// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Messages, recordings of calls, and what is on them.
#include "bed.hpp"

#include <boost/asio/co_spawn.hpp>

using namespace z360;
using namespace z360::test;
using port::recording_status;

namespace {

constexpr const char* k_messages = "/api/voip/voicemails";

class api_recordings : public bed {
  protected:
    port::recording_view& add(int n, user_id user = k_ada, org_id org = k_acme) {
        port::recording_view r;
        r.id = derive_uuid("recording " + std::to_string(n));
        r.call = {derive_uuid("call " + std::to_string(n))};
        r.session = r.call.text();
        r.org = org;
        r.user = user;
        r.purpose = call::recording_purpose::message;
        r.status = recording_status::kept;
        r.carrier_id = "rec-" + std::to_string(n);
        r.format = "mp3";
        r.caller = "+13125550142";
        r.caller_name = "Grace Hopper";
        r.dialed = "+13125550100";
        r.told_at = clock.at - std::chrono::minutes{n};
        r.began_at = r.told_at - millis{12'000};
        r.ended_at = r.told_at - millis{500};
        r.bytes = 10;
        r.sha256 = std::string(64, 'a');
        r.copy = {"folder", "7/" + std::to_string(n) + ".mp3"};
        recording_vault.kept[r.copy.key] = "0123456789";
        recordings.rows.push_back(r);
        return recordings.rows.back();
    }
    static std::string path(const json& of, const char* format = "mp3") {
        const auto url = of.at("recording_urls").at(format).get<std::string>();
        const std::string base = "https://voip.example.com";
        EXPECT_EQ(url.find(base), 0U) << url;
        return url.substr(base.size());
    }
};

} // namespace

TEST_F(api_recordings, be_26_a_person_lists_their_messages_newest_first_and_page_by_page) {
    for (const int n : {1, 2, 3})
        add(n);
    add(4, k_bob);
    add(5).purpose = call::recording_purpose::talk;
    const auto who = device(k_ada, "ada-phone");
    const auto first = send("GET", std::string(k_messages) + "?limit=2", who);
    ASSERT_EQ(first.status, 200) << first.text;
    ASSERT_EQ(first.data().size(), 2U);
    EXPECT_EQ(first.body["meta"]["unseen"], 3);
    const auto& m = first.data()[0];
    EXPECT_EQ(m["from"], "+13125550142");
    EXPECT_EQ(m["from_name"], "Grace Hopper");
    EXPECT_EQ(m["to"], "+13125550100");
    EXPECT_EQ(m["state"], "ready");
    EXPECT_EQ(m["kind"], "voicemail");
    EXPECT_EQ(m["seen"], false);
    EXPECT_EQ(m["duration_ms"], 11'500);
    EXPECT_TRUE(m["recording_urls"]["wav"].is_null());
    const auto rest = send(
        "GET", std::string(k_messages) + "?limit=2&before=" + first.body["meta"]["next"].get<std::string>(),
        who
    );
    ASSERT_EQ(rest.data().size(), 1U);
    EXPECT_TRUE(rest.body["meta"]["next"].is_null());
    EXPECT_EQ(rest.data()[0]["id"], derive_uuid("recording 3").text());
}

TEST_F(api_recordings, be_26_what_cannot_be_asked_is_refused_by_its_name) {
    const auto who = device(k_ada, "ada-phone");
    for (const char* query :
         {"limit=0", "limit=201", "before=yesterday", "before=1.2",
          "before=9223372036854775807.00000000-0000-0000-0000-000000000001", "seen=maybe"}) {
        const auto r = send("GET", std::string(k_messages) + "?" + query, who);
        EXPECT_EQ(r.status, 422) << query;
        EXPECT_EQ(r.body["errors"].size(), 1U) << query << r.text;
    }
    EXPECT_EQ(send("GET", k_messages).status, 401);
}

TEST_F(api_recordings, be_26_a_message_is_marked_as_heard_and_as_new_again) {
    const auto id = add(1).id.text();
    const auto who = device(k_ada, "ada-phone");
    const auto seen = std::string(k_messages) + "/" + id + "/seen";
    const auto marked = send("POST", seen, who);
    ASSERT_EQ(marked.status, 200) << marked.text;
    EXPECT_EQ(marked.data()["seen"], true);
    EXPECT_FALSE(marked.data()["seen_at"].is_null());
    EXPECT_EQ(send("POST", seen, who).data(), marked.data()) << "again is no change";
    EXPECT_EQ(send("GET", std::string(k_messages) + "?seen=false", who).data().size(), 0U);
    EXPECT_EQ(send("POST", seen, who, json{{"seen", false}}).data()["seen"], false);
    EXPECT_EQ(send("GET", std::string(k_messages) + "?seen=false", who).data().size(), 1U);
    EXPECT_EQ(send("POST", seen, who, json{{"seen", "perhaps"}}).status, 422);
}

TEST_F(api_recordings, be_26_a_removed_message_is_gone_for_everybody_and_the_removal_is_on_record) {
    const auto id = add(1).id.text();
    const auto one = std::string(k_messages) + "/" + id;
    const auto who = device(k_ada, "ada-phone");
    const auto address = path(send("GET", one, who).data());
    EXPECT_EQ(send("DELETE", one, who).status, 200);
    EXPECT_EQ(send("DELETE", one, who).status, 404);
    EXPECT_EQ(send("GET", one, who).body["code"], "voicemail_unknown");
    EXPECT_EQ(send("GET", address).status, 404) << "an address that was given before";
    ASSERT_FALSE(audit.lines.empty());
    EXPECT_EQ(audit.lines.back().action, "recording_removed");
}

TEST_F(api_recordings, i_05_somebody_elses_messages_do_not_exist) {
    const auto id = add(1, k_bob).id.text();
    add(2).purpose = call::recording_purpose::talk; // of Ada's call: the organisation's
    const auto who = device(k_ada, "ada-phone");
    for (const auto& other : {id, derive_uuid("recording 2").text(), std::string("no-id")}) {
        const auto one = std::string(k_messages) + "/" + other;
        EXPECT_EQ(send("GET", one, who).status, 404) << other;
        EXPECT_EQ(send("POST", one + "/seen", who).status, 404) << other;
        EXPECT_EQ(send("DELETE", one, who).status, 404) << other;
    }
    EXPECT_EQ(recordings.rows[0].status, recording_status::kept);
    EXPECT_FALSE(recordings.rows[0].heard_at);
}

TEST_F(api_recordings, be_24_content_is_fetched_by_an_address_that_runs_out) {
    add(1);
    const auto who = device(k_ada, "ada-phone");
    const auto address = path(send("GET", k_messages, who).data()[0]);
    const auto got = send("GET", address);
    ASSERT_EQ(got.status, 200) << got.text;
    EXPECT_EQ(got.text, "0123456789");
    EXPECT_EQ(got.header("Content-Type"), "audio/mpeg");
    EXPECT_EQ(got.header("Accept-Ranges"), "bytes");
    const auto part = send("GET", address, {{"Range", "bytes=2-4"}});
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.text, "234");
    EXPECT_EQ(part.header("Content-Range"), "bytes 2-4/10");
    EXPECT_EQ(send("GET", address, {{"Range", "bytes=10-"}}).status, 416);
    clock.at += settings.recordings.link_life + millis{1'000};
    const auto late = send("GET", address);
    EXPECT_EQ(late.status, 403);
    EXPECT_EQ(late.code(), "link_expired");
}

TEST_F(api_recordings, be_24_an_address_that_was_not_given_gives_nothing) {
    add(1);
    add(2);
    const auto who = device(k_ada, "ada-phone");
    const auto address = path(send("GET", k_messages, who).data()[0]);
    auto other = address;
    other.replace(other.find(derive_uuid("recording 1").text()), 36, derive_uuid("recording 2").text());
    auto longer = address;
    longer.replace(longer.find("expires=") + 8, 1, "9");
    for (const auto& made_up : {other, longer, address + "A", address.substr(0, address.find('?'))}) {
        const auto r = send("GET", made_up);
        EXPECT_EQ(r.status, 403) << made_up;
        EXPECT_EQ(r.code(), "link_invalid") << made_up;
    }
}

TEST_F(api_recordings, be_24_a_copy_in_a_bucket_is_led_to) {
    recording_vault.links = true;
    add(1).copy.vault = "s3";
    const auto who = device(k_ada, "ada-phone");
    const auto got = send("GET", path(send("GET", k_messages, who).data()[0]));
    EXPECT_EQ(got.status, 302);
    EXPECT_EQ(got.header("Location"), "https://bucket.example/7/1.mp3?signed");
    EXPECT_EQ(got.header("Cache-Control"), "no-store");
}

TEST_F(api_recordings, be_26_a_message_that_is_not_copied_yet_is_heard_from_the_carrier) {
    auto& r = add(1);
    r.status = recording_status::waiting;
    r.copy = {};
    r.bytes = 0;
    carrier_recordings.urls["rec-1"] = "https://carrier.example/rec-1?signed";
    const auto who = device(k_ada, "ada-phone");
    const auto m = send("GET", k_messages, who).data()[0];
    EXPECT_EQ(m["state"], "pending");
    const auto got = send("GET", path(m));
    EXPECT_EQ(got.status, 302);
    EXPECT_EQ(got.header("Location"), "https://carrier.example/rec-1?signed");
    carrier_recordings.urls.clear();
    EXPECT_EQ(send("GET", path(m)).code(), "recording_not_ready");
    carrier_recordings.away = true;
    EXPECT_EQ(send("GET", path(m)).status, 503);
}

TEST_F(api_recordings, be_24_a_store_that_is_away_is_said_to_be_and_a_lost_recording_has_no_address) {
    add(1);
    const auto who = device(k_ada, "ada-phone");
    const auto address = path(send("GET", k_messages, who).data()[0]);
    recording_vault.kept[recordings.rows[0].copy.key].pop_back(); // e.g. a disk's repair
    EXPECT_EQ(send("GET", address).status, 404);
    EXPECT_EQ(metrics.counted("recording_copies_missing_total"), 1);
    recording_vault.away = true;
    EXPECT_EQ(send("GET", address).status, 503);
    recordings.rows[0].copy.vault = "s3"; // of a setting that was changed
    EXPECT_EQ(send("GET", address).code(), "recording_store_away");
    recordings.rows[0].status = recording_status::lost;
    EXPECT_EQ(send("GET", address).status, 404);
    const auto m = send("GET", k_messages, who).data()[0];
    EXPECT_EQ(m["state"], "lost");
    EXPECT_TRUE(m["recording_urls"]["mp3"].is_null());
}

TEST_F(api_recordings, be_24_an_organisation_reads_and_removes_the_recordings_of_its_calls) {
    auto& r = add(1);
    r.purpose = call::recording_purpose::talk;
    r.format = "wav";
    const auto id = r.id.text();
    const auto of_call = "/api/admin/organizations/7/calls/" + r.session + "/recordings";
    const auto may = token(port::token_kind::admin, {}, k_acme, {"recordings:read", "recordings:write"});
    const auto found = send("GET", of_call, may);
    ASSERT_EQ(found.status, 200) << found.text;
    ASSERT_EQ(found.data().size(), 1U);
    EXPECT_EQ(found.data()[0]["kind"], "call");
    EXPECT_EQ(send("GET", path(found.data()[0], "wav")).header("Content-Type"), "audio/wav");
    EXPECT_EQ(send("GET", of_call, token(port::token_kind::admin, {}, k_acme, {"tenants:read"})).status, 403);
    EXPECT_EQ(
        send("GET", of_call, token(port::token_kind::admin, {}, k_initech, {"recordings:read"})).status, 404
    );
    const auto one = "/api/admin/organizations/7/recordings/" + id;
    EXPECT_EQ(send("DELETE", "/api/admin/organizations/9/recordings/" + id, admin()).status, 404);
    EXPECT_EQ(send("DELETE", one, may).status, 200);
    EXPECT_EQ(send("DELETE", one, may).code(), "recording_unknown");
}

TEST_F(api_recordings, be_26_voicemail_of_a_number_or_a_member_is_set_read_and_taken_back) {
    const auto boss = admin();
    ASSERT_EQ(
        send("PUT", "/api/admin/organizations/7/numbers/+13125550100", boss, json{{"receiving_user_id", 3}})
            .status,
        201
    );
    const json box{
        {"voicemail", true},
        {"max_seconds", 60},
        {"greeting", "Hello, this is Ada."},
        {"greeting_url", "https://media.example/ada.mp3"},
        {"closed_greeting", "We are closed."},
        {"unavailable_message", "Call later."},
        {"voice", "AWS.Polly.Amy-Neural"},
        {"beep", false}
    };
    for (const char* of :
         {"/api/admin/organizations/7/numbers/+13125550100/voicemail",
          "/api/admin/organizations/7/members/3/voicemail"}) {
        const auto none = send("GET", of, boss);
        EXPECT_EQ(none.status, 404);
        EXPECT_EQ(none.code(), "voicemail_settings_unknown");
        const auto made = send("PUT", of, boss, box);
        ASSERT_EQ(made.status, 201) << made.text;
        EXPECT_EQ(send("PUT", of, boss, box).status, 200);
        const auto read = send("GET", of, boss).data();
        EXPECT_EQ(read, made.data());
        for (const auto& [key, value] : box.items())
            EXPECT_EQ(read[key], value) << key;
        EXPECT_EQ(send("DELETE", of, boss).status, 200);
        EXPECT_EQ(send("DELETE", of, boss).status, 404);
    }
}

TEST_F(api_recordings, be_26_voicemail_that_cannot_be_is_refused_by_its_field) {
    const auto boss = admin();
    const std::string of = "/api/admin/organizations/7/members/3/voicemail";
    for (const auto& [field, value] : std::vector<std::pair<const char*, json>>{
             {"max_seconds", 4},
             {"max_seconds", "many"},
             {"greeting", ""},
             {"greeting_url", "http://media.example/x.mp3"},
             {"beep", "loud"},
             {"voicemail", "sometimes"}
         }) {
        const auto r = send("PUT", of, boss, json{{field, value}});
        EXPECT_EQ(r.status, 422) << field;
        EXPECT_TRUE(r.body["errors"].contains(field)) << field << r.text;
    }
    EXPECT_EQ(send("GET", of, boss).status, 404);
    EXPECT_EQ(
        send("PUT", "/api/admin/organizations/7/members/99/voicemail", boss, json::object()).status, 404
    );
    EXPECT_EQ(
        send("PUT", "/api/admin/organizations/7/numbers/555/voicemail", boss, json::object()).status, 404
    );
}
