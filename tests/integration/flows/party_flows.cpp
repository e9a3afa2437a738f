// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who calls and who is called, as carriers spell it and as their bytes come: through the whole system.
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

#include <set>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class party_flow : public flow {
  protected:
    rig& one_phone() {
        rig_options o;
        o.devices = 1;
        return set_up(std::move(o));
    }
    static void end(rig& r, const std::string& caller) {
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(r.session(caller)));
    }
};

} // namespace

TEST_F(party_flow, be_15_one_caller_is_stored_dialed_and_kept_in_one_form) {
    auto& r = one_phone();
    struct row {
        const char* sent;
        std::string number;
        std::string dialed;
    };
    for (const auto& [sent, number, dialed] : {
             row{"+1-312-555-0142", "+13125550142", "+13125550142"},
             row{"sip:%2B13125550142@example.com", "+13125550142", "+13125550142"},
             row{"Restricted", "withheld", r.number()},
             row{"sip:anonymous@anonymous.invalid", "withheld", r.number()},
             row{"sip:ada@example.com", "sip:ada@example.com", r.number()},
             row{"3125550142", "3125550142", r.number()},
         }) {
        SCOPED_TRACE(sent);
        const auto caller = r.call(sent);
        const auto session = r.session(caller);
        ASSERT_TRUE(r.ringing(session, 1));
        ASSERT_TRUE(eventually([&] { return column(r, session, "caller_number") != ""; }));
        EXPECT_EQ(column(r, session, "caller_number"), number);
        EXPECT_EQ(column(r, session, "caller_sent"), sent);
        const auto dials = commands(r, "dial", session);
        ASSERT_FALSE(dials.empty());
        EXPECT_EQ(dials.front().body["from"], dialed);
        end(r, caller);
    }
}

TEST_F(party_flow, web_04_every_form_of_the_number_called_rings_its_owner) {
    auto& r = one_phone();
    const auto digits = r.number().substr(1);
    for (const auto& to :
         {"+" + digits + "@203.0.113.9:5060", "sip:%2B" + digits + "@203.0.113.9",
          "tel:+1-" + digits.substr(1)}) {
        SCOPED_TRACE(to);
        const auto caller = r.carrier().place_call("+13125550142", to);
        EXPECT_TRUE(r.ringing(r.session(caller), 1));
        end(r, caller);
    }
}

TEST_F(party_flow, i_03_whatever_form_the_bytes_of_an_event_have_its_caller_is_served_or_named) {
    auto& r = one_phone();
    for (const char* form : {"pretty", "flat", "latin1", "lone_surrogate"}) {
        SCOPED_TRACE(form);
        sim::webhook_fault f;
        f.event_type = "call.initiated";
        f.match.leg = "caller";
        f.match.times = 1;
        f.form = form;
        f.duplicates = 1; // delivered twice: no conflict, whatever differs
        f.duplicate_after = 300ms;
        r.carrier().add_fault(f);
        const auto caller = r.call();
        EXPECT_TRUE(r.ringing(r.session(caller), 1));
        end(r, caller);
    }
    EXPECT_EQ(r.sql("select count(*) from webhook_conflicts"), "0");
    EXPECT_TRUE(eventually([&] { return r.server().metric("webhook_retries_total") == 4; }));
    sim::webhook_fault old;
    old.event_type = "call.initiated";
    old.form = "version_1";
    r.carrier().add_fault(old);
    const auto caller = r.call();
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from webhook_events where status = 'dead' and error like "
                     "'%webhook API version 1%'") == "1";
    }));
    EXPECT_EQ(r.server().metric("webhooks_version_1_total"), 1);
    EXPECT_NE(r.server().get("/readyz").find("webhook API version 1"), std::string::npos);
    r.carrier().caller_hangs_up(caller);
}

TEST_F(party_flow, be_12_two_callers_in_one_session_are_both_served) {
    auto& r = one_phone();
    const auto first = r.call();
    const auto session = r.session(first);
    ASSERT_TRUE(r.ringing(session, 1));
    const auto second = r.carrier().place_call("+13125550199", r.number(), session);
    ASSERT_TRUE(r.ringing(session, 2));
    std::set<std::string> linked;
    for (const auto& d : commands(r, "dial", session))
        linked.insert(d.body["link_to"].get<std::string>());
    EXPECT_EQ(linked, (std::set<std::string>{first, second}));
    r.carrier().caller_hangs_up(second);
    EXPECT_TRUE(eventually([&] {
        return r.sql(
                   "select count(*) from calls where caller_control_id = '" + second + "' and phase = 'ended'"
               ) == "1";
    }));
    EXPECT_EQ(r.sql("select phase from calls where caller_control_id = '" + first + "'"), "ringing");
    end(r, first);
}
