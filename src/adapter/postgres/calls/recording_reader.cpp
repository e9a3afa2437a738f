// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recordings, for people. Row-level security decides what may be seen.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <z360/port/recordings.hpp>

#include <string>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::recording_view;
using port::tenant_scope;
namespace {

#define Z360_VIEW                                                                                            \
    "select r.recording_id, r.call_id, c.call_session_id, r.org_id, coalesce(r.user_id, 0), r.purpose, "     \
    "r.status, r.carrier_id, coalesce(r.format, ''), coalesce(c.caller_number, ''), "                        \
    "coalesce(n.e164::text, c.dialed_sent, ''), coalesce(c.snapshot #>> '{routed,caller_name}', ''), "       \
    "z360_ms(r.created_at), z360_ms(r.began_at), z360_ms(r.ended_at), z360_ms(r.heard_at), "                 \
    "coalesce(r.bytes, 0), coalesce(r.sha256, ''), coalesce(r.vault, ''), coalesce(r.vault_key, ''), "       \
    "coalesce(r.transcript, ''), z360_ms(r.transcribed_at) "                                                 \
    "from recordings r join calls c on c.call_id = r.call_id "                                               \
    "left join phone_numbers n on n.phone_number_id = c.phone_number_id "
#define Z360_THERE "r.status not in ('removing', 'removed') "
// The caller has left at the tone: nobody is told of it, and it is to be removed. One that ends before it
// begins has no length that anybody knows.
#define Z360_SAYS_SOMETHING                                                                                  \
    "and (r.began_at is null or r.ended_at is null or r.ended_at - r.began_at >= interval '1 s' "            \
    "or r.ended_at < r.began_at) "

// $1 person, $2 only what is new, $3, $4 before this one, $5 how many.
constexpr const char* k_messages =
    Z360_VIEW "where r.user_id = $1 and r.purpose = 'message' and " Z360_THERE Z360_SAYS_SOMETHING
              "and (r.heard_at is null or not $2) "
              "and (r.created_at, r.recording_id) < (coalesce(z360_at($3::bigint), 'infinity'), $4::uuid) "
              "order by r.created_at desc, r.recording_id desc limit $5";
constexpr const char* k_unheard =
    "select count(*) from (select from recordings r where r.user_id = $1 and r.purpose = 'message' "
    "and " Z360_THERE Z360_SAYS_SOMETHING "and r.heard_at is null limit $2) x";
constexpr const char* k_find = Z360_VIEW "where r.recording_id = $1::uuid and " Z360_THERE;
constexpr const char* k_of_call =
    Z360_VIEW "where r.org_id = $1 and (c.call_session_id = $2 or c.call_id = $3::uuid) and " Z360_THERE
              "order by r.created_at, r.recording_id limit 100";
constexpr const char* k_heard = "update recordings r set heard_at = case when $2 then coalesce(heard_at, "
                                "clock_timestamp()) end "
                                "where recording_id = $1::uuid and purpose = 'message' and " Z360_THERE;
constexpr const char* k_transcribe =
    "update recordings r set transcript = $2, transcribed_by = 'service', transcribed_at = case when "
    "transcript = $2 and "
    "transcribed_by = 'service' then transcribed_at else clock_timestamp() end "
    "where recording_id = $1::uuid and purpose = 'message' and " Z360_THERE;
// Whoever is copying it has lost it.
constexpr const char* k_remove = "update recordings r set status = 'removing', due_at = clock_timestamp(), "
                                 "attempts = 0, error = 'asked for' "
                                 "where recording_id = $1::uuid and " Z360_THERE;

recording_view read(const pqxx::row& r) {
    recording_view out;
    out.id = uuid_of(r[0]);
    out.call = call_id{uuid_of(r[1])};
    out.session = r[2].c_str();
    out.org = {r[3].as<std::int64_t>()};
    out.user = {r[4].as<std::int64_t>()};
    out.purpose = std::string_view(r[5].c_str()) == "message" ? call::recording_purpose::message
                                                              : call::recording_purpose::talk;
    out.status = port::recording_status_named(r[6].c_str()).value_or(port::recording_status::waiting);
    out.carrier_id = r[7].c_str();
    out.format = r[8].c_str();
    out.caller = r[9].c_str();
    out.dialed = r[10].c_str();
    out.caller_name = r[11].c_str();
    out.told_at = time_at(r[12]);
    out.began_at = time_or_null(r[13]);
    out.ended_at = time_or_null(r[14]);
    out.heard_at = time_or_null(r[15]);
    out.bytes = r[16].as<std::uint64_t>();
    out.sha256 = r[17].c_str();
    out.copy = {r[18].c_str(), r[19].c_str()};
    out.transcript = r[20].c_str();
    out.transcribed_at = time_or_null(r[21]);
    return out;
}

std::vector<recording_view> read_all(const pqxx::result& found) {
    std::vector<recording_view> out;
    for (const auto& r : found)
        out.push_back(read(r));
    return out;
}

std::optional<recording_view> first_of(const pqxx::result& found) {
    if (found.empty()) return std::nullopt;
    return read(found[0]);
}

class rows final : public port::recording_reader {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<std::vector<recording_view>> messages(
        tenant_scope who, user_id of, bool only_new, std::optional<port::recording_cursor> before,
        std::size_t limit
    ) override {
        return db_.run("message_list", [=](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            const auto at =
                before ? std::optional(std::to_string(in_ms(before->told_at))) : std::optional<std::string>();
            const auto id = before ? before->id.text() : uuid{}.text();
            return read_all(
                exec_in(*tx, "message_list", k_messages, of.value, only_new, or_null(at), id, limit)
            );
        });
    }
    asio::awaitable<std::size_t> unheard(tenant_scope who, user_id of, std::size_t most) override {
        return db_.run("message_count", [=](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            return exec_in(*tx, "message_count", k_unheard, of.value, most)[0][0].as<std::size_t>();
        });
    }
    asio::awaitable<std::optional<recording_view>> find(tenant_scope who, uuid id) override {
        return db_.run("recording_find", [=](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            return first_of(exec_in(*tx, "recording_find", k_find, id.text()));
        });
    }
    asio::awaitable<std::vector<recording_view>>
    of_call(tenant_scope who, org_id org, std::string call) override {
        return db_.run("recording_of_call", [=, call = storable(call)](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            const auto ours = call_id::parse(call);
            const auto uuid = ours ? std::optional(ours->text()) : std::nullopt;
            return read_all(exec_in(*tx, "recording_of_call", k_of_call, org.value, call, or_null(uuid)));
        });
    }
    asio::awaitable<std::optional<recording_view>>
    mark_heard(tenant_scope who, uuid id, bool heard) override {
        return db_.run("message_heard", [=](pqxx::connection_base& db) -> std::optional<recording_view> {
            return in_scope(db, who, [&](pqxx::work& tx) -> std::optional<recording_view> {
                const auto marked = exec_in(tx, "message_heard", k_heard, id.text(), heard).affected_rows();
                if (marked == 0) return std::nullopt;
                return first_of(exec_in(tx, "recording_find", k_find, id.text()));
            });
        });
    }
    asio::awaitable<std::optional<recording_view>>
    transcribe(tenant_scope who, uuid id, std::string text) override {
        const auto write = [=, text = storable(text)](pqxx::connection_base& db) {
            return in_scope(db, who, [&](pqxx::work& tx) -> std::optional<recording_view> {
                const auto said = exec_in(tx, "message_said", k_transcribe, id.text(), text).affected_rows();
                if (said == 0) return std::nullopt;
                return first_of(exec_in(tx, "recording_find", k_find, id.text()));
            });
        };
        return db_.run("message_said", write);
    }
    asio::awaitable<bool> remove(tenant_scope who, uuid id) override {
        return db_.run("recording_remove", [=](pqxx::connection_base& db) {
            return in_scope(db, who, [&](pqxx::work& tx) {
                return exec_in(tx, "recording_remove", k_remove, id.text()).affected_rows() == 1;
            });
        });
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::recording_reader> make_recording_reader(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
