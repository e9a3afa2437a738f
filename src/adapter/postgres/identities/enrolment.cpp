// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Registration as a short transaction (BE-13): no request leaves while it is open, the identity's row is only
// asked for here and made at Telnyx later.
//
// The person's own rows are written in the person's scope. One thing cannot be: a phone that changed hands
// still belongs to somebody else, or to another of the person's organisations, and that device must go in the
// same moment (B13). So the transaction begins with the owner's rights, asks explicitly whether the person
// may register here, takes what is replaced out of use, and only then enters the scope.
//
// Proof that it is the same phone is one of its push tokens or its bearer. A device id is none: apps send
// theirs to whoever asks, so another person's device of the same id stays beside this one.
//
// Locks, in this order everywhere: advisory locks of the person and the push tokens, then rows of devices by
// id, their identities, their tokens. A person's lock covers each of their devices, because a registration
// may touch the others too (B14, B50, MOB-14).
#include "adapter/postgres/identities/enrolment.hpp"

#include "adapter/postgres/identities/device_removal.hpp"
#include "adapter/postgres/identities/device_rows.hpp"
#include "adapter/postgres/identities/identity_rows.hpp"
#include "adapter/postgres/identities/push_tokens.hpp"
#include "adapter/postgres/identities/related_devices.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <algorithm>

namespace z360::adapter::postgres {
namespace {

using credential::retire_reason;

constexpr const char* k_too_many = "too_many_browsers";

constexpr const char* k_may_register = R"sql(
select from memberships m join users u on u.user_id = m.user_id join organizations o on o.org_id = m.org_id
 where m.user_id = $1 and m.org_id = $2 and u.status = 'active' and o.status = 'active')sql";

constexpr const char* k_upsert = R"sql(
insert into devices as d (user_id, device_uid, platform, name, app_version, sdk_version, os_version, bundle_id,
                          apns_env, capabilities, embedded_webview, native_device_uid, native_device_id, public_key,
                          wants_identity, last_seen_at, registered_at, created_at, bound_org_id, session_hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce(nullif($10, ''), '{}')::jsonb, $11, $12,
        nullif($13::bigint, 0), nullif($14::bytea, ''::bytea), $15, z360_at($16), z360_at($16), z360_at($16),
        nullif($17::bigint, 0), nullif($18, ''))
on conflict (user_id, device_uid) do update
   set platform = excluded.platform, name = coalesce(nullif(excluded.name, ''), d.name),
       app_version = coalesce(nullif(excluded.app_version, ''), d.app_version),
       sdk_version = coalesce(nullif(excluded.sdk_version, ''), d.sdk_version),
       os_version = coalesce(nullif(excluded.os_version, ''), d.os_version),
       bundle_id = coalesce(nullif(excluded.bundle_id, ''), d.bundle_id),
       apns_env = coalesce(nullif(excluded.apns_env, ''), d.apns_env),
       capabilities = case when $10 = '' then d.capabilities else excluded.capabilities end,
       embedded_webview = excluded.embedded_webview, native_device_uid = excluded.native_device_uid,
       native_device_id = excluded.native_device_id, public_key = coalesce(excluded.public_key, d.public_key),
       -- A registration for pushes only takes nothing away from a device that has more.
       wants_identity = excluded.wants_identity or (d.wants_identity and d.status <> 'removed'),
       bound_org_id = excluded.bound_org_id, session_hash = coalesce(excluded.session_hash, d.session_hash),
       status = 'active', status_reason = '', removed_at = null,
       last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at),
       registered_at = case when d.status = 'removed' then excluded.registered_at else d.registered_at end
returning device_id)sql";

// A session has one device of a kind: whoever registers last in it is who asks in it.
constexpr const char* k_one_per_session = R"sql(
update devices set session_hash = null
 where user_id = $1 and session_hash = $2 and device_id <> $3 and platform = $4 and embedded_webview = $5)sql";

constexpr const char* k_rebind =
    "update devices set bound_org_id = nullif($2::bigint, 0) where device_id = $1";

constexpr const char* k_revoke_tokens = R"sql(
update api_tokens set revoked_at = z360_at($3), revoke_reason = $2 where device_id = $1 and revoked_at is null)sql";

constexpr const char* k_register = R"sql(
insert into device_registrations (device_id, org_id, created_at, updated_at)
values ($1, $2, z360_at($3), z360_at($3))
on conflict (device_id, org_id) do update set updated_at = excluded.updated_at
returning registration_id)sql";

constexpr const char* k_registration = R"sql(
select registration_id from device_registrations where device_id = $1 order by org_id = $2 desc limit 1)sql";

// What was taken away stays so in a new install, but where somebody has just signed in.
constexpr const char* k_inherit_exclusions = R"sql(
insert into device_exclusions (device_id, org_id)
select distinct $1::bigint, org_id from device_exclusions where device_id = any($2::bigint[]) and org_id <> $3
on conflict do nothing)sql";

// The organisations of the install before; $3: only this one, unless 0.
constexpr const char* k_inherit = R"sql(
insert into device_registrations (device_id, org_id)
select distinct $1::bigint, org_id from device_registrations
 where device_id = any($2::bigint[]) and ($3::bigint = 0 or org_id = $3)
on conflict do nothing)sql";

// Web views that named this native device before it was known.
constexpr const char* k_link = R"sql(
update devices set native_device_id = $1
 where user_id = $2 and platform = 'web' and native_device_uid = $3 and status = 'active'
   and native_device_id is distinct from $1 and coalesce(bound_org_id, 0) = $4
returning device_id)sql";

// $1 person, $2 this one, $3 how many others may stay, $4 bound like this one. One on a call is not idle.
constexpr const char* k_idle_browsers = R"sql(
select device_id from devices
 where user_id = $1 and platform = 'web' and status = 'active' and device_id <> $2
   and not embedded_webview and native_device_id is null and coalesce(bound_org_id, 0) = $4
 order by z360_device_busy(device_id) desc, last_seen_at desc, device_id desc offset $3)sql";

constexpr const char* k_entitled = "select " Z360_ENTITLED ", z360_device_busy(d.device_id), "
                                   "exists (select from sip_identities i where i.device_id = d.device_id and "
                                   "i.state = 'active') from devices d where d.device_id = $1";

constexpr const char* k_unnudge = R"sql(
update sip_identities set retry_at = null where device_id = $1 and state in ('active', 'rotating'))sql";

class enrolling {
  public:
    enrolling(pqxx::transaction_base& tx, const crypto::vault& keys, const port::registration& r)
        : tx_(tx), keys_(keys), r_(r), web_(r.platform == "web"), embedded_(web_ && r.embedded_webview),
          native_uid_(web_ && r.native_device_uid != r.device_uid ? r.native_device_uid : "") {}

    std::optional<port::registered> run(unsigned max_browsers);

  private:
    void find_own(const std::vector<related_device>& related);
    void sort_out(const std::vector<related_device>& related);
    [[nodiscard]] bool proved(const related_device& d) const;
    void upsert();
    void lift_binding();
    void link_web_views();
    void replace_idle_browsers(unsigned max_browsers);
    void ask_for_identity();
    void carry_exclusions();
    void replace(const std::vector<device_id>& devices, const char* why);
    port::registered it_is(device_id known);
    port::device_view seen_as(device_id d);

    pqxx::transaction_base& tx_;
    const crypto::vault& keys_;
    const port::registration& r_;
    const bool web_, embedded_;
    const std::string native_uid_;
    std::vector<hashed_token> push_;
    std::optional<related_device> own_;
    org_id bound_to_;     ///< of the device from now on
    bool lifted_ = false; ///< it was bound until now
    bool held_elsewhere_ = false;
    device_id native_;
    device_id holder_;               ///< of the token, when only pushes are wanted
    std::vector<device_id> foreign_; ///< other people's
    std::vector<device_id> merged_;  ///< the person's own
    device_id id_;
    std::vector<device_id> replaced_;
    std::vector<device_id> linked_; ///< web views
};

std::optional<port::registered> enrolling::run(unsigned max_browsers) {
    // The app's pushes go to the native device; a web view that repeats its token must not take it away.
    if (!embedded_) push_ = hashed(keys_, r_.push, r_.now);
    lock_person_and_tokens(tx_, r_.user, push_);
    if (exec_in(tx_, "device_may_register", k_may_register, r_.user.value, r_.org.value).empty())
        return std::nullopt;
    const auto related = lock_related(
        tx_, r_.user, {r_.device_uid, r_.previous_device_uid, native_uid_}, r_.proved, all_hashes(push_)
    );
    find_own(related);
    sort_out(related);
    port::registered out;
    out.held_elsewhere = held_elsewhere_;
    if (held_elsewhere_) return out;
    if (own_ && own_->bound_to != bound_to_)
        exec_in(tx_, "device_rebind", k_rebind, own_->id.value, bound_to_.value);
    replace(foreign_, k_replaced);
    if (holder_.none()) replace(merged_, k_replaced);

    enter_scope(tx_, port::tenant_scope::of(r_.user, r_.bound_to));
    if (!holder_.none()) return it_is(holder_);
    upsert();
    lift_binding();
    link_web_views();
    replace_idle_browsers(max_browsers);
    ask_for_identity();
    if (r_.credential_version) prove_identity(tx_, id_, *r_.credential_version, r_.now);

    if (!merged_.empty())
        exec_in(tx_, "device_inherit", k_inherit, id_.value, key_array(merged_), bound_to_.value);
    out.registration_id =
        exec_in(tx_, "device_register", k_register, id_.value, r_.org.value, in_ms(r_.now))[0][0]
            .as<std::int64_t>();
    carry_exclusions();
    out.created = !own_ || own_->status == "removed";
    out.replaced = std::move(replaced_);
    out.linked = std::move(linked_);
    out.device = seen_as(id_);
    return out;
}

// The page that registers for business pushes runs on a device that can do more (B33).
port::registered enrolling::it_is(device_id known) {
    port::registered out;
    out.device = seen_as(known);
    const auto there = exec_in(tx_, "device_registration", k_registration, known.value, r_.org.value);
    if (!there.empty()) out.registration_id = there[0][0].as<std::int64_t>();
    out.replaced = std::move(replaced_);
    return out;
}

port::device_view enrolling::seen_as(device_id d) {
    auto views = read_views(tx_, {d});
    if (views.empty()) throw std::logic_error("a device that was just registered cannot be seen");
    return std::move(views.front());
}

// The device itself, and what it is bound to. During a call a binding stays: the identity of that call was
// given out under it.
void enrolling::find_own(const std::vector<related_device>& related) {
    bound_to_ = r_.bound_to;
    for (const auto& d : related)
        if (d.user == r_.user && d.uid == r_.device_uid) own_ = d;
    if (!own_ || own_->bound_to == r_.bound_to) return;
    if (!r_.bound_to.none())
        held_elsewhere_ = own_->status != "removed" || own_->busy;
    else if (own_->busy)
        bound_to_ = own_->bound_to;
    else
        lifted_ = own_->status != "removed";
}

bool enrolling::proved(const related_device& d) const {
    return std::find(r_.proved.begin(), r_.proved.end(), d.id) != r_.proved.end();
}

void enrolling::sort_out(const std::vector<related_device>& related) {
    if (own_ && own_->status != "removed") push_ = newer(std::move(push_), own_->push);
    const auto hashes = all_hashes(push_);
    for (const auto& d : related) {
        if (d.status == "removed" || (own_ && d.id == own_->id)) continue;
        const bool theirs = d.user == r_.user;
        if (theirs && !native_uid_.empty() && d.uid == native_uid_) {
            if (d.platform != "web" && d.status == "active" && d.bound_to == bound_to_) native_ = d.id;
            continue;
        }
        // The same phone again: under another person (B13), or installed anew (B14). From within one
        // organisation nobody takes away what serves the person's others.
        const bool ours = r_.bound_to.none() || d.bound_to == r_.bound_to;
        const bool named = theirs && ours && d.uid == r_.previous_device_uid;
        if (theirs && !ours && d.holds_one_of(hashes) && !proved(d)) held_elsewhere_ = true;
        if (theirs && ours && !r_.wants_identity && d.holds_one_of(hashes)) holder_ = d.id;
        if (named || proved(d) || d.holds_one_of(hashes)) (theirs ? merged_ : foreign_).push_back(d.id);
    }
}

void enrolling::replace(const std::vector<device_id>& devices, const char* why) {
    const auto gone = take_out_of_use(tx_, devices, out_of_use::removed, why, r_.now);
    replaced_.insert(replaced_.end(), gone.begin(), gone.end());
}

void enrolling::upsert() {
    const pqxx::binarystring key(r_.public_key);
    id_ = {exec_in(
               tx_, "device_upsert", k_upsert, r_.user.value, r_.device_uid, r_.platform, storable(r_.name),
               storable(r_.app_version), storable(r_.sdk_version), storable(r_.os_version),
               storable(r_.bundle_id), r_.apns_env, storable(r_.capabilities), embedded_, native_uid_,
               native_.value, key, r_.wants_identity, in_ms(r_.now), bound_to_.value, r_.session_hash
    )[0][0]
               .as<std::int64_t>()};
    if (!r_.session_hash.empty())
        exec_in(
            tx_, "device_one_per_session", k_one_per_session, r_.user.value, r_.session_hash, id_.value,
            r_.platform, embedded_
        );
    store_push(tx_, keys_, id_, push_, r_.now);
}

// What was given out within the organisation must not open what the device is from now on: its tokens are
// void, its identity is replaced.
void enrolling::lift_binding() {
    if (!lifted_) return;
    exec_in(tx_, "device_revoke_tokens", k_revoke_tokens, id_.value, "binding_lifted", in_ms(r_.now));
    retire_identities(tx_, {id_}, retire_reason::device_gone, r_.now);
}

// The other order of MOB-14: the web view came first.
void enrolling::link_web_views() {
    if (web_) return;
    for (const auto& v :
         exec_in(tx_, "device_link", k_link, id_.value, r_.user.value, r_.device_uid, bound_to_.value))
        linked_.push_back({v[0].as<std::int64_t>()});
    retire_identities(tx_, linked_, retire_reason::not_wanted, r_.now);
}

void enrolling::replace_idle_browsers(unsigned max_browsers) {
    if (!web_ || embedded_ || !native_.none()) return;
    std::vector<device_id> idle;
    const auto others = std::max(1U, max_browsers) - 1;
    for (const auto& v : exec_in(
             tx_, "device_idle_browsers", k_idle_browsers, r_.user.value, id_.value, others, bound_to_.value
         ))
        idle.push_back({v[0].as<std::int64_t>()});
    replace(idle, k_too_many);
}

// Organisations that have taken the device away from themselves. By its own bearer it does not come back:
// somebody signs in there.
void enrolling::carry_exclusions() {
    leave_scope(tx_); // of other organisations' too
    const bool anew = own_ && own_->status == "removed";
    if (!own_ || !proved(*own_)) take_back(tx_, id_, r_.org, anew);
    if (!merged_.empty())
        exec_in(
            tx_, "device_inherit_exclusions", k_inherit_exclusions, id_.value, key_array(merged_),
            r_.org.value
        );
    enter_scope(tx_, port::tenant_scope::of(r_.user, r_.bound_to));
}

void enrolling::ask_for_identity() {
    const bool revived = own_ && own_->status != "active";
    const auto now = exec_in(tx_, "device_entitled", k_entitled, id_.value)[0];
    const bool entitled = now[0].as<bool>();
    const bool busy = now[1].as<bool>();
    const bool active = now[2].as<bool>();
    if (!entitled) {
        retire_identities(tx_, {id_}, retire_reason::not_wanted, r_.now);
        return;
    }
    // What was left over at a removal during a call was revoked all the same: only the call may still use it.
    if (revived && !busy) retire_identities(tx_, {id_}, retire_reason::device_gone, r_.now);
    if (revived && busy) exec_in(tx_, "device_unnudge", k_unnudge, id_.value);
    if (revived || !active) add_pending_identity(tx_, id_, "", r_.now);
}

} // namespace

std::optional<port::registered> enrol(
    pqxx::transaction_base& tx, const crypto::vault& keys, const port::registration& r, unsigned max_browsers
) {
    return enrolling(tx, keys, r).run(max_browsers);
}

} // namespace z360::adapter::postgres
