// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The timeline of one call, and whom each line is about.
#include "adapter/postgres/ops/explained.hpp"
#include "adapter/postgres/params.hpp"

#include <z360/call/effect.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

namespace z360::adapter::postgres {
namespace {

// Commands appear twice: when they were decided and when their outcome was known. Each line says what was so
// then. Of a push that was taken the word is the provider's id of it. What an app has written is one word,
// whatever blanks are in it: it names nobody's leg.
constexpr const char* k_lines = R"sql(
select z360_ms(at), source, what, detail, channel, z360_ms(stored), z360_ms(done) from (
    select received_at as at, 0 as rank, seq, 'webhook' as source, event_type as what,
           'event_id=' || event_id || ' route=' || route || ' status=' || status ||
           coalesce(' call_control_id=' || call_control_id, '') || coalesce(' error=' || error, '') as detail, '' as channel,
           stored_at as stored, processed_at as done
      from webhook_events where call_session_id = $2 or call_id = $1
    union all
    select began_at, 1, -1, 'call', 'caller',
           'number=' || coalesce(caller_number, snapshot #>> '{caller,number}', '') ||
           coalesce(' sent=' || to_json(caller_sent)::text, '') ||
           ' dialed=' || coalesce(snapshot #>> '{routed,number_e164}', '') ||
           coalesce(' dialed_sent=' || to_json(dialed_sent)::text, ''), '', null, null
      from calls where call_id = $1
    union all
    select at, 1, seq, 'note', what, detail, '', null, null from call_events where call_id = $1
    union all
    select created_at, 2, 0, 'command', verb,
           'command_id=' || command_id || coalesce(' leg=' || leg_id, '') ||
           case when status = 'pending' then ' status=pending attempts=' || attempts || coalesce(' after=' || after_id, '')
                else '' end, channel, null, null
      from commands where call_id = $1
    union all
    select finished_at, 3, 0, 'outcome', verb,
           'command_id=' || command_id || ' status=' || status || ' attempts=' || attempts ||
           case when channel <> 'push' or status <> 'done' then coalesce(' error=' || error_code, '')
                when starts_with(error_code, 'http_') then ''
                else coalesce(' push_id=' || error_code, '') end, channel, null, created_at
      from commands where call_id = $1 and finished_at is not null
    union all
    select told_at, 4, 0, 'carrier', case when silent then 'no_media' else 'quality' end,
           coalesce('leg=' || leg_id || ' ', '') || 'call_control_id=' || carrier_leg ||
           coalesce(' mos=' || mos, '') || coalesce(' jitter_ms=' || jitter_ms, '') ||
           coalesce(' packets_in=' || packets_in, '') || coalesce(' packets_out=' || packets_out, '') ||
           coalesce(' skipped_in=' || skipped_in, '') || coalesce(' skipped_out=' || skipped_out, ''), '', null, null
      from leg_media where call_id = $1
    union all
    select at, 4, 1, 'carrier', case when failed then 'cost_failed' else 'cost' end,
           coalesce('leg=' || leg_id || ' ', '') || 'call_control_id=' || carrier_leg ||
           coalesce(' total=' || total, '') || coalesce(' currency=' || currency, '') ||
           coalesce(' billed_secs=' || billed_secs, ''), '', null, null
      from leg_charges where call_id = $1
    union all
    select at, 5, 0, 'client', 'quality',
           'device=' || device_id || coalesce(' mos=' || mos, '') || coalesce(' jitter_ms=' || jitter_ms, '') ||
           coalesce(' rtt_ms=' || rtt_ms, '') || coalesce(' loss_percent=' || loss_percent, '') ||
           coalesce(' network=' || nullif(network, ''), '') || coalesce(' candidate=' || nullif(candidate, ''), '') ||
           coalesce(' codec=' || nullif(codec, ''), '') || ' sdk=' || translate(sdk_version, ' ', chr(160)) ||
           coalesce(' said_sdk=' || translate(said_version, ' ', chr(160)), ''), '', null, null
      from call_samples where call_id = $1
    union all
    select at, 5, 1, 'client', name,
           'device=' || device_id || ' late_ms=' || greatest(z360_ms(received_at) - z360_ms(at), 0) ||
           ' app=' || translate(app_version, ' ', chr(160)) || ' sdk=' || translate(sdk_version, ' ', chr(160)) ||
           coalesce(' said_sdk=' || translate(said_version, ' ', chr(160)), '') ||
           case when detail = '{}' then '' else ' detail=' || translate(detail::text, ' ', chr(160)) end, '', null, null
      from client_events where call_id = $1
) t order by at, rank, seq)sql";

class leg_index {
  public:
    explicit leg_index(const call::state& s) : caller_(s.caller.call_control_id) {
        for (const auto& l : s.legs) {
            by_leg_.emplace(l.id.text(), l.device());
            if (!l.call_control_id.empty()) by_control_.emplace(l.call_control_id, l.device());
            if (l.role == call::leg_role::device) continue;
            auto& names = l.role == call::leg_role::agent ? agent_ : mobile_;
            names.insert(l.id.text());
            if (!l.call_control_id.empty()) names.insert(l.call_control_id);
        }
    }
    void add_push(std::string effect, device_id d) { by_effect_.emplace(std::move(effect), d); }

    void mark(timeline_line& l) const {
        if (const auto leg = value_of(l.detail, "leg"); !leg.empty()) l.device = in(by_leg_, leg);
        const auto control = value_of(l.detail, "call_control_id");
        if (!control.empty()) l.device = in(by_control_, control);
        l.caller = !control.empty() && control == caller_;
        if (const auto id = value_of(l.detail, "device"); !id.empty())
            l.device = device_id{std::strtoll(std::string(id).c_str(), nullptr, 10)};
        if (const auto effect = value_of(l.detail, "command_id"); l.device.none() && !effect.empty()) {
            l.device = in(by_effect_, effect);
            // Ids of what is done with a leg begin with its id; the rest is done with the caller's.
            if (l.device.none()) l.device = in(by_leg_, effect.substr(0, k_id_length));
            l.mobile = mobile_.contains(effect.substr(0, k_id_length));
            l.agent = agent_.contains(effect.substr(0, k_id_length));
            l.caller = l.device.none() && !l.mobile && !l.agent && l.channel == name(call::channel::carrier);
        }
        l.mobile = l.mobile || mobile_.contains(value_of(l.detail, "leg")) || mobile_.contains(control);
        l.agent = l.agent || agent_.contains(value_of(l.detail, "leg")) || agent_.contains(control);
    }

  private:
    static constexpr std::size_t k_id_length = 36;
    using index = std::map<std::string, device_id, std::less<>>;
    static device_id in(const index& where, std::string_view key) {
        const auto found = where.find(key);
        return found == where.end() ? device_id{} : found->second;
    }
    std::string caller_;
    index by_leg_, by_control_, by_effect_;
    std::set<std::string, std::less<>> mobile_, agent_;
};

} // namespace

std::string_view value_of(std::string_view detail, std::string_view key) {
    for (std::size_t at = 0; at < detail.size();) {
        const auto end = std::min(detail.find(' ', at), detail.size());
        const auto word = detail.substr(at, end - at);
        if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=')
            return word.substr(key.size() + 1);
        at = end + 1;
    }
    return {};
}

bool is(const timeline_line& l, std::string_view source, call::remark what) {
    return l.source == source && l.what == call::name(what);
}

void read_lines(pqxx::work& tx, explained_call& out) {
    for (const auto& l : tx.exec_params(k_lines, out.id.text(), out.call_session_id)) {
        timeline_line line;
        line.at = time_at(l[0]);
        line.source = l[1].c_str();
        line.what = l[2].c_str();
        line.detail = l[3].c_str();
        line.channel = l[4].c_str();
        const auto other = time_or_null(l[6]);
        if (const auto stored = time_or_null(l[5])) line.stored = *stored - line.at;
        if (other && line.source == "webhook") line.decided = *other - line.at;
        if (other && line.source == "outcome") line.took = line.at - *other;
        out.lines.push_back(std::move(line));
    }
}

void mark_lines(
    std::vector<timeline_line>& lines, const call::state& s, const std::vector<wanted_push>& pushes
) {
    leg_index where(s);
    for (const auto& p : pushes)
        where.add_push(p.effect, p.device);
    for (auto& l : lines)
        where.mark(l);
}

} // namespace z360::adapter::postgres
