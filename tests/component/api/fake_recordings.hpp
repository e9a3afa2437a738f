// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recordings in memory: rows, a vault of texts, and the carrier's addresses.
#pragma once

#include "fakes.hpp"

#include <z360/port/recordings.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>

namespace z360::test {

class fake_recordings final : public port::recording_reader {
  public:
    explicit fake_recordings(membership_table& m) : members_(m) {}
    awaitable<std::vector<port::recording_view>> messages(
        port::tenant_scope who, user_id of, bool only_new, std::optional<port::recording_cursor> before,
        std::size_t limit
    ) override {
        std::vector<port::recording_view> out;
        for (const auto& r : rows)
            if (r.purpose == call::recording_purpose::message && r.user == of && sees(who, r) &&
                (!only_new || !r.heard_at) && (!before || r.told_at < before->told_at))
                out.push_back(r);
        std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.told_at > b.told_at; });
        if (out.size() > limit) out.resize(limit);
        co_return out;
    }
    awaitable<std::size_t> unheard(port::tenant_scope who, user_id of, std::size_t most) override {
        const auto all = co_await messages(who, of, true, std::nullopt, most);
        co_return all.size();
    }
    awaitable<std::optional<port::recording_view>> find(port::tenant_scope who, uuid id) override {
        const auto* r = seen(who, id);
        if (r == nullptr) co_return std::nullopt;
        co_return *r;
    }
    awaitable<std::vector<port::recording_view>>
    of_call(port::tenant_scope who, org_id org, std::string call) override {
        std::vector<port::recording_view> out;
        for (const auto& r : rows)
            if (r.org == org && (r.session == call || r.call.text() == call) && sees(who, r))
                out.push_back(r);
        co_return out;
    }
    awaitable<std::optional<port::recording_view>>
    mark_heard(port::tenant_scope who, uuid id, bool heard) override {
        auto* r = seen(who, id);
        if (r == nullptr) co_return std::nullopt;
        r->heard_at = heard ? std::optional(r->heard_at.value_or(now)) : std::nullopt;
        co_return *r;
    }
    awaitable<std::optional<port::recording_view>>
    transcribe(port::tenant_scope who, uuid id, std::string text) override {
        auto* r = seen(who, id);
        if (r == nullptr) co_return std::nullopt;
        if (r->transcript != text) r->transcribed_at = now;
        r->transcript = std::move(text);
        co_return *r;
    }
    awaitable<bool> remove(port::tenant_scope who, uuid id) override {
        auto* r = seen(who, id);
        if (r == nullptr) co_return false;
        r->status = port::recording_status::removing;
        co_return true;
    }
    std::vector<port::recording_view> rows;
    time_point now{millis{1'800'000'500'000}};

  private:
    bool sees(const port::tenant_scope& who, const port::recording_view& r) const {
        if (r.status == port::recording_status::removing) return false;
        if (who.everything) return true;
        const bool whole = who.user.none() && who.org == r.org;
        return whole || (r.user == who.user && r.purpose == call::recording_purpose::message &&
                         members_.sees_org(who, r.org));
    }
    port::recording_view* seen(const port::tenant_scope& who, uuid id) {
        for (auto& r : rows)
            if (r.id == id && sees(who, r)) return &r;
        return nullptr;
    }
    membership_table& members_;
};

/// Gives what it was given, piece by piece.
class text_source final : public port::byte_source {
  public:
    explicit text_source(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
    awaitable<std::string> read(std::size_t most) override {
        auto piece = text_.substr(at_, most);
        at_ += piece.size();
        co_return piece;
    }

  private:
    std::string text_;
    std::size_t at_ = 0;
};

class fake_vault final : public port::recording_vault {
  public:
    [[nodiscard]] std::string_view kind() const override { return links ? "s3" : "folder"; }
    awaitable<std::unique_ptr<port::vault_intake>> begin(std::string) override { co_return nullptr; }
    awaitable<std::optional<std::uint64_t>> size_of(std::string key) override {
        const auto it = kept.find(key);
        if (it == kept.end()) co_return std::nullopt;
        co_return it->second.size();
    }
    awaitable<std::unique_ptr<port::byte_source>> open(std::string key, port::byte_range part) override {
        if (away) throw port::unavailable("the disk is gone");
        const auto it = kept.find(key);
        if (it == kept.end()) co_return nullptr;
        if (part.first > it->second.size() || part.length > it->second.size() - part.first)
            throw std::invalid_argument("the part of a recording does not lie within it");
        co_return std::make_unique<text_source>(it->second.substr(part.first, part.length));
    }
    [[nodiscard]] std::optional<std::string> link(std::string key, millis) const override {
        if (!links) return std::nullopt;
        return "https://bucket.example/" + key + "?signed";
    }
    awaitable<void> remove(std::string key) override {
        kept.erase(key);
        co_return;
    }
    std::map<std::string, std::string> kept;
    bool links = false;
    bool away = false;
};

class fake_carrier_recordings final : public port::carrier_recordings {
  public:
    awaitable<std::optional<port::carrier_recording>> find(std::string id) override {
        if (away) throw port::unavailable("the carrier is away");
        const auto it = urls.find(id);
        if (it == urls.end()) co_return std::nullopt;
        port::carrier_recording out;
        out.id = id;
        out.url = it->second;
        co_return out;
    }
    awaitable<std::vector<port::carrier_recording>> of_session(std::string) override {
        co_return std::vector<port::carrier_recording>{};
    }
    awaitable<port::fetched> fetch(std::string, port::byte_sink&) override {
        co_return port::fetched::refused;
    }
    awaitable<void> remove(std::string) override { co_return; }
    std::map<std::string, std::string> urls;
    bool away = false;
};

} // namespace z360::test
