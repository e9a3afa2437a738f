// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How a batch of events gets into the inbox, whatever one of them looks like. Runs on a worker of the pool.
#pragma once

#include "adapter/postgres/pool.hpp"

#include <z360/port/event_inbox.hpp>

#include <pqxx/pqxx>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace z360::adapter::postgres {

struct inbox_row {
    port::inbox_event event;
    millis claim{0};
};

/// What one INSERT takes. The rows outlive it and nobody changes them meanwhile.
struct inbox_batch {
    std::unordered_map<std::string_view, const inbox_row*> by_id;
    std::vector<const inbox_row*> first;    ///< of different ids
    std::vector<const inbox_row*> repeated; ///< their ids are in `first` too
    std::vector<const inbox_row*> misfits;  ///< their ids cannot be stored

    void add(const inbox_row& r);
};

using inbox_results = std::unordered_map<const inbox_row*, port::append_result>;

/// Stores all of them in one statement. If Postgres refuses a row for itself, the others are stored without
/// it, and it becomes a dead letter with the reason. Throws what libpqxx throws when the fault is not a
/// row's; then nothing is tried row by row.
[[nodiscard]] inbox_results insert_events(pqxx::connection_base& db, const inbox_batch& batch);

/// Whether an event can be stored under this id: text of 1 to 256 bytes.
[[nodiscard]] bool is_inbox_id(const std::string& id);

/// For pool::keep_warm().
[[nodiscard]] warm_statement append_statement();

[[nodiscard]] const char* name_of(port::webhook_route r);
[[nodiscard]] port::webhook_route route_of(std::string_view name);

} // namespace z360::adapter::postgres
