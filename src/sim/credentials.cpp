// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/credentials.hpp"

#include "sim/base64url.hpp"

#include <z360/base/ids.hpp>

#include <algorithm>
#include <utility>

namespace z360::sim {

namespace {

constexpr std::chrono::days k_usual_life{22 * 365 + 5};

std::string hex_of(const std::string& text) {
    auto out = derive_uuid(text).text();
    std::erase(out, '-');
    return out;
}

/// Eleven characters of the number's base 62.
std::string alphanumeric(std::uint64_t n) {
    static constexpr char k_alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::string out;
    for (int i = 0; i < 11; ++i, n /= 62)
        out.push_back(k_alphabet[n % 62]);
    return out;
}

std::int64_t seconds_of(time_point t) {
    return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

} // namespace

const credential_record* credential_book::find(std::string_view id) const {
    const auto it = ids_.find(id);
    return it == ids_.end() ? nullptr : &all_.at(it->second);
}

const credential_record* credential_book::of_username(std::string_view username) const {
    const auto it = usernames_.find(username);
    return it == usernames_.end() ? nullptr : &all_.at(it->second);
}

std::vector<const credential_record*> credential_book::existing() const {
    std::vector<const credential_record*> out;
    for (const auto& [serial, c] : all_)
        if (c.exists()) out.push_back(&c);
    return out;
}

std::vector<const credential_record*> credential_book::named(std::string_view name) const {
    auto out = existing();
    std::erase_if(out, [name](const credential_record* c) { return c->name != name; });
    return out;
}

std::vector<const credential_record*> credential_book::live(time_point now) const {
    auto out = existing();
    std::erase_if(out, [now](const credential_record* c) { return !c->live(now); });
    return out;
}

std::size_t credential_book::with_tag(std::string_view tag) const {
    return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), [tag](const auto& e) {
        return e.second.exists() && e.second.tag == tag;
    }));
}

bool credential_book::dialable(std::string_view username, bool only_known, time_point now) const {
    const auto* c = of_username(username);
    return c ? c->live(now) : !only_known;
}

bool credential_book::accepts_login(std::string_view username, std::string_view password, time_point now)
    const {
    const auto* c = of_username(username);
    return c && c->live(now) && c->sip_password == password;
}

bool credential_book::accepts_token(std::string_view jwt, time_point now) const {
    const auto it = token_index_.find(jwt);
    if (it == token_index_.end()) return false;
    const auto& t = tokens_.at(it->second);
    const auto* c = find(t.credential_id);
    return t.expires_at > now && c && c->live(now);
}

credential_record credential_book::imagine(draft d, time_point now) const {
    credential_record c;
    c.serial = all_.size() + 1;
    const auto base = seed_ + "/credential/" + std::to_string(c.serial);
    const auto user = derive_uuid(base + "/username");
    c.id = derive_uuid(base).text();
    c.sip_username = "gencred" + alphanumeric(user.hi) + alphanumeric(user.lo);
    c.sip_password = hex_of(base + "/password");
    c.name = d.name.empty() ? iso8601(now) : std::move(d.name);
    c.tag = std::move(d.tag);
    c.connection_id = std::move(d.connection_id);
    c.created_at = c.updated_at = now;
    c.expires_at = d.expires_at.value_or(now + k_usual_life);
    return c;
}

const credential_record& credential_book::add(draft d, time_point now, std::uint64_t made_by) {
    auto c = imagine(std::move(d), now);
    c.made_by = made_by;
    ids_[c.id] = c.serial;
    usernames_[c.sip_username] = c.serial;
    return all_.emplace(c.serial, std::move(c)).first->second;
}

credential_record* credential_book::change(std::string_view id) {
    const auto it = ids_.find(id);
    if (it == ids_.end()) return nullptr;
    auto& c = all_.at(it->second);
    return c.exists() ? &c : nullptr;
}

bool credential_book::remove(std::string_view id, time_point now, std::uint64_t deleted_by) {
    auto* c = change(id);
    if (!c) return false;
    c->deleted_at = now;
    c->updated_at = now;
    c->deleted_by = deleted_by;
    return true;
}

token_record credential_book::imagine_token(const credential_record& c, millis life, time_point now) const {
    token_record t;
    const auto base = seed_ + "/token/" + std::to_string(tokens_.size() + 1);
    t.id = derive_uuid(base).text();
    t.credential_id = c.id;
    t.minted_at = now;
    t.expires_at = std::chrono::floor<std::chrono::seconds>(std::min(now + life, c.expires_at));
    const json header{{"alg", "HS512"}, {"typ", "JWT"}};
    const json claims{
        {"aud", "telnyx_telephony"},
        {"iss", "telnyx_telephony"},
        {"sub", c.id},
        {"jti", t.id},
        {"iat", seconds_of(now)},
        {"nbf", seconds_of(now) - 1},
        {"exp", seconds_of(t.expires_at)},
        {"tel_token", hex_of(base + "/tel")},
        {"typ", "access"},
    };
    // Nobody but the carrier can check this signature, so it only has to look like one.
    t.jwt = base64url(header.dump()) + "." + base64url(claims.dump()) + "." +
            base64url(hex_of(base + "/a") + hex_of(base + "/b"));
    return t;
}

const token_record&
credential_book::mint(const credential_record& c, millis life, time_point now, std::uint64_t made_by) {
    auto t = imagine_token(c, life, now);
    t.made_by = made_by;
    token_index_[t.jwt] = tokens_.size();
    return tokens_.emplace_back(std::move(t));
}

json api_object(const credential_record& c, time_point now) {
    json out{
        {"record_type", "credential"},
        {"id", c.id},
        {"name", c.name},
        {"resource_id", "connection:" + c.connection_id},
        {"sip_username", c.sip_username},
        {"sip_password", c.sip_password},
        {"expired", c.expired(now)},
        {"expires_at", iso8601(c.expires_at)},
        {"created_at", iso8601(c.created_at)},
        {"updated_at", iso8601(c.updated_at)},
        {"user_id", derive_uuid("account of " + c.connection_id).text()},
    };
    if (!c.tag.empty()) out["tag"] = c.tag;
    return out;
}

json to_json(const credential_record& c) {
    return json{
        {"id", c.id},
        {"name", c.name},
        {"tag", c.tag},
        {"connection_id", c.connection_id},
        {"sip_username", c.sip_username},
        {"sip_password", c.sip_password},
        {"created_at", iso8601(c.created_at)},
        {"expires_at", iso8601(c.expires_at)},
        {"deleted_at", c.deleted_at ? json(iso8601(*c.deleted_at)) : json{}},
        {"made_by", c.made_by},
        {"deleted_by", c.deleted_by},
    };
}

json to_json(const token_record& t) {
    return json{
        {"id", t.id},
        {"credential_id", t.credential_id},
        {"jwt", t.jwt},
        {"minted_at", iso8601(t.minted_at)},
        {"expires_at", iso8601(t.expires_at)},
        {"made_by", t.made_by},
    };
}

} // namespace z360::sim
