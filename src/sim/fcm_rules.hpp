// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What FCM checks of a message alone: the schema of `projects.messages.send` as Google publishes it, and the
// rules of its documents. Pure.
#pragma once

#include "sim/push_types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

/// What is wrong with a message: it becomes INVALID_ARGUMENT.
struct fcm_complaint {
    std::string message;
    std::string field;  ///< of BadRequest.fieldViolations, e.g. "message.android.ttl"; empty: none is named
    bool parsed = true; ///< false: the JSON did not fit the schema, so that FCM itself never saw it
};

/// The body with every name in snake case, as the schema has it; or the first complaint.
struct fcm_message {
    json root;
    std::optional<fcm_complaint> wrong;
};
[[nodiscard]] fcm_message read_fcm_message(std::string_view body);

/// What FCM itself has against a message that fits the schema. `notes`: what it lets pass.
[[nodiscard]] std::optional<fcm_complaint>
check_fcm_message(const json& message, std::vector<std::string>& notes);

} // namespace z360::sim
