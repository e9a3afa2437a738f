// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/ops/rekey.hpp"

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/ops/secret_places.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/session.hpp"
#include "adapter/postgres/transaction.hpp"

#include <algorithm>

namespace z360::adapter::postgres {
namespace {

constexpr std::size_t k_batch = 200;
constexpr millis k_statement_limit{30'000};

class pass {
  public:
    pass(session& db, const crypto::vault& keys, const place_of_secrets& where, rekey_report::column& out)
        : db_(db), keys_(keys), where_(where), out_(out) {}

    /// One walk along the table. `wait`: for rows that others hold; else they are passed over.
    void walk(bool wait, const rekey_progress& progress);

  private:
    struct batch {
        std::int64_t last = 0;
        std::size_t read = 0, changed = 0;
        std::vector<std::string> left;
    };
    batch next(pqxx::work& tx, std::int64_t after, bool wait);
    void replace(pqxx::work& tx, std::int64_t id, const secret& plain, const std::string& at);

    session& db_;
    const crypto::vault& keys_;
    const place_of_secrets& where_;
    rekey_report::column& out_;
};

void pass::walk(bool wait, const rekey_progress& progress) {
    out_.left.clear();
    for (std::int64_t after = 0;;) {
        const auto b = in_transaction(db_, [&](pqxx::work& tx) { return next(tx, after, wait); });
        if (b.read == 0) return;
        after = b.last;
        out_.changed += b.changed;
        out_.left.insert(out_.left.end(), b.left.begin(), b.left.end());
        if (progress) progress(out_.name, out_.changed);
    }
}

pass::batch pass::next(pqxx::work& tx, std::int64_t after, bool wait) {
    batch b;
    const std::string key = where_.key, column = where_.column, key_id = where_.key_id;
    const auto rows = tx.exec_params(
        "select " + key + ", " + column + ", " + key_id + " from " + where_.table + " where " + key +
            " > $1 and " + column + " is not null and " + key_id + " <> $2 order by " + key +
            " limit $3 for update" + (wait ? "" : " skip locked"),
        after, keys_.current_key(), k_batch
    );
    for (const auto& r : rows) {
        b.last = r[0].as<std::int64_t>();
        ++b.read;
        const auto at = crypto::place(out_.name, b.last);
        const auto plain = keys_.open_sealed({r[2].c_str(), bytes_of(r[1])}, at);
        if (!plain) {
            b.left.push_back(at);
            continue;
        }
        replace(tx, b.last, *plain, at);
        ++b.changed;
    }
    return b;
}

void pass::replace(pqxx::work& tx, std::int64_t id, const secret& plain, const std::string& at) {
    const auto box = keys_.seal(plain, at);
    const std::string head = std::string("update ") + where_.table + " set " + where_.column +
                             " = $2::bytea, " + where_.key_id + " = $3";
    const std::string tail = std::string(" where ") + where_.key + " = $1";
    if (!where_.hash) {
        tx.exec_params0(head + tail, id, pqxx::binarystring(box.bytes), box.key_id);
        return;
    }
    // Who holds the token under the new key already has registered it since: then it is theirs.
    const std::string hash = where_.hash;
    tx.exec_params0(
        head + ", " + hash + " = case when exists (select from devices o where o." + hash +
            " = $4::bytea and o.device_id <> $1) then null else $4::bytea end" + tail,
        id, pqxx::binarystring(box.bytes), box.key_id, pqxx::binarystring(keys_.hash(plain).bytes)
    );
}

bool under_old_keys(
    session& db, const crypto::vault& keys, const place_of_secrets& where, std::size_t beyond
) {
    pqxx::nontransaction tx(db);
    const auto n = tx.exec_params1(
        std::string("select count(*) from ") + where.table + " where " + where.column + " is not null and " +
            where.key_id + " <> $1",
        keys.current_key()
    );
    return n[0].as<std::size_t>() > beyond;
}

} // namespace

std::size_t rekey_report::changed() const {
    std::size_t n = 0;
    for (const auto& c : columns)
        n += c.changed;
    return n;
}

bool rekey_report::complete() const {
    return std::all_of(columns.begin(), columns.end(), [](const column& c) { return c.left.empty(); });
}

rekey_report rekey(const secret& url, const crypto::vault& keys, const rekey_progress& progress) {
    rekey_report out;
    try {
        session db(url, k_statement_limit);
        for (const auto& where : k_secret_places) {
            auto& column = out.columns.emplace_back();
            column.name = std::string(where.table) + "." + where.column;
            pass p(db, keys, where, column);
            p.walk(false, progress);
            if (under_old_keys(db, keys, where, column.left.size())) p.walk(true, progress);
        }
        pqxx::nontransaction tx(db);
        out.tokens_under_old_keys = tx.exec_params1(
                                          "select count(*) from api_tokens where revoked_at is null and "
                                          "ends_at > now() and hash_key_id <> $1",
                                          keys.current_key()
        )[0]
                                        .as<std::size_t>();
    } catch (const pqxx::failure& e) {
        raise_refused(e);
    }
    return out;
}

} // namespace z360::adapter::postgres
