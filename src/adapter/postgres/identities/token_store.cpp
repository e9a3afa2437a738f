// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Bearer tokens. Read as owner, because who asks is what they tell; changed by an organisation under its
// scope.
#include "adapter/postgres/identities/token_rows.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <nlohmann/json.hpp>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::new_token;
using port::token_kind;
using port::token_row;
namespace {

#define Z360_TOKEN                                                                                           \
    "select t.token_id, t.kind, t.hash_key_id, t.name, array_to_json(t.scopes)::text, "                      \
    "coalesce(t.org_id, 0), coalesce(t.user_id, 0), coalesce(t.device_id, 0), coalesce(d.device_uid, ''), "  \
    "coalesce(d.status, ''), coalesce(u.status, ''), z360_ms(t.created_at), z360_ms(t.last_used_at), "       \
    "z360_ms(t.expires_at), z360_ms(t.ends_at), z360_ms(t.used_at), z360_ms(t.revoked_at), "                 \
    "t.revoke_reason, t.kind = 'device' and t.expires_at < now() + interval '1 hour' and "                   \
    "z360_device_busy(t.device_id), coalesce(t.bound_org_id, d.bound_org_id, 0), coalesce(t.issued_by, 0) "  \
    "from api_tokens t left join devices d on d.device_id = t.device_id "                                    \
    "left join users u on u.user_id = t.user_id "

constexpr const char* k_find = Z360_TOKEN "where t.hash = any($1::bytea[]) limit 1";

constexpr const char* k_add = R"sql(
insert into api_tokens (kind, hash, hash_key_id, name, scopes, org_id, user_id, device_id, created_at, expires_at,
                        ends_at, bound_org_id, issued_by)
values ($1, $2, $3, $4, $5::text[], $6, $7, $8, z360_at($9), least(z360_at($10), z360_at($11)), z360_at($11),
        $12, $13)
returning token_id)sql";

// Never backwards, and never back to life.
constexpr const char* k_touch = R"sql(
with t as (
    update api_tokens
       set last_used_at = greatest(last_used_at, z360_at($2)),
           expires_at = least(greatest(expires_at, z360_at($3)), ends_at),
           hash = coalesce($4::bytea, hash), hash_key_id = coalesce($5, hash_key_id)
     where token_id = $1 and revoked_at is null and expires_at > z360_at($2)
    returning device_id
)
update devices d set last_seen_at = greatest(d.last_seen_at, z360_at($2))
  from t where d.device_id = t.device_id)sql";

constexpr const char* k_consume = R"sql(
update api_tokens set used_at = z360_at($2), last_used_at = z360_at($2)
 where token_id = $1 and kind in ('enrolment', 'handoff') and used_at is null and revoked_at is null
   and expires_at > z360_at($2))sql";

#define Z360_REVOKE                                                                                          \
    "update api_tokens set revoked_at = z360_at($3), revoke_reason = $2 where token_id = $1 and "            \
    "revoked_at is null and expires_at > z360_at($3)"
constexpr const char* k_revoke = Z360_REVOKE;
constexpr const char* k_revoke_of_org = Z360_REVOKE " and org_id = $4";

#define Z360_LIVE "where t.kind in ('service', 'admin') and t.revoked_at is null and t.expires_at > now() "
constexpr const char* k_list = Z360_TOKEN Z360_LIVE "order by t.token_id desc limit $1";
constexpr const char* k_list_of_org =
    Z360_TOKEN Z360_LIVE "and t.org_id = $2 order by t.token_id desc limit $1";

#define Z360_CODE                                                                                            \
    "where t.kind = 'enrolment' and t.used_at is null and t.revoked_at is null and t.expires_at > now() "
constexpr const char* k_codes = Z360_TOKEN Z360_CODE "order by t.token_id desc limit $1";
constexpr const char* k_codes_of_org =
    Z360_TOKEN Z360_CODE "and t.org_id = $2 order by t.token_id desc limit $1";

// "union" ends where somebody made a ring of rows by hand.
constexpr const char* k_issued_by = R"sql(
with recursive made (token_id) as (
    select token_id from api_tokens where issued_by = $1
    union select n.token_id from api_tokens n join made m on n.issued_by = m.token_id
) )sql" Z360_TOKEN R"sql(
 where t.token_id in (select token_id from made) and t.token_id <> $1 and t.revoked_at is null
   and t.used_at is null and t.expires_at > now() and coalesce(d.status, 'active') <> 'removed'
 order by t.token_id desc limit $2)sql";

// The clean-up rides along: a few are made a minute at most.
constexpr const char* k_first_use = R"sql(
with gone as (delete from used_identity_tokens where until < z360_at($3) - interval '1 day')
insert into used_identity_tokens (fingerprint, until) values ($1, z360_at($2)) on conflict do nothing)sql";

token_kind kind_of(std::string_view text) {
    for (const auto k :
         {token_kind::device, token_kind::service, token_kind::admin, token_kind::enrolment,
          token_kind::handoff})
        if (name(k) == text) return k;
    throw std::logic_error("api_tokens.kind has a word that this program does not know");
}

token_row read(const pqxx::row& r) {
    token_row t;
    t.id = {r[0].as<std::int64_t>()};
    t.kind = kind_of(r[1].c_str());
    t.hash_key_id = r[2].c_str();
    t.label = r[3].c_str();
    t.scopes = nlohmann::json::parse(r[4].c_str()).get<std::vector<std::string>>();
    t.org = {r[5].as<std::int64_t>()};
    t.user = {r[6].as<std::int64_t>()};
    t.device = {r[7].as<std::int64_t>()};
    t.device_uid = r[8].c_str();
    t.device_status = r[9].c_str();
    t.user_status = r[10].c_str();
    t.created_at = time_at(r[11]);
    t.last_used_at = time_or_null(r[12]);
    t.expires_at = time_at(r[13]);
    t.ends_at = time_at(r[14]);
    t.used_at = time_or_null(r[15]);
    t.revoked_at = time_or_null(r[16]);
    t.revoke_reason = r[17].c_str();
    t.on_call = r[18].as<bool>();
    t.bound_to = {r[19].as<std::int64_t>()};
    t.issued_by = {r[20].as<std::int64_t>()};
    return t;
}

void slide(
    pqxx::connection_base& db, token_id t, time_point now, time_point expires_at,
    const std::optional<new_token>& rehash
) {
    if (rehash)
        exec_once(
            db, "token_touch", k_touch, t.value, in_ms(now), in_ms(expires_at),
            pqxx::binarystring(rehash->hash), rehash->hash_key_id
        );
    else
        exec_once(
            db, "token_touch", k_touch, t.value, in_ms(now), in_ms(expires_at),
            static_cast<const char*>(nullptr), static_cast<const char*>(nullptr)
        );
}

bool end(pqxx::connection_base& db, token_id t, org_id org, const std::string& reason, time_point now) {
    if (org.none())
        return exec_once(db, "token_revoke", k_revoke, t.value, storable(reason), in_ms(now))
                   .affected_rows() == 1;
    tenant_transaction tx(db, port::tenant_scope::of(org));
    const auto n =
        exec_in(*tx, "token_revoke_of_org", k_revoke_of_org, t.value, storable(reason), in_ms(now), org.value)
            .affected_rows();
    tx.commit();
    return n == 1;
}

struct listing {
    const char* name;
    const char* sql;
    const char* name_of_org;
    const char* sql_of_org;
};
constexpr listing k_tokens{"token_list", k_list, "token_list_of_org", k_list_of_org};
constexpr listing k_open_codes{"token_codes", k_codes, "token_codes_of_org", k_codes_of_org};

std::vector<token_row> live(pqxx::connection_base& db, const listing& l, org_id org, std::size_t limit) {
    std::vector<token_row> out;
    if (org.none()) {
        for (const auto& r : exec_once(db, l.name, l.sql, limit))
            out.push_back(read(r));
        return out;
    }
    tenant_transaction tx(db, port::tenant_scope::of(org));
    for (const auto& r : exec_in(*tx, l.name_of_org, l.sql_of_org, limit, org.value))
        out.push_back(read(r));
    return out;
}

class rows final : public port::token_store {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<std::optional<token_row>> find(std::vector<std::string> hashes) override {
        return db_.run(
            "token_find",
            [hashes = std::move(hashes)](pqxx::connection_base& db) -> std::optional<token_row> {
                const std::vector<std::string_view> views(hashes.begin(), hashes.end());
                const auto r = exec_once(db, "token_find", k_find, bytea_array(views));
                if (r.empty()) return std::nullopt;
                return read(r[0]);
            }
        );
    }
    asio::awaitable<token_id> add(new_token t) override {
        return db_.run("token_add", [t = std::move(t)](pqxx::connection_base& db) {
            pqxx::nontransaction tx(db);
            return insert_token(tx, t);
        });
    }
    asio::awaitable<void>
    touch(token_id t, time_point now, time_point expires_at, std::optional<new_token> rehash) override {
        return db_.run(
            "token_touch", [t, now, expires_at, rehash = std::move(rehash)](pqxx::connection_base& db
                           ) { slide(db, t, now, expires_at, rehash); }
        );
    }
    asio::awaitable<bool> consume(token_id t, time_point now) override {
        return db_.run("token_consume", [t, now](pqxx::connection_base& db) {
            return exec_once(db, "token_consume", k_consume, t.value, in_ms(now)).affected_rows() == 1;
        });
    }
    asio::awaitable<bool> revoke(token_id t, org_id org, std::string reason, time_point now) override {
        return db_.run("token_revoke", [t, org, reason = std::move(reason), now](pqxx::connection_base& db) {
            return end(db, t, org, reason, now);
        });
    }
    asio::awaitable<std::vector<token_row>> list(org_id org, std::size_t limit) override {
        return db_.run("token_list", [org, limit](pqxx::connection_base& db) {
            return live(db, k_tokens, org, limit);
        });
    }
    asio::awaitable<std::vector<token_row>> codes(org_id org, std::size_t limit) override {
        return db_.run("token_codes", [org, limit](pqxx::connection_base& db) {
            return live(db, k_open_codes, org, limit);
        });
    }
    asio::awaitable<std::vector<token_row>> issued_by(token_id t, std::size_t limit) override {
        return db_.run("token_issued_by", [t, limit](pqxx::connection_base& db) {
            std::vector<token_row> out;
            for (const auto& r : exec_once(db, "token_issued_by", k_issued_by, t.value, limit))
                out.push_back(read(r));
            return out;
        });
    }
    asio::awaitable<bool> first_use(std::string fingerprint, time_point until, time_point now) override {
        return db_.run(
            "token_first_use",
            [fingerprint = std::move(fingerprint), until, now](pqxx::connection_base& db) {
                return exec_once(
                           db, "token_first_use", k_first_use, storable(fingerprint), in_ms(until), in_ms(now)
                       )
                           .affected_rows() == 1;
            }
        );
    }

  private:
    pool& db_;
};

} // namespace

token_id insert_token(pqxx::transaction_base& tx, const new_token& t) {
    std::vector<std::string> scopes;
    for (const auto& s : t.scopes)
        scopes.push_back(storable(s));
    const auto org = key_or_null(t.org);
    const auto user = key_or_null(t.user);
    const auto device = key_or_null(t.device);
    const auto issuer = key_or_null(t.issued_by);
    const auto bound = key_or_null(t.bound_to);
    const auto r = exec_in(
        tx, "token_add", k_add, std::string(name(t.kind)), pqxx::binarystring(t.hash), t.hash_key_id,
        storable(t.label), text_array(scopes), or_null(org), or_null(user), or_null(device), in_ms(t.now),
        in_ms(t.expires_at), in_ms(t.ends_at), or_null(bound), or_null(issuer)
    );
    return {r[0][0].as<std::int64_t>()};
}

std::unique_ptr<port::token_store> make_token_store(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
