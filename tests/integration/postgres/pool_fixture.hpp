// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/postgres/pool.hpp"
#include "calls.hpp"
#include "support/tcp_relay.hpp"

#include <z360/rt/sync.hpp>

namespace z360::testing {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

// Postgres behind a relay that can take it away.
class pool_test : public postgres_test {
  protected:
    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        const auto host = server_url().find("@") == std::string::npos ? server_url().find("://") + 3
                                                                      : server_url().find('@') + 1;
        const auto rest = server_url().substr(host, server_url().find('/', host) - host);
        const auto colon = rest.find(':');
        const auto port = colon == std::string::npos ? "5432" : rest.substr(colon + 1);
        relay_ =
            std::make_unique<tcp_relay>(rest.substr(0, colon), static_cast<std::uint16_t>(std::stoi(port)));
        auto s = settings();
        auto url = scratch_->url();
        url.replace(url.find(rest), rest.size(), "127.0.0.1:" + std::to_string(relay_->port()));
        s.url = secret(url);
        s.connections = 2;
        relayed_ = s;
        db_ = std::make_unique<pg::database>(s);
    }
    void TearDown() override {
        if (relay_) relay_->cut(); // also what hangs must let the pool go
        postgres_test::TearDown();
        relay_.reset();
    }

    // "" or why not
    awaitable<std::string> ask(const char* statement) {
        auto fn = [statement](pqxx::connection_base& c) {
            pqxx::nontransaction tx(c);
            return tx.exec(statement)[0][0].as<std::string>();
        };
        try {
            co_return co_await db_->connections().run("test", fn);
        } catch (const port::unavailable& e) {
            co_return std::string("unavailable: ") + e.what();
        }
    }
    std::string ask_now(const char* statement = "select 'ok'") { return run(ask(statement)); }
    // Asks until the answer is "ok"; how long it took.
    millis until_ok() {
        const auto began = clock_type::now();
        while (ask_now() != "ok" && clock_type::now() - began < 10s)
            run(rt::sleep_for(5ms));
        return std::chrono::duration_cast<millis>(clock_type::now() - began);
    }
    template <class F>
    bool eventually(F condition, millis limit = 5s) {
        const auto until = clock_type::now() + limit;
        while (!condition()) {
            if (clock_type::now() > until) return false;
            run(rt::sleep_for(5ms));
        }
        return true;
    }
    awaitable<void> ask_into(const char* statement, std::vector<std::string>* out) {
        out->push_back(co_await ask(statement));
    }
    std::vector<std::string> ask_many(int n, const char* statement) {
        std::vector<std::string> out;
        std::vector<awaitable<void>> tasks;
        for (int i = 0; i < n; ++i)
            tasks.push_back(ask_into(statement, &out));
        run(together(std::move(tasks)));
        return out;
    }

    std::unique_ptr<tcp_relay> relay_;
    pg::database_settings relayed_;
};

inline bool is_unavailable(const std::string& answer) {
    return answer.starts_with("unavailable");
}

} // namespace z360::testing
