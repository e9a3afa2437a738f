// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A recording that is due.
#pragma once

#include "recording_keeper/rules.hpp"

namespace z360::recording_keeper {

inline port::due_recording
due(port::recording_status status = port::recording_status::waiting,
    call::recording_purpose purpose = call::recording_purpose::message) {
    port::due_recording r;
    r.id = uuid{0x1111, 0x2222};
    r.claim = 3;
    r.call = call_id{uuid{0x3333, 0x4444}};
    r.org = org_id{7};
    r.user = user_id{9};
    r.carrier_id = "d0000000-0000-4000-8000-000000000001";
    r.carrier_url = "https://records.example.test/1.mp3?sig=x";
    r.purpose = purpose;
    r.status = status;
    r.length = millis{12'345};
    r.caller = "+14155550123";
    r.began_at = *parse_iso8601("2026-11-30T23:59:59.999Z");
    return r;
}

} // namespace z360::recording_keeper
