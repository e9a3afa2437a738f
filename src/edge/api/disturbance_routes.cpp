// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Do not disturb: of a person, or of one of their devices.
#include "edge/api/auth.hpp"
#include "edge/api/logins.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::chrono::hours k_longest{24 * 366};

json view(const port::disturbance& d) {
    return {{"on", d.off}, {"until", time_or_null(d.until)}};
}

// Null where no device is meant.
json view(const port::disturbances& d, const std::optional<port::device_view>& device) {
    json out{{"person", view(d.person)}, {"device", nullptr}};
    if (device) {
        out["device"] = view(d.device);
        out["device"]["device_id"] = device->uid;
    }
    return out;
}

// Whoever names no device, and is none, asks for the person.
awaitable<device_found> device_meant(api_context& s, request_context in, std::string uid) {
    if (uid.empty() && in.who.by != via::device) co_return device_found{};
    co_return co_await device_of(s, std::move(in), std::move(uid));
}

awaitable<http::response> get_disturbance(api_context& s, request_context in) {
    const auto meant = co_await device_meant(s, in, in.query("device_id").value_or(std::string{}));
    if (meant.refused) co_return respond(*meant.refused);
    const auto id = meant.device ? meant.device->id : device_id{};
    const auto now = co_await s.ports.devices.disturbances_of(in.who.user, id, in.now);
    co_return success(200, view(now, meant.device));
}

port::disturbance read(fields& f, time_point now) {
    port::disturbance out;
    const auto on = f.boolean("on");
    if (!on) f.refuse("on", "is required: true or false");
    out.off = on.value_or(false);
    const auto until = f.text_if("until", {.max = 64});
    if (!until || until->empty()) return out;
    out.until = parse_iso8601(*until);
    if (!out.off)
        f.refuse("until", "goes with on = true only");
    else if (!out.until)
        f.refuse("until", "must be a time like 2026-12-24T18:00:00Z");
    else if (*out.until <= now || *out.until > now + k_longest)
        f.refuse("until", "must lie within the next 366 days; leave it out for no end");
    return out;
}

awaitable<http::response> put_disturbance(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const bool of_device = f.word("of", {"person", "device"}, true) == "device";
    const auto uid = f.text("device_id", {.max = 200});
    const auto how = read(f, in.now);
    if (!f.ok()) co_return respond(f.refusal());
    // Of the person it holds for all their organisations.
    if (!of_device && !in.who.bound_to.none()) {
        auto p = access_denied();
        p.detail = "This token is of one organisation: it can be said of the device alone";
        co_return respond(p);
    }
    device_found meant;
    if (of_device)
        meant = co_await device_of(s, in, uid);
    else
        meant = co_await device_meant(s, in, uid);
    if (meant.refused) co_return respond(*meant.refused);
    const auto id = meant.device ? meant.device->id : device_id{};
    const auto detail = std::string(of_device ? "of=device" : "of=person") + (how.off ? " on" : " off");
    co_await audit(s, in.who, in.address, "do_not_disturb", id, detail);
    co_await s.ports.devices.disturb(in.who.user, of_device ? id : device_id{}, how);
    const auto now = co_await s.ports.devices.disturbances_of(in.who.user, id, in.now);
    co_return success(200, view(now, meant.device));
}

} // namespace

std::vector<entry> disturbance_entries() {
    return {
        {"GET", "/api/voip/do-not-disturb", get_disturbance, k_person, rate_class::read},
        {"PUT", "/api/voip/do-not-disturb", put_disturbance, k_person, rate_class::read, true},
    };
}

} // namespace z360::edge::api
