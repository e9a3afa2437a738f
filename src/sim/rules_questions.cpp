// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What may stand in the query of the questions that reconciliation asks.
#include "sim/rules.hpp"

#include <z360/base/ids.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace z360::sim {

namespace {

enum class kind : std::uint8_t { text, uuid, time, boolean, size, number };

struct field {
    const char* name;
    kind what = kind::text;
    std::vector<std::string> choices = {};
};
using table = std::vector<field>;

void add_cursors(table& t) {
    t.push_back({"page[after]"});
    t.push_back({"page[before]"});
    t.push_back({"page[limit]", kind::size});
}
void add_numbers(table& t) {
    t.push_back({"page[number]", kind::number});
    t.push_back({"page[size]", kind::size});
}

table event_table() {
    table t{
        {"filter[application_name][contains]"},
        {"filter[outbound.outbound_voice_profile_id]"},
        {"filter[leg_id]", kind::uuid},
        {"filter[application_session_id]", kind::uuid},
        {"filter[connection_id]"},
        {"filter[product]", kind::text, {"call_control", "fax", "texml"}},
        {"filter[failed]", kind::boolean},
        {"filter[from]"},
        {"filter[to]"},
        {"filter[name]"},
        {"filter[type]", kind::text, {"command", "webhook"}},
        {"filter[status]", kind::text, {"init", "in_progress", "completed"}},
        {"filter[occurred_at][eq]", kind::time},
        {"filter[occurred_at][gt]", kind::time},
        {"filter[occurred_at][gte]", kind::time},
        {"filter[occurred_at][lt]", kind::time},
        {"filter[occurred_at][lte]", kind::time},
    };
    add_cursors(t);
    add_numbers(t);
    return t;
}

table delivery_table() {
    table t{
        {"filter[status][eq]", kind::text, {"delivered", "failed"}},
        {"filter[event_type]"},
        {"filter[webhook][contains]"},
        {"filter[attempts][contains]"},
        {"filter[started_at][gte]", kind::time},
        {"filter[started_at][lte]", kind::time},
        {"filter[finished_at][gte]", kind::time},
        {"filter[finished_at][lte]", kind::time},
    };
    add_numbers(t);
    return t;
}

table active_table() {
    table t;
    add_cursors(t);
    add_numbers(t);
    return t;
}

const table* table_of(std::string_view verb) {
    static const auto events = event_table();
    static const auto deliveries = delivery_table();
    static const auto active = active_table();
    static const table none;
    if (verb == "call_events") return &events;
    if (verb == "webhook_deliveries") return &deliveries;
    if (verb == "active_calls") return &active;
    return verb == "get_call" || verb == "get_recording" || verb == "delete_recording" ? &none : nullptr;
}

bool in_range(std::string_view value, long least, long most) {
    long n = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
    return error == std::errc{} && end == value.data() + value.size() && n >= least && n <= most;
}

/// Code and detail; an empty code: nothing is wrong.
std::pair<std::string, std::string> judge(const field& f, const std::string& value) {
    if (!f.choices.empty() && std::find(f.choices.begin(), f.choices.end(), value) == f.choices.end())
        return {"10032", "is not one of the allowed values"};
    switch (f.what) {
    case kind::text: break;
    case kind::uuid:
        if (!uuid::parse(value)) return {"10015", "must be a UUID"};
        break;
    case kind::time:
        if (!parse_iso8601(value)) return {"10015", "must be a date and time in ISO 8601"};
        break;
    case kind::boolean:
        if (value != "true" && value != "false") return {"10015", "must be true or false"};
        break;
    case kind::size:
        if (!in_range(value, 1, 250)) return {"10033", "must be between 1 and 250"};
        break;
    case kind::number:
        if (!in_range(value, 1, 1'000'000)) return {"10033", "must be 1 or more"};
        break;
    }
    return {};
}

} // namespace

std::vector<complaint>
check_question(std::string_view verb, const std::map<std::string, std::string, std::less<>>& fields) {
    std::vector<complaint> found;
    const auto* known = table_of(verb);
    if (known == nullptr) return found;
    for (const auto& [name, value] : fields) {
        const auto f =
            std::find_if(known->begin(), known->end(), [&name](const field& x) { return name == x.name; });
        if (f == known->end()) {
            found.push_back({"10015", name, "is not a parameter we know", false});
            continue;
        }
        auto [code, detail] = judge(*f, value);
        if (!code.empty()) found.push_back({std::move(code), name, std::move(detail), true});
    }
    return found;
}

} // namespace z360::sim
