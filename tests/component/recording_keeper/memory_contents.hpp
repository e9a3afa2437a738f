// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where contents come from and go: a carrier whose addresses run out, a vault, and who is told.
#pragma once

#include "memory_recordings.hpp"

#include <z360/port/push_queue.hpp>
#include <z360/port/recording_vault.hpp>

#include <memory>
#include <set>

namespace z360::testing {

class memory_carrier final : public port::carrier_recordings {
  public:
    struct thing {
        std::string content;
        std::string format = "mp3";
        bool offered = true; ///< false: on record, without an address
    };
    std::map<std::string, thing> there;
    std::map<std::string, std::string> addresses; ///< that are good, and what they lead to
    bool away = false;                            ///< no usable answer to a question
    bool contents_away = false;
    bool removals_fail = false;
    std::size_t piece = 100;
    millis piece_takes{0};
    /// Before each piece; may throw.
    std::function<void(std::size_t sent)> before_piece;
    int finds = 0, fetches = 0, removals = 0;
    int under_way = 0, most_under_way = 0;

    /// With its first address.
    std::string add(const std::string& id, std::string content, std::string format = "mp3") {
        there[id] = {std::move(content), std::move(format)};
        return address_of(id);
    }
    std::string address_of(const std::string& id) {
        auto url = "https://carrier.example.test/" + id + "/" + std::to_string(++serial_);
        addresses[url] = id;
        return url;
    }

    awaitable<std::optional<port::carrier_recording>> find(std::string id) override {
        ++finds;
        if (away) throw port::unavailable("HTTP 503");
        const auto found = there.find(id);
        if (found == there.end()) co_return std::nullopt;
        port::carrier_recording out;
        out.id = id;
        if (found->second.offered) {
            out.url = address_of(id);
            out.format = found->second.format;
        }
        co_return out;
    }
    std::map<std::string, std::vector<port::carrier_recording>> of; ///< by session
    int lists = 0;
    awaitable<std::vector<port::carrier_recording>> of_session(std::string session) override {
        ++lists;
        if (away) throw port::unavailable("HTTP 503");
        co_return of[session];
    }
    awaitable<port::fetched> fetch(std::string url, port::byte_sink& to) override {
        ++fetches;
        most_under_way = std::max(most_under_way, ++under_way);
        struct ending {
            int& n;
            explicit ending(int& x) : n(x) {}
            ~ending() { --n; }
        } const at_the_end(under_way);
        if (contents_away) throw port::unavailable("the content does not come: HTTP 503");
        const auto found = addresses.find(url);
        if (found == addresses.end() || !there.contains(found->second)) co_return port::fetched::refused;
        const auto content = there.at(found->second).content;
        for (std::size_t sent = 0; sent < content.size(); sent += piece) {
            if (piece_takes > millis{0}) co_await rt::sleep_for(piece_takes);
            if (before_piece) before_piece(sent);
            co_await to.write(content.substr(sent, piece));
        }
        co_return port::fetched::done;
    }
    awaitable<void> remove(std::string id) override {
        ++removals;
        if (removals_fail) throw port::unavailable("HTTP 500");
        there.erase(id);
        co_return;
    }

  private:
    int serial_ = 0;
};

/// Tells contents apart, and looks like a hash.
inline std::string hash_like(const std::string& content) {
    auto digits = std::to_string(std::hash<std::string>{}(content));
    return std::string(64 - digits.size(), 'a') + digits;
}

class memory_vault final : public port::recording_vault {
  public:
    std::map<std::string, std::string> kept;
    std::vector<std::string> removed; ///< in their order, also what was not there
    int open_intakes = 0;
    bool full = false; ///< pieces are not taken
    bool cannot_keep = false;
    bool cannot_begin = false;
    bool cannot_remove = false;
    bool answer_lost = false; ///< kept, and that is not told
    millis keeping_takes{0};
    std::function<void()> before_keep;
    std::function<void()> after_keep;
    std::string is = "folder";

    [[nodiscard]] std::string_view kind() const override { return is; }
    awaitable<std::unique_ptr<port::vault_intake>> begin(std::string key) override {
        if (cannot_begin) throw port::unavailable("the folder is not there");
        co_return std::make_unique<intake>(*this, std::move(key));
    }
    awaitable<std::optional<std::uint64_t>> size_of(std::string key) override {
        if (!kept.contains(key)) co_return std::nullopt;
        co_return kept.at(key).size();
    }
    awaitable<std::unique_ptr<port::byte_source>> open(std::string, port::byte_range) override {
        co_return nullptr;
    }
    [[nodiscard]] std::optional<std::string> link(std::string, millis) const override { return {}; }
    awaitable<void> remove(std::string key) override {
        if (cannot_remove) throw port::unavailable("read-only file system");
        removed.push_back(key);
        kept.erase(key);
        co_return;
    }

  private:
    class intake final : public port::vault_intake {
      public:
        intake(memory_vault& to, std::string key) : to_(to), key_(std::move(key)) { ++to_.open_intakes; }
        intake(const intake&) = delete;
        intake& operator=(const intake&) = delete;
        ~intake() override { --to_.open_intakes; }
        awaitable<void> write(std::string piece) override {
            if (to_.full) throw port::unavailable("no space left");
            content_ += piece;
            co_return;
        }
        awaitable<port::kept_copy> keep() override {
            if (to_.before_keep) to_.before_keep();
            if (to_.cannot_keep) throw port::unavailable("no space left");
            if (to_.keeping_takes > millis{0}) co_await rt::sleep_for(to_.keeping_takes);
            to_.kept[key_] = content_;
            if (to_.after_keep) to_.after_keep();
            if (to_.answer_lost) throw port::unavailable("the answer is lost");
            port::kept_copy out;
            out.bytes = content_.size();
            out.sha256 = hash_like(content_);
            co_return out;
        }

      private:
        memory_vault& to_;
        std::string key_;
        std::string content_;
    };
};

class memory_orders final : public port::push_orders {
  public:
    std::map<std::string, port::push_order> placed; ///< by key
    int asked = 0;
    bool away = false;
    bool too_many = false;
    std::function<void()> after; ///< it is placed; may throw: the answer is lost

    awaitable<port::push_answer> place(port::tenant_scope who, port::push_order what) override {
        ++asked;
        if (away) throw port::unavailable("the database is away");
        // As the table checks it.
        const bool digest = what.fingerprint.size() == 64 &&
                            what.fingerprint.find_first_not_of("0123456789abcdef") == std::string::npos;
        if (!digest) throw std::runtime_error("push_requests_fingerprint_check");
        port::push_answer out;
        if (too_many) {
            out.went = port::push_answer::how::too_many_wait;
            co_return out;
        }
        scopes.push_back(std::move(who));
        const auto found = placed.find(what.key);
        out.repeated = found != placed.end();
        if (out.repeated && found->second.fingerprint != what.fingerprint)
            out.went = port::push_answer::how::key_reused;
        if (!out.repeated) placed.emplace(what.key, what);
        if (after) after();
        co_return out;
    }
    std::vector<port::tenant_scope> scopes;
};

} // namespace z360::testing
