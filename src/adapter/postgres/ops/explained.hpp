// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the parts of call_explained.cpp share: lines, pushes and devices of one call. Private to this folder.
#pragma once

#include "adapter/postgres/ops/call_record.hpp"

#include <z360/call/state.hpp>

#include <pqxx/pqxx>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::postgres {

struct wanted_push {
    std::string effect;
    device_id device;
    std::uint32_t ring = 0;
    call::push_facts is;
};

// ---- explained_lines.cpp

/// Of "key=value": the value, up to the next blank; empty: it has none.
[[nodiscard]] std::string_view value_of(std::string_view detail, std::string_view key);
[[nodiscard]] bool is(const timeline_line& l, std::string_view source, call::remark what);
void read_lines(pqxx::work& tx, explained_call& out);
/// Writes into each line whom it is about.
void mark_lines(
    std::vector<timeline_line>& lines, const call::state& s, const std::vector<wanted_push>& pushes
);

// ---- explained_pushes.cpp

[[nodiscard]] std::optional<call::outcome> outcome_named(std::string_view word);
/// Without those that a newer program has stored.
[[nodiscard]] std::vector<wanted_push> read_pushes(pqxx::work& tx, call_id call);
/// Who was asked, from the lines, which are marked.
void add_providers(std::vector<wanted_push>& pushes, const std::vector<timeline_line>& lines);
/// From each request to a provider that is on record.
void add_attempts(pqxx::work& tx, call_id call, std::vector<wanted_push>& pushes);
void add_receipts(pqxx::work& tx, call_id call, std::vector<call::device_facts>& devices);

// ---- explained_devices.cpp

/// Devices and legs, and the ring they were in.
void add_devices(
    pqxx::work& tx, explained_call& out, const call::state& s, const std::vector<wanted_push>& pushes,
    millis device_life
);

} // namespace z360::adapter::postgres
