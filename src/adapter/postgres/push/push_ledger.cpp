// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What pushes have shown, written in batches behind the calls' backs.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/transaction.hpp"

#include <z360/log.hpp>
#include <z360/port/push_store.hpp>
#include <z360/rt/supervisor.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <deque>
#include <utility>
#include <vector>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
namespace {

constexpr millis k_gather{100}; ///< from the first row to the write
constexpr std::size_t k_batch = 500;
constexpr millis k_period{10'000};
constexpr std::chrono::seconds k_late{60};
constexpr millis k_write_limit{5'000};

// $1: array of attempts. What an earlier try has written already stays.
constexpr const char* k_attempts = R"sql(
insert into push_attempts (attempt_id, call_id, message_id, org_id, device_id, kind, ring, round, attempt, provider, token_kind,
                           environment, lane, push_id, queued_at, sent_at, answered_at, status, reason, outcome)
select id, call, message, org, device, kind, ring, round, attempt, provider, token, env, lane, push, z360_at(queued),
       z360_at(sent), z360_at(answered), status, reason, outcome
  from jsonb_to_recordset($1::jsonb) as x(id uuid, call uuid, message uuid, org bigint, device bigint, kind text, ring int,
       round int, attempt int, provider text, token text, env text, lane text, push text, queued bigint, sent bigint,
       answered bigint, status int, reason text, outcome text)
on conflict (attempt_id) do nothing)sql";

// $1: array of receipts. The first of each kind counts.
constexpr const char* k_receipts = R"sql(
insert into push_receipts (call_id, device_id, ring, state, org_id, at, phone_at)
select call, device, ring, state, org, z360_at(at), z360_at(phone_at)
  from jsonb_to_recordset($1::jsonb) as x(call uuid, device bigint, ring int, state text, org bigint, at bigint,
       phone_at bigint)
on conflict do nothing)sql";

// $1 device, $2 name of the token, $3 reason, $4 when. Only that very token, if it was registered before.
constexpr const char* k_push_dead = R"sql(
update devices set push_invalid_at = z360_at($4), push_invalid_reason = $3, push_state = 'invalid'
 where device_id = $1 and push_token is not null and encode(sha256(push_token), 'hex') = $2
   and push_invalid_at is null and coalesce(push_registered_at, push_updated_at, registered_at) <= z360_at($4))sql";
constexpr const char* k_voip_dead = R"sql(
update devices set voip_invalid_at = z360_at($4), voip_invalid_reason = $3, push_state = 'invalid'
 where device_id = $1 and voip_token is not null and encode(sha256(voip_token), 'hex') = $2
   and voip_invalid_at is null and coalesce(voip_registered_at, push_updated_at, registered_at) <= z360_at($4))sql";

// $1 device, $2 name of the token that has died just now. A phone whose PushKit token is dead is told by its
// other one to register anew; one whose other token is dead cannot be: PushKit takes nothing but calls. Each
// death is told once, also the second one of a token that was registered again.
constexpr const char* k_ask_for_token = R"sql(
insert into push_messages (org_id, device_id, kind, lane, key, until)
select z360_push_org(d.device_id), d.device_id, 'push_token_required', 'sync', 'push_token_required ' || $2 || ' ' || z360_ms(d.voip_invalid_at),
       statement_timestamp() + interval '1 day'
  from devices d
 where d.device_id = $1 and d.push_token is not null and d.push_invalid_at is null and z360_push_org(d.device_id) is not null
on conflict do nothing)sql";

// $1 device, $2 name of the token, $3 environment
constexpr const char* k_push_env = R"sql(
update devices set push_env_proven = $3
 where device_id = $1 and push_token is not null and encode(sha256(push_token), 'hex') = $2 and push_env_proven <> $3)sql";
constexpr const char* k_voip_env = R"sql(
update devices set voip_env_proven = $3
 where device_id = $1 and voip_token is not null and encode(sha256(voip_token), 'hex') = $2 and voip_env_proven <> $3)sql";

/// Something learned of a token.
struct lesson {
    device_id device;
    push::token_kind kind = push::token_kind::alert;
    std::string token;
    std::string reason; ///< it is dead; empty: its environment is known
    time_point at{};
    push::environment env = push::environment::unknown;
};

std::string document(const std::vector<port::push_attempt>& all) {
    auto rows = nlohmann::json::array();
    for (const auto& a : all) {
        nlohmann::json row{
            {"id", a.id.text()},
            {"org", a.org.value},
            {"device", a.device.value},
            {"kind", push::name(a.what)},
            {"ring", a.ring},
            {"round", a.round},
            {"attempt", a.attempt},
            {"provider", push::name(push::provider_of(a.token))},
            {"token", push::name(a.token)},
            {"env", a.env == push::environment::unknown ? std::string_view{} : push::name(a.env)},
            {"lane", push::name(push::lane_of(a.what))},
            {"push", storable(a.push_id)},
            {"queued", in_ms(a.queued_at)},
            {"sent", in_ms(a.sent_at)},
            {"status", a.status},
            {"reason", storable(a.reason)},
            {"outcome", port::name(a.end)}
        };
        if (!a.call.nil()) row["call"] = a.call.text();
        if (!a.message.nil()) row["message"] = a.message.text();
        if (a.answered_at) row["answered"] = in_ms(*a.answered_at);
        rows.push_back(std::move(row));
    }
    return rows.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string document(const std::vector<port::push_receipt>& all) {
    auto rows = nlohmann::json::array();
    for (const auto& r : all) {
        nlohmann::json row{{"call", r.call.text()}, {"device", r.device.value},     {"ring", r.ring},
                           {"org", r.org.value},    {"state", port::name(r.state)}, {"at", in_ms(r.at)}};
        if (r.phone_at) row["phone_at"] = in_ms(*r.phone_at);
        rows.push_back(std::move(row));
    }
    return rows.dump();
}

void teach(pqxx::work& tx, const lesson& l) {
    const bool voip = l.kind == push::token_kind::voip;
    if (l.reason.empty())
        exec_in(
            tx, voip ? "push_voip_env" : "push_env", voip ? k_voip_env : k_push_env, l.device.value, l.token,
            std::string(push::name(l.env))
        );
    else if (exec_in(
                 tx, voip ? "push_voip_dead" : "push_dead", voip ? k_voip_dead : k_push_dead, l.device.value,
                 l.token, storable(l.reason), in_ms(l.at)
             )
                     .affected_rows() > 0 &&
             voip)
        exec_in(tx, "push_ask_for_token", k_ask_for_token, l.device.value, l.token);
}

/// A line of bounded length, of which a batch is in work until it is known to be written.
template <class T>
class backlog {
  public:
    /// false: the oldest had to go for it.
    bool add(T what, std::size_t limit) {
        const bool room = waiting_.size() < limit;
        if (!room) waiting_.pop_front();
        waiting_.push_back(std::move(what));
        return room;
    }
    const std::vector<T>& take(std::size_t most) {
        while (in_work_.size() < most && !waiting_.empty()) {
            in_work_.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        return in_work_;
    }
    void done() { in_work_.clear(); }
    [[nodiscard]] std::size_t size() const { return waiting_.size() + in_work_.size(); }

  private:
    std::deque<T> waiting_;
    std::vector<T> in_work_;
};

class ledger final : public port::push_ledger {
  public:
    ledger(asio::any_io_executor ex, database& db, port::metrics& metrics, push_ledger_settings s)
        : db_(db.connections()), metrics_(metrics), s_(s), wake_(ex),
          loops_(std::move(ex), [this](std::string_view name, std::string_view) {
              metrics_.count("loop_failures_total", {{"loop", name}});
          }) {
        metrics_.count("push_ledger_lost_total", {{"what", "attempt"}}, 0);
        metrics_.count("push_ledger_lost_total", {{"what", "token"}}, 0);
        metrics_.count("push_ledger_lost_total", {{"what", "receipt"}}, 0);
    }

    void note(port::push_attempt a) override {
        if (!attempts_.add(std::move(a), s_.most_rows))
            metrics_.count("push_ledger_lost_total", {{"what", "attempt"}});
        wake_.set();
    }
    void receipt(port::push_receipt r) override {
        if (!receipts_.add(r, s_.most_rows)) metrics_.count("push_ledger_lost_total", {{"what", "receipt"}});
        wake_.set();
    }
    void token_dead(
        device_id device, push::token_kind kind, std::string token, std::string reason, time_point at
    ) override {
        if (reason.empty()) reason = "?";
        learn({device, kind, std::move(token), std::move(reason), at, push::environment::unknown});
    }
    void environment_learned(
        device_id device, push::token_kind kind, std::string token, push::environment env
    ) override {
        if (env != push::environment::unknown) learn({device, kind, std::move(token), {}, {}, env});
    }

    void start() override {
        rt::loop_settings l{.name = "push_ledger", .period = k_period, .late_after = k_late, .wake = &wake_};
        loops_.run(std::move(l), [this] { return round(); });
    }
    asio::awaitable<void> stop(millis limit) override {
        co_await loops_.join();
        const auto until = rt::clock::now() + limit;
        try {
            while (left() > 0 && rt::clock::now() < until)
                co_await write();
        } catch (const std::exception& e) {
            log::warn("push_ledger_not_written", {{"rows", left()}, {"why", e.what()}});
        }
    }

    std::vector<loop_state> loops() const override { return loops_.states(); }

  private:
    void learn(lesson l) {
        if (!lessons_.add(std::move(l), s_.most_rows))
            metrics_.count("push_ledger_lost_total", {{"what", "token"}});
        wake_.set();
    }
    [[nodiscard]] std::size_t left() const { return attempts_.size() + receipts_.size() + lessons_.size(); }

    asio::awaitable<void> round() {
        if (left() > 0) co_await rt::sleep_for(k_gather);
        while (left() > 0)
            co_await write();
    }
    // What cannot be written stays in work for the next time, but for what no time would cure.
    asio::awaitable<void> write() {
        auto fn = [rows = document(attempts_.take(k_batch)), receipts = document(receipts_.take(k_batch)),
                   lessons = lessons_.take(k_batch)](pqxx::connection_base& db) {
            in_transaction(db, [&](pqxx::work& tx) {
                tx.exec("set local synchronous_commit = off"); // figures: nobody's commit waits for them
                exec_in(tx, "push_attempts", k_attempts, rows);
                exec_in(tx, "push_receipts", k_receipts, receipts);
                for (const auto& l : lessons)
                    teach(tx, l);
            });
        };
        bool refused = false;
        try {
            co_await db_.run("push_ledger", std::move(fn), k_write_limit);
        } catch (const statement_error& e) {
            log::error("push_ledger_refused", {{"rows", left()}, {"why", e.what()}});
            refused = true;
        }
        if (refused) {
            lost("attempt", attempts_.take(0).size());
            lost("receipt", receipts_.take(0).size());
            lost("token", lessons_.take(0).size());
        }
        attempts_.done();
        receipts_.done();
        lessons_.done();
    }

    void lost(std::string_view what, std::size_t n) {
        metrics_.count("push_ledger_lost_total", {{"what", what}}, static_cast<double>(n));
    }

    pool& db_;
    port::metrics& metrics_;
    const push_ledger_settings s_;
    backlog<port::push_attempt> attempts_;
    backlog<port::push_receipt> receipts_;
    backlog<lesson> lessons_;
    rt::event wake_;
    rt::supervisor loops_;
};

} // namespace

std::unique_ptr<port::push_ledger>
make_push_ledger(asio::any_io_executor ex, database& db, port::metrics& metrics, push_ledger_settings s) {
    return std::make_unique<ledger>(std::move(ex), db, metrics, s);
}

} // namespace z360::adapter::postgres
