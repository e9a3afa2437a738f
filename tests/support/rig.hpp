// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A whole system for flow tests: real z360-voipd processes, a database and a Redis of their own, and the
// carrier simulator with its phones. The judge is always the carrier's ground truth.
#pragma once

#include "sim/simulator.hpp"
#include "support/api.hpp"
#include "support/balancer.hpp"
#include "support/tcp_relay.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace z360::testing {

using namespace std::chrono_literals;

/// A port of the loopback address that nobody listens on at the moment.
[[nodiscard]] std::uint16_t free_port();

/// One z360-voipd process.
class node {
  public:
    node(std::string name, std::map<std::string, std::string> environment, std::uint16_t port);
    ~node();
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    /// Starts the process; does not wait.
    void start();
    /// Waits until /readyz says 200 (true) or the limit passes.
    [[nodiscard]] bool ready(millis limit = 15s) const;
    void signal(int number) const;
    /// Waits for the process to end; its exit code, or -signal; nullopt: still running at the limit.
    std::optional<int> wait(millis limit = 15s);
    /// kill -9 and reap.
    void kill();
    [[nodiscard]] bool running() const { return pid_ > 0; }
    /// Runs this file instead of the z360-voipd that was built with the tests; before start().
    void use_program(std::string path) { program_ = std::move(path); }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(const std::string& path) const;
    /// Body of a GET, empty when there is no answer; the status through `status`.
    [[nodiscard]] std::string get(const std::string& path, int* status = nullptr) const;
    /// Value of a metric line that starts with `name_and_labels`, with or without z360_ in front; 0 when
    /// absent.
    [[nodiscard]] double metric(const std::string& name_and_labels) const;
    [[nodiscard]] const std::string& log_file() const { return log_file_; }
    /// What the process was started with.
    [[nodiscard]] const std::map<std::string, std::string>& environment() const { return environment_; }
    [[nodiscard]] long resident_kib() const;
    [[nodiscard]] pid_t pid() const { return pid_; } ///< -1: not running

  private:
    std::string name_;
    std::map<std::string, std::string> environment_;
    std::uint16_t port_;
    std::string log_file_;
    std::string program_; ///< empty: ours
    pid_t pid_ = -1;
};

struct rig_options {
    int devices = 2;
    int nodes = 1;
    bool redis = true;
    bool direct = false;   ///< no relays in front of the databases: for benchmarks
    bool start = true;     ///< start the nodes and wait until they are ready
    bool migrated = true;  ///< false: the database is empty until migrate()
    bool push = false;     ///< the servers push to the simulator's APNs and FCM
    bool balanced = false; ///< webhooks come by a balancer in front of all nodes
    /// URLs of Postgres servers, in the order in which nodes try them; empty: Z360_TEST_DATABASE_URL alone.
    std::vector<std::string> databases;
    std::size_t primary = 0; ///< which of them takes writes
    std::map<std::string, std::string>
        environment; ///< on top of the rig's own, e.g. {"Z360_LOG_LEVEL","debug"}
    sim::carrier_settings carrier;
    sim::delivery_policy delivery;
};

class rig {
  public:
    explicit rig(rig_options o = {});
    ~rig();
    rig(const rig&) = delete;
    rig& operator=(const rig&) = delete;

    /// False: Z360_TEST_DATABASE_URL or Z360_TEST_REDIS_URL is not set; tests skip then.
    [[nodiscard]] static bool available();

    [[nodiscard]] sim::simulator& carrier() { return *carrier_; }
    [[nodiscard]] node& server(std::size_t n = 0) { return *nodes_.at(n); }
    [[nodiscard]] std::size_t servers() const { return nodes_.size(); }
    /// In front of the n-th Postgres server, for all nodes.
    [[nodiscard]] tcp_relay& postgres(std::size_t n = 0) { return *postgres_.at(n); }
    /// With `balanced` only.
    [[nodiscard]] balancer& front() { return *front_; }
    /// Every node reaches Redis through a relay of its own.
    [[nodiscard]] tcp_relay& redis(std::size_t n = 0) { return *redis_.at(n); }
    /// One more node with these settings on top of the usual ones, not started. Port 0: a free one.
    node& add_node(const std::map<std::string, std::string>& changes = {}, std::uint16_t port = 0);
    void flush_redis() const;

    /// SIP user of device `n`, from 1.
    [[nodiscard]] std::string device(int n) const;
    void phone(int n, sim::phone p) { carrier_->set_phone(device(n), std::move(p)); }
    [[nodiscard]] const std::string& number() const { return number_; }

    /// Somebody calls our number; returns the caller's control id.
    std::string call(const std::string& from = "+13125550142");
    [[nodiscard]] std::string session(const std::string& caller);

    // ---- the API
    /// A client without credentials, at server `n`.
    [[nodiscard]] api client(std::size_t n = 0) { return api(server(n).port()); }
    /// With an operator's token; made by the program's own command at first use.
    [[nodiscard]] api admin(std::size_t n = 0);
    /// A trusted backend acting for a person in an organisation.
    [[nodiscard]] api service(std::int64_t user, std::int64_t org, std::size_t n = 0);
    /// The seeded person and organisation.
    [[nodiscard]] std::int64_t user() const { return user_; }
    [[nodiscard]] std::int64_t org() const { return org_; }
    /// Registers a device of the seeded person through a trusted backend; `extra` is merged into the body.
    [[nodiscard]] api_reply register_device(
        const std::string& uid, const std::string& platform = "android",
        const nlohmann::json& extra = nlohmann::json::object(), std::size_t n = 0
    );
    /// Runs z360-voipd with these arguments in the environment of server 0; its standard output. Throws when
    /// it fails.
    [[nodiscard]] std::string run(const std::string& arguments);
    /// Makes schema and rows by the program's own command, where `migrated` was false.
    void migrate();
    [[nodiscard]] const std::string& folder() const { return folder_; }

    // ---- conditions on the ground truth, waited for; every limit is an upper bound, not a pause
    /// The number of devices that the caller is joined to right now is one.
    [[nodiscard]] bool joined(const std::string& caller, millis limit = 5s);
    /// At least `n` phones of the session ring.
    [[nodiscard]] bool ringing(const std::string& session, std::size_t n, millis limit = 5s);
    /// At most `n` legs of the session are alive.
    [[nodiscard]] bool quiet(const std::string& session, std::size_t n = 0, millis limit = 5s);
    /// At least `n` commands of this verb were accepted in the session.
    [[nodiscard]] bool
    commanded(const std::string& verb, const std::string& session, std::size_t n = 1, millis limit = 5s);
    [[nodiscard]] std::size_t accepted(const std::string& verb, const std::string& session);
    /// Nothing wrong was ever sent, nobody ever talked to two devices: asked at the end of every flow.
    [[nodiscard]] std::string complaints();

    // ---- our own rows
    /// Waits until the call is in this phase.
    [[nodiscard]] bool phase(const std::string& session, const std::string& name, millis limit = 5s);
    /// First column of the first row as text; "" when there is none or it is NULL.
    [[nodiscard]] std::string sql(const std::string& statement) const;
    [[nodiscard]] const std::string& database_url() const { return direct_url_; }
    /// From now on the rig itself (sql() and the like) asks the n-th Postgres server.
    void ask_database(std::size_t n);
    /// Of all nodes.
    [[nodiscard]] std::string key_file() const { return folder_ + "/keys"; }

    /// Repoints the carrier's webhooks at these nodes: primary and failover.
    void point_webhooks(std::size_t primary, std::size_t failover);
    /// Repoints them at the balancer.
    void point_webhooks_at_front();

    // ---- with `push` only
    static constexpr const char* k_bundle = "com.example.phone";
    [[nodiscard]] bool pushing() const { return options_.push; }
    /// Makes tokens known to their services: of an iPhone its PushKit and alert tokens, of an Android its
    /// FCM token. Either may be empty.
    void know_iphone(const std::string& voip_token, const std::string& alert_token);
    void know_android(const std::string& fcm_token);
    /// Requests about a kind of push that reached the services, oldest first; empty: of all kinds.
    [[nodiscard]] std::vector<sim::push_record> pushes(const std::string& kind = {});
    /// At least `n` pushes of the kind were delivered to phones.
    [[nodiscard]] bool pushed(const std::string& kind, std::size_t n = 1, millis limit = 5s);

  private:
    void create_database() const;
    void seed();
    void prepare_push(std::map<std::string, std::string>& environment);
    [[nodiscard]] std::string relayed_database_url() const;
    void point_webhooks(const std::string& primary, const std::string& failover);
    [[nodiscard]] std::string token(const std::string& kind);

    rig_options options_;
    std::int64_t user_ = 0;
    std::int64_t org_ = 0;
    std::map<std::string, std::string> tokens_; ///< by kind
    std::vector<std::string> devices_;          ///< SIP users of the seeded devices
    std::string database_;
    std::vector<std::string> bases_; ///< URLs of the Postgres servers, as given
    std::size_t asked_ = 0;          ///< the one that the rig itself asks
    std::string direct_url_;
    std::string number_ = "+13125550100";
    std::string folder_;
    std::vector<std::unique_ptr<tcp_relay>> postgres_; ///< one for each server
    std::vector<std::unique_ptr<tcp_relay>> redis_;    ///< one for each node
    std::unique_ptr<sim::simulator> carrier_;
    std::vector<std::unique_ptr<node>> nodes_;
    std::unique_ptr<balancer> front_;
};

/// Polls until the condition holds; false: the limit passed first.
template <class F>
[[nodiscard]] bool eventually(F condition, millis limit = 5s) {
    const auto until = std::chrono::steady_clock::now() + limit;
    for (;;) {
        if (condition()) return true;
        if (std::chrono::steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(2ms); // tidy: allow, between two looks at a condition
    }
}

} // namespace z360::testing
