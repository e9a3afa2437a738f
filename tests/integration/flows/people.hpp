// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Apps and tenants for flows through the API.
#pragma once

#include "support/rig.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace z360::testing {

using nlohmann::json;

/// An installed app after its registration.
struct app {
    std::string uid;
    json reply; ///< data of the registration
    std::string token;
    api client; ///< with the device's bearer

    /// Its SIP user; "" without an identity.
    [[nodiscard]] std::string sip() const {
        const auto& c = reply.at("sip_credentials");
        return c.is_object() ? c.value("sip_username", "") : "";
    }
};

/// What a good registration answers; throws with the reply when it is another.
[[nodiscard]] inline app installed(const std::string& uid, const api_reply& r, const api& client) {
    if (r.status != 200 && r.status != 201)
        throw std::runtime_error(uid + " does not register: " + std::to_string(r.status) + " " + r.body);
    app out{uid, r.data(), r.data().value("device_token", ""), client};
    out.client = client.bearer(out.token);
    return out;
}
[[nodiscard]] inline app install(
    rig& r, const std::string& uid, const std::string& platform = "android",
    const json& extra = json::object(), std::size_t n = 0
) {
    return installed(uid, r.register_device(uid, platform, extra, n), r.client(n));
}

/// An organisation with one person, a number and a contact.
struct tenant {
    std::int64_t org = 0;
    std::int64_t user = 0;
    std::string number;
    std::string contact;

    [[nodiscard]] std::string org_path() const { return "/api/admin/organizations/" + std::to_string(org); }
    [[nodiscard]] std::string user_path() const { return "/api/admin/users/" + std::to_string(user); }
};

/// Made by the operator's routes, as an existing product does it. Throws when one of them refuses.
inline tenant founded(rig& r, std::int64_t id, const std::string& name, const std::string& number) {
    tenant t{id, id, number, "+14155550" + std::to_string(id).substr(0, 3)};
    const auto operated = r.admin();
    const auto put = [&](const std::string& path, const json& body) {
        const auto reply = operated.put(path, body);
        if (reply.status != 201)
            throw std::runtime_error("PUT " + path + ": " + std::to_string(reply.status) + " " + reply.body);
    };
    put(t.org_path(), {{"name", name}, {"slug", name}});
    put(t.user_path(), {{"login", name + "@people.example"}, {"name", "Person of " + name}});
    put(t.org_path() + "/members/" + std::to_string(t.user), {{"role", "owner"}});
    put(t.org_path() + "/numbers/" + number, {{"receiving_user_id", t.user}, {"alias", name}});
    put(t.org_path() + "/contacts/" + t.contact, {{"name", "Contact of " + name}});
    return t;
}

[[nodiscard]] inline app install_for(
    rig& r, const tenant& t, const std::string& uid, const std::string& platform = "android",
    json extra = json::object()
) {
    extra.update({{"device_id", uid}, {"platform", platform}});
    return installed(uid, r.service(t.user, t.org).post("/api/device-tokens", extra), r.client());
}

/// The carrier's leg of this app in a session.
[[nodiscard]] inline sim::leg_view leg_of(rig& r, const std::string& session, const app& a) {
    return r.carrier().with([&](sim::carrier& c, time_point) {
        for (auto& l : c.legs(session))
            if (l.username == a.sip()) return l;
        return sim::leg_view{};
    });
}

/// Whether this app comes to ring in a session.
[[nodiscard]] inline bool rings(rig& r, const std::string& session, const app& a) {
    return r.carrier().wait_until(
        [&](const sim::carrier& c) {
            for (const auto& l : c.legs(session))
                if (l.username == a.sip() && l.ringing()) return true;
            return false;
        },
        std::chrono::seconds(8)
    );
}

/// The person at this app takes the call.
inline bool answers(rig& r, const std::string& session, const app& a) {
    const auto leg = leg_of(r, session, a);
    return r.carrier().with([&](sim::carrier& c, time_point now) {
        return c.device_answers(leg.call_control_id, now);
    });
}

/// Every webhook of the session has arrived and was worked on: nothing changes by itself any more.
[[nodiscard]] inline bool settled(rig& r, const std::string& session) {
    const bool arrived = r.carrier().wait_until(
        [&](const sim::carrier& c) {
            const auto& all = c.seen().webhooks;
            return std::all_of(all.begin(), all.end(), [&](const auto& w) {
                return w.second.session != session || w.second.state == sim::delivery_state::delivered;
            });
        },
        std::chrono::seconds(5)
    );
    return arrived && eventually([&] {
               return r.sql(
                          "select count(*) from webhook_events where status = 'new' and call_session_id = '" +
                          session + "'"
                      ) == "0";
           });
}

/// One request, as a line of a list.
struct request_line {
    std::string method;
    std::string path;
    json body = nullptr; ///< null: none
};
[[nodiscard]] inline api_reply sent(const api& by, const request_line& q) {
    return by.send(q.method, q.path, q.body.is_null() ? "" : q.body.dump());
}

/// A token that no server made, of the right shape.
[[nodiscard]] inline std::string made_up_bearer(const std::string& environment, char filling = 'A') {
    return "z360d_" + environment + "_" + std::string(43, filling);
}

/// Good push tokens: an APNs one of 64 hexadecimal digits, an FCM one.
[[nodiscard]] inline std::string apns_token(char digit) {
    return std::string(64, digit);
}
[[nodiscard]] inline std::string fcm_token(const std::string& name) {
    return name + ":APA91b" + std::string(40, 'x');
}

} // namespace z360::testing
