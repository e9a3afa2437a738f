// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Identities as the credential manager works on them, with the owner's rights and across tenants. Rows are
// locked in the order of enrolment.cpp: the device, then its identities.
#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/identities/credential_comparison.hpp"
#include "adapter/postgres/identities/credential_due.hpp"
#include "adapter/postgres/identities/device_rows.hpp"
#include "adapter/postgres/identities/identity_life.hpp"
#include "adapter/postgres/identities/identity_rows.hpp"
#include "adapter/postgres/identities/login_tokens.hpp"
#include "adapter/postgres/identities/purge.hpp"
#include "adapter/postgres/leases.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/transaction.hpp"

#include <algorithm>
#include <unordered_map>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using credential::retire_reason;
using port::cached_token;
using port::carrier_credential;
using port::claimed_device;
using port::known_identity;
namespace {

constexpr millis k_write_limit{5'000};
constexpr millis k_purge_limit{20'000};
constexpr std::size_t k_error_length = 300;

// The claim is named by its end, so that one that ran out never gives up another's.
constexpr const char* k_claim = R"sql(
update devices set work_claimed_until = clock_timestamp() + $2::bigint * interval '1 ms'
 where device_id in (select device_id from devices
                      where device_id = any($1::bigint[])
                        and (work_claimed_until is null or work_claimed_until <= clock_timestamp())
                      order by device_id for update skip locked)
returning device_id, work_claimed_until::text)sql";
constexpr const char* k_release = "update devices set work_claimed_until = null where device_id = $1 and "
                                  "work_claimed_until = $2::timestamptz";

constexpr const char* k_asked =
    "update sip_identities set asked_at = coalesce(asked_at, z360_at($2)) where identity_id = $1";
// $1 device, $2 identity, $3 now. The old one of a rotation is looked at again.
constexpr const char* k_proved = R"sql(
with alive as (
    update devices set last_seen_at = greatest(last_seen_at, z360_at($3)) where device_id = $1
), proof as (
    update sip_identities set proved_at = z360_at($3), delivered_at = coalesce(delivered_at, z360_at($3))
     where identity_id = $2 and device_id = $1 and state in ('active', 'rotating') and proved_at is null
    returning state
)
update sip_identities i set retry_at = z360_at($3)
  from proof p where p.state = 'active' and i.device_id = $1 and i.state = 'rotating')sql";
constexpr const char* k_extended =
    "update sip_identities set expires_at = z360_at($2), failures = 0, last_error = '', retry_at = null "
    "where identity_id = $1 and state in ('active', 'rotating')";
// The claim of a row without a device ends with the attempt: the pause paces the next one, as with devices.
constexpr const char* k_failed =
    "update sip_identities set failures = failures + 1, last_error = $2, claimed_until = null, "
    "retry_at = z360_at(nullif($3, '')::bigint) where identity_id = $1";

constexpr const char* k_retire = R"sql(
update sip_identities set state = 'retiring', retired_at = z360_at($3), retire_reason = $2, failures = 0,
       last_error = '', retry_at = null, jwt = null, jwt_key_id = null
 where identity_id = $1 and state in ('pending', 'active', 'rotating'))sql";

constexpr const char* k_drop =
    "update leases set held_until = clock_timestamp() where name = $1 and holder = $2";

constexpr const char* k_by_state = "select state, count(*) from sip_identities group by state order by state";
constexpr const char* k_figures =
    "select (select count(*) from sip_identities where state = 'retiring' "
    "and retired_at < z360_at($1) - interval '1 minute'), "
    "(select count(*) from devices d where " Z360_ENTITLED " and not exists (select from sip_identities i "
    "where i.device_id = d.device_id and i.state in ('active', 'rotating') "
    "and (i.expires_at is null or i.expires_at > z360_at($1))))";

class identities final : public port::credential_store {
  public:
    identities(database& db, std::shared_ptr<const crypto::vault> keys)
        : db_(db.connections()), keys_(std::move(keys)) {}

    asio::awaitable<std::optional<claimed_device>> claim(device_id d, millis claim) override;
    asio::awaitable<std::vector<claimed_device>>
    claim_due(credential::policy p, time_point now, std::size_t limit, millis claim) override;
    asio::awaitable<void> release(device_id d) override;
    asio::awaitable<std::optional<claimed_device>> read(device_id d) override;
    asio::awaitable<identity_id>
    add_identity(device_id d, std::string connection_id, time_point now) override;
    asio::awaitable<void> mark_asked(identity_id i, time_point now) override;
    asio::awaitable<bool>
    activate(identity_id i, carrier_credential made, time_point expires_at, time_point now) override;
    asio::awaitable<void> retire(identity_id i, retire_reason why, time_point now) override;
    asio::awaitable<void> bury(identity_id i, time_point now) override;
    asio::awaitable<void> proved(device_id d, identity_id i, time_point now) override;
    asio::awaitable<void> extended(identity_id i, time_point expires_at) override;
    asio::awaitable<void> suspend(device_id d, std::string reason, time_point now) override;
    asio::awaitable<void>
    failed(identity_id i, std::string error, std::optional<time_point> retry_at) override;
    asio::awaitable<std::optional<cached_token>> token(device_id d, millis claim) override;
    asio::awaitable<void>
    store_token(identity_id i, std::optional<port::carrier_token> minted, time_point now) override;
    asio::awaitable<std::vector<known_identity>> known(identity_id after, std::size_t limit) override;
    asio::awaitable<std::vector<known_identity>>
    lookup(std::vector<std::string> telnyx_ids, std::vector<uuid> keys) override;
    asio::awaitable<void> checked(std::vector<identity_id> seen, time_point now) override;
    asio::awaitable<port::installation> installed() override;
    asio::awaitable<void> adopt(std::vector<uuid> others, time_point now) override;
    asio::awaitable<void> adopt_for_removal(carrier_credential stranger, time_point now) override;
    asio::awaitable<bool> hold_lease(std::string name, std::string holder, millis length) override;
    asio::awaitable<void> drop_lease(std::string name, std::string holder) override;
    asio::awaitable<std::size_t> purge(time_point now, std::size_t limit) override;
    asio::awaitable<figures> count(time_point now) override;

  private:
    /// What a claim on the workers' thread brings to the loop.
    struct claims {
        std::vector<claimed_device> devices;
        std::vector<std::pair<std::int64_t, std::string>> until;
    };
    static claims take(pqxx::transaction_base& tx, const std::vector<device_id>& devices, millis claim);
    void remember(const claims& c);

    pool& db_;
    std::shared_ptr<const crypto::vault> keys_;
    std::unordered_map<std::int64_t, std::string> held_; ///< loop only: our claims by device
};

// ---- claims

identities::claims
identities::take(pqxx::transaction_base& tx, const std::vector<device_id>& devices, millis claim) {
    claims out;
    std::vector<device_id> ours;
    if (devices.empty()) return out;
    for (const auto& r : exec_in(tx, "credential_claim", k_claim, key_array(devices), claim.count())) {
        ours.push_back({r[0].as<std::int64_t>()});
        out.until.emplace_back(ours.back().value, r[1].c_str());
    }
    out.devices = read_claimed(tx, ours); // as they are now that nobody else works on them
    std::vector<claimed_device> ordered;
    for (const auto d : devices)
        for (auto& c : out.devices)
            if (c.device.id == d) ordered.push_back(std::move(c));
    out.devices = std::move(ordered);
    return out;
}

void identities::remember(const claims& c) {
    for (const auto& [device, until] : c.until)
        held_[device] = until;
}

asio::awaitable<std::optional<claimed_device>> identities::claim(device_id d, millis claim) {
    auto ask = [d, claim](pqxx::connection_base& db) {
        return in_transaction(db, [&](pqxx::work& tx) { return take(tx, {d}, claim); });
    };
    auto got = co_await db_.run("credential_claim", std::move(ask));
    remember(got);
    if (got.devices.empty()) co_return std::nullopt;
    co_return std::move(got.devices.front());
}

asio::awaitable<std::vector<claimed_device>>
identities::claim_due(credential::policy p, time_point now, std::size_t limit, millis claim) {
    auto ask = [p, now, limit, claim](pqxx::connection_base& db) {
        return in_transaction(db, [&](pqxx::work& tx) {
            // A long row of old credentials does not hold up the devices, nor they it.
            const auto quarter = std::max<std::size_t>(limit / 4, limit > 0);
            auto ownerless = claim_ownerless(tx, now, quarter, claim);
            auto out = take(tx, due_devices(tx, p, now, limit - ownerless.size()), claim);
            // What devices leave free is used, but for a quarter that is kept for who comes next.
            const auto taken = quarter + ownerless.size() + out.devices.size();
            if (ownerless.size() == quarter && taken < limit)
                for (auto& c : claim_ownerless(tx, now, limit - taken, claim))
                    ownerless.push_back(std::move(c));
            for (auto& c : ownerless)
                out.devices.push_back(std::move(c));
            return out;
        });
    };
    auto got = co_await db_.run("credential_claim_due", std::move(ask), k_write_limit);
    remember(got);
    co_return std::move(got.devices);
}

asio::awaitable<void> identities::release(device_id d) {
    const auto held = held_.find(d.value);
    if (held == held_.end()) co_return;
    auto ask = [d, until = held->second](pqxx::connection_base& db) {
        exec_once(db, "credential_release", k_release, d.value, until);
    };
    held_.erase(held);
    co_await db_.run("credential_release", std::move(ask));
}

asio::awaitable<std::optional<claimed_device>> identities::read(device_id d) {
    auto ask = [d](pqxx::connection_base& db) -> std::optional<claimed_device> {
        pqxx::nontransaction tx(db);
        auto got = read_claimed(tx, {d});
        if (got.empty()) return std::nullopt;
        return std::move(got.front());
    };
    co_return co_await db_.run("credential_read", std::move(ask));
}

// ---- the life of an identity

asio::awaitable<identity_id>
identities::add_identity(device_id d, std::string connection_id, time_point now) {
    auto ask = [d, connection = storable(connection_id), now](pqxx::connection_base& db) {
        return in_transaction(db, [&](pqxx::work& tx) {
            return add_pending_identity(tx, d, connection, now);
        });
    };
    co_return co_await db_.run("credential_add", std::move(ask), k_write_limit);
}

asio::awaitable<void> identities::mark_asked(identity_id i, time_point now) {
    auto ask = [i, now](pqxx::connection_base& db) {
        exec_once(db, "credential_asked", k_asked, i.value, in_ms(now));
    };
    co_await db_.run("credential_asked", std::move(ask));
}

asio::awaitable<bool>
identities::activate(identity_id i, carrier_credential made, time_point expires_at, time_point now) {
    auto ask = [i, made = std::move(made), expires_at, now, keys = keys_](pqxx::connection_base& db) {
        return in_transaction(db, [&](pqxx::work& tx) {
            return activate_identity(tx, *keys, i, made, expires_at, now);
        });
    };
    co_return co_await db_.run("credential_activate", std::move(ask), k_write_limit);
}

asio::awaitable<void> identities::retire(identity_id i, retire_reason why, time_point now) {
    auto ask = [i, why, now](pqxx::connection_base& db) {
        exec_once(db, "credential_retire", k_retire, i.value, std::string(name(why)), in_ms(now));
    };
    co_await db_.run("credential_retire", std::move(ask));
}

asio::awaitable<void> identities::bury(identity_id i, time_point) {
    auto ask = [i](pqxx::connection_base& db) {
        in_transaction(db, [&](pqxx::work& tx) { bury_identity(tx, i); });
    };
    co_await db_.run("credential_bury", std::move(ask), k_write_limit);
}

asio::awaitable<void> identities::proved(device_id d, identity_id i, time_point now) {
    auto ask = [d, i, now](pqxx::connection_base& db) {
        exec_once(db, "credential_proved", k_proved, d.value, i.value, in_ms(now));
    };
    co_await db_.run("credential_proved", std::move(ask));
}

asio::awaitable<void> identities::extended(identity_id i, time_point expires_at) {
    auto ask = [i, expires_at](pqxx::connection_base& db) {
        exec_once(db, "credential_extended", k_extended, i.value, in_ms(expires_at));
    };
    co_await db_.run("credential_extended", std::move(ask));
}

asio::awaitable<void> identities::suspend(device_id d, std::string reason, time_point now) {
    auto ask = [d, reason = storable(reason), now](pqxx::connection_base& db) {
        in_transaction(db, [&](pqxx::work& tx) {
            take_out_of_use(tx, {d}, out_of_use::silent, reason, now);
        });
    };
    co_await db_.run("credential_suspend", std::move(ask), k_write_limit);
}

asio::awaitable<void>
identities::failed(identity_id i, std::string error, std::optional<time_point> retry_at) {
    auto ask = [i, text = storable(std::string_view(error).substr(0, k_error_length)),
                retry = ms_or_empty(retry_at)](pqxx::connection_base& db) {
        exec_once(db, "credential_failed", k_failed, i.value, text, retry);
    };
    co_await db_.run("credential_failed", std::move(ask));
}

// ---- login tokens

asio::awaitable<std::optional<cached_token>> identities::token(device_id d, millis claim) {
    auto ask = [d, claim, keys = keys_](pqxx::connection_base& db) {
        return read_login_token(db, *keys, d, claim);
    };
    co_return co_await db_.run("credential_token", std::move(ask));
}

asio::awaitable<void>
identities::store_token(identity_id i, std::optional<port::carrier_token> minted, time_point now) {
    auto ask = [i, minted = std::move(minted), now, keys = keys_](pqxx::connection_base& db) {
        write_login_token(db, *keys, i, minted, now);
    };
    co_await db_.run("credential_store_token", std::move(ask));
}

// ---- comparison with Telnyx

asio::awaitable<std::vector<known_identity>> identities::known(identity_id after, std::size_t limit) {
    auto ask = [after, limit](pqxx::connection_base& db) { return read_known(db, after, limit); };
    co_return co_await db_.run("credential_known", std::move(ask));
}

asio::awaitable<std::vector<known_identity>>
identities::lookup(std::vector<std::string> telnyx_ids, std::vector<uuid> keys) {
    auto ask = [ids = std::move(telnyx_ids), keys = std::move(keys)](pqxx::connection_base& db) {
        return find_known(db, ids, keys);
    };
    co_return co_await db_.run("credential_lookup", std::move(ask));
}

asio::awaitable<void> identities::checked(std::vector<identity_id> seen, time_point now) {
    auto ask = [seen = std::move(seen), now](pqxx::connection_base& db) { mark_checked(db, seen, now); };
    co_await db_.run("credential_checked", std::move(ask));
}

asio::awaitable<port::installation> identities::installed() {
    auto ask = [](pqxx::connection_base& db) { return read_installation(db); };
    co_return co_await db_.run("installation", std::move(ask));
}

asio::awaitable<void> identities::adopt(std::vector<uuid> others, time_point now) {
    auto ask = [others = std::move(others), now](pqxx::connection_base& db) {
        adopt_installations(db, others, now);
    };
    co_await db_.run("installation_adopt", std::move(ask));
}

asio::awaitable<void> identities::adopt_for_removal(carrier_credential stranger, time_point now) {
    auto ask = [stranger = std::move(stranger), now](pqxx::connection_base& db) {
        in_transaction(db, [&](pqxx::work& tx) { record_stranger(tx, stranger, now); });
    };
    co_await db_.run("credential_adopt", std::move(ask), k_write_limit);
}

// ---- leases and figures

asio::awaitable<bool> identities::hold_lease(std::string name, std::string holder, millis length) {
    auto ask = [name = storable(name), holder = storable(holder), length](pqxx::connection_base& db) {
        return postgres::hold_lease(db, name, holder, length);
    };
    co_return co_await db_.run("lease_hold", std::move(ask));
}

asio::awaitable<void> identities::drop_lease(std::string name, std::string holder) {
    auto ask = [name = storable(name), holder = storable(holder)](pqxx::connection_base& db) {
        exec_once(db, "lease_drop", k_drop, name, holder);
    };
    co_await db_.run("lease_drop", std::move(ask));
}

asio::awaitable<std::size_t> identities::purge(time_point now, std::size_t limit) {
    auto ask = [now, limit](pqxx::connection_base& db) { return postgres::purge(db, now, limit); };
    co_return co_await db_.run("purge", std::move(ask), k_purge_limit);
}

asio::awaitable<port::credential_store::figures> identities::count(time_point now) {
    auto ask = [now](pqxx::connection_base& db) {
        figures out;
        for (const auto& r : exec_once(db, "credential_by_state", k_by_state))
            out.by_state.emplace_back(r[0].c_str(), r[1].as<std::size_t>());
        const auto r = exec_once(db, "credential_figures", k_figures, in_ms(now))[0];
        out.backlog = r[0].as<std::size_t>();
        out.lapsed = r[1].as<std::size_t>();
        return out;
    };
    co_return co_await db_.run("credential_count", std::move(ask));
}

} // namespace

std::unique_ptr<port::credential_store>
make_credential_store(database& db, std::shared_ptr<const crypto::vault> keys) {
    return std::make_unique<identities>(db, std::move(keys));
}

} // namespace z360::adapter::postgres
