// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the parts of `admin` share. Private to src/adapter/postgres.
#pragma once

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/ops/admin.hpp"
#include "adapter/postgres/session.hpp"

#include <optional>
#include <string>

namespace z360::adapter::postgres {

struct admin::connection {
    explicit connection(const secret& url) : db(url) {}
    session db;
};

/// Turns what Postgres says into words for a person.
template <class F>
auto in_words(F ask) {
    try {
        return ask();
    } catch (const pqxx::foreign_key_violation& e) {
        throw admin_error("something named here does not exist: " + one_line(e.what()));
    } catch (const pqxx::failure& e) {
        const bool away = dynamic_cast<const pqxx::broken_connection*>(&e) != nullptr;
        if (!away && fault_of(sqlstate_of(e)) != fault::schema)
            throw admin_error("the database refused: " + one_line(e.what()));
        raise_refused(e);
    }
}
template <class F>
auto with(session& db, F ask) {
    return in_words([&] {
        pqxx::work tx(db);
        auto out = ask(tx);
        tx.commit();
        return out;
    });
}

/// The text, if it may be one of our ids; else empty.
[[nodiscard]] std::string id_or_empty(const std::string& text);
/// By id or login; in another case, where only one person's differs by that. Throws admin_error.
[[nodiscard]] std::optional<user_id> person_of(pqxx::work& tx, const std::string& text);

} // namespace z360::adapter::postgres
