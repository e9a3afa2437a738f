// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A scripted carrier and the other collaborators of the Telnyx client.
#pragma once

#include "adapter/telnyx/client.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace z360::test {

/// What the carrier does with one request.
struct play {
    http::client_response reply;
    std::chrono::milliseconds after{0};
    bool silent = false; ///< never answers
};

inline play
answer(int status, std::string body = "{}", std::chrono::milliseconds after = std::chrono::milliseconds{0}) {
    play p;
    p.reply.status = status;
    p.reply.body = std::move(body);
    p.after = after;
    return p;
}
inline play error_code(int status, const std::string& code) {
    return answer(status, R"({"errors":[{"code":")" + code + R"(","title":"scripted"}]})");
}
inline play dialed(const std::string& ccid, std::chrono::milliseconds after = std::chrono::milliseconds{0}) {
    return answer(200, R"({"data":{"call_control_id":")" + ccid + R"("}})", after);
}
inline play silence() {
    play p;
    p.silent = true;
    return p;
}
inline play unreachable() {
    play p;
    p.reply.error = "connection refused";
    p.reply.sent = false;
    return p;
}
inline play no_answer() {
    play p;
    p.reply.error = "timed out";
    return p;
}
inline play with_header(play p, std::string name, std::string value) {
    p.reply.headers.add(std::move(name), std::move(value));
    return p;
}

class scripted_http final : public http::client {
  public:
    std::deque<play> script;
    std::vector<http::client_request> seen;
    int aborted = 0;
    std::optional<play> otherwise; ///< when the script is used up

    rt::awaitable<http::client_response> perform(http::client_request req) override {
        seen.push_back(std::move(req));
        play p;
        if (!script.empty()) {
            p = std::move(script.front());
            script.pop_front();
        } else if (otherwise) {
            p = *otherwise;
        } else {
            ADD_FAILURE() << "more requests than expected: " << seen.back().url;
        }
        try {
            if (p.silent) co_await rt::sleep_for(std::chrono::hours{1});
            if (p.after.count() > 0) co_await rt::sleep_for(p.after);
        } catch (const boost::system::system_error&) {
            ++aborted;
            throw;
        }
        co_return p.reply;
    }
};

class moving_clock final : public port::clock {
  public:
    millis offset{0};
    [[nodiscard]] time_point now() const override {
        const auto passed = std::chrono::steady_clock::now() - began_;
        return time_point{std::chrono::seconds{1'800'000'000}} + offset + std::chrono::floor<millis>(passed);
    }

  private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

class counting_metrics final : public port::metrics {
  public:
    std::map<std::string, double> values;
    void count(std::string_view name, port::labels l, double n) override { values[key(name, l)] += n; }
    void gauge(std::string_view name, double v, port::labels l) override { values[key(name, l)] = v; }
    void observe(std::string_view name, double, port::labels l) override { values[key(name, l)] += 1; }
    [[nodiscard]] std::string text() const override { return {}; }

  private:
    static std::string key(std::string_view name, port::labels l) {
        std::string out(name);
        for (const auto& [k, v] : l)
            out += " " + std::string(k) + "=" + std::string(v);
        return out;
    }
};

class scripted_budget final : public port::dial_budget {
  public:
    std::deque<std::int64_t> waits; ///< then 0
    int taken = 0;
    rt::awaitable<std::int64_t> take_ms() override {
        ++taken;
        std::int64_t out = 0;
        if (!waits.empty()) {
            out = waits.front();
            waits.pop_front();
        }
        co_return out;
    }
};

/// A client with everything around it.
struct stage {
    boost::asio::io_context io{1};
    scripted_http http;
    moving_clock clock;
    counting_metrics metrics;
    scripted_budget budget;
    adapter::crypto::client_state_codec codec{secret{}, secret{std::string("KEY-for-tests")}};
    adapter::crypto::agent_references references{{}, secret{std::string("KEY-for-tests")}};
    adapter::telnyx::client_settings settings = defaults();
    std::unique_ptr<port::telnyx_api> api;
    unsigned asked = 0; ///< last attempt number the call was asked about
    std::function<bool(unsigned)> wanted_ = [](unsigned) { return true; };

    static adapter::telnyx::client_settings defaults() {
        adapter::telnyx::client_settings s;
        s.base_url = "https://telnyx.example.test/v2/";
        s.api_key = secret{std::string("KEY-for-tests")};
        s.commands.connection_id = "2400000000000000001";
        s.hedge_after = millis{60'000}; // no resend unless the test is about it
        s.probe_every = millis{20};
        return s;
    }

    port::telnyx_api& client() {
        if (!api)
            api = adapter::telnyx::make_telnyx_api(
                io.get_executor(), settings, http, codec, references, budget, clock, metrics,
                [] { return 0.0; }
            );
        return *api;
    }
    rt::awaitable<bool> answer_wanted(unsigned n) {
        asked = n;
        co_return wanted_(n);
    }
    port::still_wanted wanted() {
        return [this](unsigned n) { return answer_wanted(n); };
    }

    [[nodiscard]] call::command command(call::command_body body, millis life = millis{20'000}) const {
        call::command c;
        c.id = "cmd-1";
        c.call_control_id = "v3:leg";
        c.issued_at = clock.now();
        c.deadline = c.issued_at + life;
        c.body = std::move(body);
        if (std::holds_alternative<call::dial_body>(c.body)) c.call_control_id.clear();
        return c;
    }
    [[nodiscard]] call::command dial(millis life = millis{20'000}) const {
        call::dial_body b;
        b.leg = leg_id{uuid{1, 2}};
        b.call = call_id{uuid{3, 4}};
        b.org = org_id{7};
        b.sip_username = "gencredAlice";
        b.from = "+14155550123";
        b.link_to = "v3:caller";
        auto c = command(std::move(b), life);
        c.leg = leg_id{uuid{1, 2}};
        return c;
    }

    /// Runs commands side by side until all have an outcome.
    std::vector<call::command_outcome> run_all(std::vector<call::command> cmds) {
        std::vector<call::command_outcome> out(cmds.size());
        for (std::size_t i = 0; i < cmds.size(); ++i)
            boost::asio::co_spawn(io, keep(client().execute(std::move(cmds[i]), wanted()), &out[i]), rethrow);
        io.restart();
        io.run();
        return out;
    }
    call::command_outcome run(call::command c) { return run_all({std::move(c)}).front(); }

    [[nodiscard]] double counted(const std::string& key) const {
        const auto it = metrics.values.find(key);
        return it == metrics.values.end() ? 0 : it->second;
    }

    static rt::awaitable<void> keep(rt::awaitable<call::command_outcome> op, call::command_outcome* out) {
        *out = co_await std::move(op);
    }
    static void rethrow(const std::exception_ptr& e) {
        if (e) std::rethrow_exception(e);
    }
};

} // namespace z360::test
