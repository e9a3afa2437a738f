// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls as the core would make them, for tests of the store.
#pragma once

#include "fixture.hpp"
#include "support/joined.hpp"

#include <z360/port/call_store.hpp>

namespace z360::testing {

inline constexpr time_point k_noon{millis{1'760'000'000'123}};

inline call_id id_of(const std::string& session) {
    return {derive_uuid(session)};
}

/// A call that rings all devices of `p`.
inline call::state ringing(const people& p, const std::string& session) {
    call::state s;
    s.id = id_of(session);
    s.caller = caller_leg(s.id, "caller-" + session, "+15550109999");
    s.origin.call_session_id = session;
    s.routed.verdict = call::route_verdict::ring;
    s.routed.org = p.org;
    s.routed.user = p.user;
    s.routed.number = p.number;
    s.routed.targets = p.devices;
    s.began = k_noon;
    s.rings.push_back({.began = k_noon, .deadline = k_noon + millis{30'000}});
    std::uint64_t salt = 0;
    for (const auto& t : p.devices) {
        call::leg l;
        l.id = {derive_uuid(s.id.value, ++salt)};
        l.to = t;
        l.ring = 1;
        s.legs.push_back(l);
    }
    return s;
}

inline call::command dial(const call::state& s, std::size_t leg) {
    call::command c;
    c.id = s.legs.at(leg).id.text();
    c.leg = s.legs.at(leg).id;
    c.issued_at = s.began;
    c.deadline = s.began + millis{20'000};
    call::dial_body body;
    body.leg = s.legs.at(leg).id;
    body.sip_username = s.legs.at(leg).goes_to()->sip_username;
    body.call = s.id;
    body.org = s.routed.org;
    c.body = body;
    return c;
}

inline port::call_commit first_commit(const call::state& s) {
    port::call_commit c;
    c.next = s;
    c.deadline = s.rings.back().deadline;
    c.at = s.began;
    for (std::size_t i = 0; i < s.legs.size(); ++i)
        c.new_effects.emplace_back(dial(s, i));
    c.notes.push_back({call::remark::call_began, "devices=" + std::to_string(s.legs.size())});
    return c;
}

inline port::inbox_event
event(const std::string& id, const std::string& body, const std::string& session = "") {
    port::inbox_event e;
    e.event_id = id;
    e.event_type = "call.answered";
    e.call_session_id = session;
    e.received_at = k_noon;
    e.body = body;
    return e;
}

/// Acme's three devices, and where its calls and events are stored.
class stored_calls : public postgres_test {
  protected:
    static constexpr millis k_claim{60'000};

    void SetUp() override {
        postgres_test::SetUp();
        if (IsSkipped()) return;
        people_ = add_people("acme", "+15550100001", 3);
        calls_ = pg::make_call_store(*db_);
        inbox_ = pg::make_event_inbox(*db_);
    }
    void TearDown() override {
        calls_.reset();
        inbox_.reset();
        postgres_test::TearDown();
    }
    port::commit_result commit(port::call_commit c, millis claim = k_claim) {
        return run(calls_->commit(std::move(c), claim));
    }

    people people_;
    std::unique_ptr<port::call_store> calls_;
    std::unique_ptr<port::event_inbox> inbox_;
};

} // namespace z360::testing
