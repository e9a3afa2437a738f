// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Conversations in memory.
#pragma once

#include "fakes.hpp"

#include <z360/port/books.hpp>

#include <algorithm>
#include <map>

namespace z360::test {

class fake_books final : public port::book_reader {
  public:
    explicit fake_books(membership_table& m) : members_(m) {}
    awaitable<std::vector<port::conversation_view>> conversations(
        port::tenant_scope who, org_id org, std::optional<port::book_cursor> before, std::size_t limit
    ) override {
        std::vector<port::conversation_view> out;
        for (const auto& c : rows)
            if (sees(who, org, c.org) &&
                (!before || std::pair(c.last_at, c.id) < std::pair(before->at, before->id)))
                out.push_back(c);
        std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
            return std::pair(a.last_at, a.id) > std::pair(b.last_at, b.id);
        });
        if (out.size() > limit) out.resize(limit);
        co_return out;
    }
    awaitable<port::book_summary> summary(port::tenant_scope who, org_id org) override {
        port::book_summary out;
        for (const auto& c : rows)
            if (sees(who, org, c.org)) {
                out.messages += c.summary.messages;
                out.talk += c.summary.talk;
            }
        co_return out;
    }
    awaitable<std::optional<std::vector<port::message_view>>> messages(
        port::tenant_scope who, std::int64_t conversation, std::optional<port::book_cursor> before,
        std::size_t limit
    ) override {
        const auto its =
            std::find_if(rows.begin(), rows.end(), [&](const auto& c) { return c.id == conversation; });
        if (its == rows.end() || !sees(who, {}, its->org)) co_return std::nullopt;
        std::vector<port::message_view> out;
        for (const auto& m : all)
            if (m.conversation == conversation &&
                (!before || std::pair(m.at, m.id) < std::pair(before->at, before->id)) && out.size() < limit)
                out.push_back(m);
        co_return out;
    }

    std::vector<port::conversation_view> rows;
    std::vector<port::message_view> all; ///< newest first

  private:
    bool sees(const port::tenant_scope& who, org_id asked, org_id org) const {
        return (asked.none() || asked == org) && members_.sees_org(who, org);
    }
    membership_table& members_;
};

} // namespace z360::test
