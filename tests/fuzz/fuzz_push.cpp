// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whatever a push provider answers is read and judged, and costs no token that it does not name; whatever a
// caller is called becomes one clean line and a valid payload.
#include "wire/apns.hpp"
#include "wire/fcm.hpp"
#include "wire/push_text.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace z360;

namespace {

constexpr time_point k_now{millis{1'780'000'000'000}};

void require(bool holds) {
    if (!holds) std::abort();
}

void as_answer(int status, std::string_view body) {
    push::circumstances c;
    c.now = k_now;
    c.registered_at = k_now - millis{86'400'000};
    const auto apns = wire::read_apns({status, body, body, body}, k_now);
    const auto fcm = wire::read_fcm({status, body, body}, k_now);
    require(!apns.retry_after || (*apns.retry_after >= millis{} && *apns.retry_after <= millis{86'400'000}));
    require(apns.reason.size() <= 64 && fcm.reason.size() <= 64 && fcm.id.size() <= 256);
    const auto dies = [](const push::verdict& v) { return v.what == push::judgement::dead_token; };
    if (dies(push::judge_apns(apns, c)))
        require(status == 410 && (apns.reason == "Unregistered" || apns.reason == "ExpiredToken"));
    if (dies(push::judge_fcm(fcm, c))) require(status == 400 || status == 403 || status == 404);
    const auto grant = wire::read_token_grant(status, body);
    require(grant.token.empty() == !grant.error.empty());
}

void as_text(std::string_view text) {
    const auto line = wire::one_line(text, 128);
    require(wire::one_line(line, 128) == line && wire::valid_utf8(line) == line);
    require(line.find_first_of(std::string_view("\0\r\n\t\x1b", 5)) == std::string::npos);
    push::message m;
    m.call.id = call_id{derive_uuid("a call")};
    m.at = k_now;
    m.deadline = k_now + millis{30'000};
    m.call.caller_name = m.call.caller_number = m.call.caller_avatar = m.org.name = std::string(text);
    m.org.id = org_id{1};
    push::target to;
    to.token_is = push::token_kind::voip;
    to.token = secret("a1");
    const auto built = wire::build_apns(m, to, {{"com.example.voip"}, "com.example.voip"}, k_now);
    require(built.request.has_value());
    const auto body = built.request->body.reveal();
    require(body.size() <= wire::k_apns_voip_limit && nlohmann::json::accept(body));
    to.token_is = push::token_kind::fcm_token;
    const auto google = wire::build_fcm(m, to, {"z360-example", {}}, k_now);
    require(google.request && nlohmann::json::accept(google.request->body.reveal()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    for (const int status : {200, 400, 401, 403, 404, 410, 413, 429, 500, 503})
        as_answer(status, input);
    as_text(input);
    return 0;
}
