// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The rules of the engine about what the carrier has on record: before something is given up for want of a
// webhook the carrier is asked, and what it tells is decided before its answer.
#include "node.hpp"
#include "world.hpp"

#include <utility>

namespace z360::testing {
namespace {

constexpr millis k_event_claim{2'000};
constexpr millis k_query_budget{500};

// Facts about legs add up to the same whatever their order and however often they are told (I10).
bool may_be_repeated(const call::event& e) {
    return std::holds_alternative<call::leg_initiated>(e) || std::holds_alternative<call::leg_answered>(e) ||
           std::holds_alternative<call::leg_bridged>(e) || std::holds_alternative<call::leg_hangup>(e);
}

} // namespace

void node::ask_for(const mailbox& b, const engine::folded& f) {
    for (const auto& q : f.inquiries) {
        ++w_.figures.inquiries;
        const auto session = b.loaded->state.caller.call_session_id;
        ask_carrier(b.id, session, [this, id = b.id, round = q.round](bool told, items on_record) {
            for (auto& i : on_record)
                post(id, std::move(i));
            post(id, item{call::carrier_told{round, told}, {}});
        });
    }
}

void node::ask_carrier(call_id id, const std::string& session, std::function<void(bool, items)> then) {
    auto found = std::make_shared<std::vector<port::inbox_event>>();
    w_.ask_records(
        *this, [this, found, session] { *found = w_.records_of(session); },
        [this, id, found, then = std::move(then)](bool ok) {
            if (!ok) return then(false, {});
            keep_records(id, std::move(*found), [then](items on_record) {
                then(true, std::move(on_record));
            });
        }
    );
}

// Durable first, like a webhook. What the inbox has already is decided about once more all the same: it may
// wait in another node's hands, or have been decided on a copy that is older than this one.
void node::keep_records(call_id id, std::vector<port::inbox_event> events, std::function<void(items)> then) {
    auto fresh = std::make_shared<std::vector<bool>>(events.size(), false);
    auto apply = [this, events, fresh] {
        for (std::size_t n = 0; n < events.size(); ++n)
            (*fresh)[n] =
                w_.db.append(events[n], k_event_claim, w_.time.now()) == port::append_result::stored;
    };
    auto sort_out = [this, id, events, fresh, then = std::move(then)](bool ok) {
        items out;
        for (std::size_t n = 0; n < events.size(); ++n) {
            const auto& e = events[n];
            auto known = read(e);
            if (!ok) spool_.emplace(e.event_id, e);
            const bool is_new = !ok || (*fresh)[n];
            const bool of_another = known.mark && known.mark->call != id;
            if (known.new_caller || !known.what || of_another) {
                if (ok && is_new) take_up({e});
                continue;
            }
            if (is_new && handling_.insert(e.event_id).second)
                out.push_back(item{std::move(*known.what), e.event_id});
            else if (may_be_repeated(*known.what))
                out.push_back(item{std::move(*known.what), {}});
        }
        then(std::move(out));
    };
    w_.ask_store(*this, k_query_budget, std::move(apply), std::move(sort_out));
}

void node::ask_life(const std::string& control_id, std::function<void(port::leg_life)> then) {
    auto life = std::make_shared<port::leg_life>(port::leg_life::unknown);
    w_.ask_records(
        *this,
        [this, life, control_id] {
            const auto leg = w_.tel.leg(control_id);
            *life = leg && leg->alive() ? port::leg_life::alive : port::leg_life::gone;
        },
        [life, then = std::move(then)](bool ok) { then(ok ? *life : port::leg_life::unknown); }
    );
}

} // namespace z360::testing
