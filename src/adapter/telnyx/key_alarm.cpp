// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/key_alarm.hpp"

#include <z360/log.hpp>

namespace z360::adapter::telnyx {
namespace {
constexpr std::chrono::seconds k_line_every{10};
}

key_alarm::key_alarm(port::metrics& metrics, std::string_view client, std::string_view fix)
    : metrics_(metrics), client_(client), fix_(fix) {
    metrics_.gauge("telnyx_key_rejected", 0, {{"client", client_}});
}

void key_alarm::rejected(std::string_view verb, std::string_view code, std::string_view title) {
    metrics_.count("telnyx_key_rejected_total", {{"verb", verb}});
    if (!on_) metrics_.gauge("telnyx_key_rejected", 1, {{"client", client_}});
    on_ = true;
    const auto now = rt::clock::now();
    if (last_line_ && now - *last_line_ < k_line_every) return;
    last_line_ = now;
    log::critical("telnyx_key_rejected", {{"verb", verb}, {"code", code}, {"title", title}, {"fix", fix_}});
}

void key_alarm::accepted() {
    if (!on_) return;
    on_ = false;
    last_line_.reset();
    metrics_.gauge("telnyx_key_rejected", 0, {{"client", client_}});
    log::warn("telnyx_key_accepted", {{"client", client_}});
}

} // namespace z360::adapter::telnyx
