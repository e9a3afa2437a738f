// SPDX-License-Identifier: LicenseRef-z360-proprietary
// An existing product keeps its tenants up to date, by routes or by the command line, while calls come in.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class admin_flow : public flow {
  protected:
    rig& tenants() {
        rig_options o;
        o.devices = 0;
        return set_up(std::move(o));
    }
    /// This person joins another organisation and is who its number calls.
    static bool also_answers_for(rig& r, std::int64_t user, const tenant& t) {
        const auto joined =
            r.admin().put(t.org_path() + "/members/" + std::to_string(user), {{"role", "member"}});
        const auto called =
            r.admin().put(t.org_path() + "/numbers/" + t.number, {{"receiving_user_id", user}});
        return joined.status == 201 && called.status == 200;
    }
};

} // namespace

TEST_F(admin_flow, web_04_a_number_of_one_organisation_is_refused_to_another) {
    auto& r = tenants();
    const auto first = founded(r, 701, "first", "+13125550701");
    const auto second = founded(r, 702, "second", "+13125550702");
    const auto phone = install_for(r, first, "phone");
    (void)install_for(r, second, "other-phone");
    const auto row = "select to_jsonb(n)::text from phone_numbers n where e164 = '" + first.number + "'";
    const auto before = r.sql(row);
    const auto refused =
        r.admin().put(second.org_path() + "/numbers/" + first.number, {{"receiving_user_id", second.user}});
    EXPECT_EQ(refused.status, 409) << refused.body;
    EXPECT_EQ(r.sql(row), before);
    const auto session = r.session(r.carrier().place_call("+13125550142", first.number));
    ASSERT_TRUE(r.ringing(session, 1));
    ASSERT_TRUE(settled(r, session));
    EXPECT_EQ(r.accepted("dial", session), 1U);
    EXPECT_EQ(leg_of(r, session, phone).username, phone.sip());
    EXPECT_EQ(column(r, session, "org_id"), "701");
}

TEST_F(admin_flow, b_28_a_removed_member_is_not_rung_any_more) {
    auto& r = tenants();
    const auto left = founded(r, 703, "left", "+13125550703");
    const auto kept = founded(r, 704, "kept", "+13125550704");
    const auto user = std::to_string(left.user);
    ASSERT_TRUE(also_answers_for(r, left.user, kept));
    const auto phone = install_for(r, left, "phone");
    const auto ring = [&](const tenant& t) {
        const auto session = r.session(r.carrier().place_call("+13125550142", t.number));
        EXPECT_TRUE(eventually([&] { return column(r, session, "1") == "1"; }));
        return session;
    };
    for (const auto* t : {&left, &kept})
        ASSERT_TRUE(r.ringing(ring(*t), 1));

    const auto began = std::chrono::steady_clock::now();
    ASSERT_EQ(r.admin().remove(left.org_path() + "/members/" + user).status, 200);
    const auto after = ring(left);
    EXPECT_TRUE(settled(r, after));
    EXPECT_EQ(r.accepted("dial", after), 0U);
    EXPECT_LE(std::chrono::steady_clock::now() - began, 5s);
    EXPECT_TRUE(r.ringing(ring(kept), 1)) << "the other organisation is none of this one's business";
    const auto known = phone.client.get("/api/voip/calls");
    for (const auto& c : known.data())
        EXPECT_EQ(c.at("organization_id"), kept.org) << "calls of an organisation one has left are not shown";

    // The last one: nobody's device any more.
    ASSERT_EQ(r.admin().remove(kept.org_path() + "/members/" + user).status, 200);
    EXPECT_EQ(phone.client.get("/api/voip/calls").status, 401);
    const auto nobody = ring(kept);
    EXPECT_TRUE(settled(r, nobody));
    EXPECT_EQ(r.accepted("dial", nobody), 0U);
}

TEST_F(admin_flow, b_28_who_leaves_in_the_middle_of_a_ring_is_silenced_there_and_then) {
    auto& r = tenants();
    const auto left = founded(r, 705, "left", "+13125550705");
    const auto kept = founded(r, 706, "kept", "+13125550706");
    const auto user = std::to_string(left.user);
    ASSERT_TRUE(also_answers_for(r, left.user, kept));
    const auto phone = install_for(r, left, "phone");
    const auto tablet = install_for(r, left, "tablet");
    const auto ring = [&](const tenant& t) {
        const auto session = r.session(r.carrier().place_call("+13125550142", t.number));
        EXPECT_TRUE(r.ringing(session, 2));
        return session;
    };
    const auto silent = [&](const std::string& session, std::size_t still) {
        return r.carrier().wait_until(
            [&](const sim::carrier& c) {
                const auto all = c.legs(session);
                return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& l) {
                           return l.alive() && !l.username.empty();
                       })) == still;
            },
            5s // B28
        );
    };
    const auto of_left = ring(left);
    const auto of_kept = ring(kept);

    // Left one organisation: its call stops ringing everywhere, the other one's goes on.
    ASSERT_EQ(r.admin().remove(left.org_path() + "/members/" + user).status, 200);
    EXPECT_TRUE(silent(of_left, 0));
    EXPECT_TRUE(asked(r, "answer", of_left)) << "voicemail at once: nobody is left to answer";
    EXPECT_TRUE(eventually([&] {
        return r.sql(
                   "select string_agg(distinct l.release_reason, ' ') from call_legs l join calls c using "
                   "(call_id) where c.call_session_id = '" +
                   of_left + "'"
               ) == "device_removed";
    }));
    EXPECT_TRUE(r.ringing(of_kept, 2));

    // Signed out while it rings: that phone is silent, the tablet rings on and gets the caller.
    ASSERT_EQ(phone.client.remove("/api/device-tokens/phone").status, 200);
    EXPECT_TRUE(silent(of_kept, 1));
    EXPECT_TRUE(leg_of(r, of_kept, tablet).ringing());
    EXPECT_FALSE(leg_of(r, of_kept, phone).alive());
    EXPECT_TRUE(commands(r, "answer", of_kept).empty());
}

TEST_F(admin_flow, admin_routes_may_be_repeated_and_equal_the_command_line) {
    auto& r = tenants();
    const auto by = r.admin();
    const std::string org = "/api/admin/organizations/801";
    const std::string user = "/api/admin/users/801";
    const std::vector<request_line> puts{
        {"PUT", org, {{"name", "Acme"}, {"slug", "acme"}}},
        {"PUT", user, {{"login", "eve@acme.example"}, {"name", "Eve"}}},
        {"PUT", org + "/members/801", {{"role", "admin"}}},
        {"PUT", org + "/settings", {{"ring_seconds", 25}, {"voicemail_greeting", "Leave a message."}}},
        {"PUT", org + "/numbers/+13125550801", {{"receiving_user_id", 801}, {"alias", "main"}}},
        {"PUT", org + "/contacts/+14155550801", {{"name", "Joe"}, {"avatar_url", "https://x.example/j.png"}}},
    };
    for (const auto& q : puts) {
        const auto reply = sent(by, q);
        EXPECT_TRUE(reply.status == 201 || q.path.ends_with("/settings")) << q.path << " " << reply.body;
    }
    const auto content = [&](std::int64_t id) {
        const auto o = std::to_string(id);
        return r.sql(
            "select concat_ws(' | ', (select name from organizations where org_id = " + o +
            "), (select concat(login, ' ', name) from users where user_id = " + o +
            "), (select string_agg(concat(user_id - org_id, ' ', role), ',') from memberships where org_id "
            "= " +
            o +
            "), (select string_agg((to_jsonb(s) - 'org_id' - 'updated_at')::text, ',') from org_settings s "
            "where "
            "org_id = " +
            o +
            "), (select string_agg(concat(route_type, ' ', receiving_user_id - org_id, ' ', alias, ' ', "
            "status, ' ', "
            "connection_id), ',') from phone_numbers where org_id = " +
            o +
            "), (select string_agg(concat(e164, ' ', name, ' ', avatar_url), ',') from contacts where org_id "
            "= " +
            o + "))"
        );
    };
    const auto after_first = content(801);
    for (const auto& q : puts) {
        const auto again = sent(by, q);
        EXPECT_EQ(again.status, 200) << q.path << " " << again.body;
        EXPECT_EQ(sent(by, q).body, again.body);
    }
    EXPECT_EQ(content(801), after_first);

    // The same by flags under other ids, and by flags over what the routes made.
    (void)r.run("--create-org Acme --id 802");
    (void)r.run("--create-user eve@other.example --org 802 --name Eve --role admin --id 802");
    (void)r.run("--org-settings 802 --ring-seconds 25 --voicemail-greeting 'Leave a message.'");
    (void)r.run("--add-number +13125550802 --org 802 --user 802 --name main");
    (void)r.run("--add-contact +14155550801 --org 802 --name Joe --avatar-url https://x.example/j.png");
    auto expected = after_first;
    expected.replace(expected.find("eve@acme"), 8, "eve@other");
    EXPECT_EQ(content(802), expected);
    (void)r.run("--add-contact +14155550801 --org 801 --name Joe --avatar-url https://x.example/j.png");
    (void)r.run("--org-settings 801 --ring-seconds 25");
    EXPECT_EQ(content(801), after_first);
    EXPECT_EQ(by.get("/api/admin/organizations/802/settings").data(), by.get(org + "/settings").data());

    for (const char* gone : {"/contacts/+14155550801", "/numbers/+13125550801", "/members/801"}) {
        EXPECT_EQ(by.remove(org + gone).status, 200) << gone;
        EXPECT_EQ(by.remove(org + gone).status, 404) << gone;
    }
}
