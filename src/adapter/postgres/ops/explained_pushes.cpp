// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The pushes of one call: which were wanted, who was asked, what came of them.
#include "adapter/postgres/ops/explained.hpp"
#include "adapter/postgres/params.hpp"
#include "wire/state_codec.hpp"

#include <algorithm>
#include <utility>

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_pushes = R"sql(
select command_id, payload::text, z360_ms(created_at), z360_ms(finished_at), status, coalesce(error_code, ''), attempts
  from commands where call_id = $1 and channel = 'push' order by created_at, command_id)sql";

// Each request to a provider.
constexpr const char* k_attempts = R"sql(
select device_id, kind, ring, round, attempt, provider, status, reason from push_attempts
 where call_id = $1 order by sent_at)sql";

constexpr const char* k_receipts =
    "select device_id, state, z360_ms(at) from push_receipts where call_id = $1 order by at, state";

std::optional<push::provider> provider_named(std::string_view word) {
    for (const auto p : {push::provider::apns, push::provider::fcm})
        if (name(p) == word) return p;
    return std::nullopt;
}

} // namespace

std::optional<call::outcome> outcome_named(std::string_view word) {
    for (const auto o :
         {call::outcome::done, call::outcome::peer_gone, call::outcome::refused, call::outcome::expired,
          call::outcome::superseded})
        if (name(o) == word) return o;
    return std::nullopt;
}

std::vector<wanted_push> read_pushes(pqxx::work& tx, call_id call) {
    std::vector<wanted_push> out;
    for (const auto& r : tx.exec_params(k_pushes, call.text())) {
        const auto e = wire::decode_effect(r[1].c_str());
        const auto* p = e ? std::get_if<call::push_notice>(&e->body) : nullptr;
        if (p == nullptr) continue; // a newer program's
        wanted_push w;
        w.effect = r[0].c_str();
        w.device = p->device;
        w.ring = p->ring;
        w.is.what = p->what;
        w.is.round = p->round;
        w.is.asked_at = time_at(r[2]);
        w.is.over_at = time_or_null(r[3]);
        w.is.result = outcome_named(r[4].c_str()).value_or(call::outcome::done);
        w.is.code = r[5].c_str();
        w.is.attempts = r[6].as<unsigned>();
        out.push_back(std::move(w));
    }
    return out;
}

// Who was asked is in the note of the same commit.
void add_providers(std::vector<wanted_push>& pushes, const std::vector<timeline_line>& lines) {
    for (const auto& l : lines) {
        if (!is(l, "note", call::remark::push_accepted) && !is(l, "note", call::remark::push_failed))
            continue;
        for (auto& p : pushes) {
            if (p.is.by || p.device != l.device || p.is.over_at != l.at ||
                name(p.is.what) != value_of(l.detail, "what"))
                continue;
            p.is.by = provider_named(value_of(l.detail, "by"));
            break;
        }
    }
}

void add_attempts(pqxx::work& tx, call_id call, std::vector<wanted_push>& pushes) {
    for (const auto& r : tx.exec_params(k_attempts, call.text()))
        for (auto& p : pushes) {
            if (p.device.value != r[0].as<std::int64_t>() || name(p.is.what) != r[1].c_str() ||
                p.ring != r[2].as<std::uint32_t>() || p.is.round != r[3].as<std::uint32_t>())
                continue;
            if (!p.is.by) p.is.by = provider_named(r[5].c_str());
            p.is.attempts = std::max(p.is.attempts, r[4].as<unsigned>());
            const std::string reason = r[7].c_str();
            if (p.is.result == call::outcome::done || reason.empty()) continue;
            const auto status = r[6].as<int>();
            p.is.code = (status > 0 ? std::to_string(status) + " " : "") + reason;
        }
}

void add_receipts(pqxx::work& tx, call_id call, std::vector<call::device_facts>& devices) {
    for (const auto& r : tx.exec_params(k_receipts, call.text()))
        for (auto& d : devices)
            if (d.id.value == r[0].as<std::int64_t>()) d.receipts.push_back({r[1].c_str(), time_at(r[2])});
}

} // namespace z360::adapter::postgres
