// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/fault.hpp"

#include "sim/json_keys.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace z360::sim {

namespace {
void read_match(key_reader& r, const json& j, fault_match& m) {
    r.text("leg", m.leg);
    r.count("nth", m.nth);
    r.count("times", m.times);
    r.ms("from_ms", m.from);
    if (j.contains("until_ms")) {
        millis until{0};
        r.ms("until_ms", until);
        m.until = until;
    }
}
} // namespace

webhook_fault webhook_fault::from_json(const json& j) {
    webhook_fault f;
    key_reader r(j, "webhook fault");
    read_match(r, j, f.match);
    r.text("event_type", f.event_type);
    r.ms("delay_ms", f.delay);
    r.flag("drop", f.drop);
    r.count("duplicates", f.duplicates);
    r.ms("duplicate_after_ms", f.duplicate_after);
    r.flag("new_id", f.new_id);
    r.flag("after_next", f.after_next);
    r.flag("unreachable", f.unreachable);
    r.text("form", f.form);
    r.done();
    constexpr std::array<std::string_view, 6> k_forms{"",          "pretty", "flat",
                                                      "version_1", "latin1", "lone_surrogate"};
    if (std::find(k_forms.begin(), k_forms.end(), f.form) == k_forms.end())
        r.fail("form", "pretty, flat, version_1, latin1 or lone_surrogate");
    if (f.duplicates > 1000) r.fail("duplicates", "at most 1000");
    return f;
}

command_fault command_fault::from_json(const json& j) {
    command_fault f;
    key_reader r(j, "command fault");
    read_match(r, j, f.match);
    r.text("verb", f.verb);
    r.text("credential", f.credential);
    unsigned status = 0;
    r.count("status", status);
    if (status != 0 && (status < 300 || status > 599)) r.fail("status", "between 300 and 599");
    f.fail_status = static_cast<int>(status);
    r.text("code", f.fail_code);
    r.ms("stall_before_ms", f.stall_before);
    r.ms("stall_reply_ms", f.stall_reply);
    r.flag("lose_reply", f.lose_reply);
    r.flag("no_effect", f.no_effect);
    r.text("one_sided", f.one_sided);
    r.flag("silent_leg", f.silent_leg);
    r.text("recording_error", f.recording_error);
    r.flag("unrecorded", f.unrecorded);
    r.flag("empty_list", f.empty_list);
    r.ms("lag_ms", f.lag);
    if (const auto* headers = r.take("headers")) {
        if (!headers->is_object()) r.fail("headers", "an object");
        for (const auto& item : headers->items()) {
            if (!item.value().is_string()) r.fail("headers", "an object of texts");
            f.headers[item.key()] = item.value().get<std::string>();
        }
    }
    r.done();
    if (!f.one_sided.empty() && f.one_sided != "caller" && f.one_sided != "device")
        r.fail("one_sided", "caller or device");
    return f;
}

} // namespace z360::sim
