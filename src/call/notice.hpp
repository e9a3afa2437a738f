// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What phones are told by push: that a call rings, that it does no more, that it was missed. Private to
// src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::notices {

extern const component k_component;

/// To every phone that the current ring dials and that was not told of it; nothing, if pushes are off.
void wake(state& s, effects& out, time_point now);
/// Nobody rings, but a phone that was woken may yet ask to be let in: its leg failed while it slept.
[[nodiscard]] bool awaited(const state& s);
/// This phone was, or is to be, told of the ring that is on.
[[nodiscard]] bool is_woken(const state& s, device_id device);

} // namespace z360::call::notices
