// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/ops/key_check.hpp"

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/ops/secret_places.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/schema_error.hpp"
#include "adapter/postgres/session.hpp"

#include <z360/port/errors.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace z360::adapter::postgres {
namespace {

constexpr std::size_t k_sample = 200;
constexpr millis k_statement_limit{30'000};
constexpr std::string_view k_proved = "z360 key proof 1";

constexpr const char* k_foreign =
    "none of its keys opens what this database holds: it is the file of another system; name the key file of "
    "this database's servers, or the database that belongs to this file";

using proofs = std::map<std::string, std::string>; ///< by key id

proofs of_file(const crypto::vault& keys) {
    proofs out;
    for (auto& h : keys.hashes(secret(std::string(k_proved))))
        out.emplace(h.key_id, std::move(h.bytes));
    return out;
}

proofs of_database(pqxx::transaction_base& tx) {
    proofs out;
    for (const auto& r : tx.exec("select key_id, proof from secret_keys"))
        out.emplace(r[0].c_str(), bytes_of(r[1]));
    return out;
}

/// Nothing that is stored needs any key: whatever file comes first is the right one.
bool holds_nothing(pqxx::transaction_base& tx) {
    for (const auto& p : k_secret_places)
        if (!tx.exec(std::string("select from ") + p.table + " where " + p.column + " is not null limit 1")
                 .empty())
            return false;
    return tx.exec("select from api_tokens where revoked_at is null and ends_at > now() limit 1").empty();
}

// Until the list existed every key file began with the same id, so ids prove nothing. Some rows may be under
// keys that are gone from the file, and some may have been written with a wrong file: what the file opens
// must outweigh what it should open and does not.
bool opens_most(pqxx::transaction_base& tx, const crypto::vault& keys) {
    const auto ids = keys.key_ids();
    std::size_t opened = 0;
    std::size_t wrong = 0;
    std::size_t others = 0;
    for (const auto& p : k_secret_places) {
        const auto name = std::string(p.table) + "." + p.column;
        const auto rows = tx.exec_params(
            std::string("select ") + p.key + ", " + p.column + ", " + p.key_id + " from " + p.table +
                " where " + p.column + " is not null order by hashint8(" + p.key + ") limit $1",
            k_sample
        );
        for (const auto& r : rows) {
            const std::string id = r[2].c_str();
            if (keys.open_sealed({id, bytes_of(r[1])}, crypto::place(name, r[0].as<std::int64_t>())))
                ++opened;
            else if (std::find(ids.begin(), ids.end(), id) != ids.end())
                ++wrong;
            else
                ++others;
        }
    }
    return opened > wrong || (opened == 0 && wrong == 0 && others == 0);
}

bool in_use(pqxx::transaction_base& tx, const std::string& key) {
    for (const auto& p : k_secret_places)
        if (!tx.exec_params(
                   std::string("select from ") + p.table + " where " + p.column + " is not null and " +
                       p.key_id + " = $1 limit 1",
                   key
            )
                 .empty())
            return true;
    return !tx.exec_params(
                  "select from api_tokens where hash_key_id = $1 and revoked_at is null and ends_at > now() "
                  "limit 1",
                  key
    )
                .empty();
}

// Of the keys that the file lacks those that the database met after the file's oldest one were added, not
// retired: whoever starts without them calls good bearer tokens unknown, and apps forget them. Empty: there
// are none in use.
std::string newer_key_in_use(pqxx::transaction_base& tx, const std::vector<std::string>& file) {
    const auto listed =
        tx.exec("select key_id, rank() over (order by added_at) from secret_keys order by 2 desc, 1");
    std::optional<int> oldest; // of the file's; keys that were met together are of one age
    for (const auto& r : listed) {
        if (std::find(file.begin(), file.end(), r[0].c_str()) != file.end()) oldest = r[1].as<int>();
    }
    for (const auto& r : listed) {
        std::string id = r[0].c_str();
        if (!oldest || r[1].as<int>() <= *oldest) break;
        if (std::find(file.begin(), file.end(), id) == file.end() && in_use(tx, id)) return id;
    }
    return {};
}

struct judgement {
    std::string fault;
    proofs lacking; ///< keys of the file that the database does not list yet
};

judgement judge(pqxx::transaction_base& tx, const crypto::vault& keys) {
    if (!tx.exec("select to_regclass('secret_keys') is not null")[0][0].as<bool>())
        return {"the database's schema is older than this program; run z360-voipd --migrate", {}};
    const auto known = of_database(tx);
    judgement out{{}, of_file(keys)};
    std::size_t shared = 0;
    std::string taken; // an id under which this database knows another key
    for (const auto& [id, proof] : known) {
        const auto same = out.lacking.find(id);
        if (same == out.lacking.end()) continue;
        if (same->second == proof)
            ++shared;
        else
            taken = id;
        out.lacking.erase(same);
    }
    const bool none_needed = known.empty() ? opens_most(tx, keys) : taken.empty() && holds_nothing(tx);
    if (shared == 0 && !none_needed)
        out.fault = k_foreign;
    else if (!taken.empty())
        out.fault = "its key '" + taken + "' is not the key '" + taken +
                    "' of this database; take that line out, or name the key file of the other servers";
    else if (const auto id = newer_key_in_use(tx, keys.key_ids()); !id.empty())
        out.fault = "it is an old copy: it lacks the key '" + id +
                    "', which this database's servers have used since; copy the file from a node that runs";
    return out;
}

std::string check(session& db, const crypto::vault& keys) {
    {
        pqxx::nontransaction tx(db);
        const auto found = judge(tx, keys);
        if (!found.fault.empty() || found.lacking.empty()) return found.fault;
    }
    pqxx::work tx(db); // two that begin with different files: the first one says whose database it is
    tx.exec("lock table secret_keys in share row exclusive mode");
    const auto found = judge(tx, keys);
    if (!found.fault.empty()) return found.fault;
    for (const auto& [id, proof] : found.lacking)
        tx.exec_params(
            "insert into secret_keys (key_id, proof) values ($1, $2::bytea)", id, pqxx::binarystring(proof)
        );
    tx.commit();
    return {};
}

template <class F>
std::string asked(const secret& url, F ask) {
    try {
        session db(url, k_statement_limit);
        return ask(db);
    } catch (const pqxx::broken_connection& e) {
        throw port::unavailable("postgres: " + one_line(e.what()));
    } catch (const pqxx::unique_violation&) {
        return "one of its keys stands in it under another id than in this database; give it its old id back";
    } catch (const pqxx::sql_error& e) {
        const auto said = one_line(e.what());
        if (fault_of(sqlstate_of(e)) == fault::schema) throw schema_error(said);
        throw port::unavailable("postgres: the keys cannot be compared: " + said);
    }
}

} // namespace

std::string key_fault(const secret& url, const crypto::vault& keys) {
    return asked(url, [&](session& db) {
        pqxx::nontransaction tx(db);
        return judge(tx, keys).fault;
    });
}

std::string foreign_keys(const secret& url, const crypto::vault& keys) {
    return asked(url, [&](session& db) { return check(db, keys); });
}

} // namespace z360::adapter::postgres
