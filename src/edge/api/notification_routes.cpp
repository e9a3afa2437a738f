// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Notifications that the product's backend wants on phones (BE-28). They are put into the queue and answered;
// whoever sends them does so later, behind everything that is about a call.
#include "adapter/crypto/digest.hpp"
#include "edge/api/idempotency.hpp"
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "wire/business_push.hpp"

#include <z360/base/name.hpp>
#include <z360/base/printable.hpp>

#include <algorithm>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_most_people = 100;
constexpr std::size_t k_most_devices = 500;
constexpr std::size_t k_most_data = 64;
constexpr std::int64_t k_shortest_ttl = 10;
constexpr std::int64_t k_longest_ttl = 2'419'200; // FCM's four weeks
constexpr std::int64_t k_usual_ttl = 3'600;
constexpr long k_full_retry = 30; // seconds: a full queue has moved on by then

void read_people(fields& f, const json& body, std::vector<user_id>& out) {
    if (const auto one = f.integer("user_id")) out.push_back({*one});
    const auto it = body.find("user_ids");
    if (it == body.end() || it->is_null()) return;
    if (!it->is_array() || it->size() > k_most_people) {
        f.refuse("user_ids", "must be a list of at most 100 ids");
        return;
    }
    for (const auto& id : *it) {
        const json holder{{"id", id}};
        fields one(holder);
        const auto n = one.integer("id");
        if (!n) {
            f.refuse("user_ids", "must be a list of at most 100 ids");
            return;
        }
        out.push_back({*n});
    }
}

void read_devices(fields& f, std::vector<std::string>& out) {
    out = f.texts("device_ids", k_most_devices);
    for (const auto& id : out)
        if (id.empty() || id.size() > 256 || has_controls(id)) {
            f.refuse("device_ids", "must be ids of 1 to 256 characters, none of them a control character");
            return;
        }
}

template <class T>
void once_each(std::vector<T>& all) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
}

void read_data(fields& f, push::text& out) {
    const auto* data = f.object("data");
    if (data == nullptr) return;
    if (data->size() > k_most_data) f.refuse("data", "must have at most 64 names");
    for (const auto& [name, value] : data->items()) {
        if (value.is_string())
            out.extras.emplace_back(name, value.get<std::string>());
        else
            f.refuse("data", "must have texts as values: FCM takes nothing else");
    }
}

push::text read_text(fields& f) {
    push::text out;
    out.type = f.text("type", {.required = true, .max = 64});
    out.title = f.text("title", {.max = 200});
    out.body = f.text("body", {.max = 1'000, .lines = true});
    out.link = f.text("link", {.max = 2'048});
    out.channel = f.text("android_channel_id", {.max = 64});
    out.collapse_key = f.text("collapse_key", {.max = 64});
    out.urgent = f.word("priority", {"high", "normal"}) != "normal";
    read_data(f, out);
    for (const auto& [field, shown] : {std::pair{"title", &out.title}, std::pair{"body", &out.body}})
        if (fault_of_name(*shown) == name_fault::blank) f.refuse(field, "has nothing that can be seen");
    if (out.title.empty() && out.body.empty()) f.refuse("title", "is required where there is no body");
    return out;
}

/// In which organisation: of the key, the header or the body, which may not differ.
org_id read_org(fields& f, const principal& who) {
    const auto named = f.integer("organization_id");
    if (!named) {
        if (who.org.none()) f.refuse("organization_id", "is required: the key serves several organisations");
        return who.org;
    }
    const bool header = !who.org.none() && who.bound_to.none();
    if (header && who.org.value != *named) f.refuse("organization_id", "differs from X-Z360-Organization");
    return {*named};
}

problem too_large() {
    problem p;
    p.status = 422;
    p.code = "notification_too_large";
    p.title = "The notification is too large for a phone";
    p.detail =
        "data and link may have " + std::to_string(wire::k_business_data_limit) + " bytes together, as JSON";
    return p;
}

problem reused() {
    problem p;
    p.status = 422;
    p.code = "idempotency_key_reused";
    p.title = "This key was used for another notification";
    p.detail = "Give each notification a key of its own, and repeat it unchanged";
    return p;
}

/// Of several people's devices none is meant more than another.
problem ambiguous(const port::push_answer& a) {
    const json nothing = json::object();
    fields f(nothing);
    std::string last;
    for (const auto& p : a.all)
        if (std::exchange(last, p.device) != p.device)
            f.refuse(
                "device_ids",
                "'" + p.device +
                    "' is the id of several people's devices; name the one by its number, which "
                    "lists of devices show as `id`"
            );
    return f.refusal();
}

problem full() {
    problem p;
    p.status = 429;
    p.code = "push_queue_full";
    p.title = "Too many notifications of this organisation wait to be sent";
    p.retry_after = k_full_retry;
    return p;
}

json placed_json(const port::push_placed& p) {
    json out = json::object();
    if (!p.device.empty()) out["device_id"] = p.device;
    if (!p.user.none()) out["user_id"] = p.user.value;
    if (p.skipped.empty())
        out["id"] = p.message.text();
    else
        out["reason"] = p.skipped;
    return out;
}

http::response reply(const port::push_answer& a) {
    json messages = json::array();
    json skipped = json::array();
    for (const auto& p : a.all)
        (p.skipped.empty() ? messages : skipped).push_back(placed_json(p));
    return success(
        202, {{"messages", std::move(messages)}, {"skipped", std::move(skipped)}, {"repeated", a.repeated}}
    );
}

/// What is asked, in one form however it was written.
std::string fingerprint_of(const json& body, const port::push_order& o) {
    auto whole = body;
    whole["organization_id"] = o.org.value;
    return adapter::crypto::sha256_hex(whole.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// An order, or what is wrong with it.
struct asked_for {
    port::push_order order;
    std::optional<problem> refused;
};
asked_for read_order(const request_context& in, const json& body, std::string key) {
    asked_for out;
    auto& o = out.order;
    fields f(body);
    o.org = read_org(f, in.who);
    read_people(f, body, o.users);
    read_devices(f, o.devices);
    once_each(o.users);
    once_each(o.devices);
    if (o.users.empty() && o.devices.empty()) f.refuse("user_id", "is required, or user_ids, or device_ids");
    o.shown = read_text(f);
    o.ttl =
        std::chrono::seconds{f.integer("ttl_seconds", k_shortest_ttl, k_longest_ttl).value_or(k_usual_ttl)};
    for (auto& fault : wire::business_faults(o.shown))
        if (fault.field != "type" || !o.shown.type.empty()) f.refuse(fault.field, std::move(fault.why));
    if (key.empty()) f.refuse(std::string(k_idempotency_key), "is required: a repeat must not be sent twice");
    if (!f.ok())
        out.refused = f.refusal();
    else if (wire::business_data_size(o.shown) > wire::k_business_data_limit)
        out.refused = too_large();
    o.key = std::move(key);
    o.fingerprint = fingerprint_of(body, o);
    return out;
}

problem no_push_keys() {
    auto p = unavailable_now("push_not_configured", 60);
    p.title = "This server sends no pushes";
    p.detail = "It has no keys: its operator sets push.fcm_service_account_file and push.apns_key_file";
    return p;
}

awaitable<http::response> post_notification(api_context& s, request_context in) {
    auto key = idempotency_key(in.req);
    if (key.refused) co_return respond(*key.refused);
    const auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    auto asked = read_order(in, body.value, std::move(key.text));
    if (!in.who.bound_to.none() && asked.order.org != in.who.bound_to) co_return respond(no_org());
    if (asked.refused) co_return respond(*asked.refused);
    if (s.ports.orders == nullptr) co_return respond(no_push_keys());
    auto who = in.who;
    who.user = {}; // whoever a header names: the organisation sends it
    auto answer = co_await s.ports.orders->place(who.scope(), std::move(asked.order));
    using how = port::push_answer::how;
    switch (answer.went) {
    case how::placed: break;
    case how::org_unknown: co_return respond(no_org());
    case how::key_reused: co_return respond(reused());
    case how::device_ambiguous: co_return respond(ambiguous(answer));
    case how::too_many_wait: s.ports.metrics.count("push_orders_refused_total"); co_return respond(full());
    }
    if (!answer.repeated && s.ports.order_placed) s.ports.order_placed();
    co_return reply(answer);
}

} // namespace

std::vector<entry> notification_entries() {
    entry e;
    e.method = "POST";
    e.pattern = "/api/push/notifications";
    e.run = post_notification;
    e.takes = any_of(via::service);
    e.rate = rate_class::admin;
    e.scope = "push:send";
    e.for_person = false;
    e.changes = true;
    return {e};
}

} // namespace z360::edge::api
