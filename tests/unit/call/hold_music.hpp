// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "call/component.hpp"

/// What the caller hears while a device holds the call. Not a part of the product: docs/features.md builds it
/// to show what a new feature needs.
namespace z360::call::hold_music {

extern const component k_component;

} // namespace z360::call::hold_music
