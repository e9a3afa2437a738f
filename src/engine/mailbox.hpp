// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One call's turns as a machine without I/O: what has arrived, what is known, what is decided and not stored
// yet. It says what must be done next; whoever drives it does that and tells how it went (drive.cpp).
// Private to src/engine.
#pragma once

#include "engine/fold.hpp"
#include "engine/remembered.hpp"

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/port/call_store.hpp>
#include <z360/rt/time.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace z360::engine {

/// What a mailbox must know of its surroundings, at each step.
struct surroundings {
    time_point now{};              ///< of the clock that deadlines are judged by
    rt::clock::time_point ticks{}; ///< for pauses
    bool shared = false;           ///< other nodes write to calls that this one holds
    bool stopping = false;
    double chance = 0;          ///< in [0, 1): keeps nodes apart that decide about the same call
    millis gathering{0};        ///< settings::gathering
    rt::clock::duration turn{}; ///< what reading a call and storing it takes lately
};

/// The state that a decision led to broke a rule of its own; nothing of it may be stored.
struct invariant_broken : std::logic_error {
    using std::logic_error::logic_error;
};

/// What is to be done next. After each but `rest` the answer is told, where there is one, and the mailbox is
/// asked again.
namespace todo {

/// Nothing. Its deadline, if it has one, is to be waited for.
struct rest {};
/// Wait so long, or until something arrives.
struct pause {
    rt::clock::duration at_most{};
};
/// Read the stored call: read() or read_failed().
struct read {};
/// Ask whether another leg was seen to answer first: hinted().
struct hint {
    leg_id leg;
};
/// Ask what the carrier has on record; what it tells arrives before its answer: told().
struct ask {
    call::state about;
};
/// Store: written(). `to_the_end`: however long it takes, the answer must be known.
struct write {
    port::call_commit what;
    bool to_the_end = false;
};
/// Events that no call is known for.
struct lose {
    std::vector<item> orphans;
};
/// A caller who came by this call's session and is another's; it takes along what names its leg.
struct part {
    item caller;
    std::vector<item> others;
};
/// It is decided: tell, launch, ask. None of it can fail the decision any more.
struct act {
    std::vector<item> settled; ///< stored, or of no consequence: done with
    std::vector<call::note> notes;
    std::vector<call::effect> effects; ///< to be started, or kept until their turn (`after`)
    std::vector<call::inquiry> inquiries;
    std::vector<std::pair<call::target, leg_news>> news;
    std::vector<std::string_view> figures; ///< of how the call began; to be counted
    bool in_memory = false;                ///< the store did not take it, and took the one before
    bool saved = false;                    ///< the store has taken what stood in memory
};

using any = std::variant<rest, pause, read, hint, ask, write, lose, part, act>;

} // namespace todo

/// How a commit went.
enum class written_as : std::uint8_t {
    stored,
    conflict,    ///< another version is stored
    unavailable, ///< nobody can tell, or not in time
};

/// One call, one writer. Every event that was accepted and is not yet part of a stored state is, between any
/// two steps, in the queue, in the hand, among the unsaved, or has been handed out by `lose`, `part` or
/// failed(): whatever fails wherever, none is lost (I3).
///
/// Not thread-safe. The answers belong to the step that was asked for; anything may arrive between.
class mailbox {
  public:
    explicit mailbox(call_id id) : id_(id) {}

    // ---- what happens to it
    void arrive(item i) { queue_.push_back(std::move(i)); }
    /// What is stored may be newer, or less, than what is here: it is compared when nothing else is to do.
    void doubt() { verify_ = true; }

    // ---- the drive
    /// Throws invariant_broken, and what folding throws: then failed() is to be called.
    [[nodiscard]] todo::any next(const surroundings& s);
    /// What a look at the store showed, for figures and logs.
    struct look {
        bool commits_lost = false; ///< memory is ahead of what is stored, seen for the first time
        std::uint64_t in_memory = 0;
        std::uint64_t stored = 0;
        bool another_wrote = false; ///< it is newer than what is here
    };
    look read(std::optional<port::stored_call> found);
    void read_failed() { read_ok_ = false; }
    void hinted(bool another_first) { hint_ = another_first; }
    void told(bool answered) { told_ = answered; }
    void written(written_as how) { written_ = how; }
    /// An effect that waited for another is started now; false: it was before, or has been released, and must
    /// not start again.
    [[nodiscard]] bool begun(const std::string& effect_id) { return launched_.insert(effect_id).second; }
    /// Of one that does not run: it was started here, and its outcome waits here to be stored, decided or
    /// not. Its row says "open" until then, and nobody here is to take it over.
    [[nodiscard]] bool holds_end_of(const std::string& effect_id) const {
        return launched_.contains(effect_id) && (unsaved() || !queue_.empty() || !in_hand_.empty());
    }
    /// What is in hand and in no inbox yet, for the commit that is about to be written.
    [[nodiscard]] fresh_events take_fresh();
    /// Something was thrown on the way. Everything that is not stored is in the queue again, in order, but
    /// for what has failed too often, or is written in a form that this program cannot read: that is
    /// returned, and must go back to the inbox. From now on one item at a time, until all is done.
    [[nodiscard]] std::vector<item> failed(bool newer_form);

    // ---- what others may know of it
    [[nodiscard]] call_id id() const { return id_; }
    /// State as decided; version as last known to be stored.
    [[nodiscard]] const std::optional<port::stored_call>& loaded() const { return loaded_; }
    [[nodiscard]] const std::vector<item>& queue() const { return queue_; }
    /// What comes of `loaded`, or else `from`, with what has arrived and is not decided yet; deadlines are
    /// left alone. nullopt: there is neither.
    [[nodiscard]] std::optional<call::state> foreseen(std::optional<call::state> from, time_point now) const;
    [[nodiscard]] bool has_work() const { return !queue_.empty() || unsaved() || verify_; }
    [[nodiscard]] bool unsaved() const { return unsaved_ != nullptr; }
    [[nodiscard]] rt::clock::time_point unsaved_since() const { return unsaved_since_; }
    [[nodiscard]] bool over() const { return loaded_ && call::over(loaded_->state); }
    /// A deadline has passed that may not act yet.
    [[nodiscard]] bool time_held() const { return time_held_; }
    /// Between two looks whether it may; longer and longer while the carrier does not tell.
    [[nodiscard]] millis held_pause() const;
    [[nodiscard]] unsigned failures() const { return failures_; } ///< in a row
    /// Whether it answers for this event.
    [[nodiscard]] bool holds(std::string_view inbox_id) const;

  private:
    enum class stage : std::uint8_t {
        idle,
        first_read,
        refresh,
        hint,
        hint_read,
        judge_read,
        decide,
        orphans_lost,
        prove_read,
        prove_ask,
        write,
        conflict_read,
        compare_read,
        save_pause,
        save_write,
    };
    using items = std::vector<item>;

    [[nodiscard]] std::optional<todo::any> step(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> begin(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> take_turn(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> heed_hint();
    [[nodiscard]] std::optional<todo::any> judge(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> decide(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> conclude(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> prove();
    [[nodiscard]] std::optional<todo::any> after_write(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> after_conflict(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> after_save();
    [[nodiscard]] todo::any ask_store(stage after);
    [[nodiscard]] todo::any wait_for_store(const surroundings& s);
    [[nodiscard]] rt::clock::duration patience(const surroundings& s);
    void end_patience(const surroundings& s);
    [[nodiscard]] std::optional<todo::any> part_callers();
    [[nodiscard]] todo::act keep(written_as how, const surroundings& s);
    [[nodiscard]] todo::act done_with_hand();
    void issue(call::effect e, todo::act& out);
    void issue_held(const std::vector<call::effect>& stored, todo::act& out);
    [[nodiscard]] call::step step_made() const;
    [[nodiscard]] port::call_commit whole() const;
    [[nodiscard]] bool overdue(time_point now) const;
    [[nodiscard]] bool takes_by_time(time_point now) const;
    [[nodiscard]] bool too_much_unsaved() const;
    void put_back();
    void start_over();
    void tidy();
    [[nodiscard]] std::size_t at_once() const;
    void take(std::size_t n);
    void remember(const items& decided, rt::clock::time_point ticks);
    void forget_unsaved();

    call_id id_;
    stage stage_ = stage::idle;
    std::optional<port::stored_call> loaded_;
    /// The database lost commits that this copy has (an asynchronous failover): the version of the row there
    /// now, 0 when it is gone. The next commit writes memory forward over it.
    std::optional<std::uint64_t> lost_to_;
    bool exists_ = false;    ///< by the store's last word: it is read before anything begins it again
    std::uint64_t seen_ = 0; ///< the version that was last known to be stored, also of a copy forgotten since
    items queue_;
    items in_hand_; ///< being decided about
    bool verify_ = false;
    bool careful_ = false; ///< a turn has failed: one item at a time, so that a bad one stands alone
    unsigned failures_ = 0;
    bool time_held_ = false;
    unsigned untold_ = 0; ///< questions for the sake of a deadline that failed in a row
    std::optional<rt::clock::time_point> patient_until_; ///< nothing in the queue is urgent before
    std::optional<rt::clock::time_point> patient_since_; ///< so it has been made to wait

    // Postgres did not take the last decisions: they stand in memory and at the carrier (fenced), and are
    // written back as one commit.
    std::unique_ptr<port::call_commit> unsaved_; ///< null: everything is stored
    items unsaved_items_;
    rt::clock::time_point unsaved_since_{};
    unsigned store_failures_ = 0; ///< in a row

    std::unordered_set<std::string> launched_;           ///< ids of effects started for the call
    std::unordered_map<std::string, call::effect> open_; ///< of these, those whose outcome is not decided yet
    std::vector<remembered> recent_; ///< what was decided lately: told again to a database that has lost it

    // ---- of the pass under way
    call::authority may_ = call::authority::newest;
    bool fresh_ = false;  ///< the copy was read for this pass
    bool proven_ = false; ///< the carrier was asked about what time would take
    int round_ = 0;
    std::unique_ptr<folded> folded_; ///< null at rest, as is the next one
    bool takes_ = false;
    std::unique_ptr<port::call_commit> whole_;

    // ---- answers
    bool read_ok_ = false;
    bool hint_ = false;
    bool told_ = false;
    written_as written_ = written_as::unavailable;
};

} // namespace z360::engine
