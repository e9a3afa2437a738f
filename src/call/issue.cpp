// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Names and forms of what components issue.
#include "call/component.hpp"

#include <utility>

namespace z360::call {

void add_note(effects& out, remark what, std::string detail) {
    out.emplace_back(note{what, std::move(detail)});
}

const carrier_command* carried(const effect& e) {
    return std::get_if<carrier_command>(&e.body);
}

command caller_command(const state& s, std::string id, time_point now, millis allowed, command_body body) {
    command c;
    c.id = std::move(id);
    c.call = s.id;
    c.org = s.routed.org;
    c.call_control_id = s.caller.call_control_id;
    c.issued_at = now;
    c.deadline = now + allowed;
    c.body = std::move(body);
    return c;
}

std::string caller_id(const state& s, const char* what, std::uint32_t n) {
    std::string id = s.id.text() + "-" + what;
    if (n > 0) id += "-" + std::to_string(n);
    return id;
}

std::string error_of(const command_outcome& e) {
    return "code=" + e.error_code + (e.error_title.empty() ? "" : " title=\"" + e.error_title + "\"");
}

void request_answer(const state& s, effects& out, const char* what, std::uint32_t n, time_point now) {
    if (s.caller.answered) return;
    out.emplace_back(caller_command(s, caller_id(s, what, n), now, s.routed.rules.answer_limit, answer_body{})
    );
}

} // namespace z360::call
