// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call to watch: it comes in, phones ring, one answers, the others stop, the caller hangs up.
#pragma once

#include "sim/ladder.hpp"
#include "sim/simulator.hpp"

#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace z360::sim {

struct demo_settings {
    std::string from;
    std::string to;
    std::vector<std::string> devices; ///< who answers, in turn; empty: whoever rings first
    /// The same, a line each, with what people call the phone behind a blank; the first call waits until it
    /// is there.
    std::string devices_file;
    phone_names names;           ///< of that file
    std::string explain_command; ///< `{call}` becomes the session id; without it, that is appended
    millis answer_after{1500};
    millis talk{1500};
    millis patience{10'000}; ///< for the first ring; later steps get half
    millis between{15'000};
    bool live = false; ///< print while it happens
    bool colour = false;
};

struct verdict {
    bool ok = false;
    std::string why; ///< what went wrong, or a summary
};

/// Waits at most so long; true: the user wants to stop.
using stop_signal = std::function<bool(millis)>;

/// Takes the devices from the file, once it is there with a line in it. False: the user wanted to stop first.
/// Whoever registers the devices writes it aside and renames it.
bool wait_for_devices(demo_settings& s, const stop_signal& stop);
/// Plays one call, prints its ladder, judges it. `turn` picks the phone that answers.
verdict play_call(
    simulator& sim, const demo_settings& s, std::size_t turn, std::ostream& out, const stop_signal& stop
);
/// Plays calls until stopped, or one. Returns the exit code.
int run_demo(simulator& sim, const demo_settings& s, bool once, std::ostream& out, const stop_signal& stop);

} // namespace z360::sim
