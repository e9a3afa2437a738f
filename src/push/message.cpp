// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/push/message.hpp>

namespace z360::push {

millis lifetime(kind k) {
    constexpr millis k_minute{60'000};
    constexpr millis k_day = 24 * 60 * k_minute;
    switch (k) {
    case kind::incoming_call:
    case kind::call_ended: return k_minute;
    case kind::missed_call:
    case kind::push_token_required: return k_day;
    case kind::session_warning: return 5 * k_day; // of the 30 days without life 25 are over
    case kind::business: return 60 * k_minute;
    }
    return k_minute;
}

uuid push_id(const message& m, device_id device) {
    std::string from = "push ";
    from.append(name(m.what)).append(" to device ").append(std::to_string(device.value));
    if (m.call.id.nil())
        from.append(" of occasion ").append(m.occasion);
    else
        from.append(" of call ").append(m.call.id.text());
    return derive_uuid(from);
}

} // namespace z360::push
