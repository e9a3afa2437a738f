// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/redis.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

namespace z360::adapter::redis {
namespace {

namespace asio = boost::asio;
using steady = std::chrono::steady_clock;

// KEYS[1]: times of the newest dials in µs, newest first, never more than the limit. A dial may leave when
// fewer than `limit` are known or the oldest of them left the window. When the server's clock was set back,
// the known times are moved with it. Returns the wait in ms.
constexpr const char* k_script = R"(
local limit = tonumber(ARGV[1])
local window = tonumber(ARGV[2]) * 1000
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
local newest = tonumber(redis.call('LINDEX', KEYS[1], 0) or now)
if newest > now then
  local known = redis.call('LRANGE', KEYS[1], 0, -1)
  redis.call('DEL', KEYS[1])
  for _, v in ipairs(known) do
    redis.call('RPUSH', KEYS[1], string.format('%.0f', tonumber(v) - (newest - now)))
  end
end
redis.call('LTRIM', KEYS[1], 0, limit - 1)
if redis.call('LLEN', KEYS[1]) >= limit then
  local free_at = tonumber(redis.call('LINDEX', KEYS[1], -1)) + window
  if free_at > now then return math.ceil((free_at - now) / 1000) end
  redis.call('RPOP', KEYS[1])
end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
return 0)";

constexpr std::int64_t k_ask_again_ms = 10;

// The same window for this process.
class local_window {
  public:
    explicit local_window(const dial_settings& s) : window_(s.window) {}

    /// 0: fewer than `limit` dials are in the window; else the wait until that is so.
    std::int64_t wait_ms(unsigned limit) {
        const auto now = steady::now();
        while (!times_.empty() && now - times_.front() > window_)
            times_.pop_front();
        if (times_.size() < limit) return 0;
        const auto free_at = times_[times_.size() - limit] + window_;
        return std::max<std::int64_t>(1, std::chrono::ceil<millis>(free_at - now).count() + 1);
    }
    void add() { times_.push_back(steady::now()); }

  private:
    std::deque<steady::time_point> times_; ///< oldest first
    millis window_;
};

class redis_dial_budget final : public port::dial_budget {
  public:
    redis_dial_budget(session& s, std::string prefix, dial_settings settings)
        : session_(s), key_(prefix + "dials"), settings_(settings), own_(settings),
          share_(std::max(1U, settings.limit * settings.share_percent / 100)) {}

    asio::awaitable<std::int64_t> take_ms() override {
        // Those of this node that ask at this moment count as taken: own dials + asking never exceed the
        // limit.
        if (asking_ >= settings_.limit) co_return k_ask_again_ms;
        if (const auto wait = own_.wait_ms(settings_.limit - asking_); wait > 0) co_return wait;
        ++asking_;
        std::optional<std::int64_t> told;
        try {
            told = co_await ask();
        } catch (const std::exception&) {
            // cancelled: nothing is dialed
            --asking_;
            co_return k_ask_again_ms;
        }
        --asking_;
        if (told && *told > 0) co_return *told;
        if (!told) {
            const auto wait = own_.wait_ms(share_);
            if (wait > 0) co_return wait;
        }
        own_.add();
        co_return 0;
    }

  private:
    asio::awaitable<std::optional<std::int64_t>> ask() {
        std::vector<std::string> words;
        words.emplace_back("EVAL");
        words.emplace_back(k_script);
        words.emplace_back("1");
        words.push_back(key_);
        words.push_back(std::to_string(settings_.limit));
        words.push_back(std::to_string(settings_.window.count()));
        const auto r = co_await session_.command(std::move(words));
        if (const auto* n = r.as<integer_reply>()) co_return n->value;
        co_return std::nullopt;
    }

    session& session_;
    std::string key_;
    dial_settings settings_;
    local_window own_;
    unsigned share_;
    unsigned asking_ = 0;
};

class local_dial_budget final : public port::dial_budget {
  public:
    explicit local_dial_budget(dial_settings settings) : settings_(settings), own_(settings) {}

    asio::awaitable<std::int64_t> take_ms() override {
        const auto wait = own_.wait_ms(settings_.limit);
        if (wait == 0) own_.add();
        co_return wait;
    }

  private:
    dial_settings settings_;
    local_window own_;
};

} // namespace

std::unique_ptr<port::dial_budget> make_dial_budget(session& s, std::string prefix, dial_settings settings) {
    return std::make_unique<redis_dial_budget>(s, std::move(prefix), settings);
}

std::unique_ptr<port::dial_budget> make_local_dial_budget(dial_settings settings) {
    return std::make_unique<local_dial_budget>(settings);
}

} // namespace z360::adapter::redis
