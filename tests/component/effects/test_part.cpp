// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "component/effects/test_part.hpp"

#include "call/join.hpp"
#include "call/leg.hpp"
#include "call/parts.hpp"
#include "call/prompt.hpp"
#include "call/recording.hpp"
#include "call/request.hpp"
#include "call/ring.hpp"
#include "call/talk.hpp"
#include "call/voicemail.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace z360::testing {
namespace {

using namespace call;

/// One of the two effects: how it is called in its id and among the recordings.
struct kind {
    const char* id;
    const char* asked;
    const char* answered;
};
constexpr kind k_first{"-test", "test-asked", "test-answered"};
constexpr kind k_chained{"-test-chained", "test-chained-asked", "test-chained-answered"};

std::string id_of(const state& s, const kind& k) {
    return s.id.text() + k.id;
}

const recording* find(const state& s, std::string_view id) {
    const auto found =
        std::find_if(s.recordings.begin(), s.recordings.end(), [id](const auto& r) { return r.id == id; });
    return found == s.recordings.end() ? nullptr : &*found;
}

void absorb(state& s, const event& what, time_point) {
    const auto* o = std::get_if<test_outcome>(&what);
    for (const auto& k : {k_first, k_chained}) {
        if (o == nullptr || o->effect_id != id_of(s, k) || find(s, k.answered) != nullptr) continue;
        const auto said = o->result == outcome::done ? o->answer : std::string(name(o->result));
        s.recordings.push_back({k.answered, said});
    }
}

void issue(state& s, effects& out, const kind& k, time_point now, std::optional<predecessor> after) {
    s.recordings.push_back({k.asked, ""});
    effect e;
    e.id = id_of(s, k);
    e.issued_at = now;
    e.deadline = now + millis{30'000};
    e.after = std::move(after);
    e.body = test_effect{s.id, "who are you?"};
    out.emplace_back(std::move(e));
}

bool settle(state& s, effects& out, const circumstances& c) {
    if (over(s)) return false;
    if (find(s, k_first.asked) == nullptr) {
        issue(s, out, k_first, c.now, std::nullopt);
        return true;
    }
    if (current_join(s) == nullptr || s.caller.answered || find(s, k_chained.asked) != nullptr) return false;
    const auto answer = s.id.text() + "-answer-" + std::to_string(s.epoch);
    issue(s, out, k_chained, c.now, predecessor{answer, millis{5'000}});
    return true;
}

bool wants(const state& s, const effect& e) {
    if (!std::holds_alternative<test_effect>(e.body) || over(s)) return false;
    if (e.id == id_of(s, k_first)) return find(s, k_first.answered) == nullptr;
    return s.caller.answered && find(s, k_chained.answered) == nullptr;
}

constexpr component k_test_part{.absorb = absorb, .settle = settle, .wants = wants};

} // namespace

std::string test_effect_id(const call::state& s) {
    return id_of(s, k_first);
}
std::string chained_effect_id(const call::state& s) {
    return id_of(s, k_chained);
}

std::string test_answer(const call::state& s) {
    const auto* said = find(s, k_first.answered);
    return said == nullptr ? std::string() : said->url;
}
std::string chained_answer(const call::state& s) {
    const auto* said = find(s, k_chained.answered);
    return said == nullptr ? std::string() : said->url;
}

} // namespace z360::testing

namespace z360::call {

part_list parts() {
    static constexpr std::array<const component*, 9> k_all{
        &talk::k_component,      &joins::k_component,   &rings::k_component,
        &voicemail::k_component, &prompts::k_component, &recordings::k_component,
        &requests::k_component,  &legs::k_component,    &testing::k_test_part,
    };
    return k_all;
}

} // namespace z360::call
