// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/rig.hpp"

#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/ops/admin.hpp"
#include "support/key_maker.hpp"
#include "support/run_program.hpp"
#include "support/template_database.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pqxx/pqxx>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace z360::testing {
namespace {

std::string env(const char* name) {
    const char* v = std::getenv(name);
    return v == nullptr ? "" : v;
}

struct address {
    std::string host;
    std::uint16_t port = 0;
};

// scheme://[user@]host:port[/…]
address address_of(const std::string& url, std::uint16_t fallback) {
    auto rest = url.substr(url.find("://") + 3);
    rest = rest.substr(0, rest.find_first_of("/?"));
    if (const auto at = rest.rfind('@'); at != std::string::npos) rest = rest.substr(at + 1);
    const auto colon = rest.rfind(':');
    if (colon == std::string::npos) return {rest, fallback};
    return {rest.substr(0, colon), static_cast<std::uint16_t>(std::stoi(rest.substr(colon + 1)))};
}

std::string with_port(std::string url, const address& from, std::uint16_t to) {
    const std::string old = from.host + ":" + std::to_string(from.port);
    const auto at = url.find(old);
    if (at == std::string::npos) throw std::runtime_error("the test URLs must name host and port");
    return url.replace(at, old.size(), "127.0.0.1:" + std::to_string(to));
}

int connect_to(const std::string& host, std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    ::inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &a.sin_addr);
    timeval limit{2, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) { // NOLINT
        ::close(fd);
        return -1;
    }
    return fd;
}

// Sends, then reads until the peer closes or nothing comes for the socket's time limit.
std::string talk(int fd, const std::string& out) {
    if (::send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0) return {};
    std::string in;
    char buffer[8192];
    for (;;) {
        const auto n = ::recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) break;
        in.append(buffer, static_cast<std::size_t>(n));
    }
    return in;
}

} // namespace

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a); // NOLINT
    socklen_t n = sizeof a;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &n); // NOLINT
    ::close(fd);
    return ntohs(a.sin_port);
}

// ---- node

node::node(std::string name, std::map<std::string, std::string> environment, std::uint16_t port)
    : name_(std::move(name)), environment_(std::move(environment)), port_(port),
      log_file_(environment_.at("Z360_SPOOL_DIRECTORY") + ".log") {
    environment_["Z360_HTTP_PORT"] = std::to_string(port_);
}

node::~node() {
    if (running()) kill();
}

void node::start() {
    std::vector<std::string> texts;
    for (char** e = environ; *e != nullptr; ++e)
        if (std::strncmp(*e, "Z360_", 5) != 0) texts.emplace_back(*e);
    for (const auto& [k, v] : environment_)
        texts.push_back(k + "=" + v);
    std::vector<char*> envp;
    for (auto& t : texts)
        envp.push_back(t.data());
    envp.push_back(nullptr);
    std::string program = program_.empty() ? std::string(Z360_BINARY_DIR) + "/z360-voipd" : program_;
    char* argv[] = {program.data(), nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    const int rc = ::posix_spawn(&pid_, program.c_str(), &files, nullptr, argv, envp.data());
    posix_spawn_file_actions_destroy(&files);
    if (rc != 0) throw std::runtime_error(program + ": " + std::strerror(rc));
}

bool node::ready(millis limit) const {
    return eventually(
        [&] {
            int status = 0;
            (void)get("/readyz", &status);
            return status == 200;
        },
        limit
    );
}

void node::signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
}

std::optional<int> node::wait(millis limit) {
    int status = 0;
    const bool ended = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, limit);
    if (!ended) return std::nullopt;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void node::kill() {
    signal(SIGCONT);
    signal(SIGKILL);
    (void)wait(10s);
}

std::string node::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
}

std::string node::get(const std::string& path, int* status) const {
    const int fd = connect_to("127.0.0.1", port_);
    if (fd < 0) return {};
    const auto text = talk(fd, "GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    ::close(fd);
    if (status != nullptr && text.size() > 12) *status = std::atoi(text.c_str() + 9);
    const auto body = text.find("\r\n\r\n");
    return body == std::string::npos ? "" : text.substr(body + 4);
}

double node::metric(const std::string& name_and_labels) const {
    const bool whole = name_and_labels.starts_with("z360_") || name_and_labels.starts_with("process_");
    const auto start = whole ? name_and_labels : "z360_" + name_and_labels;
    std::istringstream in(get("/metrics"));
    double sum = 0;
    for (std::string line; std::getline(in, line);) {
        if (line.rfind(start, 0) == 0) sum += std::atof(line.substr(line.rfind(' ')).c_str());
    }
    return sum;
}

long node::resident_kib() const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(in, line);)
        if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
    return 0;
}

// ---- rig

bool rig::available() {
    return !env("Z360_TEST_DATABASE_URL").empty() && !env("Z360_TEST_REDIS_URL").empty();
}

void rig::create_database() const {
    const auto& at = bases_.at(asked_);
    if (options_.migrated) return create_migrated(at, database_);
    pqxx::connection c(at);
    pqxx::nontransaction tx(c);
    tx.exec("create database " + database_);
}

rig::rig(rig_options o) : options_(std::move(o)) {
    static int count = 0;
    bases_ = options_.databases;
    if (bases_.empty()) bases_.push_back(env("Z360_TEST_DATABASE_URL"));
    database_ = "z360_flow_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
    ask_database(options_.primary);
    create_database();
    folder_ = (std::filesystem::temp_directory_path() / database_).string();
    std::filesystem::create_directories(folder_);
    // Empty: not the settings of an installation that this machine happens to have.
    std::ofstream(folder_ + "/settings.toml").flush();
    std::ofstream(key_file()) << adapter::crypto::vault::generate_line("k1").reveal() << '\n';
    std::filesystem::permissions(key_file(), std::filesystem::perms::owner_read);
    for (const auto& base : bases_) {
        const auto pg = address_of(base, 5432);
        postgres_.push_back(std::make_unique<tcp_relay>(pg.host, pg.port));
    }
    sim::simulator_settings s;
    s.api_key = secret("KEY-of-the-flow-tests");
    s.carrier = options_.carrier;
    s.delivery = options_.delivery;
    if (options_.push) {
        s.push.emplace();
        s.push->desk.apns.bundle_ids = {k_bundle};
    }
    carrier_ = std::make_unique<sim::simulator>(std::move(s));
    carrier_->start();
    if (options_.push) prepare_push(options_.environment);
    if (options_.migrated) seed();
    for (int i = 0; i < options_.nodes; ++i)
        (void)add_node();
    if (options_.balanced) {
        std::vector<std::uint16_t> ports;
        for (const auto& n : nodes_)
            ports.push_back(n->port());
        front_ = std::make_unique<balancer>(std::move(ports));
        point_webhooks_at_front();
    } else {
        point_webhooks(0, nodes_.size() - 1);
    }
    if (!options_.start) return;
    for (auto& n : nodes_)
        n->start();
    for (auto& n : nodes_)
        if (!n->ready()) throw std::runtime_error("z360-voipd does not become ready; see " + n->log_file());
}

rig::~rig() {
    for (auto& n : nodes_) {
        n->signal(SIGCONT);
        n->signal(SIGTERM);
    }
    for (auto& n : nodes_)
        if (n->running() && !n->wait(15s)) n->kill();
    carrier_->stop();
    try {
        pqxx::connection c(bases_.at(asked_));
        pqxx::nontransaction tx(c);
        tx.exec("drop database if exists " + database_ + " with (force)");
    } catch (const std::exception& e) { // a test has failed and left no server behind
        std::fprintf(stderr, "%s is not dropped: %s\n", database_.c_str(), e.what());
    }
    if (env("Z360_KEEP_LOGS").empty()) std::filesystem::remove_all(folder_);
}

// Keys as Apple and Google give them out, in files that their owner alone may read.
void rig::prepare_push(std::map<std::string, std::string>& environment) {
    constexpr const char* k_account = "push@flow-tests.iam.gserviceaccount.com";
    constexpr const char* k_project = "flow-tests";
    const auto apple = made_key::ec();
    const auto google = made_key::rsa();
    const auto at = [](std::uint16_t port) { return "https://127.0.0.1:" + std::to_string(port); };
    const auto keep = [this](const std::string& name, const std::string& text) {
        const auto file = folder_ + "/" + name;
        std::ofstream(file) << text;
        std::filesystem::permissions(file, std::filesystem::perms::owner_read);
        return file;
    };
    carrier_->with_push([&](sim::push_desk& d, time_point) {
        d.apns().add_key({"KEYOFFLOWS", "TEAMOFFLOW", apple.public_pem(), {}});
        d.google().add_account({k_account, k_project, google.public_pem()});
        d.google().allow_audience(at(carrier_->fcm_port()) + "/token");
    });
    const nlohmann::json account{
        {"type", "service_account"}, {"project_id", k_project},
        {"private_key_id", "1"},     {"private_key", google.pem()},
        {"client_email", k_account}, {"token_uri", at(carrier_->fcm_port()) + "/token"}
    };
    const std::map<std::string, std::string> settings{
        {"Z360_SERVER_SANDBOX", "true"},
        {"Z360_PUSH_ANY_TOKEN_HOST", "true"},
        {"Z360_PUSH_CA_FILE", keep("push-ca.pem", carrier_->push_ca())},
        {"Z360_PUSH_APNS_KEY_FILE", keep("apns.p8", apple.pem())},
        {"Z360_PUSH_APNS_KEY_ID", "KEYOFFLOWS"},
        {"Z360_PUSH_APNS_TEAM_ID", "TEAMOFFLOW"},
        {"Z360_PUSH_APNS_BUNDLE_IDS", k_bundle},
        {"Z360_PUSH_APNS_HOST", "127.0.0.1"},
        {"Z360_PUSH_APNS_PORT", std::to_string(carrier_->apns_port())},
        {"Z360_PUSH_APNS_SANDBOX_HOST", "127.0.0.1"},
        {"Z360_PUSH_APNS_SANDBOX_PORT", std::to_string(carrier_->apns_port(sim::apns_environment::sandbox))},
        {"Z360_PUSH_FCM_SERVICE_ACCOUNT_FILE", keep("firebase.json", account.dump())},
        {"Z360_PUSH_FCM_HOST", "127.0.0.1"},
        {"Z360_PUSH_FCM_PORT", std::to_string(carrier_->fcm_port())},
    };
    environment.insert(settings.begin(), settings.end()); // what the test says of them counts
}

void rig::know_iphone(const std::string& voip_token, const std::string& alert_token) {
    carrier_->with_push([&](sim::push_desk& d, time_point now) {
        const std::string bundle = k_bundle;
        if (!voip_token.empty()) d.put_token("apns", voip_token, {{"topic", bundle + ".voip"}}, now);
        if (!alert_token.empty()) d.put_token("apns", alert_token, {{"topic", bundle}}, now);
    });
}

void rig::know_android(const std::string& fcm_token) {
    carrier_->with_push([&](sim::push_desk& d, time_point now) {
        d.put_token("fcm", fcm_token, {{"project_id", "flow-tests"}}, now);
    });
}

std::vector<sim::push_record> rig::pushes(const std::string& kind) {
    return carrier_->with_push([&](sim::push_desk& d, time_point) {
        std::vector<sim::push_record> out;
        for (const auto& r : d.records())
            if (r.provider != "google_token" && (kind.empty() || r.kind == kind)) out.push_back(r);
        return out;
    });
}

bool rig::pushed(const std::string& kind, std::size_t n, millis limit) {
    return carrier_->wait_for_push(
        [&](const sim::push_desk& d) {
            const auto is = [&](const sim::push_record& r) { return r.kind == kind && r.delivered; };
            return static_cast<std::size_t>(std::count_if(d.records().begin(), d.records().end(), is)) >= n;
        },
        limit
    );
}

void rig::seed() {
    adapter::postgres::admin db{secret(direct_url_)};
    const auto org = db.upsert_organization("flow", "Flow Tests");
    const auto user = db.upsert_user("ada@flow.example", "Ada");
    db.upsert_membership(org, user, "owner");
    org_ = org.value;
    user_ = user.value;
    // One person stands for many: whoever tests what a second call does says so.
    (void)sql("update memberships set second_call = 'ring'");
    adapter::postgres::number_row n;
    n.org = org;
    n.connection_id = options_.carrier.app_connection_id;
    n.number = number_;
    n.receiver = user;
    (void)db.upsert_number(n);
    db.upsert_contact(org, "+13125550142", "Grace Caller");
    static const char* const platforms[] = {"ios", "android", "web"};
    for (int i = 1; i <= options_.devices; ++i) {
        adapter::postgres::device_row d;
        d.user = user;
        d.device_uid = "device-" + std::to_string(i);
        d.name = "Device " + std::to_string(i);
        d.platform = platforms[i % 3];
        // Telnyx knows it, or the comparison of both sides would replace it in the middle of a flow.
        d.telnyx_credential_id = carrier_->seed_credential(
            "seeded-" + std::to_string(i), "", options_.carrier.credential_connection_id
        );
        d.sip_username = carrier_->credentials().back().sip_username;
        devices_.push_back(d.sip_username);
        const auto keys = db.upsert_device(d);
        db.touch_device(keys.device, std::chrono::floor<millis>(std::chrono::system_clock::now()));
    }
}

node& rig::add_node(const std::map<std::string, std::string>& changes, std::uint16_t port) {
    const auto redis_url = env("Z360_TEST_REDIS_URL");
    const auto redis = address_of(redis_url, 6379);
    const std::string name = "node" + std::to_string(nodes_.size());
    redis_.push_back(std::make_unique<tcp_relay>(redis.host, redis.port));
    std::map<std::string, std::string> e{
        {"Z360_CONFIG", folder_ + "/settings.toml"},
        {"Z360_HTTP_ADDRESS", "127.0.0.1"},
        {"Z360_DATABASE_URL", options_.direct ? direct_url_ : relayed_database_url()},
        {"Z360_SECRETS_KEY_FILE", key_file()},
        {"Z360_TELNYX_PUBLIC_KEYS", carrier_->public_key()},
        {"Z360_TELNYX_API_KEY", "KEY-of-the-flow-tests"},
        {"Z360_TELNYX_BASE_URL", carrier_->base_url()},
        {"Z360_TELNYX_CONNECTION_ID", options_.carrier.app_connection_id},
        {"Z360_SPOOL_DIRECTORY", folder_ + "/" + name},
        {"Z360_TELNYX_CREDENTIAL_CONNECTION_ID", options_.carrier.credential_connection_id},
        {"Z360_SECRETS_KEY_FILE", folder_ + "/keys"},
        {"Z360_SERVER_ENVIRONMENT", "test"},
        {"Z360_SERVER_DRAIN_DELAY_MS", "0"}, // no balancer has to notice
        {"Z360_HTTP_ALLOW_PLAIN_API", "true"},
    };
    if (options_.redis) {
        e["Z360_REDIS_URL"] =
            options_.direct ? redis_url : with_port(redis_url, redis, redis_.back()->port());
        e["Z360_REDIS_KEY_PREFIX"] = database_ + ":";
    }
    for (const auto& [k, v] : options_.environment)
        e[k] = v;
    for (const auto& [k, v] : changes)
        e[k] = v;
    nodes_.push_back(std::make_unique<node>(name, std::move(e), port == 0 ? free_port() : port));
    return *nodes_.back();
}

void rig::ask_database(std::size_t n) {
    asked_ = n;
    direct_url_ = url_of(bases_.at(n), database_);
}

// One server: its URL, by way of its relay. Several: all relays, in order; libpq's own form of such a URL.
std::string rig::relayed_database_url() const {
    const auto& first = bases_.front();
    const auto url = with_port(url_of(first, database_), address_of(first, 5432), postgres_.front()->port());
    if (postgres_.size() == 1) return url;
    std::string hosts;
    for (const auto& p : postgres_)
        hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(p->port());
    const auto from = url.find("127.0.0.1:");
    return url.substr(0, from) + hosts + url.substr(url.find('/', from)) + "?target_session_attrs=read-write";
}

void rig::point_webhooks(std::size_t primary, std::size_t failover) {
    point_webhooks(nodes_.at(primary)->url(""), nodes_.at(failover)->url(""));
}

void rig::point_webhooks_at_front() {
    point_webhooks(front_->url(""), front_->url(""));
}

void rig::point_webhooks(const std::string& primary, const std::string& failover) {
    const std::string base = "/webhooks/cpaas/telnyx/";
    const auto urls = [&](const char* kind) {
        return sim::webhook_urls{primary + base + kind, failover + base + kind + "/failover"};
    };
    carrier_->set_webhook_urls(urls("call-control"), urls("credential"));
}

void rig::flush_redis() const {
    const auto a = address_of(env("Z360_TEST_REDIS_URL"), 6379);
    const int fd = connect_to(a.host, a.port);
    if (fd < 0) throw std::runtime_error("no Redis at Z360_TEST_REDIS_URL");
    (void)talk(fd, "FLUSHALL\r\nQUIT\r\n");
    ::close(fd);
}

std::string rig::device(int n) const {
    return devices_.at(static_cast<std::size_t>(n) - 1);
}

std::string rig::call(const std::string& from) {
    return carrier_->place_call(from, number_);
}

std::string rig::session(const std::string& caller) {
    return carrier_->with([&](sim::carrier& c, time_point) { return c.session_of(caller); });
}

std::string rig::run(const std::string& arguments) {
    const auto e = run_voipd(arguments, server().environment());
    if (e.code != 0) throw std::runtime_error("z360-voipd " + arguments + ": " + e.err);
    return e.out;
}

void rig::migrate() {
    (void)run("--migrate");
    seed();
}

std::string rig::token(const std::string& kind) {
    auto& t = tokens_[kind];
    if (t.empty())
        t = nlohmann::json::parse(run("--json --create-token " + kind)).at("token").get<std::string>();
    return t;
}

api rig::admin(std::size_t n) {
    return client(n).bearer(token("admin"));
}

api rig::service(std::int64_t user, std::int64_t org, std::size_t n) {
    return client(n)
        .bearer(token("service"))
        .with("X-Z360-User", std::to_string(user))
        .with("X-Z360-Organization", std::to_string(org));
}

api_reply rig::register_device(
    const std::string& uid, const std::string& platform, const nlohmann::json& extra, std::size_t n
) {
    nlohmann::json body{
        {"device_id", uid}, {"platform", platform}, {"device_name", "Phone " + uid}, {"app_version", "2.0.0"}
    };
    body.update(extra);
    return service(user_, org_, n).post("/api/device-tokens", body);
}

bool rig::joined(const std::string& caller, millis limit) {
    return carrier_->wait_until(
        [&](const sim::carrier& c) {
            const auto leg = c.leg(caller);
            return leg && leg->alive() && !leg->bridged_with.empty();
        },
        limit
    );
}

bool rig::ringing(const std::string& session, std::size_t n, millis limit) {
    return carrier_->wait_until(
        [&](const sim::carrier& c) {
            const auto legs = c.legs(session);
            return static_cast<std::size_t>(std::count_if(legs.begin(), legs.end(), [](const auto& l) {
                       return l.ringing();
                   })) >= n;
        },
        limit
    );
}

bool rig::quiet(const std::string& session, std::size_t n, millis limit) {
    return carrier_->wait_until([&](const sim::carrier& c) { return c.alive_legs(session) <= n; }, limit);
}

bool rig::commanded(const std::string& verb, const std::string& session, std::size_t n, millis limit) {
    return carrier_->wait_until(
        [&](const sim::carrier& c) {
            const auto all = c.seen().commands_of(verb, session);
            return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto* x) {
                       return x->accepted() && !x->duplicate;
                   })) >= n;
        },
        limit
    );
}

std::size_t rig::accepted(const std::string& verb, const std::string& session) {
    return carrier_->with([&](sim::carrier& c, time_point) {
        const auto all = c.seen().commands_of(verb, session);
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto* x) {
            return x->accepted() && !x->duplicate;
        }));
    });
}

namespace {

/// Two legs to this phone lived at the same time. One after the other is a phone that joined the ring late.
bool live_together(const sim::carrier& c, const std::string& session, const std::string& username) {
    std::vector<sim::leg_view> mine;
    for (auto& l : c.legs(session))
        if (l.username == username) mine.push_back(l);
    std::sort(mine.begin(), mine.end(), [](const auto& x, const auto& y) { return x.began < y.began; });
    for (std::size_t i = 1; i < mine.size(); ++i)
        if (!mine[i - 1].ended_at || *mine[i - 1].ended_at > mine[i].began) return true;
    return false;
}

} // namespace

std::string rig::complaints() {
    return carrier_->with([](sim::carrier& c, time_point) {
        std::string out;
        const auto& t = c.seen();
        for (const auto& v : t.violations)
            out += "invalid request: " + sim::to_json(v).dump() + "\n";
        if (t.most_devices_per_caller() > 1) out += "a caller was joined to more than one device\n";
        if (t.displaced_bridges() > 0) out += "somebody was taken out of a live conversation\n";
        for (const auto& session : t.sessions) {
            std::set<std::string> dialed; // one live leg per device and call (I7)
            for (const auto* d : t.commands_of("dial", session)) {
                if (!d->accepted() || d->duplicate) continue;
                // Two callers may share a session; each has a call of its own.
                const auto of = d->body.value("link_to", std::string{});
                if (!dialed.insert(d->target + " " + of).second && live_together(c, session, d->target))
                    out += "dialed twice in one call: " + d->target + "\n";
            }
        }
        return out;
    });
}

bool rig::phase(const std::string& session, const std::string& name, millis limit) {
    return eventually(
        [&] { return sql("select phase from calls where call_session_id = '" + session + "'") == name; },
        limit
    );
}

std::string rig::sql(const std::string& statement) const {
    pqxx::connection c(direct_url_);
    pqxx::nontransaction tx(c);
    const auto rows = tx.exec(statement);
    if (rows.empty() || rows[0][0].is_null()) return {};
    return rows[0][0].c_str();
}

} // namespace z360::testing
