// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/ops_support.hpp"

#include "adapter/postgres/ops/key_check.hpp"
#include "app/commands.hpp"

#include <z360/base/printable.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>

namespace z360::app {

using adapter::postgres::admin;

namespace {

void put(const options& o, const nlohmann::json& machine, const std::string& people, line_ends ends) {
    using handler = nlohmann::json::error_handler_t;
    if (o.json)
        std::cout << printable(machine.dump(-1, ' ', false, handler::replace)) << '\n';
    else
        std::cout << printable(people, ends) << '\n';
}

} // namespace

void print(const options& o, const nlohmann::json& machine, const std::string& people) {
    put(o, machine, people, line_ends::kept);
}
void print_row(const options& o, const nlohmann::json& machine, const std::string& people) {
    put(o, machine, people, line_ends::escaped);
}
void print_text(const std::string& text) {
    std::cout << printable(text, line_ends::kept) << '\n';
}
std::string one_line(std::string_view text) {
    constexpr std::string_view k_blanks = " \t\r\n";
    std::string out;
    for (;;) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        line = line.substr(0, line.find_last_not_of(k_blanks) + 1);
        out.append(line);
        const auto next = text.find_first_not_of(k_blanks, end);
        if (next == std::string_view::npos) return out;
        out.append(1, ' ');
        text.remove_prefix(next);
    }
}
void complain(const std::string& what) {
    std::cerr << printable(one_line(what)) << '\n';
}

void print_alone(
    const options& o, const nlohmann::json& machine, const std::string& value, const std::string& words
) {
    print(o, machine, value);
    if (!o.json) complain(words);
}

time_point now() {
    return std::chrono::floor<millis>(std::chrono::system_clock::now());
}

std::optional<std::int64_t> as_number(const std::string& text) {
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size() || n <= 0) return std::nullopt;
    return n;
}

std::string option_of(const std::string& field) {
    if (field == "mobile_number") return "--mobile";
    if (field == "receiver") return "--user";
    if (field == "allowed") return "--allow";
    if (field == "forbidden") return "--forbid";
    auto flag = "--" + field;
    std::replace(flag.begin(), flag.end(), '_', '-');
    if (flag.ends_with("-secs")) flag.replace(flag.size() - 4, 4, "seconds");
    const auto& all = command_flags();
    const bool known = std::any_of(all.begin(), all.end(), [&flag](const auto& f) { return f.flag == flag; });
    return known ? flag : field;
}

org_id known_org(admin& db, const std::string& text) {
    if (const auto id = db.find_organization(text)) return *id;
    throw std::runtime_error(
        "there is no organisation \"" + text + "\": see --list-orgs, or make it with --create-org"
    );
}
user_id known_user(admin& db, const std::string& text) {
    if (const auto id = db.find_user(text)) return *id;
    throw std::runtime_error(
        "there is no user \"" + text + "\": see --list-members --org ORG, or make them with --create-user"
    );
}

std::shared_ptr<const adapter::crypto::vault> keys_of(const options& o) {
    const auto& file = o.settings.secrets.key_file;
    auto keys = adapter::crypto::vault::open(file);
    const auto fault = adapter::postgres::foreign_keys(o.settings.database.url, *keys);
    if (!fault.empty()) throw std::runtime_error("secrets.key_file: " + file + ": " + fault);
    return keys;
}

adapter::postgres::database_settings database_of(const options& o) {
    adapter::postgres::database_settings s;
    s.url = o.settings.database.url;
    s.connections = 1;
    s.acquire_timeout = millis{5'000}; // a person waits, not a caller
    s.statement_timeout = millis{60'000};
    return s;
}

} // namespace z360::app
