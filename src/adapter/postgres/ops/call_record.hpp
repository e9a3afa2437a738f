// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is on record of calls, as operators' commands read it. Data only.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/diagnosis.hpp>
#include <z360/port/call_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

struct timeline_line {
    time_point at{};
    std::string
        source; ///< webhook, call, note, command, outcome, carrier (what it measured, charged) or client
    std::string what;
    std::string detail;
    std::string channel;          ///< of commands and their outcomes: who carries them out
    device_id device;             ///< whom it is about; none: nobody's, or the caller's
    bool caller = false;          ///< it is about the caller's leg
    bool mobile = false;          ///< it is about the leg to the person's mobile number
    bool agent = false;           ///< it is about the leg to the organisation's agent
    std::optional<millis> stored; ///< of a webhook: from its arrival until it was durable
    std::optional<millis>
        decided; ///< of a webhook: until what it led to was stored, or it was found to mean nothing
    std::optional<millis> took; ///< of an outcome: since it was decided that it be done
};

struct explained_call {
    call_id id; ///< nil: webhooks of this session have come, but there is no call
    std::string call_session_id;
    std::string phase;
    std::string end_reason; ///< empty while the call lives
    std::uint64_t version = 0;
    std::optional<port::call_view> call; ///< nullopt: there is none, or a newer program has stored it
    std::vector<timeline_line> lines;    ///< in the order of time
    std::string person, login;           ///< whom it was for; empty: nobody
    std::string number_alias;
    call::ring_facts ring;
    std::vector<call::device_facts> devices; ///< all of the person's, rung or not
    std::vector<call::leg_facts> mobile;     ///< legs to the person's mobile number, or the agent
};

/// A call on one line.
struct call_line {
    call_id id;
    std::string call_session_id;
    time_point began{};
    std::string caller_number, caller_name;
    std::string number, number_alias; ///< ours
    std::string org;
    user_id user; ///< none: for nobody
    std::string person, login;
    std::string phase;
    std::string end_reason; ///< empty while it lives
    bool missed = false;    ///< nobody of ours talked to them
    device_id answered_by;  ///< had, or has, the caller
    std::string device_name;
    std::optional<time_point> bridged_at, ended_at;
};

struct call_filter {
    time_point since{};
    std::string number; ///< E.164, the caller's or ours; empty: any
    user_id user;       ///< none: anybody's
    bool missed = false;
    std::size_t limit = 1'000;
};

/// What a text given by an operator names.
struct call_subject {
    enum class kind : std::uint8_t { call, number, person, device };
    kind is = kind::call;
    std::string text; ///< of a call: its id or session; of a number: E.164
    std::string name; ///< for people
    user_id user;     ///< the person, or the device's
    device_id device;
};

} // namespace z360::adapter::postgres
