// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/bearer.hpp"
#include "edge/api/registration.hpp"

#include <z360/base/printable.hpp>

#include <algorithm>
#include <array>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_most_capabilities = 4'096;

void read_push(
    fields& f, port::registration& r, const client_rules& rules, std::optional<time_point> issued_at
) {
    // The first of these that is given wins among those of one kind: old clients send aliases beside each
    // other, and an installation's id takes the place of its token.
    static constexpr std::array<std::string_view, 5> k_fields{
        "voip_token", "apns_voip_token", "fid", "fcm_token", "push_token"
    };
    const auto same = [](port::push_kind a, port::push_kind b) {
        const auto plain = [](port::push_kind k) {
            return k == port::push_kind::fcm_fid ? port::push_kind::fcm : k;
        };
        return plain(a) == plain(b);
    };
    for (const auto name : k_fields) {
        if (!f.has(name)) continue;
        const auto given = f.text_if(name, {.max = k_longest_push_token});
        if (!given || (given->empty() && rules.empty_tokens())) continue;
        const auto read = read_push_token(r.platform, name, *given, r.device_uid);
        if (read.fault != nullptr) {
            f.refuse(name, read.fault);
            continue;
        }
        if (!read.kind) continue;
        const bool have = std::any_of(r.push.begin(), r.push.end(), [&](const auto& t) {
            return same(t.kind, *read.kind);
        });
        if (have) continue;
        port::push_token t;
        t.kind = *read.kind;
        t.token = secret(*given);
        t.issued_at = issued_at;
        r.push.push_back(std::move(t));
    }
}

std::string read_device_id(fields& f, const client_rules& rules, std::string_view name, bool required) {
    const auto given = f.text_if(name, {.required = required});
    if (!given) return {};
    auto id = rules.device_id(*given);
    if (const auto* fault = rules.device_id_fault(id)) f.refuse(name, fault);
    return id;
}

void read_public_key(fields& f, port::registration& r) {
    const auto given = f.text("device_public_key", {.max = 64});
    if (given.empty()) return;
    const auto bytes = adapter::crypto::unbase64(given, 32);
    if (!bytes || bytes->size() != 32) {
        f.refuse("device_public_key", "must be 32 bytes in base64");
        return;
    }
    r.public_key.assign(bytes->begin(), bytes->end());
    if (!adapter::crypto::seal_to(r.public_key, secret("probe")))
        f.refuse("device_public_key", "is not a usable X25519 key");
}

void read_bundle(fields& f, port::registration& r, const api_context& s) {
    r.bundle_id = f.text("bundle_id", {.max = 155});
    const auto& allowed = s.ports.settings.clients.bundle_ids;
    if (r.bundle_id.empty() || allowed.empty() || r.platform == "web") return;
    if (std::find(allowed.begin(), allowed.end(), r.bundle_id) == allowed.end())
        f.refuse("bundle_id", "is not one of this server's apps");
}

void read_links(fields& f, port::registration& r, const client_rules& rules) {
    r.embedded_webview = f.boolean("embedded_webview").value_or(false);
    r.native_device_uid = read_device_id(f, rules, "native_device_id", false);
    r.previous_device_uid = read_device_id(f, rules, "previous_device_id", false);
    if (!r.native_device_uid.empty() && r.platform != "web" && !r.platform.empty())
        f.refuse("native_device_id", "is for web views only");
    if (r.embedded_webview && r.platform != "web" && !r.platform.empty())
        f.refuse("embedded_webview", "is for web views only");
    if (!r.native_device_uid.empty() && r.native_device_uid == r.device_uid)
        f.refuse("native_device_id", "must not be the web view's own device_id");
    if (!r.previous_device_uid.empty() && r.previous_device_uid == r.device_uid)
        r.previous_device_uid.clear();
}

void read_previous_token(fields& f, registration_request& r) {
    const auto given = f.text("previous_device_token", {.max = 200});
    if (given.empty()) return;
    const auto read = adapter::crypto::read_bearer(given);
    if (!read || read->kind != port::token_kind::device)
        f.refuse("previous_device_token", "is not a device token; leave it out if there is none");
    r.previous_token = secret(given);
}

} // namespace

registration_request read_registration(fields& f, const api_context& s) {
    registration_request out;
    auto& r = out.wanted;
    r.device_uid = read_device_id(f, s.rules, "device_id", true);
    r.platform = f.word("platform", {"ios", "android", "web"}, true);
    r.name = f.text("device_name", {.name = true});
    r.app_version = f.text("app_version", {.max = 50});
    r.sdk_version = f.text("sdk_version", {.max = 50});
    r.os_version = f.text("os_version", {.max = 50});
    r.apns_env = f.word("apns_env", {"production", "sandbox"});
    read_bundle(f, r, s);
    if (const auto* c = f.object("capabilities")) {
        r.capabilities = c->dump(-1, ' ', false, json::error_handler_t::replace);
        if (r.capabilities.size() > k_most_capabilities) f.refuse("capabilities", "is too long");
        // Those below U+0020 are escaped in it.
        if (has_controls(r.capabilities) || r.capabilities.find("\\u00") != std::string::npos)
            f.refuse("capabilities", "must not contain control characters");
    }
    std::optional<time_point> issued_at;
    if (const auto text = f.text_if("issued_at", {.max = 40})) {
        issued_at = parse_iso8601(*text);
        if (!issued_at) f.refuse("issued_at", "must be a time such as 2026-01-31T12:00:00Z");
    }
    if (!r.platform.empty()) read_push(f, r, s.rules, issued_at);
    read_links(f, r, s.rules);
    read_previous_token(f, out);
    read_public_key(f, r);
    if (const auto v = f.integer("credential_version", 1, 1'000'000'000))
        r.credential_version = static_cast<int>(*v);
    out.org = f.integer("organization_id");
    out.too_old = s.rules.refused_below(r.platform, r.app_version);
    out.store_url = s.rules.store_url(r.platform);
    return out;
}

} // namespace z360::edge::api
