// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/ops/import_lines.hpp"

#include "adapter/postgres/params.hpp"

#include <z360/base/name.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace z360::adapter::postgres {
namespace {

using json = nlohmann::json;

constexpr std::size_t k_pushkit_digits = 64;

/// Fields of one line. Every one is looked at, so that a person mends a line once.
class fields {
  public:
    fields(const json& row, std::size_t line, std::vector<import_problem>& problems)
        : row_(row), line_(line), problems_(problems) {}

    [[nodiscard]] bool good() const { return good_; }
    void bad(const char* field, std::string reason) {
        good_ = false;
        problems_.push_back({line_, field, std::move(reason)});
    }

    /// A positive whole number; 0: none.
    std::int64_t key(const char* field, bool needed) {
        const auto* v = find(field);
        if (!v) {
            if (needed) bad(field, "is missing");
            return 0;
        }
        std::int64_t n = 0;
        if (v->is_number_unsigned() && v->get<std::uint64_t>() <= INT64_MAX)
            n = v->get<std::int64_t>();
        else if (!v->is_number_integer()) {
            bad(field, "is not a whole number");
            return 0;
        }
        if (n > 0) return n;
        bad(field, std::string_view(field) == "user_id" ? "0 stands for the AI agent, which has no devices"
                                                        : "is not a positive number");
        return 0;
    }

    /// Text without control characters, at most `longest` bytes; empty: none.
    std::string text(const char* field, std::size_t longest, bool needed = false) {
        const auto* v = find(field);
        std::string out;
        if (v && !v->is_string())
            bad(field, "is not a text");
        else if (v)
            out = v->get<std::string>();
        if (v && v->is_string() && needed && out.empty()) bad(field, "is empty");
        if (!v && needed) bad(field, "is missing");
        if (out.size() > longest) bad(field, "is longer than " + std::to_string(longest) + " bytes");
        if (out.find('\0') != std::string::npos)
            bad(field, "has a NUL in it");
        else if (has_controls(out))
            bad(field, "has a control character in it");
        return out;
    }

    std::optional<time_point> time(const char* field) {
        auto t = text(field, 64);
        if (t.empty()) return std::nullopt;
        if (t.size() > 10 && t[10] == ' ') t[10] = 'T'; // as Postgres and Laravel print it
        // Their clocks are UTC and often do not say so.
        const auto zone = t.find_first_of("Zz+-", std::min<std::size_t>(t.size(), 19));
        if (zone == std::string::npos)
            t += 'Z';
        else if (t.size() - zone == 3)
            t += ":00";
        const auto out = parse_iso8601(t);
        if (!out) bad(field, "is not a date and time, such as 2026-01-31T12:00:00Z");
        return out;
    }

  private:
    const json* find(const char* field) {
        const auto it = row_.find(field);
        return it == row_.end() || it->is_null() ? nullptr : &*it;
    }
    const json& row_;
    std::size_t line_;
    std::vector<import_problem>& problems_;
    bool good_ = true;
};

// A column with three kinds of content: PushKit and FCM tokens, and placeholders of browsers.
void read_push(old_row& out, std::string token) {
    if (token.empty() || token.starts_with("web_") || token == "undefined" || token == "null" ||
        token == "web")
        return;
    const bool hex = token.size() >= k_pushkit_digits &&
                     token.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    out.voip = out.platform == "ios" && hex;
    out.push = secret(std::move(token));
}

// What the old system stored when Telnyx gave it nothing.
std::string credential(std::string id) {
    if (id == "failed" || id == "pending" || id == "null") id.clear();
    return id;
}

void read_credential(old_row& out, fields& f, const char* id) {
    out.credential_id = credential(f.text(id, 255));
    out.sip_username = f.text("sip_username", 255);
    out.sip_password = secret(f.text("sip_password", 255));
    out.connection_id = f.text("connection_id", 255);
}

void read_device(old_row& out, fields& f) {
    out.org = f.key("organization_id", false);
    out.device_uid = f.text("device_id", 255, true);
    out.platform = f.text("platform", 16);
    if (out.platform.empty()) out.platform = "android"; // the column's default
    if (out.platform != "ios" && out.platform != "android" && out.platform != "web")
        f.bad("platform", "is none of ios, android, web");
    read_push(out, f.text("fcm_token", 4096));
    out.app_version = f.text("app_version", 255);
    out.name = f.text("device_name", 255);
    const auto fault = fault_of_name(out.name);
    if (fault == name_fault::blank) out.name.clear(); // nobody has named it
    if (fault == name_fault::unprintable && !has_controls(out.name))
        f.bad("device_name", "has marks in it that turn the direction of writing");
    read_credential(out, f, "telnyx_credential_id");
    out.last_active = f.time("last_active_at");
    out.expires = f.time("credential_expires_at");
    out.created = f.time("created_at");
    out.updated = f.time("updated_at");
}

} // namespace

std::vector<std::string> names_of_bad_line(std::string_view line) {
    const json row = json::parse(line, nullptr, false);
    std::vector<std::string> out;
    if (!row.is_object()) return out;
    for (const char* field : {"telnyx_credential_id", "credential_id", "sip_username"})
        if (const auto it = row.find(field); it != row.end() && it->is_string())
            out.push_back(credential(it->get<std::string>()));
    return out;
}

std::optional<old_row>
read_old_row(std::string_view line, std::size_t number, std::vector<import_problem>& problems) {
    json row;
    try {
        row = json::parse(line);
    } catch (const json::parse_error& e) {
        // Its text quotes the line, which may hold a password.
        problems.push_back({number, "", "is not JSON: see byte " + std::to_string(e.byte)});
        return std::nullopt;
    }
    if (!row.is_object()) {
        problems.push_back({number, "", "is not a JSON object"});
        return std::nullopt;
    }
    fields f(row, number, problems);
    old_row out;
    const auto table = f.text("table", 255, true);
    out.of_device = table == k_device_table;
    if (f.good() && !out.of_device && table != k_credential_table)
        f.bad("table", std::string("is neither ") + k_device_table + " nor " + k_credential_table);
    if (!f.good()) return std::nullopt;
    out.id = f.key("id", true);
    out.user = f.key("user_id", true);
    if (out.of_device) {
        read_device(out, f);
    } else {
        out.org = f.key("organization_id", true);
        read_credential(out, f, "credential_id");
    }
    if (!f.good()) return std::nullopt;
    return out;
}

} // namespace z360::adapter::postgres
