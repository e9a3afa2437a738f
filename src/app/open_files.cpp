// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/open_files.hpp"

#include <z360/log.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace z360::app {

std::size_t files_needed(const config& c) {
    constexpr std::size_t k_turned_away = 64; // connections that are only told to come again
    constexpr std::size_t k_others = 256;     // to Telnyx, Redis and the product; spool, log, libraries
    return c.http.max_connections + c.http.webhook_connections + k_turned_away + c.database.connections +
           c.database.api_connections + k_others;
}

std::size_t raise_open_files(std::size_t needed) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        auto higher = limit;
        higher.rlim_cur = limit.rlim_max;
        // Some systems say "infinity" and mean less.
        if (::setrlimit(RLIMIT_NOFILE, &higher) != 0 && limit.rlim_cur < needed) {
            higher.rlim_cur = std::min<rlim_t>(limit.rlim_max, needed);
            (void)::setrlimit(RLIMIT_NOFILE, &higher);
        }
        (void)::getrlimit(RLIMIT_NOFILE, &limit);
    }
    const auto now = limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max()
                                                     : static_cast<std::size_t>(limit.rlim_cur);
    if (now < needed)
        log::warn(
            "too_few_open_files",
            {{"limit", now},
             {"needed", needed},
             {"fix", "raise the hard limit (LimitNOFILE=, ulimit -Hn) or lower http.max_connections"}}
        );
    return now;
}

} // namespace z360::app
