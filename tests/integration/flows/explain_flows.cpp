// SPDX-License-Identifier: LicenseRef-z360-proprietary
// "Why did my phone not ring?", asked at a terminal after calls that the whole program has carried.
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"
#include "support/run_program.hpp"

#include <z360/base/columns.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <sstream>

using namespace z360;
using namespace z360::testing;
using nlohmann::json;
using sim::phone;

namespace {

class explain_flow : public flow {
  protected:
    void begin() {
        rig_options o;
        o.devices = 4;
        rig_ = &set_up(o);
    }
    ended run(const std::string& arguments) { return run_voipd(arguments, rig_->server().environment()); }
    /// Text of a command that succeeds, each line as short as promised.
    std::string told(const std::string& arguments) {
        const auto e = run(arguments);
        EXPECT_EQ(e.code, 0) << arguments << ": " << e.err;
        std::istringstream in(e.out);
        for (std::string line; std::getline(in, line);)
            EXPECT_LE(columns_of(line), 120U) << line;
        return e.out;
    }
    std::vector<json> ask(const std::string& arguments) {
        const auto e = run(arguments + " --json");
        EXPECT_EQ(e.code, 0) << arguments << ": " << e.err;
        std::vector<json> out;
        std::istringstream in(e.out);
        for (std::string line; std::getline(in, line);)
            out.push_back(json::parse(line));
        return out;
    }
    /// On standard error, one line.
    std::string refused(const std::string& arguments, int code = 1) {
        const auto e = run(arguments);
        EXPECT_EQ(e.code, code) << arguments << e.out;
        EXPECT_EQ(std::count(e.err.begin(), e.err.end(), '\n'), 1) << e.err;
        return e.err;
    }
    /// The first phone answers, the second is busy, the third sleeps, and the fourth is not rung at all.
    std::string talk() {
        auto& r = *rig_;
        (void)r.sql(
            "update devices set name = 'Ada''s Pixel' where device_id = (select min(device_id) from devices)"
        );
        auto asleep = phone::unreachable(20ms);
        asleep.hangup_cause = "not_found";
        asleep.sip_code = "404";
        r.phone(3, asleep);
        auto busy = phone::declines(20ms);
        busy.hangup_cause = "normal_clearing";
        busy.sip_code = "486";
        r.phone(2, busy);
        (void)r.sql("update devices set status = 'suspended', status_reason = 'silent' "
                    "where device_id = (select max(device_id) from devices)");
        r.phone(1, phone::answers(400ms));
        return answered_and_ended(r);
    }
    std::string missed() {
        auto& r = *rig_;
        r.phone(1, phone::ignores());
        const auto caller = r.call("+13125550143");
        const auto session = r.session(caller);
        EXPECT_TRUE(r.ringing(session, 1));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        EXPECT_EQ(aftermath(r, session), "");
        return session;
    }
    rig* rig_ = nullptr;
};

} // namespace

TEST_F(explain_flow, push_02_each_device_of_the_person_is_told_with_what_happened_there) {
    begin();
    const auto session = talk();
    const auto text = told("--explain " + session);
    for (const char* part :
         {"Ada's Pixel (", "): had the caller", "did not ring: 404, the phone was not registered (not_found)",
          "did not ring: 486, busy", "not rung: no sign of life for longer than", "talked 0:0"})
        EXPECT_NE(text.find(part), std::string::npos) << part << " is missing in:\n" << text;
    EXPECT_LT(text.find("): had the caller"), text.find("did not ring")) << text;
    std::map<std::string, json> devices;
    for (const auto& line : ask("--explain " + session))
        if (line.contains("device")) devices.emplace(line.at("device").at("result"), line.at("device"));
    ASSERT_EQ(devices.size(), 4U);
    EXPECT_EQ(devices.at("talked").at("name"), "Ada's Pixel");
    EXPECT_EQ(devices.at("talked").at("sip_usernames").at(0), rig_->device(1));
    EXPECT_EQ(devices.at("not_registered").at("why"), "pushes_off");
    EXPECT_EQ(devices.at("busy").at("sip_hangup_cause"), "486");
    EXPECT_EQ(devices.at("left_out").at("why"), "silent");
    EXPECT_EQ(devices.at("left_out").at("in_ring"), false);
}

TEST_F(explain_flow, and_14_a_call_is_found_by_who_called_whom_and_by_the_phone_and_others_are_listed) {
    begin();
    const auto first = talk();
    const auto second = missed();
    const auto id = [&](const std::string& session) {
        return rig_->sql("select call_id from calls where call_session_id = '" + session + "'");
    };
    const auto explained = [&](const std::string& what) { return ask(what).at(0).at("call").at("call_id"); };
    EXPECT_EQ(explained("--explain +13125550142"), id(first)) << "by the caller";
    EXPECT_EQ(explained("--explain " + rig_->number()), id(second)) << "by our number: the newest";
    EXPECT_EQ(explained("--explain ada@flow.example --since 2h"), id(second));
    EXPECT_EQ(explained("--explain \"Ada's Pixel\""), id(second));
    EXPECT_EQ(explained("--explain " + id(first).substr(0, 8)), id(first));
    const auto text = told("--explain \"Ada's Pixel\"");
    EXPECT_NE(text.find("1 other call"), std::string::npos) << text;
    EXPECT_NE(text.find(id(first).substr(0, 8)), std::string::npos) << text;
    EXPECT_LT(text.find("\nAda's Pixel ("), text.find("\nDevice 2 (")) << "asked about, first";
    const auto lines = ask("--explain ada@flow.example");
    EXPECT_EQ(lines.back().at("other_call").at("call_id"), id(first));

    EXPECT_EQ(ask("--calls").size(), 2U);
    EXPECT_EQ(ask("--calls").at(0).at("call_id"), id(second));
    EXPECT_EQ(ask("--calls --number +13125550142").at(0).at("answered_by").at("name"), "Ada's Pixel");
    EXPECT_EQ(ask("--calls --missed").size(), 1U);
    EXPECT_EQ(ask("--calls --missed --user ada@flow.example").at(0).at("reason"), "caller_cancelled");
    EXPECT_EQ(ask("--calls --device \"ada's pixel\"").size(), 2U);
    const auto rows = told("--calls");
    EXPECT_NE(rows.find("missed, caller gave up 0:0"), std::string::npos) << rows;
    EXPECT_NE(rows.find("talked 0:0"), std::string::npos) << rows;
}

TEST_F(explain_flow, what_names_nothing_or_several_is_one_line_with_the_fix) {
    begin();
    EXPECT_NE(
        refused("--explain nobody").find("the e-mail address of a user, or a device"), std::string::npos
    );
    EXPECT_NE(refused("--explain nobody").find("see --calls, --list-members --org ORG"), std::string::npos);
    EXPECT_NE(
        refused("--explain 0ccc7").find("at least the first eight digits, as --calls"), std::string::npos
    );
    EXPECT_NE(refused("--explain 5550142").find("write a phone number internationally"), std::string::npos);
    EXPECT_NE(
        refused("--explain +1 312 555 0142", 2).find("--explain \"+1 312 555 0100\""), std::string::npos
    );
    EXPECT_NE(refused("--explain ada@flow.example").find("--since 7d"), std::string::npos);
    EXPECT_NE(refused("--explain +13125550199 --since 3d").find("in the last 3d"), std::string::npos);
    EXPECT_NE(refused("--explain x --since tomorrow", 2).find("give e.g. 30m, 2h, 3d"), std::string::npos);
    EXPECT_NE(refused("--calls --device nothing").find("see --list-devices"), std::string::npos);
    EXPECT_NE(refused("--calls --user nobody@flow.example").find("there is no user"), std::string::npos);
    (void)rig_->sql("update devices set name = 'Phone'");
    EXPECT_NE(refused("--explain phone").find("may be 4 devices: name it by its number"), std::string::npos);
    EXPECT_NE(told("--calls").find("no calls in the last 24h"), std::string::npos);
}
