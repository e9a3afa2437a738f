// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices that registered through the API, and questions to both sides about their credentials. Time is not
// waited for: rows are set back instead.
#pragma once

#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

/// Nobody seeded by hand, nothing slowed down, and a name that was never made at the carrier is unknown.
[[nodiscard]] inline rig_options lifecycle_options(int nodes = 1) {
    rig_options o;
    o.devices = 0;
    o.nodes = nodes;
    o.carrier.only_known_credentials = true;
    o.environment["Z360_CREDENTIALS_REQUESTS_PER_SECOND"] = "200";
    for (const char* limit : {"REGISTER", "CREDENTIALS", "READ", "ADMIN", "ADDRESS"})
        o.environment["Z360_LIMITS_" + std::string(limit) + "_PER_MINUTE"] = "100000";
    return o;
}

/// What an app keeps of its registration.
struct device_login {
    api_reply reply;
    std::string uid;
    std::string bearer;
    std::string username; ///< empty: pending
    int version = 0;
};
[[nodiscard]] inline device_login read_login(std::string uid, api_reply r) {
    device_login out;
    out.uid = std::move(uid);
    if (r.json.is_object() && r.json.contains("data")) {
        const auto& d = r.data();
        const auto text = [](const nlohmann::json& v) { return v.is_string() ? v.get<std::string>() : ""; };
        out.bearer = text(d.value("device_token", nlohmann::json()));
        const auto sip = d.value("sip_credentials", nlohmann::json());
        if (sip.is_object()) out.username = text(sip.at("sip_username"));
        const auto version = d.value("credential_version", nlohmann::json());
        if (version.is_number()) out.version = version.get<int>();
    }
    out.reply = std::move(r);
    return out;
}
[[nodiscard]] inline device_login enrol(
    rig& r, const std::string& uid, const std::string& platform = "android",
    const nlohmann::json& extra = nlohmann::json::object(), std::size_t node = 0
) {
    return read_login(uid, r.register_device(uid, platform, extra, node));
}
/// With the device's own token.
[[nodiscard]] inline api as_device(rig& r, const device_login& d, std::size_t node = 0) {
    return r.client(node).bearer(d.bearer);
}
[[nodiscard]] inline std::string device_key(const device_login& d) {
    return "(select device_id from devices where device_uid = '" + d.uid + "' order by device_id limit 1)";
}
[[nodiscard]] inline std::string state_of(rig& r, const std::string& username) {
    return r.sql("select state from sip_identities where sip_username = '" + username + "'");
}

/// The carrier's credential of this username; a default one when there never was one.
[[nodiscard]] inline sim::credential_record at_carrier(rig& r, const std::string& username) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        const auto* found = c.credentials().of_username(username);
        return found ? *found : sim::credential_record{};
    });
}
[[nodiscard]] inline bool exists(rig& r, const std::string& username) {
    const auto c = at_carrier(r, username);
    return !c.id.empty() && c.exists();
}
[[nodiscard]] inline bool erased(rig& r, const std::string& username, millis limit = 5s) {
    return r.carrier().wait_until(
        [&](const sim::carrier& c) {
            const auto* found = c.credentials().of_username(username);
            return found != nullptr && !found->exists();
        },
        limit
    );
}

/// Requests of this verb, whatever became of them.
[[nodiscard]] inline std::size_t requests(rig& r, const std::string& verb) {
    return r.carrier().with([&](sim::carrier& c, time_point) { return c.seen().commands_of(verb).size(); });
}
/// Those that changed something.
[[nodiscard]] inline std::size_t effects(rig& r, const std::string& verb) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        const auto all = c.seen().commands_of(verb);
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto* x) {
            return x->acted_at.has_value();
        }));
    });
}
/// Everything that makes, changes, deletes or uses credentials; the comparison only reads.
[[nodiscard]] inline std::size_t credential_commands(rig& r) {
    std::size_t n = 0;
    for (const char* verb : {"create_credential", "update_credential", "delete_credential", "mint_token"})
        n += requests(r, verb);
    return n;
}

/// SIP users that were dialed in a session, in order.
[[nodiscard]] inline std::vector<std::string> dialed(rig& r, const std::string& session) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        std::vector<std::string> out;
        for (const auto* d : c.seen().commands_of("dial", session))
            if (!d->duplicate) out.push_back(d->target);
        std::sort(out.begin(), out.end());
        return out;
    });
}
using usernames = std::vector<std::string>;
[[nodiscard]] inline usernames sorted(usernames all) {
    std::sort(all.begin(), all.end());
    return all;
}

/// Somebody calls, our phones ring or do not, the caller gives up; who was dialed. `unknown`: the caller
/// waits until the carrier has found nobody under this name.
[[nodiscard]] inline usernames rung_by_a_call(
    rig& r, std::size_t expected, const std::string& number = {}, const std::string& unknown = {}
) {
    const auto caller = number.empty() ? r.call() : r.carrier().place_call("+13125550142", number);
    const auto session = r.session(caller);
    if (expected > 0)
        EXPECT_TRUE(asked(r, "dial", session, expected));
    else
        EXPECT_TRUE(asked(r, "answer", session)); // voicemail
    if (!unknown.empty()) {
        const auto nobody_there = [&](const sim::carrier& c) {
            const auto all = c.legs(session);
            return std::any_of(all.begin(), all.end(), [&](const auto& l) {
                return l.username == unknown && l.hangup_cause == "not_found";
            });
        };
        EXPECT_TRUE(r.carrier().wait_until(nobody_there, 5s));
    }
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(r.phase(session, "ended"));
    return dialed(r, session);
}

/// Claims, leases and pauses are over, as after half a minute.
inline void let_claims_pass(rig& r) {
    (void)r.sql("update devices set work_claimed_until = null");
    (void)r.sql("update sip_identities set claimed_until = null, jwt_claimed_until = null");
    (void)r.sql("update leases set held_until = clock_timestamp()");
}
inline void let_pauses_pass(rig& r) {
    (void)r.sql("update sip_identities set retry_at = now() - interval '1 s' where retry_at > now()");
}

/// Where both sides differ (I4); empty: every credential of ours at the carrier has its row, every row its
/// credential, and nothing is under way.
[[nodiscard]] inline std::string drift(rig& r) {
    std::set<std::string> rows;
    std::istringstream in(r.sql("select string_agg(telnyx_credential_id, ' ') from sip_identities where "
                                "state in ('active', 'rotating')"));
    for (std::string id; in >> id;)
        rows.insert(id);
    std::string out;
    for (const auto& c : r.carrier().credentials())
        if (rows.erase(c.id) == 0) out += "no row: " + c.name + "\n";
    for (const auto& id : rows)
        out += "not at the carrier: " + id + "\n";
    const auto open = r.sql("select string_agg(state || ' ' || last_error, ', ') from sip_identities where "
                            "state in ('pending', 'retiring')");
    if (!open.empty()) out += "under way: " + open + "\n";
    return out;
}
/// Waits until both sides agree; what still differs at the limit. Pauses between attempts are not waited for.
[[nodiscard]] inline std::string drift_in_the_end(rig& r, millis limit = 10s) {
    std::string left;
    (void)eventually(
        [&] {
            left = drift(r);
            if (!left.empty()) let_pauses_pass(r);
            return left.empty();
        },
        limit
    );
    return left;
}

[[nodiscard]] inline sim::command_fault credential_fault(std::string verb, int status, unsigned times = 0) {
    sim::command_fault f;
    f.verb = std::move(verb);
    f.credential = "*";
    f.fail_status = status;
    f.match.times = times;
    return f;
}
inline void no_more_faults(rig& r) {
    r.carrier().with([](sim::carrier& c, time_point) { c.clear_faults(); });
}

} // namespace z360::testing
