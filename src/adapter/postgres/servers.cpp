// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/servers.hpp"

#include <z360/log.hpp>

#include <libpq-fe.h>
#include <netdb.h>
#include <poll.h>
#include <pqxx/pqxx>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <vector>

namespace z360::adapter::postgres {
namespace {

using steady = std::chrono::steady_clock;
using parameters = std::map<std::string, std::string>;

constexpr millis k_server_limit{1'000};
constexpr millis k_longest_limit{10'000};
constexpr millis k_all_limit{15'000};
constexpr millis k_look_at_stop{50};
constexpr std::size_t k_addresses = 8; // of one name

struct plan {
    parameters common;
    std::vector<parameters> servers; ///< host, hostaddr and port of each
    millis limit = k_server_limit;
};

std::string first_line(const char* text) {
    std::string_view t = text ? text : "";
    t = t.substr(0, t.find('\n'));
    return std::string(t.empty() ? "no reason given" : t);
}

parameters parse(const secret& url) {
    struct release {
        void operator()(PQconninfoOption* o) const { PQconninfoFree(o); }
    };
    const std::unique_ptr<PQconninfoOption, release> all(
        PQconninfoParse(std::string(url.reveal()).c_str(), nullptr)
    );
    if (!all) // libpq's reason quotes what it could not read, which may be the password
        throw pqxx::broken_connection(
            "the database's URL cannot be read; special characters of a password must be written as %XX"
        );
    parameters out;
    for (const auto* o = all.get(); o->keyword != nullptr; ++o)
        if (o->val != nullptr && *o->val != '\0') out[o->keyword] = o->val;
    return out;
}

std::vector<std::string> take_list(parameters& from, const char* key) {
    std::vector<std::string> out;
    const auto found = from.find(key);
    if (found == from.end()) return out;
    std::string_view rest = found->second;
    for (;;) {
        const auto comma = rest.find(',');
        out.emplace_back(rest.substr(0, comma));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    from.erase(found);
    return out;
}

millis limit_of(parameters& from) {
    const auto found = from.find("connect_timeout");
    if (found == from.end()) return k_server_limit;
    int seconds = 0;
    const auto& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size())
        throw pqxx::broken_connection(
            "connect_timeout of the database's URL is no number of seconds: " + text
        );
    if (seconds <= 0) return k_server_limit; // libpq's "without end" is none that we could wait for
    return std::clamp(millis{1'000LL * seconds}, k_server_limit, k_longest_limit);
}

plan read(const secret& url) {
    plan p;
    p.common = parse(url);
    p.limit = limit_of(p.common);
    const auto names = take_list(p.common, "host");
    const auto addresses = take_list(p.common, "hostaddr");
    const auto ports = take_list(p.common, "port");
    const auto count = std::max({names.size(), addresses.size(), std::size_t{1}});
    const auto fits = [count](std::size_t n) { return n == 0 || n == count; };
    if (!fits(names.size()) || !fits(addresses.size()) || (!fits(ports.size()) && ports.size() != 1))
        throw pqxx::broken_connection(
            "the database's URL names " + std::to_string(count) + " hosts, but " +
            std::to_string(addresses.size()) + " addresses and " + std::to_string(ports.size()) + " ports"
        );
    for (std::size_t i = 0; i < count; ++i) {
        auto& s = p.servers.emplace_back();
        if (!names.empty()) s["host"] = names[i];
        if (!addresses.empty()) s["hostaddr"] = addresses[i];
        if (!ports.empty()) s["port"] = ports.size() == 1 ? ports[0] : ports[i];
        std::erase_if(s, [](const auto& x) { return x.second.empty(); });
    }
    // One that cannot be written to is of no use to us, and in a cluster it is there all the time.
    if (count > 1) p.common.try_emplace("target_session_attrs", "read-write");
    return p;
}

std::string label(const parameters& server) {
    const auto at = [&server](const char* key) {
        const auto found = server.find(key);
        return found == server.end() ? std::string() : found->second;
    };
    auto out = at("host").empty() ? at("hostaddr") : at("host");
    if (out != at("hostaddr") && !at("hostaddr").empty()) out += " (" + at("hostaddr") + ")";
    return at("port").empty() ? out : out + ":" + at("port");
}

// A name may have several addresses; each is a place of its own that may be silent.
std::vector<parameters> places(const parameters& server, std::string& why) {
    const auto host = server.find("host");
    const bool name =
        host != server.end() && !host->second.starts_with('/') && !host->second.starts_with('@');
    if (!name || server.contains("hostaddr")) return {server};
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int rc = ::getaddrinfo(host->second.c_str(), nullptr, &hints, &found); rc != 0) {
        why = "host " + host->second + " cannot be resolved: " + ::gai_strerror(rc);
        return {};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
    std::vector<parameters> out;
    for (const auto* a = found; a != nullptr && out.size() < k_addresses; a = a->ai_next) {
        char text[NI_MAXHOST];
        if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
            continue;
        auto place = server;
        place["hostaddr"] = text;
        out.push_back(std::move(place));
    }
    return out;
}

using handle = std::unique_ptr<pg_conn, close_connection>;

bool stopped(const std::atomic<bool>* stop) {
    return stop != nullptr && stop->load();
}

// Waits for the socket; false when the limit is over or nobody wants it any more.
bool wait_socket(PGconn* c, short what, steady::time_point until, const std::atomic<bool>* stop) {
    while (!stopped(stop)) {
        const auto left = std::chrono::ceil<millis>(until - steady::now());
        if (left <= millis::zero()) return false;
        pollfd p{PQsocket(c), what, 0};
        const auto slice = stop == nullptr ? left : std::min(left, k_look_at_stop);
        if (::poll(&p, 1, static_cast<int>(slice.count())) != 0) return true; // errors show in PQconnectPoll
    }
    return false;
}

// nullptr and `why`.
handle attempt(const parameters& all, millis limit, const std::atomic<bool>* stop, std::string& why) {
    std::vector<const char*> words;
    std::vector<const char*> values;
    for (const auto& [word, value] : all) {
        words.push_back(word.c_str());
        values.push_back(value.c_str());
    }
    words.push_back(nullptr);
    values.push_back(nullptr);
    const auto until = steady::now() + limit;
    handle c(PQconnectStartParams(words.data(), values.data(), 0));
    if (!c) throw std::bad_alloc();
    auto step = PQstatus(c.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
        const short wanted = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_socket(c.get(), wanted, until, stop)) {
            why = stopped(stop)
                      ? "stopping"
                      : label(all) + ": no connection within " + std::to_string(limit.count()) + " ms";
            return nullptr;
        }
        step = PQconnectPoll(c.get());
    }
    if (step == PGRES_POLLING_OK) return c;
    why = first_line(PQerrorMessage(c.get()));
    return nullptr;
}

} // namespace

void close_connection::operator()(pg_conn* c) const {
    PQfinish(c);
}

servers::connection servers::connect(const std::string& options, const std::atomic<bool>* stop) {
    const auto p = read(url_);
    const auto until = steady::now() + k_all_limit;
    const auto begin = first_.load();
    std::string reasons;
    const auto note = [&reasons](const std::string& why) { reasons += (reasons.empty() ? "" : "; ") + why; };
    for (std::size_t i = 0; i < p.servers.size(); ++i) {
        const auto at = (begin + i) % p.servers.size();
        std::string why;
        const auto tried = places(p.servers[at], why);
        if (tried.empty()) note(why);
        for (const auto& place : tried) {
            const auto left = std::chrono::ceil<millis>(until - steady::now());
            if (left <= millis::zero() || stopped(stop))
                throw pqxx::broken_connection(reasons.empty() ? "stopping" : reasons);
            // The first ones are defaults that the URL may override. Keepalive and user timeout find a peer
            // that vanished from the network; a stopped process is found by the pool's deadline.
            parameters all{
                {"application_name", "z360-voip"}, {"keepalives_idle", "10"},    {"keepalives_interval", "2"},
                {"keepalives_count", "3"},         {"tcp_user_timeout", "2000"}, {"gssencmode", "disable"},
            };
            for (const auto& [word, value] : p.common)
                all[word] = value;
            for (const auto& [word, value] : place)
                all[word] = value;
            all["options"] = options;
            if (auto made = attempt(all, std::min(p.limit, left), stop, why)) {
                if (first_.exchange(at) % p.servers.size() != at)
                    log::warn(
                        "postgres_host_changed", {{"now_with", label(place)}, {"passed_over", reasons}}
                    );
                return {std::move(made), at};
            }
            note(why);
        }
    }
    throw pqxx::broken_connection(reasons);
}

void servers::pass_over(std::size_t server) {
    auto expected = server;
    (void)first_.compare_exchange_strong(expected, server + 1);
}

} // namespace z360::adapter::postgres
