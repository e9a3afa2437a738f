// SPDX-License-Identifier: LicenseRef-z360-proprietary
// References and summaries in memory.
#pragma once

#include "fakes.hpp"

#include <z360/port/agent_desk.hpp>

#include <map>

namespace z360::test {

class fake_agents final : public port::agent_desk {
  public:
    explicit fake_agents(membership_table& m) : members_(m) {}
    awaitable<port::redemption> redeem(port::tenant_scope who, std::string hash, time_point now) override {
        port::redemption out;
        const auto found = references.find(hash);
        if (found == references.end() || !members_.sees_org(who, found->second.what.org)) co_return out;
        auto& r = found->second;
        out.became = port::redemption::how::gone;
        if (r.used || now >= r.issued + std::chrono::seconds{60}) co_return out;
        r.used = true;
        out.became = port::redemption::how::given;
        out.what = r.what;
        co_return out;
    }
    awaitable<bool> put_summary(
        port::tenant_scope who, org_id org, std::int64_t conversation, port::conversation_summary s
    ) override {
        const auto found = conversations.find(conversation);
        if (found == conversations.end() || found->second != org || !members_.sees_org(who, org))
            co_return false;
        summaries[conversation] = std::move(s);
        co_return true;
    }
    awaitable<bool> remove_summary(port::tenant_scope who, org_id org, std::int64_t conversation) override {
        const auto found = conversations.find(conversation);
        if (found == conversations.end() || found->second != org || !members_.sees_org(who, org))
            co_return false;
        co_return summaries.erase(conversation) > 0;
    }

    struct reference {
        port::briefing what;
        time_point issued{};
        bool used = false;
    };
    std::map<std::string, reference> references; ///< by hash
    std::map<std::int64_t, org_id> conversations;
    std::map<std::int64_t, port::conversation_summary> summaries;

  private:
    membership_table& members_;
};

} // namespace z360::test
