// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Conversations and messages, for people. Row-level security decides what may be seen; figures are made by
// the database from an index alone, so that no number of messages is ever in this process.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <z360/port/books.hpp>

#include <limits>
#include <string>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::book_cursor;
using port::book_summary;
using port::conversation_view;
using port::message_view;
using port::tenant_scope;
namespace {

#define Z360_FIGURES                                                                                         \
    "count(*) as messages, count(*) filter (where m.missed) as missed, "                                     \
    "count(*) filter (where m.voicemail) as voicemails, coalesce(sum(m.talk_ms), 0)::bigint as talk, "       \
    "z360_ms(max(m.created_at)) as last "

// $1 person, $2 organisation (0: each of theirs), $3, $4 before this one, $5 how many. Who manages an
// organisation reads its conversations in their order; others have the conversations of their own messages.
constexpr const char* k_conversations =
    R"sql(
with mine as materialized (
    select org_id, role in ('owner', 'admin') as manages from memberships
     where user_id = $1 and ($2::bigint = 0 or org_id = $2)
), edge as (select coalesce(z360_at($3::bigint), 'infinity') as at
), page as materialized (
    select x.conversation_id, x.at from (
        (select c.conversation_id, c.at from mine, edge, lateral (
             select conversation_id, last_message_at as at from conversations v
              where v.org_id = mine.org_id and (v.last_message_at, v.conversation_id) < (edge.at, $4::bigint)
              order by v.last_message_at desc, v.conversation_id desc limit $5) c
          where mine.manages)
        union all
        (select o.conversation_id, o.at from edge, (
             select m.conversation_id, max(m.created_at) as at from messages m
              where m.user_id = $1 and m.org_id in (select org_id from mine where not manages)
              group by m.conversation_id) o
          where (o.at, o.conversation_id) < (edge.at, $4::bigint)
          order by o.at desc, o.conversation_id desc limit $5)) x
     order by x.at desc, x.conversation_id desc limit $5
)
select c.conversation_id, c.org_id, n.e164::text, c.identifier,
       coalesce((select k.name from contacts k where k.org_id = c.org_id and k.e164 = c.identifier), ''), z360_ms(p.at),
       f.messages, f.missed, f.voicemails, f.talk, f.last
  from page p join conversations c on c.conversation_id = p.conversation_id
  join phone_numbers n on n.phone_number_id = c.phone_number_id
  cross join lateral (select )sql" Z360_FIGURES
    R"sql(from messages m where m.conversation_id = p.conversation_id) f
 order by p.at desc, p.conversation_id desc)sql";

// $1 person, $2 organisation.
constexpr const char* k_summary = "select " Z360_FIGURES R"sql(from messages m
 where m.org_id in (select org_id from memberships where user_id = $1 and ($2::bigint = 0 or org_id = $2)))sql";

// $1 conversation, $2, $3 before this one, $4 how many. Which ones are seen is found in the index alone: of a
// long conversation a person may see little.
constexpr const char* k_messages = R"sql(
with page as materialized (
    select message_id from messages
     where conversation_id = $1 and (created_at, message_id) < (coalesce(z360_at($2::bigint), 'infinity'), $3::bigint)
     order by created_at desc, message_id desc limit $4
)
select m.message_id, m.conversation_id, m.call_id, m.direction, m.status, m.metadata::text, r.recording_id,
       coalesce(r.format, ''), m.talk_ms, m.missed, m.voicemail, z360_ms(m.created_at)
  from page join messages m using (message_id)
  left join recordings r on r.call_id = m.call_id and r.carrier_id = m.metadata->>'recording_id'
                        and r.status in ('waiting', 'kept')
 order by m.created_at desc, m.message_id desc)sql";
constexpr const char* k_there = "select from conversations where conversation_id = $1";

/// Figures from column `first` on.
book_summary summary_in(const pqxx::row& r, pqxx::row::size_type first) {
    book_summary out;
    out.messages = r[first].as<std::uint64_t>();
    out.missed = r[first + 1].as<std::uint64_t>();
    out.voicemails = r[first + 2].as<std::uint64_t>();
    out.talk = millis{r[first + 3].as<std::int64_t>()};
    out.last_at = time_or_null(r[first + 4]);
    return out;
}

conversation_view conversation_in(const pqxx::row& r) {
    conversation_view out;
    out.id = r[0].as<std::int64_t>();
    out.org = {r[1].as<std::int64_t>()};
    out.number = r[2].c_str();
    out.identifier = r[3].c_str();
    out.name = r[4].c_str();
    out.last_at = time_at(r[5]);
    out.summary = summary_in(r, 6);
    return out;
}

message_view message_in(const pqxx::row& r) {
    message_view out;
    out.id = r[0].as<std::int64_t>();
    out.conversation = r[1].as<std::int64_t>();
    out.call = call_id{uuid_of(r[2])};
    out.direction = r[3].c_str();
    out.status = r[4].c_str();
    out.metadata = r[5].c_str();
    if (!r[6].is_null()) out.recording = uuid_of(r[6]);
    out.recording_format = r[7].c_str();
    out.talk = millis{r[8].as<std::int64_t>()};
    out.missed = r[9].as<bool>();
    out.voicemail = r[10].as<bool>();
    out.at = time_at(r[11]);
    return out;
}

/// Before everything, if there is none.
struct edge {
    std::optional<std::string> at;
    std::int64_t id = std::numeric_limits<std::int64_t>::max();
};
edge edge_of(const std::optional<book_cursor>& before) {
    if (!before) return {};
    return {std::to_string(in_ms(before->at)), before->id};
}

class rows final : public port::book_reader {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<std::vector<conversation_view>> conversations(
        tenant_scope who, org_id org, std::optional<book_cursor> before, std::size_t limit
    ) override {
        return db_.run("conversation_list", [=](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            const auto e = edge_of(before);
            std::vector<conversation_view> out;
            for (const auto& r : exec_in(
                     *tx, "conversation_list", k_conversations, who.user.value, org.value, or_null(e.at),
                     e.id, limit
                 ))
                out.push_back(conversation_in(r));
            return out;
        });
    }
    asio::awaitable<book_summary> summary(tenant_scope who, org_id org) override {
        return db_.run("conversation_summary", [=](pqxx::connection_base& db) {
            tenant_transaction tx(db, who);
            return summary_in(
                exec_in(*tx, "conversation_summary", k_summary, who.user.value, org.value).at(0), 0
            );
        });
    }
    asio::awaitable<std::optional<std::vector<message_view>>> messages(
        tenant_scope who, std::int64_t conversation, std::optional<book_cursor> before, std::size_t limit
    ) override {
        return db_.run(
            "message_page",
            [=](pqxx::connection_base& db) -> std::optional<std::vector<message_view>> {
                tenant_transaction tx(db, who);
                if (exec_in(*tx, "conversation_find", k_there, conversation).empty()) return std::nullopt;
                const auto e = edge_of(before);
                std::vector<message_view> out;
                for (const auto& r :
                     exec_in(*tx, "message_page", k_messages, conversation, or_null(e.at), e.id, limit))
                    out.push_back(message_in(r));
                return out;
            }
        );
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::book_reader> make_book_reader(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
