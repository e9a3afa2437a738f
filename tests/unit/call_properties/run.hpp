// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One delivery of a call's events, and what two deliveries of the same story must agree on.
#pragma once

#include "story.hpp"
#include "support/scenario.hpp"

#include <rapidcheck.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace z360::testing {

inline const time_point k_begin = time_point{millis{1'800'000'000'000}};

/// A push that was issued, and the call as it was left then.
struct issued_push {
    call::effect what;
    time_point at{};
    call::state left;
    [[nodiscard]] const call::push_notice& told() const { return std::get<call::push_notice>(what.body); }
};

/// A call under test: feeds events, checks what must hold at every step, remembers every command.
struct run {
    call::state now;
    std::vector<call::command> sent;
    std::vector<issued_push> pushes;
    std::vector<call::command> waiting; ///< for another one: they start with its success, or released
    time_point at = k_begin;

    explicit run(int devices, bool push = false, std::string mobile = {});
    explicit run(const call::incoming& caller);
    void feed(const call::event& e, millis later, call::authority may = call::authority::newest);
    /// Nothing more is heard: only time passes, until the call needs none.
    void let_time_pass();

  private:
    void take(const call::decision& d);
};

using line_set = std::set<std::string>;

/// How the caller's side of a story ended.
struct ending {
    bool caller_ended = false;
    bool caller_answered = false;
    bool joined = false;
    bool wants_answer = false; ///< a device waits for the caller, or no leg is left and voicemail has to
};
[[nodiscard]] ending ending_of(const story& s);

/// What two deliveries of one story must agree on. `anyone` blurs the winner's name.
line_set view(const call::state& s, bool anyone);
/// The commands that the carrier would carry out, given that the whole story has happened there already and
/// only the news of it is late:
///  - hang-up: the addressed leg is alive at the end of the story;
///  - answer: the caller is there and has not been answered, and it is done for somebody: a device that is
///    still there or, with none left, voicemail. (On behalf of a device that has come and gone meanwhile it
///    depends on whether its end was heard of first, and rightly so.)
///  - bridge: the caller is there and joined to nobody (else the carrier's fence refuses it), the device's
///    leg is alive;
///  - greeting and recording of voicemail: the caller is there;
///  - dial: always. `incoming` and verdicts alone decide about dials, so they are the same list in any order.
/// Prompts that keep a waiting caller company are not counted: they change neither who is joined nor who is
/// alive, and whether one is needed depends on what was known while it was silent.
line_set effective(const run& r, const ending& s, bool anyone);
/// What the carrier has told, and nothing that we made of it.
line_set facts(const call::state& s);
/// Whether a caller who left had begun to hear the greeting is no fact of such a story: where every device
/// was gone and the caller was answered, "cancelled" and "voicemail" are the same ending.
void blur_reason(line_set& view, const story& s);
/// The same where it is known that every device was gone.
void blur_reason(line_set& view);
void check_ids(const run& r);
void check_end(const run& r);

rc::Gen<device_story> any_device(bool may_answer);
story any_story(bool one_answering);

/// A random order of the events, each one to three times, a few milliseconds apart.
struct delivery {
    call::event what;
    millis later;
};
std::vector<delivery> shuffled(const std::vector<call::event>& events);
void deliver(run& r, const std::vector<delivery>& events);

/// A thousand cases, or what RC_PARAMS says.
bool holds(const char* what, const std::function<void()>& property);

} // namespace z360::testing
