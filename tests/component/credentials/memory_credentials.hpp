// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The database as several managers share it: keeps the contract of port::credential_store (claims, one row of
// each kind per device, states that only go forward) and reports who breaks it.
#pragma once

#include "gate.hpp"

#include <z360/port/clock.hpp>
#include <z360/port/credential_store.hpp>
#include <z360/port/errors.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace z360::testing {

using boost::asio::awaitable;

class memory_credentials final : public port::credential_store {
  public:
    using steady = std::chrono::steady_clock;
    struct device_row {
        device_id id;
        user_id user{42};
        bool entitled = true;
        bool busy = false;
        time_point last_seen{};
        steady::time_point claimed_until{};
    };
    struct row {
        credential::identity what;
        device_id device;
        uuid key;
        std::string telnyx_id, sip_username, connection_id;
        secret password;
        credential::retire_reason why = credential::retire_reason::none;
        std::string error;
        std::optional<port::carrier_token> token;
        std::optional<time_point> minted_at;
        steady::time_point mint_claimed_until{};
        steady::time_point claimed_until{}; ///< of a row without a device
    };

    memory_credentials(port::clock& c, gate& g) : clock_(c), gate_(g) {}

    std::map<std::int64_t, device_row> devices;
    std::map<std::int64_t, row> rows;
    std::map<std::string, int> calls;
    std::map<std::string, std::pair<std::string, steady::time_point>> leases;
    std::set<std::int64_t> checked_rows;
    bool away = false;
    /// Called first of all by every operation, with the device it is about or 0: may throw.
    std::function<void(const std::string& operation, std::int64_t device)> fault;
    std::size_t outdated = 0; ///< rows to purge
    port::installation installation{uuid{5, 5}, {}, {}};

    device_id add_device(std::int64_t n) {
        devices[n] = {device_id{n}, user_id{1'000 + n}, true, false, clock_.now(), {}};
        return device_id{n};
    }
    row& add_row(device_id d, credential::identity_state p, std::string telnyx_id) {
        row r;
        r.what.id = identity_id{++serial_};
        r.what.now_in = p;
        r.what.at_carrier = !telnyx_id.empty();
        r.what.created_at = clock_.now();
        r.device = d;
        r.key = derive_uuid(uuid{7, 7}, static_cast<std::uint64_t>(serial_));
        r.telnyx_id = std::move(telnyx_id);
        of_device_[d.value].push_back(serial_);
        return rows[serial_] = std::move(r);
    }
    /// As when the nodes that held them have been dead for long enough.
    void expire_claims() {
        for (auto& [n, d] : devices)
            d.claimed_until = {};
        for (auto& [n, r] : rows)
            r.mint_claimed_until = r.claimed_until = {};
        leases.clear();
    }
    /// The registry's part: a device is logged out.
    void remove_device(device_id d) { devices.at(d.value).entitled = false; }
    row* in(device_id d, credential::identity_state p) {
        for (const auto n : of_device_[d.value])
            if (rows.at(n).what.now_in == p) return &rows.at(n);
        return nullptr;
    }
    std::size_t count_in(credential::identity_state p) const {
        return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [&](const auto& r) {
            return r.second.what.now_in == p;
        }));
    }
    credential::device view(device_id d) const { return assemble(devices.at(d.value)).device; }

    // ---- the port

    awaitable<std::optional<port::claimed_device>> claim(device_id d, millis claim) override {
        co_await begin("claim", d.value);
        std::optional<port::claimed_device> out;
        const auto found = devices.find(d.value);
        if (found != devices.end() && found->second.claimed_until <= steady::now()) {
            found->second.claimed_until = steady::now() + claim;
            out = assemble(found->second);
        }
        co_await gate_.point();
        co_return out;
    }
    awaitable<std::vector<port::claimed_device>>
    claim_due(credential::policy p, time_point now, std::size_t limit, millis claim) override {
        co_await begin("claim_due");
        std::vector<port::claimed_device> out;
        std::vector<std::pair<time_point, std::int64_t>> due;
        for (const auto& [n, d] : devices)
            if (d.claimed_until <= steady::now())
                if (const auto since = due_since(d, p, now)) due.emplace_back(*since, n);
        std::sort(due.begin(), due.end());
        for (const auto& [since, n] : due) {
            if (out.size() >= limit) break;
            devices.at(n).claimed_until = steady::now() + claim;
            out.push_back(assemble(devices.at(n)));
        }
        for (auto& [n, r] : rows) {
            const bool stray = r.device.none() && r.what.now_in == credential::identity_state::retiring;
            if (!stray || out.size() >= limit || r.claimed_until > steady::now() || !ready(r.what, now))
                continue;
            r.claimed_until = steady::now() + claim;
            port::claimed_device d;
            d.device.entitled = false;
            d.device.identities.push_back(r.what);
            d.names.push_back({r.key, user_id{}, r.telnyx_id, r.sip_username, r.connection_id});
            out.push_back(std::move(d));
        }
        co_await gate_.point();
        co_return out;
    }
    awaitable<void> release(device_id d) override {
        co_await begin("release", d.value);
        if (devices.contains(d.value)) devices.at(d.value).claimed_until = {};
        co_await gate_.point();
    }
    awaitable<std::optional<port::claimed_device>> read(device_id d) override {
        co_await begin("read", d.value);
        std::optional<port::claimed_device> out;
        if (devices.contains(d.value)) out = assemble(devices.at(d.value));
        co_await gate_.point();
        co_return out;
    }
    awaitable<identity_id> add_identity(device_id d, std::string connection, time_point) override {
        co_await begin("add_identity", d.value);
        auto* r = in(d, credential::identity_state::pending);
        if (r == nullptr) {
            r = &add_row(d, credential::identity_state::pending, "");
            r->connection_id = std::move(connection);
        }
        const auto id = r->what.id;
        co_await gate_.point();
        co_return id;
    }
    awaitable<void> mark_asked(identity_id i, time_point now) override {
        co_await begin("mark_asked");
        rows.at(i.value).what.asked_at = now;
        co_await gate_.point();
    }
    awaitable<bool>
    activate(identity_id i, port::carrier_credential made, time_point expires_at, time_point now) override {
        co_await begin("activate");
        auto& r = rows.at(i.value);
        r.telnyx_id = made.id;
        r.what.at_carrier = true;
        const bool still_wanted = r.what.now_in == credential::identity_state::pending;
        if (still_wanted) {
            if (auto* former = in(r.device, credential::identity_state::active)) {
                EXPECT_EQ(in(r.device, credential::identity_state::rotating), nullptr)
                    << "two rotating identities";
                former->what.now_in = credential::identity_state::rotating;
                former->what.superseded_at = now;
            }
            r.what.now_in = credential::identity_state::active;
            r.what.activated_at = now;
            r.what.expires_at = expires_at;
            r.what.failures = 0;
            r.what.retry_at.reset();
            r.sip_username = made.sip_username;
            r.password = made.sip_password;
            EXPECT_FALSE(made.sip_password.empty());
        }
        co_await gate_.point();
        co_return still_wanted;
    }
    awaitable<void> retire(identity_id i, credential::retire_reason why, time_point) override {
        co_await begin("retire");
        retire_row(rows.at(i.value), why);
        co_await gate_.point();
    }
    awaitable<void> bury(identity_id i, time_point) override {
        co_await begin("bury");
        auto& r = rows.at(i.value);
        EXPECT_TRUE(
            r.what.now_in == credential::identity_state::retiring ||
            r.what.now_in == credential::identity_state::dead
        ) << "buried alive: "
          << credential::name(r.what.now_in);
        r.what.now_in = credential::identity_state::dead;
        r.password = secret();
        r.token.reset();
        co_await gate_.point();
    }
    awaitable<void> proved(device_id d, identity_id i, time_point now) override {
        co_await begin("proved");
        devices.at(d.value).last_seen = now;
        rows.at(i.value).what.proved_at = now;
        co_await gate_.point();
    }
    awaitable<void> extended(identity_id i, time_point expires_at) override {
        co_await begin("extended");
        rows.at(i.value).what.expires_at = expires_at;
        co_await gate_.point();
    }
    awaitable<void> suspend(device_id d, std::string, time_point) override {
        co_await begin("suspend");
        devices.at(d.value).entitled = false;
        for (auto& [n, r] : rows)
            if (r.device == d) retire_row(r, credential::retire_reason::silent);
        co_await gate_.point();
    }
    awaitable<void> failed(identity_id i, std::string error, std::optional<time_point> retry_at) override {
        co_await begin("failed");
        auto& r = rows.at(i.value);
        ++r.what.failures;
        r.what.retry_at = retry_at;
        r.claimed_until = {}; // as with a device: whoever is next waits for the pause alone
        r.error = std::move(error);
        co_await gate_.point();
    }
    awaitable<std::optional<port::cached_token>> token(device_id d, millis claim) override {
        co_await begin("token", d.value);
        std::optional<port::cached_token> out;
        if (auto* r = in(d, credential::identity_state::active)) {
            out = port::cached_token{r->what.id, r->telnyx_id, r->token, r->minted_at, false};
            if (claim > millis{0} && r->mint_claimed_until <= steady::now()) {
                r->mint_claimed_until = steady::now() + claim;
                out->claimed = true;
            }
        }
        co_await gate_.point();
        co_return out;
    }
    awaitable<void>
    store_token(identity_id i, std::optional<port::carrier_token> minted, time_point now) override {
        co_await begin("store_token");
        auto& r = rows.at(i.value);
        if (minted) {
            r.token = std::move(minted);
            r.minted_at = now;
        }
        r.mint_claimed_until = {};
        co_await gate_.point();
    }
    awaitable<std::vector<port::known_identity>> known(identity_id after, std::size_t limit) override {
        co_await begin("known");
        std::vector<port::known_identity> out;
        for (auto it = rows.upper_bound(after.value); it != rows.end() && out.size() < limit; ++it)
            if (it->second.what.now_in != credential::identity_state::dead)
                out.push_back(as_known(it->second));
        co_await gate_.point();
        co_return out;
    }
    awaitable<std::vector<port::known_identity>>
    lookup(std::vector<std::string> telnyx_ids, std::vector<uuid> keys) override {
        co_await begin("lookup");
        const std::set<std::string> ids(telnyx_ids.begin(), telnyx_ids.end());
        const std::set<uuid> wanted(keys.begin(), keys.end());
        std::vector<port::known_identity> out;
        for (const auto& [n, r] : rows)
            if (r.what.now_in != credential::identity_state::dead &&
                (ids.contains(r.telnyx_id) || wanted.contains(r.key)))
                out.push_back(as_known(r));
        co_await gate_.point();
        co_return out;
    }
    awaitable<void> checked(std::vector<identity_id> seen, time_point) override {
        co_await begin("checked");
        for (const auto i : seen)
            checked_rows.insert(i.value);
        co_await gate_.point();
    }
    awaitable<port::installation> installed() override {
        co_await begin("installed");
        co_return installation;
    }
    awaitable<void> adopt(std::vector<uuid> others, time_point now) override {
        co_await begin("adopt");
        installation.adopted.insert(installation.adopted.end(), others.begin(), others.end());
        installation.unmarked_until = now;
    }
    awaitable<void> adopt_for_removal(port::carrier_credential stranger, time_point) override {
        co_await begin("adopt_for_removal");
        const bool known = std::any_of(rows.begin(), rows.end(), [&](const auto& r) {
            return r.second.telnyx_id == stranger.id &&
                   r.second.what.now_in != credential::identity_state::dead;
        });
        if (!known) {
            auto& r = add_row(device_id{}, credential::identity_state::retiring, stranger.id);
            r.why = credential::retire_reason::imported;
        }
        co_await gate_.point();
    }
    awaitable<bool> hold_lease(std::string name, std::string holder, millis length) override {
        co_await begin("hold_lease");
        auto& l = leases[name];
        const bool mine = l.first == holder || l.second <= steady::now();
        if (mine) l = {holder, steady::now() + length};
        co_await gate_.point();
        co_return mine;
    }
    awaitable<void> drop_lease(std::string name, std::string holder) override {
        co_await begin("drop_lease");
        if (leases[name].first == holder) leases.erase(name);
        co_await gate_.point();
    }
    awaitable<std::size_t> purge(time_point, std::size_t limit) override {
        co_await begin("purge");
        const auto n = std::min(limit, outdated);
        outdated -= n;
        co_await gate_.point();
        co_return n;
    }
    awaitable<figures> count(time_point now) override {
        co_await begin("count");
        figures f;
        for (const auto p :
             {credential::identity_state::pending, credential::identity_state::active,
              credential::identity_state::rotating, credential::identity_state::retiring,
              credential::identity_state::dead})
            f.by_state.emplace_back(std::string(credential::name(p)), count_in(p));
        f.backlog = count_in(credential::identity_state::retiring);
        for (const auto& [n, d] : devices)
            if (d.entitled && credential::dialable(assemble(d).device, now).empty()) ++f.lapsed;
        co_await gate_.point();
        co_return f;
    }

  private:
    awaitable<void> begin(std::string operation, std::int64_t device = 0) {
        ++calls[operation];
        if (fault) fault(operation, device);
        co_await gate_.point();
        if (away) throw port::unavailable("the database is away");
    }
    static bool ready(const credential::identity& i, time_point now) {
        return !i.retry_at || *i.retry_at <= now;
    }
    static port::known_identity as_known(const row& r) {
        return {r.what.id, r.device, r.telnyx_id, r.key, r.what.now_in, r.what.expires_at};
    }
    static void retire_row(row& r, credential::retire_reason why) {
        if (r.what.now_in == credential::identity_state::retiring ||
            r.what.now_in == credential::identity_state::dead)
            return;
        r.what.now_in = credential::identity_state::retiring;
        r.why = why;
        r.what.retry_at.reset();
    }
    port::claimed_device assemble(const device_row& d) const {
        port::claimed_device out;
        out.device = {d.id, d.entitled, d.busy, d.last_seen, {}};
        const auto mine = of_device_.find(d.id.value);
        if (mine == of_device_.end()) return out;
        for (const auto n : mine->second) {
            const auto& r = rows.at(n);
            if (r.what.now_in == credential::identity_state::dead) continue;
            out.device.identities.push_back(r.what);
            out.names.push_back({r.key, d.user, r.telnyx_id, r.sip_username, r.connection_id});
        }
        return out;
    }
    /// Coarser than decide, like a database's query: also devices that are on a call.
    std::optional<time_point>
    due_since(const device_row& d, const credential::policy& p, time_point now) const {
        using credential::identity_state;
        std::optional<time_point> since;
        const auto due = [&](time_point t) {
            if (t <= now) since = since ? std::min(*since, t) : t;
        };
        const auto all = assemble(d).device;
        bool any_active = false;
        for (const auto& i : all.identities) {
            any_active = any_active || i.now_in != identity_state::retiring;
            if (i.now_in == identity_state::pending || i.now_in == identity_state::retiring)
                due(i.retry_at.value_or(i.created_at));
            else if (!d.entitled)
                due(now);
            else if (i.now_in == identity_state::active && i.expires_at && all.identities.size() == 1)
                due(std::min(*credential::rotation_due(all, i, p), *i.expires_at - p.call_reserve));
            else if (i.expires_at)
                due(*i.expires_at - p.call_reserve);
            if (i.now_in == identity_state::rotating) due(i.superseded_at.value_or(i.created_at) + p.overlap);
            if (i.now_in == identity_state::active && i.proved_at && all.identities.size() > 1)
                due(*i.proved_at);
        }
        if (d.entitled && any_active) due(d.last_seen + p.silent_after);
        return since;
    }

    port::clock& clock_;
    gate& gate_;
    std::int64_t serial_ = 0;
    std::map<std::int64_t, std::vector<std::int64_t>> of_device_;
};

} // namespace z360::testing
