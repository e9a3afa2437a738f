// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where pushes go: devices with their tokens in the clear, for whoever sends.
#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/identities/push_tokens.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"

#include <z360/log.hpp>
#include <z360/port/push_store.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/post.hpp>

#include <list>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::push_address;
namespace {

// Questions of one turn are asked together: $1 devices, $2 organisations, $3 devices whose uid is wanted, $4
// callers. Who is eligible is asked as for who is rung (directory.cpp), but for the identity: a device that
// has none may be told of a missed call all the same.
constexpr const char* k_find = R"sql(
select q.place, d.device_uid, d.platform, d.credential_version,
       coalesce(d.capabilities->>'full_screen_intent', '') <> 'false',
       d.status = 'active' and o.status = 'active' and (d.bound_org_id is null or d.bound_org_id = q.org)
           and exists (select from memberships m join users u on u.user_id = m.user_id
                        where m.org_id = q.org and m.user_id = d.user_id and u.status = 'active')
           and not exists (select from device_exclusions x where x.device_id = d.device_id and x.org_id = q.org),
       o.name, o.slug, coalesce(w.device_uid, ''), coalesce(c.avatar_url, ''), d.bundle_id, d.apns_env,
       d.push_token, d.push_key_id, d.push_token_kind, d.push_env_proven,
       z360_ms(coalesce(d.push_registered_at, d.push_updated_at, d.registered_at)),
       d.push_invalid_at is not null, encode(sha256(d.push_token), 'hex'),
       d.voip_token, d.voip_key_id, 'voip', d.voip_env_proven,
       z360_ms(coalesce(d.voip_registered_at, d.push_updated_at, d.registered_at)),
       d.voip_invalid_at is not null, encode(sha256(d.voip_token), 'hex')
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) with ordinality as q(device, org, winner, caller, place)
  join devices d on d.device_id = q.device
  join organizations o on o.org_id = q.org
  left join devices w on w.device_id = q.winner
  left join contacts c on c.org_id = q.org and c.e164 = q.caller)sql";

constexpr int k_first_token = 12; ///< column of the tokens
constexpr int k_token_columns = 7;

push::token_kind kind_of(std::string_view word) {
    if (word == "voip") return push::token_kind::voip;
    if (word == "apns") return push::token_kind::alert;
    return word == "fcm_fid" ? push::token_kind::fcm_fid : push::token_kind::fcm_token;
}

void add_token(
    push_address& to, device_id device, const pqxx::row& r, int first, const char* column,
    const crypto::vault& keys
) {
    const auto at = [&](int n) { return r[first + n]; };
    if (at(0).is_null()) return;
    auto token = keys.open_sealed({at(1).c_str(), bytes_of(at(0))}, crypto::place(column, device.value));
    if (!token) {
        log::error(
            "push_token_unreadable",
            {{"device", device}, {"fix", "its key must be in secrets.key_file until --rekey has replaced it"}}
        );
        return;
    }
    port::push_address_token t;
    t.to.device = device;
    t.to.token_is = kind_of(at(2).c_str());
    t.to.token = std::move(*token);
    const auto proven = push::environment_named(at(3).c_str());
    t.to.env_proven = proven != push::environment::unknown;
    t.to.env = t.to.env_proven ? proven : push::environment_named(r[k_first_token - 1].c_str());
    t.to.bundle_id = r[k_first_token - 2].c_str();
    t.to.registered_at = time_at(at(4));
    t.dead = at(5).as<bool>();
    t.name = at(6).c_str();
    to.tokens.push_back(std::move(t));
}

push_address read(const pqxx::row& r, const port::push_addresses::question& q, const crypto::vault& keys) {
    push_address out;
    out.uid = r[1].c_str();
    out.platform = r[2].c_str();
    out.credential_version = r[3].as<int>();
    out.full_screen = r[4].as<bool>();
    out.eligible = r[5].as<bool>();
    out.org = {q.org, r[6].c_str(), r[7].c_str()};
    out.winner_uid = r[8].c_str();
    out.caller_avatar = r[9].c_str();
    add_token(out, q.device, r, k_first_token, k_push_column, keys);
    add_token(out, q.device, r, k_first_token + k_token_columns, k_voip_column, keys);
    return out;
}

using questions = std::vector<port::push_addresses::question>;
using answers = std::vector<std::optional<push_address>>;

answers ask(pqxx::connection_base& db, const questions& all, const crypto::vault& keys) {
    std::vector<device_id> devices, winners;
    std::vector<org_id> orgs;
    std::vector<std::string> callers;
    for (const auto& q : all) {
        devices.push_back(q.device);
        orgs.push_back(q.org);
        winners.push_back(q.winner);
        callers.push_back(storable(q.caller));
    }
    answers out(all.size());
    for (const auto& r : exec_once(
             db, "push_addresses", k_find, key_array(devices), key_array(orgs), key_array(winners),
             text_array(callers)
         )) {
        const auto place = r[0].as<std::size_t>() - 1;
        out.at(place) = read(r, all.at(place), keys);
    }
    return out;
}

/// Questions of one turn of the loop, and what came of them. Lives as long as anybody who waits.
struct round_of_questions {
    questions asked;
    answers found;
    bool over = false; ///< with nothing found: it failed, or who asked for all was cancelled
    std::list<rt::event*> waiting;
};

class addresses final : public port::push_addresses {
  public:
    addresses(database& db, std::shared_ptr<const crypto::vault> keys)
        : db_(db.connections()), keys_(std::move(keys)) {}

    asio::awaitable<std::optional<push_address>> find(question q) override {
        const bool first = !open_;
        if (first) open_ = std::make_shared<round_of_questions>();
        const auto round = open_;
        const auto place = round->asked.size();
        round->asked.push_back(q);
        if (first) {
            co_await ask_for_all(round);
        } else {
            co_await wait(round);
            if (round->found.empty()) co_return co_await alone(std::move(q)); // its own luck
        }
        co_return std::move(round->found.at(place));
    }

  private:
    // Tells those who wait, however it ends.
    struct end_of_round {
        addresses& of;
        std::shared_ptr<round_of_questions> round;
        ~end_of_round() {
            if (of.open_ == round) of.open_.reset();
            round->over = true;
            for (auto* w : round->waiting)
                w->set();
        }
    };
    struct seat {
        round_of_questions& in;
        std::list<rt::event*>::iterator at;
        ~seat() { in.waiting.erase(at); }
    };

    asio::awaitable<void> ask_for_all(std::shared_ptr<round_of_questions> round) {
        const end_of_round end{*this, round};
        auto ex = co_await asio::this_coro::executor;
        co_await asio::post(ex, asio::use_awaitable); // the others of this turn
        open_.reset();
        round->found = co_await put(round->asked);
    }
    static asio::awaitable<void> wait(std::shared_ptr<round_of_questions> round) {
        auto ex = co_await asio::this_coro::executor;
        rt::event wake(ex);
        const seat mine{*round, round->waiting.insert(round->waiting.end(), &wake)};
        while (!round->over)
            co_await wake.wait();
    }
    asio::awaitable<answers> put(questions all) {
        auto fn = [all = std::move(all), keys = keys_](pqxx::connection_base& db) {
            return ask(db, all, *keys);
        };
        co_return co_await db_.run("push_addresses", std::move(fn));
    }
    asio::awaitable<std::optional<push_address>> alone(question q) {
        questions one;
        one.push_back(std::move(q));
        auto found = co_await put(std::move(one));
        co_return std::move(found.at(0));
    }

    pool& db_;
    std::shared_ptr<const crypto::vault> keys_;
    std::shared_ptr<round_of_questions> open_; ///< takes questions still
};

} // namespace

std::unique_ptr<port::push_addresses>
make_push_addresses(database& db, std::shared_ptr<const crypto::vault> keys) {
    return std::make_unique<addresses>(db, std::move(keys));
}

} // namespace z360::adapter::postgres
