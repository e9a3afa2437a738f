// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The list of what a call is made of, and the order in which it settles. It has a file of its own, so that a
// program may be linked with another list.
#include "call/parts.hpp"

#include "call/figures.hpp"
#include "call/join.hpp"
#include "call/leg.hpp"
#include "call/media.hpp"
#include "call/mobile.hpp"
#include "call/notice.hpp"
#include "call/outbound.hpp"
#include "call/prompt.hpp"
#include "call/recorder.hpp"
#include "call/recording.hpp"
#include "call/request.hpp"
#include "call/ring.hpp"
#include "call/talk.hpp"
#include "call/voicemail.hpp"
#include "call/waves.hpp"

#include <array>

namespace z360::call {
namespace {

// What is over comes first, what the carrier has joined before what we would choose, and legs are let go
// when everybody else has come to rest. Phones are told last.
constexpr std::array<const component*, 15> k_parts{
    &talk::k_component,    &media::k_component,      &joins::k_component,    &outbound::k_component,
    &mobile::k_component,  &waves::k_component,      &rings::k_component,    &voicemail::k_component,
    &prompts::k_component, &recordings::k_component, &recorder::k_component, &requests::k_component,
    &legs::k_component,    &figures::k_component,    &notices::k_component,
};

} // namespace

part_list parts() {
    return k_parts;
}

} // namespace z360::call
