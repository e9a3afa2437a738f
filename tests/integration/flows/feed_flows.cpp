// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who hears of changes while the processes that made them die.
#include "adapter/postgres/broadcast.hpp"
#include "integration/flows/flow.hpp"
#include "support/recording_metrics.hpp"

#include <z360/engine/change_feed.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <pqxx/pqxx>

#include <functional>
#include <map>
#include <memory>

using namespace z360;
using namespace z360::testing;

namespace {

namespace asio = boost::asio;
namespace pg = adapter::postgres;

/// A subscriber in another process than the nodes. Runs while it is asked.
class listener {
  public:
    explicit listener(const std::string& url)
        : db_(settings(url)), notes_(pg::make_notifications(
                                  io_.get_executor(), db_, {secret(url), "z360_changes", 5'000ms}, metrics_
                              )),
          log_(pg::make_change_log(db_)),
          feed_(engine::make_change_feed(io_.get_executor(), {nullptr, *notes_, *log_, metrics_})) {
        notes_->start();
        feed_->start();
        asio::co_spawn(io_, hear(), asio::bind_cancellation_slot(leave_.slot(), [this](std::exception_ptr) {
                           left_ = true;
                       }));
    }
    ~listener() {
        leave_.emit(asio::cancellation_type::terminal);
        (void)eventually([this] { return done([this] { return left_; }); });
        bool stopped = false;
        asio::co_spawn(io_, stop(), [&stopped](std::exception_ptr) { stopped = true; });
        (void)eventually([&] { return done([&] { return stopped; }); }, 10s);
    }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    [[nodiscard]] bool ready() {
        return eventually([this] { return done([this] { return started_ && notes_->listening(); }); });
    }
    /// Heard of the call in this version, or a newer one, within the limit.
    [[nodiscard]] bool hears(call_id call, std::uint64_t version, millis limit) {
        return eventually([&] { return done([&] { return versions_[call] >= version; }); }, limit);
    }
    [[nodiscard]] double by(std::string_view carrier) const {
        return metrics_.counted("changes_heard_total", {{"by", carrier}});
    }

  private:
    static pg::database_settings settings(const std::string& url) {
        pg::database_settings s;
        s.url = secret(url);
        s.connections = 2;
        return s;
    }
    bool done(const std::function<bool()>& condition) {
        io_.restart();
        io_.poll();
        return condition();
    }
    asio::awaitable<void> hear() {
        const auto mine = feed_->subscribe();
        for (;;) {
            const auto news = co_await mine->next();
            started_ = true;
            for (const auto& c : news.changes)
                versions_[c.call] = std::max(versions_[c.call], c.version);
        }
    }
    asio::awaitable<void> stop() {
        co_await feed_->stop();
        co_await notes_->stop();
    }

    asio::io_context io_{1};
    test::recording_metrics metrics_;
    pg::database db_;
    std::unique_ptr<pg::notifications> notes_;
    std::unique_ptr<port::change_log> log_;
    std::unique_ptr<engine::change_feed> feed_;
    asio::cancellation_signal leave_;
    std::map<call_id, std::uint64_t> versions_;
    bool started_ = false;
    bool left_ = false;
};

class feed_flow : public flow {};

/// Kills the node as soon as the call is stored; the version that is there then.
std::uint64_t killed_after_the_commit(rig& r, pqxx::connection& db, const std::string& session) {
    std::uint64_t version = 0;
    const bool stored = eventually([&] {
        pqxx::nontransaction tx(db);
        const auto rows = tx.exec_params("select version from calls where call_session_id = $1", session);
        if (!rows.empty()) version = rows[0][0].as<std::uint64_t>();
        return version > 0;
    });
    r.server().kill();
    return stored ? version : 0;
}

} // namespace

// What the node would tell has not left it: its Redis is silent, and it dies before it turns to Postgres. Who
// listens elsewhere hears of the change all the same, by the look into the log that is made each second.
TEST_F(feed_flow, state_03_a_change_is_heard_of_although_its_node_died_before_it_told) {
    auto& r = set_up();
    listener elsewhere(r.database_url());
    ASSERT_TRUE(elsewhere.ready());
    pqxx::connection db(r.database_url());
    bool untold = false;
    for (int round = 0; round < 8 && !untold; ++round) {
        r.redis().stall();
        const auto by_notify = elsewhere.by("notify");
        const auto by_log = elsewhere.by("log");
        const auto caller = r.call();
        const auto session = r.session(caller);
        const auto version = killed_after_the_commit(r, db, session);
        ASSERT_GT(version, 0U);
        const auto call =
            call_id::parse(r.sql("select call_id from calls where call_session_id = '" + session + "'"));
        ASSERT_TRUE(call);
        EXPECT_TRUE(elsewhere.hears(*call, version, 4s)) << "round " << round;
        untold = elsewhere.by("notify") == by_notify && elsewhere.by("log") > by_log;
        r.redis().resume();
        r.server().start();
        ASSERT_TRUE(r.server().ready());
        EXPECT_TRUE(r.ringing(session, 1)); // and the node after it goes on with the call
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        EXPECT_TRUE(r.phase(session, "ended"));
    }
    EXPECT_TRUE(untold) << "the node was never quick enough to die before it told";
}
