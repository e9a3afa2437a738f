// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/spool_parts.hpp"

#include "adapter/spool/spool.hpp"

#include <string>

namespace z360::app {

std::unique_ptr<port::spool> open_spool(const config::spool_t& c) {
    if (c.directory.empty()) return nullptr;
    return adapter::spool::make_spool(c.directory, c.max_bytes);
}

edge::readiness spool_readiness(const port::spool* s) {
    if (s == nullptr) return {"spool", false, false, "no local spool"};
    const auto h = s->health();
    std::string detail = h.why;
    if (detail.empty() && h.set_aside > 0)
        detail = std::to_string(h.set_aside) + " events are set aside; see --dead-letters";
    return {"spool", h.usable, false, detail};
}

void report_spool(const port::spool* s, port::metrics& m) {
    if (s == nullptr) return;
    const auto h = s->health();
    m.gauge("spool_usable", h.usable ? 1 : 0);
    m.gauge("spool_set_aside", static_cast<double>(h.set_aside));
}

} // namespace z360::app
