// SPDX-License-Identifier: LicenseRef-z360-proprietary
// z360-sim: a carrier and phones on this machine.
#include "sim/demo.hpp"
#include "sim/push_options.hpp"
#include "sim/scenario.hpp"
#include "sim/signer.hpp"
#include "sim/simulator.hpp"

#include <z360/log.hpp>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <stdexcept>
#include <string>

namespace {

using namespace z360::sim;
using z360::millis;

struct options {
    std::string listen = "127.0.0.1:8089";
    std::string seed;
    std::string key_file;
    std::string api_key_file;
    std::string scenario_file;
    std::string devices;
    bool print_public_key = false;
    bool demo = false;
    bool once = false;
    simulator_settings sim;
    push_options push;
    demo_settings show;
};

std::string random_text() {
    std::random_device device;
    std::string out;
    for (int i = 0; i < 8; ++i) {
        char part[16];
        std::snprintf(part, sizeof part, "%08x", device());
        out += part;
    }
    return out;
}

std::string trimmed_file(const std::string& path) {
    std::ifstream in(path);
    if (!in) throw std::invalid_argument("cannot read " + path + ": " + std::strerror(errno));
    std::string text((std::istreambuf_iterator<char>(in)), {});
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
        text.pop_back();
    if (text.empty()) throw std::invalid_argument(path + " is empty");
    return text;
}

/// The text that the signing key is derived from; made at first use, readable by its owner only.
std::string key_seed_from(const std::string& path) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        const auto text = random_text() + "\n";
        const auto written = write(fd, text.data(), text.size());
        const bool closed = close(fd) == 0;
        if (written != static_cast<ssize_t>(text.size()) || !closed)
            throw std::invalid_argument("cannot write " + path + ": " + std::strerror(errno));
    } else if (errno != EEXIST) {
        throw std::invalid_argument("cannot create " + path + ": " + std::strerror(errno));
    }
    return trimmed_file(path);
}

void parse_listen(const std::string& text, simulator_settings& out) {
    const auto colon = text.rfind(':');
    const auto digits = colon == std::string::npos ? std::string{} : text.substr(colon + 1);
    if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos ||
        std::stoul(digits) > 65'535)
        throw std::invalid_argument("--listen must be ADDRESS:PORT, e.g. 127.0.0.1:8089; it is " + text);
    out.address = text.substr(0, colon);
    out.port = static_cast<std::uint16_t>(std::stoul(digits));
}

void define(CLI::App& app, options& o) {
    app.add_option("--listen", o.listen, "Address and port of the REST and control API (port 0: any)");
    app.add_option("--webhook-url", o.sim.app.primary, "Where webhooks of the call control application go");
    app.add_option("--failover-url", o.sim.app.failover, "… and where they go when that fails");
    app.add_option("--credential-webhook-url", o.sim.credential.primary, "Webhooks of device-placed calls");
    app.add_option("--credential-failover-url", o.sim.credential.failover, "… and their failover address");
    app.add_option("--connection-id", o.sim.carrier.app_connection_id, "Id of the call control application");
    app.add_flag(
        "--only-known-credentials", o.sim.carrier.only_known_credentials,
        "Only SIP usernames made by POST /v2/telephony_credentials can be dialed"
    );
    app.add_flag("--call-costs", o.sim.carrier.tells_costs, "Tell what each leg has cost (call.cost)");
    app.add_flag(
        "!--no-call-quality", o.sim.carrier.tells_quality, "call_quality_stats of call.hangup are always null"
    );
    app.add_option(
        "--credential-connection-id", o.sim.carrier.credential_connection_id,
        "Id of the credential connection"
    );
    app.add_option("--seed", o.seed, "Makes ids (and without --key-file the key) the same in every run");
    app.add_option("--key-file", o.key_file, "File of the signing key; created if absent");
    app.add_flag("--print-public-key", o.print_public_key, "Print the public key (base64) and exit");
    app.add_option("--api-key-file", o.api_key_file, "File with the bearer to expect (or Z360_SIM_API_KEY)");
    o.push.define(app);
    app.add_option("--scenario", o.scenario_file, "JSON file: phones, faults, unknowns, calls");
    app.add_flag("--demo", o.demo, "Place a call every 15 s and show it as a ladder");
    app.add_flag("--once", o.once, "With --demo: one call; exit 0 only if it went well");
    app.add_option("--from", o.show.from, "Caller's number (+E.164)");
    app.add_option("--to", o.show.to, "Number that is called (+E.164)");
    app.add_option("--devices", o.devices, "SIP usernames, comma-separated: who answers, in turn");
    app.add_option(
        "--devices-file", o.show.devices_file,
        "The same from a file, one a line, with the phone's name behind a blank; the first call waits for it"
    );
    app.add_option(
        "--explain-command", o.show.explain_command,
        "Command that prints the server's decisions as JSON lines; {call} becomes the call's id"
    );
}

void complete(options& o) {
    parse_listen(o.listen, o.sim);
    // Ids must differ from run to run: a server remembers the webhooks it has seen.
    o.sim.carrier.seed = o.seed.empty() ? random_text() : o.seed;
    if (!o.key_file.empty())
        o.sim.key_seed = key_seed_from(o.key_file);
    else
        o.sim.key_seed = "key/" + o.sim.carrier.seed;
    if (!o.api_key_file.empty()) {
        o.sim.api_key = z360::secret(trimmed_file(o.api_key_file));
    } else if (const char* key = std::getenv("Z360_SIM_API_KEY")) {
        o.sim.api_key = z360::secret(key);
    }
    for (std::size_t at = 0; at < o.devices.size();) {
        const auto comma = std::min(o.devices.find(',', at), o.devices.size());
        if (comma > at) o.show.devices.push_back(o.devices.substr(at, comma - at));
        at = comma + 1;
    }
    if (o.demo && (!is_e164(o.show.from) || !is_e164(o.show.to)))
        throw std::invalid_argument("--demo needs --from and --to as +E.164 numbers");
    if ((o.demo || !o.scenario_file.empty()) && !o.print_public_key && o.sim.app.primary.empty())
        throw std::invalid_argument("--webhook-url is needed: the server's call-control webhook address");
    o.sim.push = o.push.settings(o.sim.address);
    const bool terminal = isatty(STDOUT_FILENO) != 0;
    o.show.live = terminal;
    o.show.colour = terminal && std::getenv("NO_COLOR") == nullptr;
}

/// SIGINT and SIGTERM, blocked everywhere and fetched here.
class interrupts {
  public:
    interrupts() {
        sigemptyset(&set_);
        sigaddset(&set_, SIGINT);
        sigaddset(&set_, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &set_, nullptr);
        signal(SIGPIPE, SIG_IGN);
    }
    bool wait(millis limit) {
        if (seen_) return true;
        const auto s = std::chrono::duration_cast<std::chrono::seconds>(limit);
        timespec t{};
        t.tv_sec = s.count();
        t.tv_nsec = std::chrono::nanoseconds(limit - s).count();
        seen_ = sigtimedwait(&set_, nullptr, &t) > 0;
        return seen_;
    }
    void wait() {
        while (!wait(std::chrono::hours{1})) {
        }
    }

  private:
    sigset_t set_{};
    bool seen_ = false;
};

/// Places the calls of a scenario at their times. Returns early when interrupted.
void play_scenario(simulator& sim, const scenario& script, interrupts& stop) {
    std::multimap<millis, std::function<void()>> plan;
    std::vector<std::string> ids(script.calls.size());
    for (std::size_t i = 0; i < script.calls.size(); ++i) {
        const auto& call = script.calls[i];
        plan.emplace(call.at, [&sim, &ids, &call, i] { ids[i] = sim.place_call(call.from, call.to); });
        if (call.hangs_up_after)
            plan.emplace(call.at + *call.hangs_up_after, [&sim, &ids, i] { sim.caller_hangs_up(ids[i]); });
    }
    const auto start = std::chrono::steady_clock::now();
    for (const auto& [at, step] : plan) {
        const auto left = std::chrono::ceil<millis>(start + at - std::chrono::steady_clock::now());
        if (left > millis{0} && stop.wait(left)) return;
        step();
    }
}

int run(options& o) {
    if (o.print_public_key) {
        std::cout << signer(o.sim.key_seed).public_key() << "\n";
        return 0;
    }
    scenario script;
    if (!o.scenario_file.empty()) {
        script = scenario::from_file(o.scenario_file);
        o.sim.carrier.unknown = script.unknown;
    }
    z360::log::settings quiet; // the ladder is the output; only trouble is worth a log line
    quiet.threshold = z360::log::level::warn;
    z360::log::configure(quiet);
    interrupts stop; // before the thread starts, so that it inherits the blocked signals
    simulator sim(std::move(o.sim));
    sim.start();
    o.push.prepare(sim);
    std::cout << "listening, Telnyx API at " << sim.base_url() << ", public key " << sim.public_key()
              << std::endl;
    if (o.push.serve) std::cout << o.push.addresses(sim) << std::endl;
    sim.with([&script, &sim](carrier& c, z360::time_point now) { script.apply(c, now, sim.pushes()); });
    if (o.demo) {
        const stop_signal ended = [&stop](millis limit) { return stop.wait(limit); };
        if (!wait_for_devices(o.show, ended)) return 0;
        return run_demo(sim, o.show, o.once, std::cout, ended);
    }
    play_scenario(sim, script, stop);
    stop.wait();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    options o;
    CLI::App app("Simulated carrier (Telnyx Call Control) and phones");
    define(app, o);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    try {
        complete(o);
        return run(o);
    } catch (const std::invalid_argument& e) {
        std::cerr << "z360-sim: " << e.what() << "\n";
        return 2;
    } catch (const std::exception& e) {
        std::cerr << "z360-sim: " << e.what() << "\n";
        return 1;
    }
}
