// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Organisations, people, numbers, contacts and settings; the statements are in tenants_*.cpp.
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using namespace port;
namespace {

class rows final : public tenants {
  public:
    rows(database& db, std::string connection) : db_(db.connections()), connection_(std::move(connection)) {}

    asio::awaitable<outcome_of<organisation>> put(tenant_scope who, organisation o) override {
        return write("org_put", std::move(who), std::move(o));
    }
    asio::awaitable<outcome_of<person>> put(tenant_scope who, person p) override {
        return write("person_put", std::move(who), std::move(p));
    }
    asio::awaitable<outcome_of<membership>> put(tenant_scope who, membership m) override {
        return write("member_put", std::move(who), std::move(m));
    }
    asio::awaitable<outcome_of<number>> put(tenant_scope who, number n) override {
        if (n.connection_id.empty()) n.connection_id = connection_;
        return write("number_put", std::move(who), std::move(n));
    }
    asio::awaitable<outcome_of<contact>> put(tenant_scope who, contact c) override {
        return write("contact_put", std::move(who), std::move(c));
    }
    asio::awaitable<outcome_of<opening>> put(tenant_scope who, opening o) override {
        return write("opening_put", std::move(who), std::move(o));
    }
    asio::awaitable<outcome_of<blocked_caller>> put(tenant_scope who, blocked_caller b) override {
        return write("blocked_put", std::move(who), std::move(b));
    }
    asio::awaitable<outcome_of<outbound_rules>> put(tenant_scope who, outbound_rules r) override {
        return write("outbound_put", std::move(who), std::move(r));
    }
    asio::awaitable<outcome_of<org_settings>> put(tenant_scope who, org_id org, org_settings s) override {
        return db_.run("org_settings_put", [who, org, s = std::move(s)](pqxx::connection_base& db) {
            return tenant_rows::put(db, who, org, s);
        });
    }

    asio::awaitable<outcome_of<port::ring_plan>> put(tenant_scope who, port::ring_plan p) override {
        return write("plan_put", std::move(who), std::move(p));
    }
    asio::awaitable<std::optional<port::ring_plan>>
    plan_of(tenant_scope who, org_id o, std::string key) override {
        return db_.run("plan_of", [who, o, key = std::move(key)](pqxx::connection_base& db) {
            return tenant_rows::plan_of(db, who, o, key);
        });
    }
    asio::awaitable<std::vector<port::ring_plan>>
    plans(tenant_scope who, org_id o, std::string after, std::size_t limit) override {
        return db_.run("plan_list", [who, o, after = std::move(after), limit](pqxx::connection_base& db) {
            return tenant_rows::plans(db, who, o, after, limit);
        });
    }
    asio::awaitable<outcome_of<bool>> remove_plan(tenant_scope who, org_id o, std::string key) override {
        return db_.run("plan_remove", [who, o, key = std::move(key)](pqxx::connection_base& db) {
            return tenant_rows::remove_plan(db, who, o, key);
        });
    }

    asio::awaitable<outcome_of<port::voicemail_box>>
    put_box(tenant_scope who, port::box_owner of, port::voicemail_box b) override {
        return db_.run("box_put", [who, of = std::move(of), b = std::move(b)](pqxx::connection_base& db) {
            return tenant_rows::put(db, who, of, b);
        });
    }
    asio::awaitable<std::optional<port::voicemail_box>>
    box_of(tenant_scope who, port::box_owner of) override {
        return db_.run("box_of", [who, of = std::move(of)](pqxx::connection_base& db) {
            return tenant_rows::box_of(db, who, of);
        });
    }
    asio::awaitable<bool> remove_box(tenant_scope who, port::box_owner of) override {
        return db_.run("box_remove", [who, of = std::move(of)](pqxx::connection_base& db) {
            return tenant_rows::remove_box(db, who, of);
        });
    }

    asio::awaitable<std::optional<organisation>> organisation_of(tenant_scope who, org_id o) override {
        return db_.run("org_of", [who, o](pqxx::connection_base& db) {
            return tenant_rows::organisation_of(db, who, o);
        });
    }
    asio::awaitable<std::optional<person>> person_of(tenant_scope who, user_id u) override {
        return db_.run("person_of", [who, u](pqxx::connection_base& db) {
            return tenant_rows::person_of(db, who, u);
        });
    }
    asio::awaitable<std::optional<org_settings>> settings_of(tenant_scope who, org_id o) override {
        return db_.run("org_settings_of", [who, o](pqxx::connection_base& db) {
            return tenant_rows::settings_of(db, who, o);
        });
    }
    asio::awaitable<std::vector<organisation>>
    organisations(tenant_scope who, org_id after, std::size_t limit) override {
        return db_.run("org_list", [who, after, limit](pqxx::connection_base& db) {
            return tenant_rows::organisations(db, who, after, limit);
        });
    }
    asio::awaitable<std::vector<person>> people(tenant_scope who, user_id after, std::size_t limit) override {
        return db_.run("person_list", [who, after, limit](pqxx::connection_base& db) {
            return tenant_rows::people(db, who, after, limit);
        });
    }
    asio::awaitable<std::vector<membership>>
    members(tenant_scope who, org_id o, user_id after, std::size_t limit) override {
        return db_.run("member_list", [who, o, after, limit](pqxx::connection_base& db) {
            return tenant_rows::members(db, who, o, after, limit);
        });
    }
    asio::awaitable<std::vector<number>>
    numbers(tenant_scope who, org_id o, std::string after, std::size_t limit) override {
        return db_.run("number_list", [who, o, after = std::move(after), limit](pqxx::connection_base& db) {
            return tenant_rows::numbers(db, who, o, after, limit);
        });
    }
    asio::awaitable<std::vector<contact>>
    contacts(tenant_scope who, org_id o, std::string after, std::size_t limit) override {
        return db_.run("contact_list", [who, o, after = std::move(after), limit](pqxx::connection_base& db) {
            return tenant_rows::contacts(db, who, o, after, limit);
        });
    }

    asio::awaitable<std::optional<opening>> opening_of(tenant_scope who, org_id o) override {
        return db_.run("opening_of", [who, o](pqxx::connection_base& db) {
            return tenant_rows::opening_of(db, who, o);
        });
    }
    asio::awaitable<std::optional<outbound_rules>> outbound_of(tenant_scope who, org_id o) override {
        return db_.run("outbound_of", [who, o](pqxx::connection_base& db) {
            return tenant_rows::outbound_of(db, who, o);
        });
    }
    asio::awaitable<std::vector<caller_id>>
    caller_ids(tenant_scope who, user_id person, device_id device, org_id only) override {
        return db_.run("caller_ids", [who, person, device, only](pqxx::connection_base& db) {
            return tenant_rows::caller_ids(db, who, person, device, only);
        });
    }
    asio::awaitable<std::vector<blocked_caller>>
    blocked_callers(tenant_scope who, org_id o, std::string after, std::size_t limit) override {
        return db_.run("blocked_list", [who, o, after = std::move(after), limit](pqxx::connection_base& db) {
            return tenant_rows::blocked_callers(db, who, o, after, limit);
        });
    }

    asio::awaitable<std::optional<std::vector<device_id>>>
    remove_organisation(tenant_scope who, org_id o, time_point now) override {
        return db_.run("org_remove", [who, o, now](pqxx::connection_base& db) {
            return tenant_rows::remove_organisation(db, who, o, now);
        });
    }
    asio::awaitable<std::optional<std::vector<device_id>>>
    remove_person(tenant_scope who, user_id u, time_point now) override {
        return db_.run("person_remove", [who, u, now](pqxx::connection_base& db) {
            return tenant_rows::remove_person(db, who, u, now);
        });
    }
    asio::awaitable<std::optional<std::vector<device_id>>>
    remove_membership(tenant_scope who, org_id o, user_id u, time_point now) override {
        return db_.run("member_remove", [who, o, u, now](pqxx::connection_base& db) {
            return tenant_rows::remove_membership(db, who, o, u, now);
        });
    }
    asio::awaitable<bool> remove_number(tenant_scope who, org_id o, std::string e164) override {
        return db_.run("number_remove", [who, o, e164 = std::move(e164)](pqxx::connection_base& db) {
            return tenant_rows::remove_number(db, who, o, e164);
        });
    }
    asio::awaitable<bool> remove_contact(tenant_scope who, org_id o, std::string e164) override {
        return db_.run("contact_remove", [who, o, e164 = std::move(e164)](pqxx::connection_base& db) {
            return tenant_rows::remove_contact(db, who, o, e164);
        });
    }

    asio::awaitable<bool> remove_opening(tenant_scope who, org_id o) override {
        return db_.run("opening_remove", [who, o](pqxx::connection_base& db) {
            return tenant_rows::remove_opening(db, who, o);
        });
    }
    asio::awaitable<bool> remove_outbound(tenant_scope who, org_id o) override {
        return db_.run("outbound_remove", [who, o](pqxx::connection_base& db) {
            return tenant_rows::remove_outbound(db, who, o);
        });
    }
    asio::awaitable<bool> remove_blocked_caller(tenant_scope who, org_id o, std::string e164) override {
        return db_.run("blocked_remove", [who, o, e164 = std::move(e164)](pqxx::connection_base& db) {
            return tenant_rows::remove_blocked_caller(db, who, o, e164);
        });
    }

    asio::awaitable<std::optional<user_id>> apple_user(std::string subject) override {
        return db_.run("apple_user", [subject = std::move(subject)](pqxx::connection_base& db) {
            return tenant_rows::apple_user(db, subject);
        });
    }
    asio::awaitable<bool>
    link_apple(user_id u, std::string subject, std::string email, time_point now) override {
        return db_.run(
            "apple_link",
            [u, subject = std::move(subject), email = std::move(email), now](pqxx::connection_base& db) {
                return tenant_rows::link_apple(db, u, subject, email, now);
            }
        );
    }
    asio::awaitable<std::vector<device_id>>
    unlink_apple(std::string subject, time_point issued_at, time_point now) override {
        return db_.run(
            "apple_unlink", [subject = std::move(subject), issued_at, now](pqxx::connection_base& db
                            ) { return tenant_rows::unlink_apple(db, subject, issued_at, now); }
        );
    }

  private:
    template <class T>
    asio::awaitable<outcome_of<T>> write(const char* name, tenant_scope who, T what) {
        return db_.run(name, [who, what = std::move(what)](pqxx::connection_base& db) {
            return tenant_rows::put(db, who, what);
        });
    }

    pool& db_;
    const std::string connection_;
};

} // namespace

std::unique_ptr<tenants> make_tenants(database& db, std::string default_connection_id) {
    return std::make_unique<rows>(db, std::move(default_connection_id));
}

} // namespace z360::adapter::postgres
