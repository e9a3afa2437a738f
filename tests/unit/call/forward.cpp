// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "unit/call/forward.hpp"

#include "call/ring.hpp"
#include "support/scenario.hpp"

namespace z360::call::forward {
namespace {

bool settle(state& s, effects& out, const circumstances& c) {
    const auto* r = current_ring(s);
    if (phase_of(s) != phase::ringing || s.rings.size() != 1 || !rings::in_vain(*r)) return false;
    rings::open(s, c.now);
    rings::dial(s, out, {testing::sample_incoming(9).routed.targets.back()}, c.now);
    return true;
}

} // namespace

const component k_component{nullptr, nullptr, settle, nullptr, nullptr, nullptr, nullptr};

} // namespace z360::call::forward
