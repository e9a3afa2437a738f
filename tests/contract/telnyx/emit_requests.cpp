// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Prints every kind of request we can send to Telnyx, one JSON object a line: all verbs of calls and of
// credentials, all combinations of what is optional, and odd values that the builder has to make acceptable.
#include "adapter/crypto/client_state.hpp"
#include "wire/telnyx_command.hpp"
#include "wire/telnyx_credential.hpp"
#include "wire/telnyx_records.hpp"

#include <nlohmann/json.hpp>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace z360;

namespace {

const std::vector<std::string> k_names{"",     "Alice Example",       "Zoë Müller-Łukasz & Söhne, \"Büro\"",
                                       "山田", std::string(400, 'x'), "\xff\xfe\r\nX: y"};
const std::vector<std::string> k_callers{"", "+14155550123", "anonymous", "sip:someone@example.test"};

std::vector<call::command_body> dials() {
    std::vector<call::command_body> out;
    for (const auto& name : k_names)
        for (const auto& from : k_callers)
            for (const char* link : {"", "v3:caller/with+signs="})
                for (const int ring : {-1, 5, 30, 60, 100'000}) {
                    call::dial_body b;
                    b.leg = leg_id{uuid{1, 2}};
                    b.call = call_id{uuid{3, 4}};
                    b.org = org_id{7};
                    b.sip_username = "gencredAlice";
                    b.from = from;
                    b.display_name = name;
                    b.link_to = link;
                    b.timeout_secs = ring;
                    out.emplace_back(std::move(b));
                }
    call::dial_body agent;
    agent.leg = leg_id{uuid{1, 2}};
    agent.call = call_id{uuid{3, 4}};
    agent.org = org_id{7};
    agent.agent = "sip:agent@agents.example:5061;transport=tls";
    agent.from = "+14155550123";
    agent.link_to = "v3:caller/with+signs=";
    out.emplace_back(std::move(agent));
    return out;
}

std::vector<call::command_body> actions() {
    std::vector<call::command_body> out;
    out.emplace_back(call::answer_body{});
    out.emplace_back(call::reject_body{});
    out.emplace_back(call::playback_stop_body{});
    for (const bool record : {false, true})
        for (const auto& name : {std::string{}, std::string("call-7"), std::string(90, 'r')})
            out.emplace_back(call::bridge_body{"v3:caller", record, name});
    for (const auto why :
         {call::release_reason::none, call::release_reason::answered_elsewhere,
          call::release_reason::caller_gone, call::release_reason::ring_timeout,
          call::release_reason::bridge_failed, call::release_reason::call_over,
          call::release_reason::device_removed})
        out.emplace_back(call::hangup_body{why});
    for (const auto& text : {std::string("Hello"), std::string(9'000, 'a'), std::string("\xff")})
        for (const char* voice : {"", "AWS.Polly.Joanna-Neural"})
            out.emplace_back(call::speak_body{text, voice});
    for (const bool loop : {false, true})
        for (const bool instead : {false, true})
            out.emplace_back(call::playback_start_body{"https://media.example.test/a.mp3", loop, instead});
    for (const int seconds : {-1, 0, 120, 1'000'000})
        for (const auto& name : {std::string{}, std::string("vm-7"), std::string(90, 'v')})
            for (const bool dual : {true, false})
                out.emplace_back(call::record_start_body{seconds, name, true, false, dual});
    out.emplace_back(call::record_start_body{.transcribe = true});
    for (const auto& id : {std::string{}, std::string("6e00ab49-9487-4364-8ad6-23965965afb2")}) {
        out.emplace_back(call::record_pause_body{id});
        out.emplace_back(call::record_resume_body{id});
    }
    return out;
}

std::vector<call::command_body> transfers() {
    std::vector<call::command_body> out;
    for (const char* number : {"+14155550123", "911"})
        for (const int ring : {-1, 5, 60, 100'000})
            for (const bool record : {false, true})
                for (const auto& name : {std::string{}, std::string("call-7"), std::string(90, 'r')})
                    out.emplace_back(
                        call::transfer_body{leg_id{uuid{1, 2}}, number, "+13125550100", ring, record, name}
                    );
    return out;
}

std::vector<wire::telnyx_request> credential_requests() {
    std::vector<wire::telnyx_request> out;
    const time_point end{std::chrono::seconds{1'800'000'000}};
    for (const auto& name :
         {std::string{}, std::string("z360-production-0190a0b0-0000-7000-8000-000000000001"),
          std::string("Zo\xc3\xab & Co #1?/")}) {
        for (const char* tag : {"", "z360-production-u7"})
            out.push_back(wire::create_credential({name, tag, "2770000000000000001", end}));
        out.push_back(wire::find_credentials(name, 1));
    }
    out.push_back(wire::create_credential({"\xff\xfe", "\xff", "2770000000000000001", end}));
    for (const char* id : {"c215ade3-0d39-418e-94be-c5f780760199", "odd/id?x=1&y#z"}) {
        out.push_back(wire::get_credential(id));
        out.push_back(wire::extend_credential(id, end));
        out.push_back(wire::remove_credential(id));
        out.push_back(wire::mint_credential_token(id));
    }
    for (const unsigned page : {1U, 2U, 4'000U})
        out.push_back(wire::list_credentials("2770000000000000001", page));
    return out;
}

std::vector<wire::telnyx_request> questions() {
    std::vector<wire::telnyx_request> out;
    const time_point since{std::chrono::milliseconds{1'800'000'000'123}};
    for (const char* cursor : {"", "page=2", "page=4000"}) {
        out.push_back(wire::failed_deliveries(since, cursor));
        out.push_back(wire::session_events("428c31b6-7af4-4bcb-b68e-5013ef9657c1", cursor));
    }
    for (const char* cursor : {"", "after=v1:g3QAAAADZAAK+/=="}) {
        out.push_back(wire::session_events("428c31b6-7af4-4bcb-b68e-5013ef9657c1", cursor));
        for (const char* connection : {"2650000000000000001", "odd/id?x=1&y#z"})
            out.push_back(wire::active_calls(connection, cursor));
    }
    for (const char* leg :
         {"v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg", "v3:leg/with+signs="})
        out.push_back(wire::call_status(leg));
    return out;
}

void print(const wire::telnyx_request& request) {
    nlohmann::json line;
    line["method"] = request.method;
    line["path"] = request.path;
    if (!request.body.empty()) line["body"] = nlohmann::json::parse(request.body);
    std::cout << line.dump() << '\n';
}

} // namespace

int main() {
    const adapter::crypto::client_state_codec codec(secret{}, secret{std::string("KEY-for-tests")});
    const auto state = codec.sign({call_id{uuid{3, 4}}, leg_id{uuid{1, 2}}, org_id{7}});
    for (const char* url : {"", "https://voip.example.test/webhooks/cpaas/telnyx/call-control"}) {
        const wire::command_settings settings{"2400000000000000001", "sip.telnyx.com", url};
        auto bodies = dials();
        for (auto& more : {actions(), transfers()})
            bodies.insert(bodies.end(), more.begin(), more.end());
        for (auto& body : bodies) {
            call::command cmd;
            cmd.id = uuid{1, 2}.text();
            cmd.call_control_id = "v3:leg/with+signs=";
            cmd.body = std::move(body);
            print(wire::build_request(cmd, settings, {state, "0f8d3a51c2b94e7d8a6f5b1c2d3e4f50", state}));
        }
    }
    for (const auto& request : credential_requests())
        print(request);
    for (const auto& request : questions())
        print(request);
    return 0;
}
