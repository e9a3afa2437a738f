// SPDX-License-Identifier: LicenseRef-z360-proprietary
// In-memory ports of the API: they keep the contracts (what a scope sees, one-time use, limits), can be
// switched off, and remember what was done.
#pragma once

#include "edge/api/api.hpp"

#include <z360/port/dead_letters.hpp>
#include <z360/port/directory.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace z360::test {

using boost::asio::awaitable;

class manual_clock final : public port::clock {
  public:
    [[nodiscard]] time_point now() const override { return at; }
    time_point at = *parse_iso8601("2026-01-31T12:00:00Z");
};

/// Who is in which organisation: what row-level security goes by.
struct membership_table {
    std::map<std::int64_t, port::org_label> orgs;
    std::map<std::int64_t, std::set<std::int64_t>> orgs_of; ///< by user
    std::map<std::int64_t, std::string> names;

    [[nodiscard]] bool sees_user(const port::tenant_scope& s, user_id u) const {
        if (s.everything || s.user == u) return true;
        if (!s.user.none()) return false;
        const auto it = orgs_of.find(u.value);
        return !s.org.none() && it != orgs_of.end() && it->second.contains(s.org.value);
    }
    [[nodiscard]] bool sees_org(const port::tenant_scope& s, org_id o) const {
        if (s.everything || (s.user.none() && s.org == o)) return true;
        if (!s.org.none() && s.org != o) return false; // a person within one organisation
        const auto it = orgs_of.find(s.user.value);
        return !s.user.none() && it != orgs_of.end() && it->second.contains(o.value);
    }
    [[nodiscard]] bool sees(const port::tenant_scope& s, const port::device_view& d) const {
        if (!sees_user(s, d.user)) return false;
        if (s.everything || s.org.none()) return true;
        return d.bound_to == s.org || (s.user.none() && d.bound_to.none());
    }
};

class fake_tokens final : public port::token_store {
  public:
    awaitable<std::optional<port::token_row>> find(std::vector<std::string> hashes) override {
        ++lookups;
        if (away) throw port::unavailable("the database is away");
        for (auto& t : rows)
            for (const auto& h : hashes)
                if (t.hash == h) co_return t.row;
        co_return std::nullopt;
    }
    awaitable<token_id> add(port::new_token t) override {
        stored s;
        s.hash = t.hash;
        s.row.id = token_id{static_cast<std::int64_t>(rows.size()) + 1};
        s.row.kind = t.kind;
        s.row.hash_key_id = t.hash_key_id;
        s.row.label = t.label;
        s.row.scopes = t.scopes;
        s.row.org = t.org;
        s.row.bound_to = t.bound_to;
        s.row.user = t.user;
        s.row.device = t.device;
        s.row.issued_by = t.issued_by;
        s.row.created_at = t.now;
        s.row.expires_at = t.expires_at;
        s.row.ends_at = t.ends_at;
        s.row.device_status = t.device.none() ? "" : "active";
        s.row.user_status = t.user.none() ? "" : "active";
        if (uid_of) s.row.device_uid = uid_of(t.device);
        rows.push_back(s);
        co_return s.row.id;
    }
    awaitable<void>
    touch(token_id t, time_point now, time_point expires_at, std::optional<port::new_token> rehash) override {
        ++touches;
        for (auto& s : rows) {
            if (s.row.id != t) continue;
            s.row.last_used_at = now;
            s.row.expires_at = expires_at;
            if (rehash) {
                s.hash = rehash->hash;
                s.row.hash_key_id = rehash->hash_key_id;
            }
        }
        co_return;
    }
    awaitable<bool> consume(token_id t, time_point now) override {
        for (auto& s : rows) {
            if (s.row.id != t) continue;
            if (s.row.used_at || s.row.revoked_at || now >= s.row.expires_at) co_return false;
            s.row.used_at = now;
            co_return true;
        }
        co_return false;
    }
    awaitable<bool> revoke(token_id t, org_id org, std::string reason, time_point now) override {
        for (auto& s : rows) {
            if (s.row.id != t || s.row.revoked_at || (!org.none() && s.row.org != org)) continue;
            s.row.revoked_at = now;
            s.row.revoke_reason = reason;
            co_return true;
        }
        co_return false;
    }
    awaitable<std::vector<port::token_row>> list(org_id org, std::size_t) override {
        std::vector<port::token_row> out;
        for (const auto& s : rows) {
            const bool kind =
                s.row.kind == port::token_kind::service || s.row.kind == port::token_kind::admin;
            if (kind && !s.row.revoked_at && (org.none() || s.row.org == org)) out.push_back(s.row);
        }
        co_return out;
    }

    awaitable<std::vector<port::token_row>> codes(org_id org, std::size_t) override {
        std::vector<port::token_row> out;
        for (const auto& s : rows)
            if (s.row.kind == port::token_kind::enrolment && !s.row.revoked_at && !s.row.used_at &&
                (org.none() || s.row.org == org))
                out.push_back(s.row);
        co_return out;
    }
    awaitable<std::vector<port::token_row>> issued_by(token_id t, std::size_t) override {
        std::vector<port::token_row> out;
        for (const auto& s : rows)
            if (s.row.issued_by == t && !s.row.revoked_at && !s.row.used_at) out.push_back(s.row);
        co_return out;
    }
    awaitable<bool> first_use(std::string fingerprint, time_point, time_point) override {
        co_return used_elsewhere.insert(fingerprint).second;
    }

    struct stored {
        std::string hash;
        port::token_row row;
    };
    std::set<std::string> used_elsewhere;
    std::vector<stored> rows;
    std::function<std::string(device_id)> uid_of;
    int lookups = 0;
    int touches = 0;
    bool away = false;
};

class fake_devices final : public port::device_registry {
  public:
    explicit fake_devices(membership_table& m) : members_(m) {}

    awaitable<std::optional<port::registered>> enrol(port::registration r, unsigned) override {
        const auto& orgs = members_.orgs_of[r.user.value];
        if (!orgs.contains(r.org.value)) co_return std::nullopt;
        port::registered out;
        auto* d = find(r.user, r.device_uid);
        out.created = d == nullptr || d->status == "removed";
        last = r;
        if (!out.created && !r.bound_to.none() && d->bound_to != r.bound_to) {
            out.held_elsewhere = true;
            co_return out;
        }
        if (d == nullptr) {
            rows.emplace_back();
            d = &rows.back();
            d->id = device_id{static_cast<std::int64_t>(rows.size()) + 100};
            d->user = r.user;
            d->user_name = members_.names[r.user.value];
            d->uid = r.device_uid;
            d->registered_at = r.now;
            d->push_state = "none";
        }
        d->platform = r.platform;
        d->name = r.name;
        d->status = "active";
        d->app_version = r.app_version;
        d->sdk_version = r.sdk_version;
        d->os_version = r.os_version;
        d->bundle_id = r.bundle_id;
        d->apns_env = r.apns_env;
        if (!r.capabilities.empty()) d->capabilities = r.capabilities;
        d->embedded_webview = r.embedded_webview;
        d->native_handles_calls = r.embedded_webview && find(r.user, r.native_device_uid) != nullptr;
        d->wants_identity = r.wants_identity;
        if (!r.public_key.empty()) d->public_key = r.public_key;
        if (!r.push.empty()) d->push_state = "active";
        d->bound_to = r.bound_to;
        if (!r.session_hash.empty()) d->session_hash = r.session_hash;
        d->last_seen_at = r.now;
        out.registration_id = d->id.value + 1000;
        out.device = *d;
        out.replaced = std::exchange(replaces, {});
        out.linked = std::exchange(links, {});
        co_return out;
    }
    awaitable<std::optional<port::push_update>> update_push(
        port::tenant_scope who, std::string uid, std::vector<port::push_token> tokens, time_point now
    ) override {
        for (auto& d : rows) {
            if (d.uid != uid || !members_.sees(who, d)) continue;
            d.push_state = "active";
            d.push_updated_at = now;
            pushed = std::move(tokens);
            co_return port::push_update{d, std::exchange(replaces, {})};
        }
        co_return std::nullopt;
    }
    awaitable<std::vector<port::device_view>> list(port::tenant_scope who, user_id of, std::size_t) override {
        std::vector<port::device_view> out;
        for (const auto& d : rows)
            if (d.status != "removed" && (of.none() || d.user == of) && sees(who, d)) out.push_back(d);
        co_return out;
    }
    awaitable<std::optional<port::device_view>> by_id(port::tenant_scope who, device_id id) override {
        for (const auto& d : rows)
            if (d.id == id && sees(who, d)) co_return d;
        co_return std::nullopt;
    }
    awaitable<std::optional<port::device_view>>
    by_uid(port::tenant_scope who, user_id owner, std::string uid) override {
        const auto* d = find(owner, uid);
        if (d == nullptr || !sees(who, *d)) co_return std::nullopt;
        co_return *d;
    }
    awaitable<bool> remove(port::tenant_scope who, port::removal what) override {
        for (auto& d : rows) {
            if (d.id != what.device || !sees(who, d) || d.status == "removed") continue;
            const bool of_org = !who.everything && who.user.none();
            if (of_org && d.bound_to.none() && serves_others(d, who.org)) {
                excluded.emplace(d.id.value, who.org.value);
                co_return true;
            }
            d.status = "removed";
            d.identity.reset();
            removed.push_back(what);
            co_return true;
        }
        co_return false;
    }
    awaitable<void> seen(device_id d, time_point, std::optional<int> version) override {
        lives.emplace_back(d.value, version);
        co_return;
    }
    awaitable<port::disturbances> disturbances_of(user_id u, device_id d, time_point now) override {
        const auto at = [&](std::int64_t person, std::int64_t device) {
            auto how = quiet[{person, device}];
            return how.until && *how.until <= now ? port::disturbance{} : how;
        };
        co_return port::disturbances{at(u.value, 0), d.none() ? port::disturbance{} : at(u.value, d.value)};
    }
    awaitable<void> disturb(user_id u, device_id d, port::disturbance how) override {
        quiet[{u.value, d.value}] = how;
        co_return;
    }
    awaitable<std::vector<port::org_label>> organisations(user_id u) override {
        std::vector<port::org_label> out;
        for (const auto id : members_.orgs_of[u.value])
            out.push_back(members_.orgs.at(id));
        co_return out;
    }
    awaitable<std::optional<secret>> password(identity_id i) override {
        ++passwords_read;
        co_return secret("pw-of-" + std::to_string(i.value));
    }
    awaitable<void> mark_delivered(identity_id i, bool with_password, time_point now) override {
        for (auto& d : rows) {
            if (!d.identity || d.identity->id != i || !with_password || d.identity->disclosed) continue;
            d.identity->disclosed = true;
            d.identity->disclosed_at = now;
        }
        co_return;
    }

    port::device_view* find(user_id owner, const std::string& uid) {
        for (auto& d : rows)
            if (d.user == owner && d.uid == uid) return &d;
        return nullptr;
    }
    [[nodiscard]] bool sees(const port::tenant_scope& who, const port::device_view& d) const {
        const bool gone = who.user.none() && excluded.contains({d.id.value, who.org.value});
        return !gone && members_.sees(who, d);
    }
    [[nodiscard]] bool serves_others(const port::device_view& d, org_id than) const {
        const auto& all = members_.orgs_of.at(d.user.value);
        return std::any_of(all.begin(), all.end(), [&](auto org) {
            return org != than.value && !excluded.contains({d.id.value, org});
        });
    }
    std::vector<port::device_view> rows;
    std::set<std::pair<std::int64_t, std::int64_t>> excluded; ///< device and organisation
    std::optional<port::registration> last;
    std::vector<port::push_token> pushed;
    std::vector<device_id> replaces; ///< by the next registration or push token
    std::vector<device_id> links;    ///< by the next registration
    std::vector<port::removal> removed;
    std::vector<std::pair<std::int64_t, std::optional<int>>> lives;
    int passwords_read = 0;
    std::map<std::pair<std::int64_t, std::int64_t>, port::disturbance>
        quiet; ///< by person and device; 0: theirs

  private:
    membership_table& members_;
};

class fake_audit final : public port::audit_log {
  public:
    awaitable<void> append(port::audit_line line) override {
        if (away) throw port::unavailable("the database is away");
        lines.push_back(std::move(line));
        co_return;
    }
    std::vector<port::audit_line> lines;
    bool away = false;
};

/// Counts within the window; the clock is the test's.
class fake_limits final : public port::rate_limiter {
  public:
    explicit fake_limits(const port::clock& c) : clock_(c) {}
    awaitable<port::rate_verdict> take(std::string key, port::rate r) override {
        auto& b = buckets[key];
        const auto now = clock_.now();
        if (now - b.since >= r.window) b = {now, 0};
        port::rate_verdict v;
        v.limit = r.limit;
        v.reset_after = r.window - (now - b.since);
        v.allowed = b.used < r.limit;
        if (v.allowed) ++b.used;
        v.remaining = r.limit - b.used;
        if (!v.allowed) v.retry_after = v.reset_after;
        co_return v;
    }
    awaitable<port::rate_verdict> look(std::string key, port::rate r) override {
        const auto before = buckets;
        auto v = co_await take(std::move(key), r);
        buckets = before;
        if (v.allowed) ++v.remaining;
        co_return v;
    }
    struct bucket {
        time_point since{};
        unsigned used = 0;
    };
    std::map<std::string, bucket> buckets;

  private:
    const port::clock& clock_;
};

/// The carrier behind the identities: `up` or away.
class fake_credentials final : public credential_manager::manager {
  public:
    fake_credentials(fake_devices& d, const port::clock& c) : devices_(d), clock_(c) {}
    void start() override {}
    awaitable<void> stop(millis) override { co_return; }
    std::vector<loop_state> loops() const override { return {}; }
    awaitable<credential_manager::identity_status> ensure(device_id id, millis) override {
        ++asked;
        credential_manager::identity_status out;
        for (auto& d : devices_.rows) {
            if (d.id != id || !up) continue;
            if (!d.identity) {
                d.identity.emplace();
                d.identity->id = identity_id{id.value * 10};
                d.identity->state = "active";
                d.identity->sip_username = "gencred" + std::to_string(id.value);
                d.identity->expires_at = clock_.now() + millis{30LL * 86'400'000};
            }
            out.ready = true;
            out.identity = d.identity->id;
            out.sip_username = d.identity->sip_username;
            out.version = d.identity->version;
            out.expires_at = d.identity->expires_at;
        }
        co_return out;
    }
    awaitable<credential_manager::token_status> token(device_id id, millis) override {
        ++asked;
        auto out = co_await cached_token(id);
        if (refuses) out.what = credential_manager::token_status::state::none;
        if (!up && have_jwt) out.what = credential_manager::token_status::state::stale;
        co_return out;
    }
    awaitable<credential_manager::token_status> cached_token(device_id id) override {
        credential_manager::token_status out;
        if (!have_jwt) co_return out;
        out.what = credential_manager::token_status::state::fresh;
        out.jwt = secret("jwt-of-" + std::to_string(id.value));
        out.expires_at = clock_.now() + millis{10LL * 3'600'000};
        out.refresh_after = clock_.now() + millis{8LL * 3'600'000};
        co_return out;
    }
    void look_at(device_id d) override { looked_at.push_back(d); }
    void check(identity_id) override {}
    awaitable<comparison> compare(strangers) override { co_return comparison{}; }

    bool up = true;
    bool have_jwt = true;
    bool refuses = false; ///< no device takes calls
    int asked = 0;        ///< times that Telnyx could have been asked
    std::vector<device_id> looked_at;

  private:
    fake_devices& devices_;
    const port::clock& clock_;
};

class fake_calls final : public port::call_reader {
  public:
    explicit fake_calls(membership_table& m) : members_(m) {}
    awaitable<std::optional<port::call_view>> find(port::tenant_scope who, std::string id) override {
        for (const auto& c : rows)
            if ((c.state.id.text() == id || c.state.origin.call_session_id == id) && sees(who, c))
                co_return c;
        co_return std::nullopt;
    }
    awaitable<std::vector<port::call_view>> live(port::tenant_scope who) override {
        co_return filtered(who, [](const auto& c) { return phase_of(c.state) != call::phase::ended; });
    }
    awaitable<std::vector<port::call_view>>
    changed(port::tenant_scope who, std::uint64_t since, std::size_t limit) override {
        auto out = filtered(who, [since](const auto& c) { return c.position > since; });
        if (out.size() > limit) out.resize(limit);
        co_return out;
    }
    awaitable<std::vector<port::call_view>> newest(port::tenant_scope who, std::size_t limit) override {
        auto out = filtered(who, [](const auto&) { return true; });
        std::reverse(out.begin(), out.end());
        if (out.size() > limit) out.resize(limit);
        co_return out;
    }
    std::vector<port::call_view> rows;

  private:
    bool sees(const port::tenant_scope& who, const port::call_view& c) const {
        return who.everything || (c.state.routed.user == who.user && members_.sees_org(who, c.org.id));
    }
    template <class F>
    std::vector<port::call_view> filtered(const port::tenant_scope& who, F keep) const {
        std::vector<port::call_view> out;
        for (const auto& c : rows)
            if (sees(who, c) && keep(c)) out.push_back(c);
        return out;
    }
    membership_table& members_;
};

class fake_pushes final : public port::push_figures {
  public:
    awaitable<port::push_report> since(port::tenant_scope who, time_point from) override {
        asked_for = who;
        asked_from = from;
        co_return report;
    }
    port::push_report report;
    port::tenant_scope asked_for;
    time_point asked_from{};
};

/// Phones that were named before; each order is kept, and answered once more under its key.
class fake_orders final : public port::push_orders {
  public:
    awaitable<port::push_answer> place(port::tenant_scope who, port::push_order o) override {
        ++asked;
        asked_for = who;
        last = o;
        port::push_answer out;
        out.went = went;
        if (went == port::push_answer::how::device_ambiguous)
            for (const auto user : {3, 4})
                out.all.push_back(placed(o.devices.at(0), {user}));
        if (went != port::push_answer::how::placed) co_return out;
        const auto before = known.find({o.org, o.key});
        if (before != known.end()) {
            out.repeated = true;
            if (before->second.first != o.fingerprint) {
                out.went = port::push_answer::how::key_reused;
            } else {
                out.all = before->second.second;
            }
            co_return out;
        }
        for (const auto& uid : o.devices)
            out.all.push_back(placed(uid, {}));
        for (const auto u : o.users)
            out.all.push_back(placed({}, u));
        known[{o.org, o.key}] = {o.fingerprint, out.all};
        co_return out;
    }
    static port::push_placed placed(const std::string& uid, user_id user) {
        port::push_placed p;
        p.device = uid.empty() ? "phone-of-" + std::to_string(user.value) : uid;
        p.user = user;
        if (uid == "unknown")
            p.skipped = "not_found";
        else if (uid == "dead")
            p.skipped = "dead_token";
        else
            p.message = derive_uuid("message to " + p.device);
        return p;
    }
    port::push_answer::how went = port::push_answer::how::placed;
    std::map<std::pair<org_id, std::string>, std::pair<std::string, std::vector<port::push_placed>>> known;
    port::push_order last;
    port::tenant_scope asked_for;
    int asked = 0;
};

class fake_cookies final : public edge::api::cookie_introspector {
  public:
    std::optional<edge::api::cookie_answer> remembered(const std::string& cookie) override {
        const auto it = believed.find(cookie);
        if (it == believed.end()) return std::nullopt;
        return it->second;
    }
    awaitable<edge::api::cookie_answer> who(std::string cookie, std::string) override {
        ++asked;
        most_at_once = std::max(most_at_once, ++under_way);
        if (before_answer) co_await before_answer();
        --under_way;
        const auto it = sessions.find(cookie);
        if (it == sessions.end()) co_return edge::api::cookie_answer{};
        co_return it->second;
    }
    std::map<std::string, edge::api::cookie_answer> sessions;
    std::map<std::string, edge::api::cookie_answer> believed; ///< without a question
    std::function<awaitable<void>()> before_answer;           ///< the product takes its time
    int asked = 0;
    int under_way = 0;
    int most_at_once = 0;
};

class fake_dead_letters final : public port::dead_letters {
  public:
    awaitable<std::vector<port::dead_event>>
    list(port::dead_filter which, std::int64_t before, std::size_t limit) override {
        std::vector<port::dead_event> out;
        for (auto e = rows.rbegin(); e != rows.rend() && out.size() < limit; ++e)
            if (meant(*e, which) && (before == 0 || e->position < before)) {
                out.push_back(*e);
                out.back().body.clear();
            }
        co_return out;
    }
    awaitable<std::optional<port::dead_event>> find(std::string event_id) override {
        for (const auto& e : rows)
            if (e.event_id == event_id) co_return e;
        co_return std::nullopt;
    }
    awaitable<std::vector<std::string>> revive(std::vector<std::string> event_ids) override {
        std::vector<std::string> out;
        for (auto& e : rows)
            if (e.status == "dead" &&
                std::find(event_ids.begin(), event_ids.end(), e.event_id) != event_ids.end())
                out.push_back(again(e));
        co_return out;
    }
    awaitable<std::vector<std::string>> revive(port::dead_filter which, std::size_t limit) override {
        std::vector<std::string> out;
        for (auto& e : rows)
            if (out.size() < limit && meant(e, which)) out.push_back(again(e));
        co_return out;
    }

    std::vector<port::dead_event> rows; ///< by position

  private:
    static bool meant(const port::dead_event& e, const port::dead_filter& f) {
        return e.status == "dead" && (f.event_type.empty() || f.event_type == e.event_type) &&
               (f.call_session_id.empty() || f.call_session_id == e.call_session_id) &&
               e.error.find(f.error) != std::string::npos && (!f.since || e.received_at >= *f.since) &&
               (!f.until || e.received_at < *f.until);
    }
    static std::string again(port::dead_event& e) {
        e.status = "new";
        return e.event_id;
    }
};

class fake_directory final : public port::directory {
  public:
    awaitable<call::route> resolve(std::string dialed, std::string caller, time_point now) override {
        return foresee(std::move(dialed), std::move(caller), now, now);
    }
    awaitable<call::route>
    foresee(std::string dialed, std::string caller, time_point, time_point at) override {
        asked = {dialed, caller, at};
        const auto it = routes.find(dialed);
        co_return it == routes.end() ? call::route{} : it->second;
    }
    awaitable<std::vector<call::target>> reach(device_id, std::vector<user_id>, org_id, time_point) override {
        co_return std::vector<call::target>{};
    }
    awaitable<call::route> place(port::placing, time_point) override { co_return call::route{}; }
    awaitable<bool> is_device(std::string) override { co_return false; }

    std::map<std::string, call::route> routes;
    struct {
        std::string dialed, caller;
        time_point at{};
    } asked;
};

class fake_apple final : public edge::api::apple_checker {
  public:
    awaitable<edge::api::apple_answer> verify(std::string token, std::string nonce) override {
        edge::api::apple_answer out;
        out.reason = "bad_signature";
        if (nonce != "the-nonce") {
            out.reason = "wrong_nonce";
        } else if (token.starts_with("apple:")) {
            out.result = edge::api::apple_answer::what::genuine;
            out.email = "ada@example.com";
            // "apple:001#7" is the token number 7 of 001; without a number each is a new one.
            const auto number = token.find('#');
            out.subject = token.substr(6, number == std::string::npos ? number : number - 6);
            out.fingerprint = number == std::string::npos ? "fresh " + std::to_string(++made_) : token;
        } else if (token == "away") {
            out.result = edge::api::apple_answer::what::unavailable;
        }
        co_return out;
    }
    awaitable<edge::api::apple_answer> verify_event(std::string payload) override {
        edge::api::apple_answer out;
        out.reason = "bad_signature";
        if (payload.starts_with("revoked:")) {
            out.result = edge::api::apple_answer::what::genuine;
            out.event = "consent-revoked";
            out.subject = payload.substr(8);
        }
        co_return out;
    }

  private:
    int made_ = 0;
};

} // namespace z360::test
