// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Postgres as the simulated nodes see it: calls guarded by their version, inbox and outbox with claims. It is
// always right and never fails; being slow, away or cut off from one node is the world's business.
#pragma once

#include <z360/call/view.hpp>
#include <z360/port/call_store.hpp>
#include <z360/port/event_inbox.hpp>
#include <z360/port/reconcile_store.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace z360::testing {

class store {
  public:
    struct call_row {
        port::stored_call call;
        std::optional<time_point> deadline;
        std::vector<call::note> notes;
        std::vector<call::recorded_commit> commits; ///< how it came to be, to be made again
        std::optional<time_point> left_ringing;     ///< when the last ring was over
        time_point updated_at{};
        /// What devices see of the recording, from when on.
        std::vector<std::pair<time_point, call::recording_view>> recording;
    };
    struct command_row {
        call_id call;
        call::effect what;
        time_point claimed_until{};
        std::uint32_t attempts = 0;
        bool finished = false;
        bool done = false; ///< finished, and successfully
        std::string outcome = "pending";
    };
    struct event_row {
        port::inbox_event event;
        time_point stored_at{};
        time_point offered_at{}; ///< claimed or postponed until then
        bool done = false;
        bool dead = false;
        bool orphaned = false; ///< dead only because nobody knew its call
    };

    [[nodiscard]] std::optional<port::stored_call> load(call_id id) const;
    [[nodiscard]] std::optional<call_id>
    find(const std::string& session, const std::string& control_id) const;
    port::commit_result
    commit(const port::call_commit& what, port::effect_claims claims, time_point now, std::size_t who);
    std::vector<call_id> claim_overdue(time_point due_before, time_point now);
    std::vector<port::orphan_effect> claim_effects(millis claim, time_point now);
    void extend_claim(const std::string& command_id, millis claim, unsigned attempts, time_point now);

    port::append_result append(const port::inbox_event& e, millis claim, time_point now);
    std::vector<port::inbox_event>
    claim_pending(millis claim, time_point now, const std::string& session = {});
    void postpone(const std::vector<std::string>& ids, millis delay, bool counted, time_point now);
    void mark_done(const std::vector<std::string>& ids);
    void bury(const std::vector<std::string>& ids, bool orphaned);
    [[nodiscard]] bool has_event(const std::string& id) const { return events_.contains(id); }

    // ---- store_questions.cpp: the rules of src/adapter/postgres/calls/reconcile_store.cpp
    [[nodiscard]] std::optional<port::turn> begin_turn(
        const std::string& name, const std::string& holder, millis every, millis length, time_point now
    );
    void end_turn(
        const std::string& name, const std::string& holder, std::optional<time_point> position, time_point now
    );
    [[nodiscard]] std::vector<port::due_call> claim_due(const port::question_times& times, time_point now);
    void put_back(const port::due_call& c);
    [[nodiscard]] std::vector<port::ledger_call>
    ledger(call_id after, millis age, millis longest, time_point now) const;
    [[nodiscard]] port::standing
    standing_of(const port::listed_leg& listed, millis settled, time_point now) const;

    [[nodiscard]] const std::map<call_id, call_row>& calls() const { return calls_; }
    /// All that is stored of a call, as an operator would read it.
    [[nodiscard]] call::history history(call_id id) const;
    /// Every command with its outcome, for the story of a failed run.
    [[nodiscard]] std::string commands_text() const;
    /// Every commit: when, by which node, and what it changed.
    [[nodiscard]] const std::vector<std::string>& commits_text() const { return commits_; }
    bool tells = false; ///< keeps commits_text()
    [[nodiscard]] bool all_events_done() const;
    [[nodiscard]] bool all_commands_done() const;
    [[nodiscard]] std::size_t dead_events() const;
    /// A rule of its own that was broken: a terminal state that was left.
    [[nodiscard]] const std::string& fault() const { return fault_; }

  private:
    void tell(const port::call_commit& what, bool taken, time_point now, std::size_t who);
    [[nodiscard]] bool its_turn(const command_row& row, time_point now) const;
    void keep_commands(const port::call_commit& what, port::effect_claims claims, time_point now);

    std::map<call_id, call_row> calls_;
    std::map<std::string, command_row> commands_;
    std::map<std::string, event_row> events_;
    struct turn_row {
        std::string holder;
        time_point held_until{};
        time_point began{};
        std::optional<time_point> position;
    };
    [[nodiscard]] static std::optional<time_point> due_at(
        const call_row& row, const port::question_times& times, std::optional<time_point> asked,
        time_point now
    );

    std::map<call_id, time_point> overdue_claims_;
    std::map<std::string, turn_row> turns_;
    std::map<call_id, time_point> asked_; ///< about, at the carrier
    std::vector<std::string> commits_;
    std::string fault_;
};

} // namespace z360::testing
