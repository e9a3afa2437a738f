// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/postgres.hpp"

#include <z360/port/backlog.hpp>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
namespace {

// now(), not clock_timestamp(): the planner takes it as a bound of the indexes of what waits. An event that
// was put off waits from then on. What a node holds a claim of is being done.
constexpr const char* k_ages = R"sql(
select coalesce(extract(epoch from now() - (select claimed_until from webhook_events
                                             where status = 'new' and claimed_until <= now()
                                             order by received_at, seq limit 1)), 0) * 1000,
       coalesce(extract(epoch from now() - (select next_deadline from calls where next_deadline <= now()
                                             order by next_deadline limit 1)), 0) * 1000,
       coalesce(extract(epoch from now() - (select claimed_until from commands
                                             where status = 'pending' and after_id is null and claimed_until <= now()
                                             order by claimed_until limit 1)), 0) * 1000)sql";

class looks final : public port::backlog {
  public:
    explicit looks(database& db) : db_(db.connections()) {}
    asio::awaitable<port::backlog_ages> ages() override {
        co_return co_await db_.run("backlog", [](pqxx::connection_base& db) {
            const auto r = exec_once(db, "backlog", k_ages);
            const auto age = [&r](int n) { return millis{static_cast<std::int64_t>(r[0][n].as<double>())}; };
            return port::backlog_ages{age(0), age(1), age(2)};
        });
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::backlog> make_backlog(database& db) {
    return std::make_unique<looks>(db);
}

} // namespace z360::adapter::postgres
