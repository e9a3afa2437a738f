// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "fakes.hpp"

namespace z360::test {

class fake_tenants final : public port::tenants {
  public:
    explicit fake_tenants(membership_table& m) : members_(m) {}

    template <class T>
    static port::outcome_of<T> refused(port::refusal::why why, std::string field, std::string text) {
        port::outcome_of<T> out;
        out.refused = port::refusal{why, std::move(field), std::move(text)};
        return out;
    }
    template <class T>
    static port::outcome_of<T> made(T value, bool created) {
        port::outcome_of<T> out;
        out.value = std::move(value);
        out.created = created;
        return out;
    }
    using why = port::refusal::why;

    awaitable<port::outcome_of<port::organisation>>
    put(port::tenant_scope who, port::organisation o) override {
        if (!members_.sees_org(who, o.id))
            co_return refused<port::organisation>(why::not_found, "id", "no such organisation");
        const bool created = !members_.orgs.contains(o.id.value);
        if (o.slug.empty()) o.slug = "made-from-name";
        auto& row = members_.orgs[o.id.value];
        row.id = o.id;
        row.name = o.name;
        row.slug = o.slug;
        row.status = o.status;
        const bool stopping = o.status == "suspended";
        auto out = made(std::move(o), created);
        if (stopping) out.stopped = std::exchange(stops, {});
        co_return out;
    }
    awaitable<port::outcome_of<port::person>> put(port::tenant_scope who, port::person p) override {
        const bool created = !persons.contains(p.id.value);
        if (!created && !members_.sees_user(who, p.id))
            co_return refused<port::person>(why::not_found, "id", "no such person");
        for (const auto& [id, other] : persons)
            if (id != p.id.value && other.login == p.login)
                co_return refused<port::person>(why::conflict, "login", "another person has it");
        persons[p.id.value] = p;
        const bool stopping = p.status == "suspended";
        auto out = made(with_memberships(std::move(p)), created);
        if (stopping) out.stopped = std::exchange(stops, {});
        co_return out;
    }
    awaitable<port::outcome_of<port::membership>> put(port::tenant_scope who, port::membership m) override {
        if (!members_.sees_org(who, m.org) || !members_.orgs.contains(m.org.value))
            co_return refused<port::membership>(why::not_found, "organization_id", "no such organisation");
        if (!persons.contains(m.user.value))
            co_return refused<port::membership>(why::not_found, "user_id", "no such person");
        const bool created = members_.orgs_of[m.user.value].insert(m.org.value).second;
        m.login = persons[m.user.value].login;
        m.name = persons[m.user.value].name;
        co_return made(std::move(m), created);
    }
    awaitable<port::outcome_of<port::number>> put(port::tenant_scope who, port::number n) override {
        if (!members_.sees_org(who, n.org))
            co_return refused<port::number>(why::not_found, "organization_id", "no such organisation");
        const auto it = numbers_.find(n.e164);
        if (it != numbers_.end() && it->second.org != n.org)
            co_return refused<port::number>(why::conflict, "number", "the number is in use");
        const bool created = it == numbers_.end();
        if (n.connection_id.empty()) n.connection_id = "conn-1";
        if (!n.recording) n.recording = created ? "organization" : it->second.recording;
        numbers_[n.e164] = n;
        co_return made(std::move(n), created);
    }
    awaitable<port::outcome_of<port::contact>> put(port::tenant_scope who, port::contact c) override {
        if (!members_.sees_org(who, c.org))
            co_return refused<port::contact>(why::not_found, "organization_id", "no such organisation");
        const bool created = contacts_.insert_or_assign({c.org.value, c.e164}, c).second;
        co_return made(std::move(c), created);
    }
    awaitable<port::outcome_of<port::org_settings>>
    put(port::tenant_scope who, org_id org, port::org_settings s) override {
        if (!members_.sees_org(who, org) || !members_.orgs.contains(org.value))
            co_return refused<port::org_settings>(why::not_found, "organization_id", "no such organisation");
        const bool created = settings.insert_or_assign(org.value, s).second;
        co_return made(std::move(s), created);
    }

    // The database knows all zones; the fake knows these.
    awaitable<port::outcome_of<port::opening>> put(port::tenant_scope who, port::opening o) override {
        if (!members_.sees_org(who, o.org) || !members_.orgs.contains(o.org.value))
            co_return refused<port::opening>(why::not_found, "org", "does not exist");
        if (o.time_zone != "UTC" && o.time_zone != "America/Chicago")
            co_return refused<port::opening>(why::invalid, "time_zone", "is no time zone");
        const bool created = openings.insert_or_assign(o.org.value, o).second;
        co_return made(std::move(o), created);
    }
    awaitable<port::outcome_of<port::blocked_caller>>
    put(port::tenant_scope who, port::blocked_caller b) override {
        if (!members_.sees_org(who, b.org))
            co_return refused<port::blocked_caller>(why::not_found, "org", "does not exist");
        const bool created = blocked_.insert_or_assign({b.org.value, b.e164}, b).second;
        co_return made(std::move(b), created);
    }

    // What its values must be the API has said before.
    awaitable<port::outcome_of<port::outbound_rules>>
    put(port::tenant_scope who, port::outbound_rules r) override {
        if (!members_.sees_org(who, r.org) || !members_.orgs.contains(r.org.value))
            co_return refused<port::outbound_rules>(why::not_found, "org", "does not exist");
        const bool created = outbound.insert_or_assign(r.org.value, r).second;
        co_return made(std::move(r), created);
    }

    awaitable<std::optional<port::organisation>> organisation_of(port::tenant_scope who, org_id o) override {
        const auto it = members_.orgs.find(o.value);
        if (it == members_.orgs.end() || !members_.sees_org(who, o)) co_return std::nullopt;
        co_return row(it->second);
    }
    awaitable<std::optional<port::person>> person_of(port::tenant_scope who, user_id u) override {
        const auto it = persons.find(u.value);
        if (it == persons.end() || !members_.sees_user(who, u)) co_return std::nullopt;
        co_return with_memberships(it->second);
    }
    awaitable<std::optional<port::org_settings>> settings_of(port::tenant_scope who, org_id o) override {
        if (!members_.sees_org(who, o) || !members_.orgs.contains(o.value)) co_return std::nullopt;
        const auto it = settings.find(o.value);
        co_return it == settings.end() ? port::org_settings{} : it->second;
    }
    awaitable<std::vector<port::organisation>>
    organisations(port::tenant_scope who, org_id after, std::size_t limit) override {
        std::vector<port::organisation> out;
        for (const auto& [id, o] : members_.orgs)
            if (id > after.value && members_.sees_org(who, o.id) && out.size() < limit) out.push_back(row(o));
        co_return out;
    }
    awaitable<std::vector<port::person>>
    people(port::tenant_scope who, user_id after, std::size_t limit) override {
        std::vector<port::person> out;
        for (const auto& [id, p] : persons)
            if (id > after.value && members_.sees_user(who, p.id) && out.size() < limit)
                out.push_back(with_memberships(p));
        co_return out;
    }
    awaitable<std::vector<port::membership>>
    members(port::tenant_scope who, org_id o, user_id after, std::size_t limit) override {
        std::vector<port::membership> out;
        if (!members_.sees_org(who, o)) co_return out;
        for (const auto& [u, orgs] : members_.orgs_of) {
            if (u <= after.value || !orgs.contains(o.value) || out.size() >= limit) continue;
            port::membership m;
            m.org = o;
            m.user = user_id{u};
            out.push_back(std::move(m));
        }
        co_return out;
    }
    awaitable<std::vector<port::number>>
    numbers(port::tenant_scope who, org_id o, std::string after, std::size_t limit) override {
        std::vector<port::number> out;
        for (const auto& [e164, n] : numbers_)
            if (e164 > after && n.org == o && members_.sees_org(who, o) && out.size() < limit)
                out.push_back(n);
        co_return out;
    }
    awaitable<std::vector<port::contact>>
    contacts(port::tenant_scope who, org_id o, std::string after, std::size_t limit) override {
        std::vector<port::contact> out;
        for (const auto& [key, c] : contacts_)
            if (key.first == o.value && key.second > after && members_.sees_org(who, o) && out.size() < limit)
                out.push_back(c);
        co_return out;
    }

    awaitable<std::optional<port::opening>> opening_of(port::tenant_scope who, org_id o) override {
        const auto it = openings.find(o.value);
        if (it == openings.end() || !members_.sees_org(who, o)) co_return std::nullopt;
        co_return it->second;
    }
    awaitable<std::optional<port::outbound_rules>> outbound_of(port::tenant_scope who, org_id o) override {
        const auto it = outbound.find(o.value);
        if (it == outbound.end() || !members_.sees_org(who, o)) co_return std::nullopt;
        co_return it->second;
    }
    // Ids in the order of the numbers.
    awaitable<std::vector<port::caller_id>>
    caller_ids(port::tenant_scope who, user_id person, device_id device, org_id only) override {
        std::vector<port::caller_id> out;
        std::int64_t id = 500;
        for (const auto& [e164, n] : numbers_) {
            ++id;
            const bool theirs = members_.orgs_of[person.value].contains(n.org.value);
            if (!theirs || !members_.sees_org(who, n.org) || n.status != "active") continue;
            if (!only.none() && n.org != only) continue;
            if (taken_away.contains({device.value, n.org.value})) continue;
            out.push_back({{id}, n.org, e164, n.alias, n.default_caller_id, n.receiver == person});
        }
        co_return out;
    }
    awaitable<std::vector<port::blocked_caller>>
    blocked_callers(port::tenant_scope who, org_id o, std::string after, std::size_t limit) override {
        std::vector<port::blocked_caller> out;
        for (const auto& [key, b] : blocked_)
            if (key.first == o.value && key.second > after && members_.sees_org(who, o) && out.size() < limit)
                out.push_back(b);
        co_return out;
    }

    awaitable<port::outcome_of<port::ring_plan>> put(port::tenant_scope who, port::ring_plan p) override {
        if (!members_.sees_org(who, p.org))
            co_return refused<port::ring_plan>(why::not_found, "org", "no such organisation");
        const bool created = plans_.insert_or_assign({p.org.value, p.key}, p).second;
        co_return made(std::move(p), created);
    }
    awaitable<std::optional<port::ring_plan>>
    plan_of(port::tenant_scope who, org_id o, std::string key) override {
        const auto it = plans_.find({o.value, key});
        if (it == plans_.end() || !members_.sees_org(who, o)) co_return std::nullopt;
        co_return it->second;
    }
    awaitable<std::vector<port::ring_plan>>
    plans(port::tenant_scope who, org_id o, std::string after, std::size_t limit) override {
        std::vector<port::ring_plan> out;
        for (const auto& [key, p] : plans_)
            if (members_.sees_org(who, o) && key.first == o.value && key.second > after && out.size() < limit)
                out.push_back(p);
        co_return out;
    }
    awaitable<port::outcome_of<bool>>
    remove_plan(port::tenant_scope who, org_id o, std::string key) override {
        port::outcome_of<bool> out;
        if (members_.sees_org(who, o) && plans_.erase({o.value, key}) > 0) out.value = true;
        co_return out;
    }
    awaitable<port::outcome_of<port::voicemail_box>>
    put_box(port::tenant_scope who, port::box_owner of, port::voicemail_box b) override {
        port::outcome_of<port::voicemail_box> out;
        const bool known = of.e164.empty() ? members_.orgs_of[of.user.value].contains(of.org.value)
                                           : numbers_.contains(of.e164) && numbers_[of.e164].org == of.org;
        if (!members_.sees_org(who, of.org) || !known) {
            const auto* field = of.e164.empty() ? "user" : "number";
            out.refused = port::refusal{port::refusal::why::not_found, field, "does not exist"};
            co_return out;
        }
        out.created = boxes_.insert_or_assign(key_of(of), b).second;
        out.value = std::move(b);
        co_return out;
    }
    awaitable<std::optional<port::voicemail_box>>
    box_of(port::tenant_scope who, port::box_owner of) override {
        const auto it = boxes_.find(key_of(of));
        if (it == boxes_.end() || !members_.sees_org(who, of.org)) co_return std::nullopt;
        co_return it->second;
    }
    awaitable<bool> remove_box(port::tenant_scope who, port::box_owner of) override {
        if (!members_.sees_org(who, of.org)) co_return false;
        co_return boxes_.erase(key_of(of)) == 1;
    }

    using gone_devices = std::optional<std::vector<device_id>>;
    awaitable<gone_devices> remove_organisation(port::tenant_scope who, org_id o, time_point) override {
        if (!members_.sees_org(who, o) || !members_.orgs.contains(o.value)) co_return std::nullopt;
        members_.orgs[o.value].status = "suspended";
        co_return std::exchange(stops, {});
    }
    awaitable<gone_devices> remove_person(port::tenant_scope who, user_id u, time_point) override {
        if (!members_.sees_user(who, u) || persons.erase(u.value) == 0) co_return std::nullopt;
        co_return std::exchange(stops, {});
    }
    awaitable<gone_devices>
    remove_membership(port::tenant_scope who, org_id o, user_id u, time_point) override {
        if (!members_.sees_org(who, o) || members_.orgs_of[u.value].erase(o.value) == 0)
            co_return std::nullopt;
        co_return std::exchange(stops, {});
    }
    awaitable<bool> remove_number(port::tenant_scope who, org_id o, std::string e164) override {
        const auto it = numbers_.find(e164);
        if (it == numbers_.end() || it->second.org != o || !members_.sees_org(who, o)) co_return false;
        numbers_.erase(it);
        co_return true;
    }
    awaitable<bool> remove_contact(port::tenant_scope who, org_id o, std::string e164) override {
        if (!members_.sees_org(who, o)) co_return false;
        co_return contacts_.erase({o.value, e164}) == 1;
    }

    awaitable<bool> remove_opening(port::tenant_scope who, org_id o) override {
        if (!members_.sees_org(who, o)) co_return false;
        co_return openings.erase(o.value) == 1;
    }
    awaitable<bool> remove_outbound(port::tenant_scope who, org_id o) override {
        if (!members_.sees_org(who, o)) co_return false;
        co_return outbound.erase(o.value) == 1;
    }
    awaitable<bool> remove_blocked_caller(port::tenant_scope who, org_id o, std::string e164) override {
        if (!members_.sees_org(who, o)) co_return false;
        co_return blocked_.erase({o.value, e164}) == 1;
    }

    awaitable<std::optional<user_id>> apple_user(std::string subject) override {
        const auto it = apple.find(subject);
        if (it == apple.end()) co_return std::nullopt;
        co_return it->second;
    }
    awaitable<bool> link_apple(user_id u, std::string subject, std::string, time_point) override {
        co_return apple.try_emplace(subject, u).first->second == u;
    }
    awaitable<std::vector<device_id>> unlink_apple(std::string subject, time_point, time_point) override {
        std::vector<device_id> out;
        if (apple.erase(subject) == 1) out.push_back(device_id{101});
        co_return out;
    }

    std::map<std::int64_t, port::person> persons;
    std::map<std::int64_t, port::org_settings> settings;
    std::map<std::int64_t, port::opening> openings;
    std::map<std::int64_t, port::outbound_rules> outbound;
    std::set<std::pair<std::int64_t, std::int64_t>> taken_away; ///< device and organisation
    std::map<std::string, user_id> apple;
    std::vector<device_id> stops; ///< devices that the next removal or suspension takes out of use

  private:
    static port::organisation row(const port::org_label& o) {
        port::organisation out;
        out.id = o.id;
        out.name = o.name;
        out.slug = o.slug;
        out.status = o.status;
        return out;
    }
    port::person with_memberships(port::person p) const {
        p.memberships.clear();
        const auto it = members_.orgs_of.find(p.id.value);
        if (it != members_.orgs_of.end())
            for (const auto o : it->second)
                p.memberships.emplace_back(org_id{o}, "member");
        return p;
    }
    static std::string key_of(const port::box_owner& of) {
        return std::to_string(of.org.value) + " " + of.e164 + " " + std::to_string(of.user.value);
    }
    membership_table& members_;
    std::map<std::pair<std::int64_t, std::string>, port::ring_plan> plans_;
    std::map<std::string, port::voicemail_box> boxes_;
    std::map<std::string, port::number> numbers_;
    std::map<std::pair<std::int64_t, std::string>, port::contact> contacts_;
    std::map<std::pair<std::int64_t, std::string>, port::blocked_caller> blocked_;
};

} // namespace z360::test
