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

namespace z360::testing {
namespace {

using namespace call;

constexpr const char* k_asked = "test-asked";
constexpr const char* k_answered = "test-answered";

const recording* find(const state& s, std::string_view id) {
    const auto found =
        std::find_if(s.recordings.begin(), s.recordings.end(), [id](const auto& r) { return r.id == id; });
    return found == s.recordings.end() ? nullptr : &*found;
}

void absorb(state& s, const event& what, time_point) {
    const auto* o = std::get_if<test_outcome>(&what);
    if (o == nullptr || o->effect_id != test_effect_id(s) || find(s, k_answered) != nullptr) return;
    const auto said = o->result == outcome::done ? o->answer : std::string(name(o->result));
    s.recordings.push_back({k_answered, said});
}

bool settle(state& s, effects& out, const circumstances& c) {
    if (over(s) || find(s, k_asked) != nullptr) return false;
    s.recordings.push_back({k_asked, ""});
    effect e;
    e.id = test_effect_id(s);
    e.issued_at = c.now;
    e.deadline = c.now + millis{30'000};
    e.body = test_effect{s.id, "who are you?"};
    out.emplace_back(std::move(e));
    return true;
}

bool wants(const state& s, const effect& e) {
    return std::holds_alternative<test_effect>(e.body) && !over(s) && find(s, k_answered) == nullptr;
}

constexpr component k_test_part{.absorb = absorb, .settle = settle, .wants = wants};

} // namespace

std::string test_effect_id(const call::state& s) {
    return s.id.text() + "-test";
}

std::string test_answer(const call::state& s) {
    const auto* said = find(s, k_answered);
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
