// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/push_options.hpp"

#include "sim/simulator.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace z360::sim {

namespace {

std::string contents(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::invalid_argument("cannot read " + file + ": " + std::strerror(errno));
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

void push_options::define(CLI::App& app) {
    app.add_flag("--push", serve, "Serve APNs, its sandbox, and FCM with Google's token service, too");
    app.add_option("--apns-port", services.apns_port, "Port of APNs, at the address of --listen (0: any)");
    app.add_option("--apns-sandbox-port", services.apns_sandbox_port, "Port of APNs' sandbox");
    app.add_option("--fcm-port", services.fcm_port, "Port of FCM and of POST /token");
    app.add_option(
        "--apns-key-file", apns_key_file, "Key that provider tokens are signed with (.p8, or public PEM)"
    );
    app.add_option("--apns-key-id", apns_key_id, "… its id");
    app.add_option("--apns-team-id", apns_team_id, "… and its team's");
    app.add_option("--apns-bundle-id", bundle_ids, "The team's apps; more than once for more (default: any)");
    app.add_option(
        "--fcm-account-file", fcm_account_file, "Service account whose assertions are taken (JSON)"
    );
    app.add_flag("--any-push-token", any_token, "Tokens that nobody registered are taken");
    app.add_option("--push-ca-file", ca_file, "Where to write the authority that clients must trust");
    app.add_option(
        "--push-certificate-file", services.certificate_file, "Certificate to serve instead of an own"
    );
    app.add_option("--push-key-file", services.key_file, "… and its key");
    app.add_flag("--push-clear-text", services.clear_text, "No TLS: HTTP/2 with prior knowledge");
}

std::optional<push_services_settings> push_options::settings(const std::string& address) {
    const bool key = !apns_key_file.empty();
    if (!serve) {
        if (key || !fcm_account_file.empty() || !ca_file.empty())
            throw std::invalid_argument("options of push services need --push");
        return std::nullopt;
    }
    if (key != !apns_key_id.empty() || key != !apns_team_id.empty())
        throw std::invalid_argument("--apns-key-file, --apns-key-id and --apns-team-id go together");
    const bool given = !services.certificate_file.empty();
    if (given != !services.key_file.empty())
        throw std::invalid_argument("--push-certificate-file and --push-key-file go together");
    if ((given || !ca_file.empty()) && services.clear_text)
        throw std::invalid_argument("--push-clear-text has no certificate");
    if (given && !ca_file.empty())
        throw std::invalid_argument("--push-ca-file is for a certificate that is made, not for a given one");
    auto out = services;
    out.address = address;
    out.desk.apns.bundle_ids = {bundle_ids.begin(), bundle_ids.end()};
    out.desk.apns.any_token = any_token;
    out.desk.fcm.any_token = any_token;
    return out;
}

void push_options::prepare(simulator& sim) const {
    if (!serve) return;
    sim.with_push([this](push_desk& d, time_point) {
        if (!apns_key_file.empty())
            d.apns().add_key({apns_key_id, apns_team_id, contents(apns_key_file), {}});
        if (fcm_account_file.empty()) return;
        const auto file = json::parse(contents(fcm_account_file), nullptr, false);
        d.google().add_account(google_tokens::account_from(file));
        // It may name this service's own address.
        if (const auto url = file.find("token_uri"); url != file.end() && url->is_string())
            d.google().allow_audience(url->get<std::string>());
    });
    if (ca_file.empty()) return;
    std::ofstream out(ca_file, std::ios::trunc);
    out << sim.push_ca();
    out.close();
    if (!out) throw std::runtime_error("cannot write " + ca_file + ": " + std::strerror(errno));
}

std::string push_options::addresses(const simulator& sim) const {
    if (!serve) return {};
    const auto at = [this, &sim](std::uint16_t port) {
        const auto root = sim.base_url(); // http://ADDRESS:PORT/v2
        const auto host = root.substr(7, root.rfind(':') - 7);
        return std::string(services.clear_text ? "http://" : "https://") + host + ":" + std::to_string(port);
    };
    auto out = "push services: APNs at " + at(sim.apns_port()) + ", its sandbox at " +
               at(sim.apns_port(apns_environment::sandbox)) + ", FCM at " + at(sim.fcm_port()) +
               ", Google's tokens at " + at(sim.fcm_port()) + "/token";
    if (!ca_file.empty()) out += ", authority in " + ca_file;
    return out;
}

} // namespace z360::sim
