// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "bench/cost.hpp"

#include "adapter/postgres/postgres.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace z360::bench {
namespace {

using steady = std::chrono::steady_clock;

// What a call is made of; the rest are loops that run whether there are calls or not.
constexpr std::array<std::string_view, 10> k_of_calls = {
    "inbox_append", "inbox_claim_session", "inbox_ignore",      "call_begin",     "call_step",
    "call_load",    "call_find",           "directory_resolve", "push_addresses", "command_extend"
};
constexpr std::array<std::string_view, 5> k_writing = {
    "inbox_append", "inbox_ignore", "call_begin", "call_step", "command_extend"
};
constexpr std::size_t k_batch = 100'000;

template <std::size_t N>
bool one_of(std::string_view name, const std::array<std::string_view, N>& all) {
    return std::find(all.begin(), all.end(), name) != all.end();
}

std::string whole(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// User and system time of a process so far.
double processor_seconds(const std::string& pid) {
    const auto text = whole("/proc/" + pid + "/stat");
    const auto after_name = text.rfind(')');
    if (after_name == std::string::npos) return 0;
    std::istringstream in(text.substr(after_name + 2));
    std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
    if (words.size() < 13) return 0;
    return (std::atof(words[11].c_str()) + std::atof(words[12].c_str())) /
           static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Each connection is a process, which says in its title whose database it serves.
double connections_of(const std::string& database) {
    double out = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto pid = entry.path().filename().string();
        if (std::isdigit(static_cast<unsigned char>(pid.front())) == 0) continue;
        const auto title = whole(entry.path().string() + "/cmdline");
        if (title.starts_with("postgres:") && title.find(" " + database + " ") != std::string::npos)
            out += processor_seconds(pid);
    }
    return out;
}

boost::asio::awaitable<void> append(port::event_inbox* inbox, std::size_t count, std::vector<double>* took) {
    for (std::size_t n = 0; n < count; ++n) {
        port::inbox_event e;
        e.event_id = "single-" + std::to_string(n);
        e.event_type = "call.answered";
        e.received_at = std::chrono::time_point_cast<millis>(std::chrono::system_clock::now());
        e.body = std::string(1'000, 'x');
        e.settled = true;
        std::vector<port::inbox_event> one;
        one.push_back(std::move(e));
        const auto began = steady::now();
        (void)co_await inbox->append(std::move(one), millis{1'000});
        took->push_back(std::chrono::duration<double, std::micro>(steady::now() - began).count());
    }
}

} // namespace

cost cost_of(z360::testing::rig& r) {
    cost out;
    constexpr std::string_view k_line = "z360_postgres_statement_seconds_count{pool=\"calls\",statement=\"";
    std::istringstream metrics(r.server().get("/metrics"));
    for (std::string line; std::getline(metrics, line);) {
        if (!line.starts_with(k_line)) continue;
        const auto end = line.find('"', k_line.size());
        const auto name = std::string_view(line).substr(k_line.size(), end - k_line.size());
        const double count = std::atof(line.c_str() + line.rfind(' '));
        if (one_of(name, k_of_calls)) out.statements += count;
        if (one_of(name, k_writing)) out.commits += count;
    }
    out.server = processor_seconds(std::to_string(r.server().pid()));
    const auto& url = r.database_url();
    out.postgres = connections_of(url.substr(url.rfind('/') + 1));
    return out;
}

std::vector<double> single_appends(const z360::testing::rig& r, std::size_t count) {
    boost::asio::io_context io{1};
    adapter::postgres::database_settings s;
    s.url = secret(r.database_url());
    s.connections = 1;
    std::vector<double> took;
    {
        adapter::postgres::database db(std::move(s));
        const auto inbox = adapter::postgres::make_event_inbox(db);
        boost::asio::co_spawn(io, append(inbox.get(), count, &took), [](const std::exception_ptr& e) {
            if (e) std::printf("append failed: %s\n", rt::what(e).c_str());
        });
        io.run();
    }
    std::sort(took.begin(), took.end());
    return took;
}

void grow(const z360::testing::rig& r, std::size_t calls, std::size_t events) {
    // Neither triggers nor foreign keys: they are right, being copies.
    const std::string quickly = "set session_replication_role = replica; ";
    for (std::size_t done = 0; done < calls; done += k_batch) {
        const auto some = std::to_string(std::min(k_batch, calls - done));
        (void)r.sql(
            quickly +
            "with made as (insert into calls select (jsonb_populate_record(c, jsonb_build_object("
            "'call_id', gen_random_uuid(), 'call_session_id', 'grown-' || (" +
            std::to_string(done) + " + n), 'caller_control_id', 'v3:grown-' || (" + std::to_string(done) +
            " + n), 'winner_leg_id', null, 'began_at', c.began_at - n * interval '1 s'))).* from "
            "calls c, generate_series(1, " +
            some +
            ") n where c.call_id = (select call_id from calls where phase = 'ended' and "
            "call_session_id not like 'grown-%' limit 1) returning call_id, org_id) insert into call_legs "
            "select (jsonb_populate_record(l, "
            "jsonb_build_object('leg_id', gen_random_uuid(), 'call_id', made.call_id, 'call_control_id', "
            "null, "
            "'answer_order', 0))).* from made, call_legs l where l.leg_id = (select leg_id from call_legs "
            "where ended and "
            "call_control_id is not null limit 1)"
        );
    }
    for (std::size_t done = 0; done < events; done += k_batch) {
        const auto some = std::to_string(std::min(k_batch, events - done));
        (void)r.sql(
            quickly +
            "insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, "
            "claimed_until, status, processed_at) select 'grown-' || (" +
            std::to_string(done) + " + n), 'call.answered', 'call_control', 'grown-' || (" +
            std::to_string(done / 10) +
            " + n / 10), now(), convert_to(repeat('x', 200), 'UTF8'), now(), 'done', now() from "
            "generate_series(1, " +
            some + ") n"
        );
    }
    (void)r.sql("analyze");
}

double argument(int argc, char** argv, std::string_view name, double otherwise) {
    for (int n = 1; n < argc; ++n) {
        const std::string_view word = argv[n];
        if (word.starts_with(name) && word.size() > name.size() && word[name.size()] == '=')
            return std::atof(argv[n] + name.size() + 1);
    }
    return otherwise;
}

} // namespace z360::bench
