// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices of people. Requests on somebody's behalf run in their scope (tenant_transaction.hpp).
#include "adapter/postgres/identities/device_removal.hpp"
#include "adapter/postgres/identities/device_rows.hpp"
#include "adapter/postgres/identities/enrolment.hpp"
#include "adapter/postgres/identities/keyed_mutex.hpp"
#include "adapter/postgres/identities/push_update.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <z360/log.hpp>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::device_view;
using port::tenant_scope;
namespace {

// A registration that collides with another begins again.
constexpr millis k_write_limit{5'000};

constexpr const char* k_list = R"sql(
select device_id from devices
 where status <> 'removed' and ($1::bigint = 0 or user_id = $1)
 order by last_seen_at desc, device_id desc limit $2)sql";
constexpr const char* k_list_of_user = R"sql(
select device_id from devices where status <> 'removed' and user_id = $1
 order by last_seen_at desc, device_id desc limit $2)sql";

constexpr const char* k_by_uid = "select device_id from devices where user_id = $1 and device_uid = $2";

// Within the same minute nothing is written.
constexpr const char* k_seen = R"sql(
update devices set last_seen_at = z360_at($2)
 where device_id = $1 and status = 'active' and last_seen_at < z360_at($2) - interval '1 minute')sql";

// -1: until it is ended.
#define Z360_QUIET(COLUMN)                                                                                   \
    "case when " COLUMN " > z360_at($3) then case when isfinite(" COLUMN ") then z360_ms(" COLUMN            \
    ") else -1 end end"
constexpr const char* k_quiet =
    "select " Z360_QUIET("u.do_not_disturb_until") ", " Z360_QUIET("d.do_not_disturb_until"
    ) " from users u left join devices d on d.user_id = u.user_id and d.device_id = $2 where u.user_id = $1";
constexpr const char* k_be_quiet = R"sql(
with person as (
    update users set do_not_disturb_until = case when $3 then coalesce(z360_at($4::bigint), 'infinity') end
     where user_id = $1 and $2 = 0
)
update devices set do_not_disturb_until = case when $3 then coalesce(z360_at($4::bigint), 'infinity') end
 where device_id = $2 and user_id = $1)sql";

port::disturbance read_quiet(const pqxx::field& f) {
    port::disturbance out;
    if (f.is_null()) return out;
    out.off = true;
    if (const auto at = f.as<std::int64_t>(); at >= 0) out.until = time_point{millis{at}};
    return out;
}

constexpr const char* k_organisations = R"sql(
select o.org_id, o.name, o.slug, coalesce(n.e164, ''), m.role, o.status
  from memberships m join organizations o on o.org_id = m.org_id
  left join phone_numbers n on n.org_id = o.org_id and n.is_default_caller_id and n.status = 'active'
 where m.user_id = $1
 order by o.status = 'active' desc, o.name, o.org_id)sql";

constexpr const char* k_password = "select sip_password, password_key_id from sip_identities where "
                                   "identity_id = $1 and sip_password is not null";

constexpr const char* k_delivered = R"sql(
update sip_identities
   set delivered_at = coalesce(delivered_at, z360_at($3)),
       disclosed_at = case when $2 then coalesce(disclosed_at, z360_at($3)) else disclosed_at end
 where identity_id = $1 and (delivered_at is null or ($2 and disclosed_at is null)))sql";

// The row as it was asked for: one, or none where the scope sees none.
std::optional<device_view> first(std::vector<device_view> views) {
    if (views.empty()) return std::nullopt;
    return std::move(views.front());
}

class registry final : public port::device_registry {
  public:
    registry(database& db, std::shared_ptr<const crypto::vault> keys)
        : db_(db.connections()), keys_(std::move(keys)) {}

    asio::awaitable<std::optional<port::registered>>
    enrol(port::registration r, unsigned max_browsers) override;
    asio::awaitable<std::optional<port::push_update>> update_push(
        tenant_scope who, std::string device_uid, std::vector<port::push_token> tokens, time_point now
    ) override;
    asio::awaitable<std::vector<device_view>> list(tenant_scope who, user_id of, std::size_t limit) override;
    asio::awaitable<std::optional<device_view>> by_id(tenant_scope who, device_id d) override;
    asio::awaitable<std::optional<device_view>>
    by_uid(tenant_scope who, user_id owner, std::string uid) override;
    asio::awaitable<bool> remove(tenant_scope who, port::removal what) override;
    asio::awaitable<void> seen(device_id d, time_point now, std::optional<int> credential_version) override;
    asio::awaitable<port::disturbances>
    disturbances_of(user_id person, device_id device, time_point now) override;
    asio::awaitable<void> disturb(user_id person, device_id device, port::disturbance how) override;
    asio::awaitable<std::vector<port::org_label>> organisations(user_id u) override;
    asio::awaitable<std::optional<secret>> password(identity_id i) override;
    asio::awaitable<void> mark_delivered(identity_id i, bool with_password, time_point now) override;

  private:
    pool& db_;
    std::shared_ptr<const crypto::vault> keys_;
    keyed_mutex by_person_;
};

asio::awaitable<std::optional<port::registered>>
registry::enrol(port::registration r, unsigned max_browsers) {
    const auto held = co_await by_person_.acquire(r.user.value, k_write_limit);
    auto ask = [keys = keys_, r = std::move(r), max_browsers](pqxx::connection_base& db) {
        return in_transaction(db, [&](pqxx::work& tx) {
            return postgres::enrol(tx, *keys, r, max_browsers);
        });
    };
    co_return co_await db_.run("device_enrol", std::move(ask), k_write_limit);
}

// An organisation's token names a device without its person: its turn is the organisation's.
asio::awaitable<std::optional<port::push_update>> registry::update_push(
    tenant_scope who, std::string device_uid, std::vector<port::push_token> tokens, time_point now
) {
    const auto key = who.user.none() ? -who.org.value : who.user.value;
    const auto held = co_await by_person_.acquire(key, k_write_limit);
    auto ask = [keys = keys_, who, uid = storable(device_uid), tokens = std::move(tokens),
                now](pqxx::connection_base& db) {
        return in_transaction(db, [&](pqxx::work& tx) {
            return postgres::update_push(tx, *keys, who, uid, tokens, now);
        });
    };
    co_return co_await db_.run("device_update_push", std::move(ask), k_write_limit);
}

asio::awaitable<std::vector<device_view>> registry::list(tenant_scope who, user_id of, std::size_t limit) {
    auto ask = [who, of, limit](pqxx::connection_base& db) {
        tenant_transaction tx(db, who);
        const auto person = of.none() ? who.user : of;
        const auto rows = person.none() ? exec_in(*tx, "device_list", k_list, 0, limit)
                                        : exec_in(*tx, "device_list_of", k_list_of_user, person.value, limit);
        std::vector<device_id> ids;
        for (const auto& r : rows)
            ids.push_back({r[0].as<std::int64_t>()});
        return read_views(*tx, ids);
    };
    co_return co_await db_.run("device_list", std::move(ask));
}

asio::awaitable<std::optional<device_view>> registry::by_id(tenant_scope who, device_id d) {
    auto ask = [who, d](pqxx::connection_base& db) {
        tenant_transaction tx(db, who);
        return first(read_views(*tx, {d}));
    };
    co_return co_await db_.run("device_by_id", std::move(ask));
}

asio::awaitable<std::optional<device_view>>
registry::by_uid(tenant_scope who, user_id owner, std::string uid) {
    auto ask = [who, owner, uid = storable(uid)](pqxx::connection_base& db) -> std::optional<device_view> {
        tenant_transaction tx(db, who);
        const auto found = exec_in(*tx, "device_by_uid", k_by_uid, owner.value, uid);
        if (found.empty()) return std::nullopt;
        return first(read_views(*tx, {{found[0][0].as<std::int64_t>()}}));
    };
    co_return co_await db_.run("device_by_uid", std::move(ask));
}

asio::awaitable<bool> registry::remove(tenant_scope who, port::removal what) {
    auto ask = [who, what = std::move(what)](pqxx::connection_base& db) {
        return in_scope(db, who, [&](pqxx::work& tx) { return take_away(tx, who, what); });
    };
    co_return co_await db_.run("device_remove", std::move(ask), k_write_limit);
}

asio::awaitable<void> registry::seen(device_id d, time_point now, std::optional<int> credential_version) {
    auto ask = [d, now, credential_version](pqxx::connection_base& db) {
        in_transaction(db, [&](pqxx::work& tx) {
            exec_in(tx, "device_seen", k_seen, d.value, in_ms(now));
            if (credential_version) prove_identity(tx, d, *credential_version, now);
        });
    };
    co_await db_.run("device_seen", std::move(ask));
}

asio::awaitable<port::disturbances>
registry::disturbances_of(user_id person, device_id device, time_point now) {
    auto ask = [person, device, now](pqxx::connection_base& db) {
        port::disturbances out;
        const auto r = exec_once(db, "device_quiet", k_quiet, person.value, device.value, in_ms(now));
        if (!r.empty()) out = {read_quiet(r[0][0]), read_quiet(r[0][1])};
        return out;
    };
    co_return co_await db_.run("device_quiet", std::move(ask));
}

asio::awaitable<void> registry::disturb(user_id person, device_id device, port::disturbance how) {
    auto ask = [person, device, how](pqxx::connection_base& db) {
        const auto until = how.until ? std::optional(std::to_string(in_ms(*how.until))) : std::nullopt;
        exec_once(db, "device_be_quiet", k_be_quiet, person.value, device.value, how.off, or_null(until));
        return true;
    };
    (void)co_await db_.run("device_be_quiet", std::move(ask), k_write_limit);
}

asio::awaitable<std::vector<port::org_label>> registry::organisations(user_id u) {
    auto ask = [u](pqxx::connection_base& db) {
        tenant_transaction tx(db, tenant_scope::of(u));
        std::vector<port::org_label> out;
        for (const auto& r : exec_in(*tx, "device_organisations", k_organisations, u.value))
            out.push_back(
                {{r[0].as<std::int64_t>()},
                 r[1].c_str(),
                 r[2].c_str(),
                 r[3].c_str(),
                 r[4].c_str(),
                 r[5].c_str()}
            );
        return out;
    };
    co_return co_await db_.run("device_organisations", std::move(ask));
}

asio::awaitable<std::optional<secret>> registry::password(identity_id i) {
    auto ask = [keys = keys_, i](pqxx::connection_base& db) -> std::optional<secret> {
        const auto r = exec_once(db, "identity_password", k_password, i.value);
        if (r.empty()) return std::nullopt;
        auto plain = keys->open_sealed(
            {r[0][1].c_str(), bytes_of(r[0][0])}, crypto::place("sip_identities.sip_password", i.value)
        );
        if (!plain)
            log::error("secret_does_not_open", {{"identity_id", i.value}, {"key_id", r[0][1].c_str()}});
        return plain;
    };
    co_return co_await db_.run("identity_password", std::move(ask));
}

asio::awaitable<void> registry::mark_delivered(identity_id i, bool with_password, time_point now) {
    auto ask = [i, with_password, now](pqxx::connection_base& db) {
        exec_once(db, "identity_delivered", k_delivered, i.value, with_password, in_ms(now));
    };
    co_await db_.run("identity_delivered", std::move(ask));
}

} // namespace

std::unique_ptr<port::device_registry>
make_device_registry(database& db, std::shared_ptr<const crypto::vault> keys) {
    return std::make_unique<registry>(db, std::move(keys));
}

} // namespace z360::adapter::postgres
