// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Requests as to a push provider over one TLS connection: our client against nghttp2's own h2load, in turns,
// on the same server in another thread. Besides: a thousand from cold, and what is urgent behind ten thousand
// that are not. Needs h2load (Debian: nghttp2-client) for the comparison.
#include "component/http/test_certificate.hpp"
#include "support/h2_server.hpp"
#include "support/recording_metrics.hpp"

#include <z360/http/h2.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace z360;
using namespace z360::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace h2 = z360::http::h2;
using asio::awaitable;
using steady = std::chrono::steady_clock;

namespace {

constexpr int k_requests = 40'000;
constexpr int k_streams = 200; ///< at once
constexpr int k_rounds = 5;
constexpr std::size_t k_body = 900;

double seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}
double since(steady::time_point t) {
    return std::chrono::duration<double>(steady::now() - t).count();
}
double middle(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v.empty() ? 0 : v[v.size() / 2];
}

struct figures {
    std::vector<double> per_second, cpu_us;
};

/// The server with a loop of its own.
class site {
  public:
    site() {
        write_certificate(pem, key, "127.0.0.1", 2);
        server_ = std::make_unique<h2_server>(io_.get_executor(), pem, key);
        server_->keep_requests = false;
        server_->start();
        thread_ = std::thread([this] { io_.run(); });
    }
    ~site() {
        std::promise<void> stopped;
        asio::co_spawn(io_, server_->stop(), [&](const std::exception_ptr&) { stopped.set_value(); });
        stopped.get_future().wait();
        guard_.reset();
        thread_.join();
    }
    site(const site&) = delete;
    site& operator=(const site&) = delete;
    [[nodiscard]] std::uint16_t port() const { return server_->port(); }

    temp_folder folder;
    std::string pem = folder.file("cert.pem");
    std::string key = folder.file("key.pem");

  private:
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
    std::unique_ptr<h2_server> server_;
    std::thread thread_;
};

h2::request push(unsigned priority) {
    h2::request r;
    r.path = "/3/device/00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
    r.bearer = secret(std::string(180, 't'));
    r.fields = {
        {"apns-topic", "com.z360.app.voip"},
        {"apns-push-type", "voip"},
        {"apns-priority", "10"},
        {"apns-expiration", "0", false}
    };
    r.body.assign(k_body, 'b');
    r.priority = priority;
    r.timeout = 30s;
    return r;
}

class client {
  public:
    explicit client(const site& s) {
        h2::pool_settings settings;
        settings.host = "127.0.0.1";
        settings.port = s.port();
        settings.ca_file = s.pem;
        settings.max_connections = 1;
        pool_ = h2::make_pool(io_.get_executor(), settings, metrics_);
    }
    void run(awaitable<void> work) {
        std::exception_ptr error;
        asio::co_spawn(io_, whole(std::move(work)), [&](std::exception_ptr e) { error = e; });
        io_.run();
        if (error) std::rethrow_exception(error);
    }

    awaitable<void> rate(figures& f) {
        co_await one(0);
        left_ = k_requests;
        rusage before{};
        ::getrusage(RUSAGE_THREAD, &before);
        const auto began = steady::now();
        for (int i = 0; i < k_streams; ++i)
            tasks_.spawn(many());
        while (tasks_.size() > 0)
            (void)co_await tasks_.drain(1s);
        const double took = since(began);
        rusage after{};
        ::getrusage(RUSAGE_THREAD, &after);
        const double cpu = seconds(after.ru_utime) + seconds(after.ru_stime) - seconds(before.ru_utime) -
                           seconds(before.ru_stime);
        f.per_second.push_back(k_requests / took);
        f.cpu_us.push_back(cpu * 1e6 / k_requests);
    }
    awaitable<void> cold(std::vector<double>& ms) {
        const auto began = steady::now();
        for (int i = 0; i < 1'000; ++i)
            tasks_.spawn(one(0));
        while (tasks_.size() > 0)
            (void)co_await tasks_.drain(1s);
        ms.push_back(since(began) * 1e3);
    }
    awaitable<void> urgent(std::vector<double>& ms) {
        co_await one(0);
        for (int i = 0; i < 10'000; ++i)
            tasks_.spawn(one(2));
        for (int i = 0; i < 200; ++i) {
            co_await rt::sleep_for(1ms);
            const auto began = steady::now();
            co_await one(0);
            ms.push_back(since(began) * 1e3);
            if (pool_->now().waiting == 0) break;
        }
        while (tasks_.size() > 0)
            (void)co_await tasks_.drain(1s);
    }

  private:
    awaitable<void> one(unsigned priority) {
        const h2::result r = co_await pool_->perform(push(priority));
        if (r.status != 200) throw std::runtime_error("a request came to nothing");
    }
    awaitable<void> many() {
        while (left_-- > 0)
            co_await one(0);
    }
    awaitable<void> whole(awaitable<void> work) {
        co_await std::move(work);
        co_await pool_->stop(1s);
        co_await tasks_.join();
    }

    asio::io_context io_{1};
    recording_metrics metrics_;
    std::unique_ptr<h2::pool> pool_;
    rt::task_group tasks_{io_.get_executor()};
    int left_ = 0;
};

/// false: there is no h2load.
bool h2load(const site& s, figures& f) {
    const auto body = s.folder.file("body");
    std::ofstream(body) << std::string(k_body, 'b');
    const auto out = s.folder.file("out");
    const auto sample = push(0);
    const std::string url = "https://127.0.0.1:" + std::to_string(s.port()) + sample.path;
    std::vector<std::string> words{
        "h2load",
        "-n",
        std::to_string(k_requests),
        "-c",
        "1",
        "-m",
        std::to_string(k_streams),
        "-d",
        body,
        "-H",
        "authorization: bearer " + std::string(sample.bearer.reveal())
    };
    for (const auto& h : sample.fields) {
        words.emplace_back("-H");
        words.push_back(h.name + ": " + h.value);
    }
    words.push_back(url);
    std::vector<char*> argv;
    for (auto& w : words)
        argv.push_back(w.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        if (std::freopen(out.c_str(), "w", stdout) == nullptr) ::_exit(126);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    int status = 0;
    rusage used{};
    if (child < 0 || ::wait4(child, &status, 0, &used) != child || status != 0) return false;
    std::ifstream in(out);
    for (std::string line; std::getline(in, line);) {
        double took = 0;
        double rate = 0;
        if (std::sscanf(line.c_str(), "finished in %lf%*[a-z], %lf req/s", &took, &rate) == 2)
            f.per_second.push_back(rate);
    }
    f.cpu_us.push_back((seconds(used.ru_utime) + seconds(used.ru_stime)) * 1e6 / k_requests);
    return !f.per_second.empty();
}

} // namespace

int main() {
    const site s;
    figures ours;
    figures theirs;
    bool compared = true;
    for (int i = 0; i < k_rounds; ++i) {
        client c(s);
        c.run(c.rate(ours));
        compared = compared && h2load(s, theirs);
    }
    std::printf(
        "ours      %8.0f requests/s  %6.2f us of processor each\n", middle(ours.per_second),
        middle(ours.cpu_us)
    );
    if (compared)
        std::printf(
            "h2load    %8.0f requests/s  %6.2f us of processor each\n"
            "ratio     %8.0f %% of its rate  %6.2f times its processor time (goals: 70 %%, 1.5)\n",
            middle(theirs.per_second), middle(theirs.cpu_us),
            100 * middle(ours.per_second) / middle(theirs.per_second),
            middle(ours.cpu_us) / middle(theirs.cpu_us)
        );
    else
        std::printf("h2load is not installed (Debian: nghttp2-client): nothing to compare with\n");
    std::vector<double> cold;
    std::vector<double> urgent;
    for (int i = 0; i < k_rounds; ++i) {
        client c(s);
        c.run(c.cold(cold));
    }
    for (int i = 0; i < k_rounds; ++i) {
        client c(s);
        c.run(c.urgent(urgent));
    }
    std::sort(urgent.begin(), urgent.end());
    std::printf(
        "1,000 from cold, TLS included: last reply after %.1f ms (goal: on the wire in 100)\n", middle(cold)
    );
    std::printf(
        "urgent behind 10,000 others: p50 %.1f ms, p99 %.1f ms to the reply (goal: 50; %zu of them)\n",
        middle(urgent), urgent[urgent.size() * 99 / 100], urgent.size()
    );
    return 0;
}
