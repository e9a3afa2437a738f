// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What people do because of what they hear: callers who leave in the middle of it, devices that want a
// recording to pause.
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace z360::testing {
namespace {

constexpr int k_tries = 6;
constexpr millis k_ask_again{700};

/// What is said or played to a caller whom nobody will answer.
bool is_greeting(const call::route& r, const sim::command_record& c) {
    if (c.verb == "playback_start")
        return !r.rules.voicemail_greeting_url.empty() &&
               c.body.value("audio_url", std::string{}) == r.rules.voicemail_greeting_url;
    if (c.verb != "speak") return false;
    const auto said = c.body.value("payload", std::string{});
    return said == r.rules.voicemail_greeting || said == r.rules.unavailable_message;
}

} // namespace

// A command has just been carried out, or refused.
void world::heed(const sim::command_record& c) {
    if (!c.acted_at) return;
    if (!wishes_made_ && !tel.seen().bridges.empty()) make_wishes();
    if (leaving_ || what.leaves_in == farewell::none || c.call_control_id != caller) return;
    const bool now =
        what.leaves_in == farewell::greeting ? is_greeting(heeded(what), c) : c.verb == "record_start";
    if (!now) return;
    leaving_ = true;
    time.after(what.leaves_after, [this] { tel.caller_hangs_up(caller, time.now()); });
}

void world::make_wishes() {
    wishes_made_ = true;
    unsigned number = 0;
    for (const auto& w : what.wishes) {
        const auto joined = tel.seen().bridges.front().began;
        const auto at = w.at_the_end ? start + millis{1} + what.caller_leaves - w.when : joined + w.when;
        time.at(std::max(at, time.now()), [this, w, n = ++number] {
            make(w, n);
            if (w.twice) time.after(dice.span(0, 300), [this, w, n] { make(w, n); });
        });
    }
}

void world::make(const wish& w, unsigned number) {
    const auto& b = tel.seen().bridges.back();
    const auto leg = tel.leg(b.device);
    const auto& all = what.routed.targets;
    const auto who = std::find_if(all.begin(), all.end(), [&](const call::target& t) {
        return (t.sip_username == leg->username) != w.stranger;
    });
    if (who == all.end()) return;
    request_made r;
    r.id = "wish-" + std::to_string(number);
    r.pause = w.pause;
    r.device = who->device;
    r.at = time.now();
    requests.push_back(std::move(r));
    ask(requests.size() - 1, k_tries);
}

// By any node that lives, again and again until one takes it.
void world::ask(std::size_t made, int tries) {
    if (tries == 0 || db.calls().empty()) return;
    std::vector<node*> up;
    for (auto& n : nodes)
        if (n->alive()) up.push_back(n.get());
    auto heard = std::make_shared<bool>(false);
    if (!up.empty()) {
        const auto& row = db.calls().begin()->second.call;
        engine::request r;
        r.id = requests[made].id;
        r.what =
            requests[made].pause ? call::request_kind::pause_recording : call::request_kind::resume_recording;
        r.device = requests[made].device;
        r.call = row.state.id;
        r.call_session_id = row.state.origin.call_session_id;
        auto& n = *up[static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(up.size()) - 1))];
        n.submit(std::move(r), [this, made, heard](std::optional<engine::submission> s) {
            if (!s) return;
            *heard = true;
            if (s->went == engine::submission::how::judged) requests[made].verdicts.push_back(s->verdict.why);
        });
    }
    time.after(k_ask_again, [this, made, tries, heard] {
        if (!*heard) ask(made, tries - 1);
    });
}

} // namespace z360::testing
