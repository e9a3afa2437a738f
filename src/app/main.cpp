// SPDX-License-Identifier: LicenseRef-z360-proprietary
// z360-voipd: reads its configuration, then serves or carries out one command.
#include "app/ops.hpp"
#include "app/options.hpp"
#include "app/server.hpp"

#include <z360/base/printable.hpp>
#include <z360/log.hpp>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

int main(int argc, char** argv) {
    using namespace z360;
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const auto parsed = app::parse_options(arguments, app::process_environment());
    if (const auto* end = std::get_if<app::early_exit>(&parsed)) {
        std::cout << end->out;
        std::cerr << printable(end->err, line_ends::kept);
        return end->code;
    }
    const auto& o = std::get<app::options>(parsed);
    (void)std::signal(SIGPIPE, SIG_IGN); // a peer that hangs up is an error code, not the end of the process
    auto level = o.settings.logging.level;
    // What it does is said on standard output, step by step.
    if (o.what == app::command::push_test) level = std::max(level, log::level::warn);
    log::configure({level, o.settings.logging.json});
    for (const auto& w : o.warnings)
        log::warn("configuration", {{"warning", w}});
    if (o.what != app::command::serve) return app::run_command(o);
    return app::serve(o.settings);
}
