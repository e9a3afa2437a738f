// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an organisation's agent asks when it is called (BE-27), and the summaries that it is told (BE-29).
#include "adapter/crypto/agent_reference.hpp"
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <z360/port/agent_desk.hpp>

#include <algorithm>
#include <utility>

namespace z360::edge::api {
namespace {

using how = port::redemption::how;

constexpr std::size_t k_reference_digits = 32;
constexpr std::size_t k_longest_summary = 8'000;

json view(const port::briefing& b) {
    json summary = nullptr;
    if (b.summary) summary = {{"text", b.summary->text}, {"made_at", iso8601(b.summary->made_at)}};
    return {
        {"call_uuid", b.call.text()},
        {"organization_id", b.org.value},
        {"organization_name", b.organisation},
        {"caller_number", b.caller},
        {"caller_name", text_or_null(b.name)},
        {"called_number", text_or_null(b.called)},
        {"conversation_id", b.conversation ? json(*b.conversation) : json(nullptr)},
        {"summary", std::move(summary)},
    };
}

bool is_reference(const std::string& text) {
    return text.size() == k_reference_digits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

problem unknown() {
    return not_found("reference_unknown", "There is no such reference");
}

problem gone() {
    problem p;
    p.status = 410;
    p.code = "reference_gone";
    p.title = "The reference is of no use any more";
    p.detail = "A reference serves once, within 60 seconds, while its call lasts";
    return p;
}

// In the body: addresses are written into logs on the way.
awaitable<http::response> redeem(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto reference = f.text("reference", {.required = true, .max = 64});
    if (!f.ok()) co_return respond(f.refusal());
    if (s.ports.agents == nullptr || !is_reference(reference)) co_return respond(unknown());
    auto hash = adapter::crypto::hash_of_reference(reference);
    const auto out = co_await s.ports.agents->redeem(scope_of(in), std::move(hash), in.now);
    if (out.became == how::unknown) co_return respond(unknown());
    if (out.became == how::gone) co_return respond(gone());
    s.ports.metrics.count("agent_references_redeemed_total");
    co_return success(200, view(*out.what));
}

problem no_conversation() {
    return not_found("conversation_unknown", "There is no such conversation");
}

awaitable<http::response> put_summary(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    port::conversation_summary wanted;
    wanted.text = f.text("text", {.required = true, .max = k_longest_summary, .lines = true, .name = true});
    if (wanted.text.size() > k_longest_summary) f.refuse("text", "must have at most 8000 bytes");
    if (!f.ok()) co_return respond(f.refusal());
    wanted.made_at = in.now;
    const auto id = path_id(in, "conversation");
    json data{{"conversation_id", id}, {"text", wanted.text}, {"made_at", iso8601(in.now)}};
    bool done = false;
    if (id != 0 && s.ports.agents != nullptr)
        done = co_await s.ports.agents->put_summary(scope_of(in), org, id, std::move(wanted));
    if (!done) co_return respond(no_conversation());
    co_return success(200, std::move(data));
}

awaitable<http::response> delete_summary(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    const auto id = path_id(in, "conversation");
    bool done = false;
    if (id != 0 && s.ports.agents != nullptr)
        done = co_await s.ports.agents->remove_summary(scope_of(in), org, id);
    if (!done) co_return respond(not_found("summary_unknown", "The conversation has no summary"));
    json data{{"conversation_id", id}};
    co_return success(200, std::move(data), "Summary removed");
}

} // namespace

std::vector<entry> agent_entries() {
    return {
        operator_entry("POST", "/api/voip/agent/reference", redeem, "agent"),
        tenant_entry(
            "PUT", "/api/admin/organizations/{org}/conversations/{conversation}/summary", put_summary
        ),
        tenant_entry(
            "DELETE", "/api/admin/organizations/{org}/conversations/{conversation}/summary", delete_summary
        ),
    };
}

} // namespace z360::edge::api
