// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/unknowns.hpp"

#include "sim/json_keys.hpp"

namespace z360::sim {

unknowns unknowns::from_json(const json& j) {
    unknowns u;
    key_reader r(j, "unknowns");
    std::string duplicate = "same_body";
    std::string fence = "refused";
    r.text("duplicate_command", duplicate);
    r.text("double_bridge", fence);
    if (duplicate != "same_body" && duplicate != "no_data")
        r.fail("duplicate_command", "same_body or no_data");
    if (fence != "refused" && fence != "ok_without_effect")
        r.fail("double_bridge", "refused or ok_without_effect");
    if (duplicate == "no_data") u.duplicate = duplicate_answer::no_data;
    if (fence == "ok_without_effect") u.fence = fence_answer::ok_without_effect;
    r.text("double_bridge_code", u.fence_code);
    r.ms("fence_lag_ms", u.fence_lag);
    r.flag("bridge_answers_caller", u.bridge_answers_caller);
    r.flag("linked_legs_end_with_caller", u.linked_legs_end_with_caller);
    r.flag("unknown_leg_is_404", u.unknown_leg_is_404);
    r.flag("answer_twice_fails", u.answer_twice_fails);
    r.flag("bridge_names_recording", u.bridge_names_recording);
    r.flag("stamp_each_attempt", u.stamp_each_attempt);
    r.flag("retry_other_4xx", u.retry_other_4xx);
    r.count("outbound_channels", u.outbound_channels);
    r.flag("bare_credential_errors", u.bare_credential_errors);
    r.flag("lookup_of_gone_is_422", u.lookup_of_gone_is_422);
    r.flag("lists_newest_first", u.lists_newest_first);
    r.flag("prompt_ends_bear_newest_mark", u.prompt_ends_bear_newest_mark);
    std::string address = "sip_uri";
    r.text("from_sip_uri", address);
    if (address == "bare")
        u.address = device_address::bare;
    else if (address == "none")
        u.address = device_address::none;
    else if (address != "sip_uri")
        r.fail("from_sip_uri", "sip_uri, bare or none");
    r.flag("speaks_to_parked_device", u.speaks_to_parked_device);
    r.flag("transfer_answers_device", u.transfer_answers_device);
    r.flag("transfer_records_target", u.transfer_records_target);
    r.flag("failed_transfer_ends_device", u.failed_transfer_ends_device);
    r.flag("transfer_outlives_device", u.transfer_outlives_device);
    std::string record = "event";
    r.text("event_record", record);
    if (record == "raw_text")
        u.record = event_record::raw_text;
    else if (record == "raw_event")
        u.record = event_record::raw_event;
    else if (record != "event")
        r.fail("event_record", "event, raw_text or raw_event");
    r.done();
    return u;
}

} // namespace z360::sim
