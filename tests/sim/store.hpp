// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Postgres as the simulated nodes see it: calls guarded by their version, inbox and outbox with claims. It is
// always right and never fails; being slow, away or cut off from one node is the world's business.
#pragma once

#include <z360/port/call_store.hpp>
#include <z360/port/event_inbox.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace z360::testing {

class store {
  public:
    struct call_row {
        port::stored_call call;
        std::optional<time_point> deadline;
        std::vector<call::note> notes;
        std::optional<time_point> left_ringing; ///< when the last ring was over
    };
    struct command_row {
        call_id call;
        call::command command;
        time_point claimed_until{};
        bool finished = false;
        std::string outcome = "pending";
    };
    struct event_row {
        port::inbox_event event;
        time_point stored_at{};
        time_point offered_at{}; ///< claimed or postponed until then
        bool done = false;
        bool dead = false;
    };

    [[nodiscard]] std::optional<port::stored_call> load(call_id id) const;
    [[nodiscard]] std::optional<call_id>
    find(const std::string& session, const std::string& control_id) const;
    port::commit_result commit(const port::call_commit& what, millis claim, time_point now);
    std::vector<call_id> claim_overdue(time_point due_before, time_point now);
    std::vector<port::orphan_command> claim_commands(millis claim, time_point now);
    void extend_claim(const std::string& command_id, millis claim, time_point now);

    port::append_result append(const port::inbox_event& e, millis claim, time_point now);
    std::vector<port::inbox_event>
    claim_pending(millis claim, time_point now, const std::string& session = {});
    void postpone(const std::vector<std::string>& ids, millis delay, time_point now);
    void mark_done(const std::vector<std::string>& ids, bool dead);

    [[nodiscard]] const std::map<call_id, call_row>& calls() const { return calls_; }
    /// Every command with its outcome, for the story of a failed run.
    [[nodiscard]] std::string commands_text() const;
    [[nodiscard]] bool all_events_done() const;
    [[nodiscard]] bool all_commands_done() const;
    [[nodiscard]] std::size_t dead_events() const;
    /// A rule of its own that was broken: a terminal state that was left.
    [[nodiscard]] const std::string& fault() const { return fault_; }

  private:
    void keep_commands(const port::call_commit& what, millis claim, time_point now);

    std::map<call_id, call_row> calls_;
    std::map<std::string, command_row> commands_;
    std::map<std::string, event_row> events_;
    std::map<call_id, time_point> overdue_claims_;
    std::string fault_;
};

} // namespace z360::testing
