// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telephony credentials at the carrier: made, found, changed, deleted, expired; login tokens.
#include "credential_desk.hpp"

#include <algorithm>
#include <set>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

/// The claims of a token; padding is not needed by this decoder.
json claims_of(const std::string& jwt) {
    const auto first = jwt.find('.');
    const auto second = jwt.find('.', first + 1);
    static constexpr std::string_view k_alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    unsigned held = 0;
    int bits = 0;
    for (const char c : jwt.substr(first + 1, second - first - 1)) {
        held = (held << 6) | static_cast<unsigned>(k_alphabet.find(c));
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out.push_back(static_cast<char>((held >> bits) & 0xFFU));
    }
    return json::parse(out);
}

} // namespace

TEST(credential, is_made_with_everything_a_phone_needs) {
    desk w;
    const auto c = w.make("z360-test-one");
    EXPECT_EQ(c["record_type"], "credential");
    EXPECT_EQ(c["name"], "z360-test-one");
    EXPECT_EQ(c["tag"], "z360-test-u7");
    EXPECT_EQ(c["resource_id"], "connection:" + k_connection);
    EXPECT_EQ(c["expired"], false);
    EXPECT_EQ(c["expires_at"], iso8601(w.now + 24h * 30));
    EXPECT_EQ(c["created_at"], iso8601(w.now));
    EXPECT_TRUE(c["sip_username"].get<std::string>().starts_with("gencred"));
    EXPECT_EQ(c["sip_username"].get<std::string>().size(), 29U);
    EXPECT_EQ(c["sip_password"].get<std::string>().size(), 32U);
    const auto got = w.ask("GET", "/" + c["id"].get<std::string>());
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body["data"], c);
    EXPECT_EQ(w.ask("GET", "/nobody").status, 404);
    EXPECT_EQ(code(w.ask("GET", "/nobody")), "10005");
}

TEST(credential, same_seed_same_history_another_seed_another) {
    desk a;
    desk b;
    EXPECT_EQ(a.make("one"), b.make("one"));
    EXPECT_NE(a.make("two")["sip_password"], a.make("three")["sip_password"]);
    carrier_settings s;
    s.seed = "another";
    desk c(s);
    EXPECT_NE(c.make("one")["sip_username"], desk{}.make("one")["sip_username"]);
}

TEST(credential, asking_twice_makes_two) {
    desk w;
    const auto first = w.make("same");
    const auto second = w.make("same");
    EXPECT_NE(first["id"], second["id"]);
    EXPECT_NE(first["sip_username"], second["sip_username"]);
    EXPECT_EQ(w.listed("filter[name]=same"), 2U);
    EXPECT_EQ(w.tel.credentials().named("same").size(), 2U);
}

TEST(credential, bad_requests_are_refused_and_noted) {
    desk w;
    const auto refused = [&w](json body) {
        const auto r = w.ask("POST", "", std::move(body));
        EXPECT_EQ(r.status, 422);
        return code(r);
    };
    auto without = w.body("one");
    without.erase("connection_id");
    EXPECT_EQ(refused(without), "10004");
    auto wrong = w.body("one");
    wrong["connection_id"] = w.tel.settings().app_connection_id;
    EXPECT_EQ(refused(wrong), "10015") << "an application is no credential connection";
    for (const char* time : {"soon", "2030-13-01T00:00:00Z", "", "2001-01-01T00:00:00Z"}) {
        auto late = w.body("one");
        late["expires_at"] = time;
        EXPECT_EQ(refused(late), "10015") << time;
    }
    auto number = w.body("one");
    number["name"] = 7;
    EXPECT_EQ(refused(number), "10015");
    EXPECT_EQ(w.ask("POST", "", json::parse("{", nullptr, false)).status, 400);
    EXPECT_EQ(w.ask("PUT", "").status, 404);
    EXPECT_TRUE(w.tel.credentials().all().empty());
    EXPECT_FALSE(w.tel.seen().violations.empty());
    desk lenient;
    auto unknown = lenient.body("one");
    unknown["sip_username"] = "mine";
    EXPECT_EQ(lenient.ask("POST", "", unknown).status, 201);
    ASSERT_EQ(lenient.tel.seen().violations.size(), 1U) << "ignored by the carrier, but we want to know";
    EXPECT_EQ(lenient.tel.seen().violations[0].what.pointer, "/sip_username");
}

TEST(credential, a_time_without_zone_is_utc_and_none_means_22_years) {
    desk w;
    auto body = w.body("one");
    body["expires_at"] = "2042-06-18T21:32:38";
    EXPECT_EQ(w.ask("POST", "", body).body["data"]["expires_at"], "2042-06-18T21:32:38.000Z");
    body.erase("expires_at");
    const auto r = w.ask("POST", "", body);
    const auto until = parse_iso8601(r.body["data"]["expires_at"].get<std::string>());
    ASSERT_TRUE(until);
    EXPECT_GT(*until - w.now, 24h * 365 * 21);
}

TEST(credential, a_tag_holds_a_thousand) {
    desk w;
    for (int i = 0; i < 1000; ++i)
        ASSERT_EQ(w.ask("POST", "", w.body("n" + std::to_string(i), "full")).status, 201);
    EXPECT_EQ(w.ask("POST", "", w.body("one too many", "full")).status, 422);
    const auto other = w.make("other", "free");
    EXPECT_EQ(w.ask("PATCH", "/" + other["id"].get<std::string>(), json{{"tag", "full"}}).status, 422);
    const auto id = w.tel.credentials().named("n0").at(0)->id;
    EXPECT_EQ(w.ask("DELETE", "/" + id).status, 200);
    EXPECT_EQ(w.ask("POST", "", w.body("one again", "full")).status, 201);
}

TEST(credential, lists_filter_and_come_in_pages) {
    desk w;
    for (int i = 0; i < 120; ++i)
        w.make("n" + std::to_string(i), i % 2 == 0 ? "even" : "odd");
    w.tel.seed_credential("by hand", "even", "2770000000000000009", w.now + 1h, w.now);
    const auto first = w.ask("GET", "");
    EXPECT_EQ(first.body["data"].size(), 50U) << "the usual size";
    EXPECT_EQ(
        first.body["meta"],
        json::parse(R"({"page_number":1,"page_size":50,"total_pages":3,"total_results":121})")
    );
    std::set<std::string> seen;
    for (int page = 1; page <= 3; ++page) {
        const auto r = w.ask("GET", "?page[number]=" + std::to_string(page));
        for (const auto& c : r.body["data"])
            seen.insert(c["id"].get<std::string>());
    }
    EXPECT_EQ(seen.size(), 121U);
    EXPECT_EQ(w.ask("GET", "?page[size]=1000").body["meta"]["page_size"], 250);
    EXPECT_EQ(w.listed("filter[name]=n7"), 1U);
    EXPECT_EQ(w.listed("filter%5Bname%5D=by%20hand"), 1U);
    EXPECT_EQ(w.listed("filter[tag]=even&page[size]=250"), 61U);
    EXPECT_EQ(w.listed("filter[resource_id]=connection:2770000000000000009"), 1U);
    EXPECT_EQ(w.listed("filter[resource_id]=connection:" + k_connection + "&page[size]=250"), 120U);
    const auto user = first.body["data"][3]["sip_username"].get<std::string>();
    EXPECT_EQ(w.listed("filter[sip_username]=" + user), 1U);
    w.pass(2h);
    EXPECT_EQ(w.listed("filter[status]=expired"), 1U);
    EXPECT_EQ(w.listed("filter[status]=active&page[size]=250"), 120U);
}

TEST(credential, changes_are_kept_and_expiry_is_terminal) {
    desk w;
    const auto c = w.make("one");
    const auto path = "/" + c["id"].get<std::string>();
    w.pass(1h);
    const auto later = iso8601(w.now + 24h * 60);
    const auto r = w.ask("PATCH", path, json{{"expires_at", later}, {"name", "uno"}});
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body["data"]["expires_at"], later);
    EXPECT_EQ(r.body["data"]["name"], "uno");
    EXPECT_EQ(r.body["data"]["tag"], c["tag"]);
    EXPECT_EQ(r.body["data"]["sip_password"], c["sip_password"]);
    EXPECT_EQ(r.body["data"]["updated_at"], iso8601(w.now));
    EXPECT_EQ(w.ask("PATCH", path, json{{"connection_id", "1"}}).status, 422);
    EXPECT_EQ(w.ask("PATCH", path, json{{"expires_at", "x"}}).status, 422);
    EXPECT_EQ(w.ask("PATCH", "/nobody", json{{"name", "x"}}).status, 404);

    w.now += 24h * 61;
    EXPECT_EQ(w.ask("GET", path).body["data"]["expired"], true);
    const auto refused = w.ask("PATCH", path, json{{"expires_at", iso8601(w.now + 24h)}});
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(
        refused.body, json::parse(R"({"errors":{"status":"can't update credentials in expired status"}})")
    );
    EXPECT_EQ(w.ask("POST", path + "/token").status, 422);
    EXPECT_EQ(w.ask("DELETE", path).status, 200) << "it can only be deleted";
}

TEST(credential, deleting_answers_with_the_object_once) {
    desk w;
    const auto c = w.make("one");
    const auto path = "/" + c["id"].get<std::string>();
    const auto r = w.ask("DELETE", path);
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body["data"]["id"], c["id"]);
    EXPECT_EQ(w.ask("DELETE", path).status, 404);
    EXPECT_EQ(w.ask("GET", path).status, 404);
    EXPECT_EQ(w.ask("PATCH", path, json{{"name", "x"}}).status, 404);
    EXPECT_EQ(w.ask("POST", path + "/token").status, 404);
    EXPECT_EQ(w.listed("filter[name]=one"), 0U);
    const auto* kept = w.tel.credentials().find(c["id"].get<std::string>());
    ASSERT_TRUE(kept) << "the truth forgets nothing";
    EXPECT_EQ(kept->deleted_at, w.now);
    EXPECT_EQ(w.tel.seen().commands.at(kept->made_by).verb, "create_credential");
    EXPECT_EQ(w.tel.seen().commands.at(kept->deleted_by).verb, "delete_credential");
}

TEST(credential, tokens_are_plain_text_with_a_readable_end) {
    desk w;
    const auto c = w.make("one");
    const auto path = "/" + c["id"].get<std::string>() + "/token";
    const auto r = w.ask("POST", path);
    EXPECT_EQ(r.status, 201);
    ASSERT_TRUE(r.text);
    EXPECT_EQ(std::count(r.text->begin(), r.text->end(), '.'), 2);
    const auto claims = claims_of(*r.text);
    EXPECT_EQ(claims["sub"], c["id"]);
    const auto now_s = std::chrono::floor<std::chrono::seconds>(w.now).time_since_epoch().count();
    EXPECT_EQ(claims["exp"], now_s + 36'000);
    EXPECT_NE(*w.ask("POST", path).text, *r.text) << "each is another";
    EXPECT_EQ(w.tel.credentials().tokens().size(), 2U);
    EXPECT_TRUE(w.tel.credentials().accepts_token(*r.text, w.now));
    EXPECT_FALSE(w.tel.credentials().accepts_token(*r.text + "x", w.now));
    EXPECT_FALSE(w.tel.credentials().accepts_token(*r.text, w.now + 11h));
    EXPECT_EQ(w.ask("POST", "/nobody/token").status, 404);
}

TEST(credential, a_token_never_outlives_its_credential) {
    desk w;
    const auto id = w.tel.seed_credential("short", "", k_connection, w.now + 1h, w.now);
    const auto r = w.ask("POST", "/" + id + "/token");
    const auto limit = std::chrono::floor<std::chrono::seconds>(w.now + 1h).time_since_epoch().count();
    EXPECT_EQ(claims_of(*r.text)["exp"], limit);
    EXPECT_EQ(w.ask("DELETE", "/" + id).status, 200);
    EXPECT_FALSE(w.tel.credentials().accepts_token(*r.text, w.now)) << "deleting voids its tokens";
}

TEST(credential, only_live_credentials_can_be_dialed) {
    desk w;
    const auto c = w.make("one");
    const auto user = c["sip_username"].get<std::string>();
    const auto id = c["id"].get<std::string>();
    EXPECT_EQ(w.end_of_dial(user), "answered");
    EXPECT_TRUE(w.tel.credentials().accepts_login(user, c["sip_password"].get<std::string>(), w.now));
    EXPECT_FALSE(w.tel.credentials().accepts_login(user, "guess", w.now));
    EXPECT_TRUE(w.tel.expire_credential(id, w.now));
    EXPECT_EQ(w.end_of_dial(user), "not_found");
    EXPECT_FALSE(w.tel.credentials().accepts_login(user, c["sip_password"].get<std::string>(), w.now));
    const auto other = w.make("two");
    EXPECT_TRUE(w.tel.lose_credential(other["id"].get<std::string>(), w.now));
    EXPECT_FALSE(w.tel.lose_credential(other["id"].get<std::string>(), w.now));
    const auto leg = w.ring_device(other["sip_username"].get<std::string>());
    w.pass(20ms);
    EXPECT_EQ(w.last(leg, "call.hangup")["hangup_cause"], "not_found");
    EXPECT_EQ(w.last(leg, "call.hangup")["sip_hangup_cause"], "404");
    EXPECT_TRUE(w.tel.device_calls(user, "+15550100002", json(), w.now).empty());
}

TEST(credential, usernames_that_were_never_made_are_reachable_unless_told_otherwise) {
    desk w;
    EXPECT_EQ(w.end_of_dial("gencredFlow1"), "answered");
    carrier_settings s;
    s.only_known_credentials = true;
    desk strict(s);
    EXPECT_EQ(strict.end_of_dial("gencredFlow1"), "not_found");
    EXPECT_EQ(strict.end_of_dial(strict.make("one")["sip_username"].get<std::string>()), "answered");
}

TEST(credential, a_sleeping_phone_whose_credential_went_does_not_ring_when_it_wakes) {
    desk w;
    const auto c = w.make("one");
    auto asleep = phone::offline();
    asleep.wakes_after = 300ms;
    w.tel.set_default_phone(asleep);
    const auto leg = w.ring_device(c["sip_username"].get<std::string>());
    w.pass(100ms);
    w.tel.lose_credential(c["id"].get<std::string>(), w.now);
    w.pass(1s);
    EXPECT_FALSE(w.tel.leg(leg)->ringing_since);
}

TEST(credential, every_request_is_in_the_truth_without_secrets) {
    desk w;
    const auto id = w.make_id("one");
    w.ask("GET", "/" + id);
    w.ask("GET", "?filter[name]=one");
    w.ask("PATCH", "/" + id, json{{"tag", "t"}});
    w.ask("POST", "/" + id + "/token");
    w.ask("DELETE", "/" + id);
    strings verbs;
    for (const auto& [n, c] : w.tel.seen().commands) {
        verbs.push_back(c.verb);
        EXPECT_TRUE(c.accepted());
        if (c.verb != "list_credentials") EXPECT_EQ(c.credential_id, id);
        EXPECT_TRUE(c.call_control_id.empty());
        EXPECT_EQ(to_json(c).dump().find(w.tel.credentials().find(id)->sip_password), std::string::npos);
    }
    EXPECT_EQ(
        verbs, (strings{
                   "create_credential", "get_credential", "list_credentials", "update_credential",
                   "mint_token", "delete_credential"
               })
    );
    EXPECT_EQ(w.tel.seen().commands_of("create_credential").at(0)->target, "one");
}

TEST(credential, errors_can_come_without_a_body) {
    carrier_settings s;
    s.unknown = unknowns::from_json(json{{"bare_credential_errors", true}});
    desk w(s);
    const auto r = w.ask("GET", "/nobody");
    EXPECT_EQ(r.status, 404);
    ASSERT_TRUE(r.text);
    EXPECT_TRUE(r.text->empty());
    EXPECT_EQ(w.ask("POST", "", json::object()).status, 422);
}
