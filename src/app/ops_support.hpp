// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the commands share, and the commands by family.
#pragma once

#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/ops/admin.hpp"
#include "adapter/postgres/postgres.hpp"
#include "app/options.hpp"

#include <z360/port/tenants.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <nlohmann/json.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace z360::app {

// Each carries out `o.what` and returns the exit code. They throw port::unavailable, and with what is wrong
// for the person at the terminal.
int calls(const options& o);
int export_calls(const options& o);
int change_tenants(const options& o);
int remove_tenants(const options& o);
int list_tenants(const options& o);
int outbound_rules(const options& o);
int generate_key(const options& o);
int promote_key(const options& o);
int tokens(const options& o);
int devices(const options& o);
int push_test(const options& o);
int explain_route(const options& o);
int events(const options& o);
int replay(const options& o);
int credentials(const options& o);
int compare_credentials(const options& o);

// The one way to an operator's screen: what comes from outside is made printable, so that no name, number or
// error of anybody makes a terminal act.

/// One result in the form that was asked for; `people` may have several lines.
void print(const options& o, const nlohmann::json& machine, const std::string& people);
/// One line of a list: a newline in it is data, and escaped.
void print_row(const options& o, const nlohmann::json& machine, const std::string& people);
/// Text that is ready as it is, such as the configuration.
void print_text(const std::string& text);
/// What a library says, on one line: many of their texts end in a newline, or have several.
[[nodiscard]] std::string one_line(std::string_view text);
/// On standard error, a line of its own.
void complain(const std::string& what);
/// What cannot be had twice, such as a token: alone on standard output, so that a shell can keep it, and what
/// there is to say of it on standard error. JSON is one object on standard output, as ever.
void print_alone(
    const options& o, const nlohmann::json& machine, const std::string& value, const std::string& words
);
[[nodiscard]] time_point now();

/// A positive number and nothing else.
[[nodiscard]] std::optional<std::int64_t> as_number(const std::string& text);
/// By id or name; throws when there is none.
[[nodiscard]] org_id known_org(adapter::postgres::admin& db, const std::string& text);
[[nodiscard]] user_id known_user(adapter::postgres::admin& db, const std::string& text);

/// The keys of secrets.key_file, which are this database's: throws when they are another's. The one way by
/// which commands come to keys.
[[nodiscard]] std::shared_ptr<const adapter::crypto::vault> keys_of(const options& o);

/// A few connections for one command.
[[nodiscard]] adapter::postgres::database_settings database_of(const options& o);

/// Runs one coroutine on the loop, to its end.
template <class T>
T run_to_end(boost::asio::io_context& io, boost::asio::awaitable<T> task) {
    std::optional<T> out;
    std::exception_ptr error;
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr e, T r) {
        error = std::move(e);
        if (!error) out.emplace(std::move(r));
    });
    io.run();
    if (error) std::rethrow_exception(error);
    return std::move(*out);
}

/// Runs one coroutine of `ask(database)` on a loop of its own, to its end.
template <class F>
auto run_once(const options& o, F ask) {
    boost::asio::io_context io{1};
    adapter::postgres::database db(database_of(o)); // after the loop: it goes first
    return run_to_end(io, ask(db));
}

/// What `ask(port::tenants&)` comes to.
template <class F>
auto with_tenants(const options& o, F ask) {
    std::unique_ptr<port::tenants> tenants; // outlives the loop's last step
    return run_once(o, [&](adapter::postgres::database& db) {
        tenants = adapter::postgres::make_tenants(db, o.settings.telnyx.connection_id);
        return ask(*tenants);
    });
}

/// The option that a field of port::tenants is given by, "--mobile" for "mobile_number"; the field itself
/// where there is none.
[[nodiscard]] std::string option_of(const std::string& field);

/// The value, or the refusal as an error: "--option: what is wrong".
template <class T>
T accepted(port::outcome_of<T> out) {
    if (out.refused) throw std::runtime_error(option_of(out.refused->field) + ": " + out.refused->text);
    return std::move(*out.value);
}

} // namespace z360::app
