// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Notifications of the web product on their way into the queue.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/push/push_content.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <z360/port/push_queue.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using nlohmann::json;
using port::push_answer;
using port::push_order;
using port::push_placed;
namespace {

constexpr const char* k_org =
    "select exists (select from organizations where org_id = $1 and status = 'active')";

// $1 organisation, $2 people, $3 apps' own ids of devices, $4 our numbers of them. Phones that serve the
// organisation, of its members, in the scope of who asks. Of a person all that are not removed; who has none
// of them stays in the answer.
constexpr const char* k_devices = R"sql(
select d.device_id, d.device_uid, d.user_id, d.status = 'active', d.push_token is not null, d.push_invalid_at is null,
       d.user_id = any($2::bigint[]) and d.platform <> 'web'
  from devices d
  join memberships m on m.user_id = d.user_id and m.org_id = $1
  join users u on u.user_id = d.user_id and u.status = 'active'
 where d.status <> 'removed' and (d.bound_org_id is null or d.bound_org_id = $1)
   and ((d.user_id = any($2::bigint[]) and d.platform <> 'web') or d.device_uid = any($3::text[])
        or d.device_id = any($4::bigint[]))
 order by d.device_id)sql";

// The owner's: $1 organisation, $2 devices. Those that were taken away from it.
constexpr const char* k_excluded = R"sql(
select device_id from device_exclusions where org_id = $1 and device_id = any($2::bigint[]))sql";

// $1 organisation, $2 key, $3 fingerprint. Waits for another one with that key that is under way.
constexpr const char* k_begin = R"sql(
insert into push_requests (org_id, key, fingerprint) values ($1, $2, $3) on conflict do nothing)sql";
constexpr const char* k_known = R"sql(
select fingerprint, answer::text from push_requests where org_id = $1 and key = $2)sql";
constexpr const char* k_undo = "delete from push_requests where org_id = $1 and key = $2";
constexpr const char* k_answer = "update push_requests set answer = $3::jsonb where org_id = $1 and key = $2";

// As far as it matters. Two orders at once may together pass the limit by what one may hold.
constexpr const char* k_waiting = R"sql(
select count(*) from (select from push_messages where org_id = $1 and settled_at is null limit $2) w)sql";

// $1 organisation, $2 key, $3 content, $4 how long it is worth something (ms), $5 devices
constexpr const char* k_put = R"sql(
insert into push_messages (org_id, device_id, kind, lane, key, content, until)
select $1, d, 'business', 'message', $2, $3::jsonb, statement_timestamp() + $4::bigint * interval '1 ms'
  from unnest($5::bigint[]) as d
returning device_id, message_id)sql";

struct found_device {
    device_id id;
    push_placed out;
    bool asked_for = false; ///< as one of its person's, or by what it is called
};

std::string document(const std::vector<push_placed>& all) {
    auto rows = json::array();
    for (const auto& p : all) {
        json row{{"device", p.device}, {"user", p.user.value}};
        if (p.skipped.empty())
            row["message"] = p.message.text();
        else
            row["skipped"] = p.skipped;
        rows.push_back(std::move(row));
    }
    return rows.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<push_placed> placed_of(std::string_view document) {
    std::vector<push_placed> out;
    for (const auto& row : json::parse(document)) {
        push_placed p;
        p.device = row.value("device", "");
        p.user = {row.value("user", std::int64_t{0})};
        p.skipped = row.value("skipped", "");
        p.message = uuid::parse(row.value("message", "")).value_or(uuid{});
        out.push_back(std::move(p));
    }
    return out;
}

/// Ours of a device, if it is one.
std::optional<device_id> number_in(const std::string& text) {
    std::int64_t n = 0;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, n);
    if (error != std::errc{} || at != end || n <= 0) return std::nullopt;
    return device_id{n};
}

std::vector<found_device> look_up(pqxx::work& tx, const push_order& o) {
    std::vector<found_device> out;
    std::vector<std::string> uids;
    std::vector<device_id> numbers;
    for (const auto& d : o.devices) {
        uids.push_back(storable(d));
        if (const auto n = number_in(d)) numbers.push_back(*n);
    }
    for (const auto& r : exec_in(
             tx, "push_order_devices", k_devices, o.org.value, key_array(o.users), text_array(uids),
             key_array(numbers)
         )) {
        found_device d;
        d.id = {r[0].as<std::int64_t>()};
        d.out.device = r[1].c_str();
        d.out.user = {r[2].as<std::int64_t>()};
        if (!r[3].as<bool>())
            d.out.skipped = "suspended";
        else if (!r[4].as<bool>())
            d.out.skipped = "no_token";
        else if (!r[5].as<bool>())
            d.out.skipped = "dead_token";
        d.asked_for = r[6].as<bool>();
        out.push_back(std::move(d));
    }
    return out;
}

void leave_out_excluded(pqxx::work& tx, org_id org, std::vector<found_device>& all) {
    std::vector<device_id> ids;
    for (const auto& d : all)
        ids.push_back(d.id);
    std::set<std::int64_t> gone;
    for (const auto& r : exec_in(tx, "push_order_excluded", k_excluded, org.value, key_array(ids)))
        gone.insert(r[0].as<std::int64_t>());
    std::erase_if(all, [&](const found_device& d) { return gone.contains(d.id.value); });
}

/// The device that an order calls so: by its app's own id, else by our number. More than one: people who
/// share an id.
std::vector<found_device*> called(std::vector<found_device>& all, const std::string& so) {
    std::vector<found_device*> out;
    for (auto& d : all)
        if (d.out.device == so) out.push_back(&d);
    const auto number = number_in(so);
    if (!out.empty() || !number) return out;
    for (auto& d : all)
        if (d.id == *number) out.push_back(&d);
    return out;
}

/// Notes who is asked for by name, and leaves out who is not asked for at all. Returns those that nobody can
/// tell apart.
std::vector<push_placed> choose(const push_order& o, std::vector<found_device>& all) {
    std::vector<push_placed> alike;
    for (const auto& so : o.devices) {
        const auto of_that_id = called(all, so);
        for (auto* d : of_that_id) {
            d->asked_for = true;
            if (of_that_id.size() > 1) alike.push_back(d->out);
        }
    }
    std::erase_if(all, [](const found_device& d) { return !d.asked_for; });
    return alike;
}

/// Whom it names and nobody was found for.
std::vector<push_placed> missing(const push_order& o, std::vector<found_device>& found) {
    std::vector<push_placed> out;
    for (const auto u : o.users)
        if (std::none_of(found.begin(), found.end(), [u](const auto& d) { return d.out.user == u; }))
            out.push_back({{}, u, {}, "not_found"});
    for (const auto& uid : o.devices)
        if (called(found, uid).empty()) out.push_back({uid, {}, {}, "not_found"});
    return out;
}

bool room_for(pqxx::work& tx, const push_order& o, std::size_t more, std::size_t most) {
    const auto waiting = exec_in(tx, "push_waiting", k_waiting, o.org.value, most)[0][0].as<std::size_t>();
    return waiting + more <= most;
}

void put(pqxx::work& tx, const push_order& o, std::vector<found_device>& all) {
    std::vector<device_id> to;
    for (const auto& d : all)
        if (d.out.skipped.empty()) to.push_back(d.id);
    if (to.empty()) return;
    for (const auto& r : exec_in(
             tx, "push_put", k_put, o.org.value, o.key, content_of(o.shown), o.ttl.count(), key_array(to)
         ))
        for (auto& d : all)
            if (d.id.value == r[0].as<std::int64_t>()) d.out.message = uuid_of(r[1]);
}

/// nullopt: it is a new one.
std::optional<push_answer> known(pqxx::work& tx, const push_order& o) {
    if (exec_in(tx, "push_order_begin", k_begin, o.org.value, o.key, o.fingerprint).affected_rows() > 0)
        return std::nullopt;
    push_answer out;
    out.repeated = true;
    const auto rows = exec_in(tx, "push_order_known", k_known, o.org.value, o.key);
    if (rows.empty()) throw port::unavailable("postgres: a push request went away meanwhile"); // retention's
    if (rows[0][0].c_str() != o.fingerprint)
        out.went = push_answer::how::key_reused;
    else
        out.all = placed_of(rows[0][1].c_str());
    return out;
}

class orders final : public port::push_orders {
  public:
    orders(database& db, push_orders_settings s) : db_(db.connections()), s_(s) {}

    asio::awaitable<push_answer> place(port::tenant_scope who, push_order what) override {
        auto fn = [who, what = std::move(what), most = s_.most_waiting](pqxx::connection_base& db) {
            return in_transaction(db, [&](pqxx::work& tx) { return place_in(tx, who, what, most); });
        };
        co_return co_await db_.run("push_order", std::move(fn));
    }

  private:
    static push_answer
    place_in(pqxx::work& tx, const port::tenant_scope& who, const push_order& o, std::size_t most) {
        push_answer out;
        enter_scope(tx, who);
        if (!exec_in(tx, "push_order_org", k_org, o.org.value)[0][0].as<bool>()) {
            out.went = push_answer::how::org_unknown;
            return out;
        }
        auto found = look_up(tx, o);
        if (!who.everything) leave_scope(tx);
        if (auto before = known(tx, o)) return std::move(*before);
        leave_out_excluded(tx, o.org, found);
        out.all = choose(o, found);
        if (!out.all.empty())
            out.went = push_answer::how::device_ambiguous;
        else if (!room_for(tx, o, found.size(), most))
            out.went = push_answer::how::too_many_wait;
        if (out.went != push_answer::how::placed) {
            exec_in(tx, "push_order_undo", k_undo, o.org.value, o.key); // the key is free for the next try
            return out;
        }
        put(tx, o, found);
        auto absent = missing(o, found);
        for (auto& d : found)
            out.all.push_back(std::move(d.out));
        for (auto& m : absent)
            out.all.push_back(std::move(m));
        exec_in(tx, "push_order_answer", k_answer, o.org.value, o.key, document(out.all));
        return out;
    }

    pool& db_;
    const push_orders_settings s_;
};

} // namespace

std::string content_of(const push::text& t) {
    json extras = json::array();
    for (const auto& [name, value] : t.extras)
        extras.push_back({storable(name), storable(value)});
    return json{
        {"type", storable(t.type)},
        {"title", storable(t.title)},
        {"body", storable(t.body)},
        {"link", storable(t.link)},
        {"channel", storable(t.channel)},
        {"collapse_key", storable(t.collapse_key)},
        {"urgent", t.urgent},
        {"extras", std::move(extras)}
    }.dump(-1, ' ', false, json::error_handler_t::replace);
}

push::text text_of(std::string_view content) {
    const auto in = json::parse(content, nullptr, false);
    push::text out;
    if (!in.is_object()) return out;
    out.type = in.value("type", "");
    out.title = in.value("title", "");
    out.body = in.value("body", "");
    out.link = in.value("link", "");
    out.channel = in.value("channel", "");
    out.collapse_key = in.value("collapse_key", "");
    out.urgent = in.value("urgent", true);
    for (const auto& pair : in.value("extras", json::array()))
        if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string())
            out.extras.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
    return out;
}

std::unique_ptr<port::push_orders> make_push_orders(database& db, push_orders_settings s) {
    return std::make_unique<orders>(db, s);
}

} // namespace z360::adapter::postgres
