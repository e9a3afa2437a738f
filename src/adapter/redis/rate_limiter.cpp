// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/rate_limiter.hpp"

#include "adapter/redis/gcra.hpp"

#include <z360/log.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace z360::adapter::redis {
namespace {

namespace asio = boost::asio;

// KEYS[1]: the moment in µs at which the bucket is full again; none: it is full. ARGV: interval and capacity
// in µs, the least debt (what was granted while Redis did not answer), and 0 for a mere look. The same
// arithmetic as gcra().
// Returns allowed, debt, wait.
constexpr const char* k_script = R"(
local interval = tonumber(ARGV[1])
local capacity = tonumber(ARGV[2])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now) or now
local debt = math.min(math.max(full_at - now, tonumber(ARGV[3]), 0), capacity)
local allowed = 0
if debt + interval <= capacity then
  allowed = 1
  if ARGV[4] ~= '0' then debt = debt + interval end
end
if debt > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000))
end
local wait = 0
if allowed == 0 then wait = debt + interval - capacity end
return {allowed, debt, wait})";

std::int64_t steady_us() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

// The buckets of this process. Bounded: the one asked about longest ago goes first.
class bucket_table {
  public:
    explicit bucket_table(rate_settings s)
        : max_(std::max<std::size_t>(1, s.max_local)), now_us_(s.now_us ? std::move(s.now_us) : steady_us) {}

    [[nodiscard]] std::int64_t now() const { return now_us_(); }

    gcra_answer take(const std::string& key, const gcra_terms& t) {
        const auto at = now();
        auto& b = touch(key, at);
        const auto a = gcra(b.full_at - at, t);
        b.full_at = at + a.debt_us;
        b.unshared = true;
        return a;
    }
    [[nodiscard]] gcra_answer look(const std::string& key, const gcra_terms& t) const {
        const auto found = index_.find(key);
        auto a = gcra(found == index_.end() ? 0 : found->second->full_at - now(), t);
        if (a.allowed) a.debt_us -= t.interval_us;
        return a;
    }
    /// What Redis has to be told: the debt of a bucket that was used without it.
    [[nodiscard]] std::int64_t unshared_debt(const std::string& key) const {
        const auto found = index_.find(key);
        if (found == index_.end() || !found->second->unshared) return 0;
        return std::max<std::int64_t>(0, found->second->full_at - now());
    }
    /// Redis' view as of `asked`, when the question left: from now on this is where a fallback goes on from.
    void copy(const std::string& key, std::int64_t asked, std::int64_t debt) {
        auto& b = touch(key, now());
        // Answers may overtake one another: the one that knows of more requests is the later one.
        b.full_at = std::max(b.full_at, asked + debt);
        b.unshared = false;
    }

  private:
    struct bucket {
        std::string key;
        std::int64_t full_at = 0;
        bool unshared = false;
    };

    bucket& touch(const std::string& key, std::int64_t at) {
        if (const auto found = index_.find(key); found != index_.end()) {
            order_.splice(order_.end(), order_, found->second);
            return *found->second;
        }
        while (!order_.empty() && (order_.size() >= max_ || order_.front().full_at <= at)) {
            index_.erase(order_.front().key);
            order_.pop_front();
        }
        order_.push_back({key, at, false});
        index_.emplace(order_.back().key, std::prev(order_.end()));
        return order_.back();
    }

    std::size_t max_;
    std::function<std::int64_t()> now_us_;
    std::list<bucket> order_; ///< asked about longest ago first
    std::unordered_map<std::string_view, std::list<bucket>::iterator> index_; ///< views into order_
};

class redis_rate_limiter final : public port::rate_limiter {
  public:
    redis_rate_limiter(session& s, std::string prefix, port::metrics& m, rate_settings settings)
        : session_(s), prefix_(std::move(prefix) + "rate:"), metrics_(m), own_(std::move(settings)) {
        metrics_.count("rate_limit_fallback_total", {}, 0);
    }

    asio::awaitable<port::rate_verdict> take(std::string key, port::rate r) override {
        return answer(std::move(key), r, true);
    }
    asio::awaitable<port::rate_verdict> look(std::string key, port::rate r) override {
        return answer(std::move(key), r, false);
    }

  private:
    asio::awaitable<port::rate_verdict> answer(std::string key, port::rate r, bool takes) {
        const auto terms = gcra_terms::of(r);
        const auto asked = own_.now();
        std::optional<gcra_answer> told;
        try {
            told = co_await ask(key, terms, own_.unshared_debt(key), takes);
        } catch (const std::exception&) {
            // cancelled: the caller's next await tells it
        }
        if (told) {
            own_.copy(key, asked, told->debt_us);
            co_return verdict_of(*told, r, terms);
        }
        metrics_.count("rate_limit_fallback_total");
        const auto own = takes ? own_.take(key, terms) : own_.look(key, terms);
        co_return verdict_of(own, r, terms);
    }

    asio::awaitable<std::optional<gcra_answer>>
    ask(std::string key, gcra_terms terms, std::int64_t least_debt, bool takes) {
        std::vector<std::string> words;
        words.emplace_back("EVAL");
        words.emplace_back(k_script);
        words.emplace_back("1");
        words.push_back(prefix_ + key);
        words.push_back(std::to_string(terms.interval_us));
        words.push_back(std::to_string(terms.capacity_us));
        words.push_back(std::to_string(least_debt));
        if (!takes) words.emplace_back("0");
        const auto r = co_await session_.command(std::move(words));
        co_return read(r, terms);
    }

    std::optional<gcra_answer> read(const reply& r, const gcra_terms& terms) {
        if (const auto* refused = r.as<error_reply>()) complain(refused->text);
        const auto* list = r.as<array_reply>();
        if (list == nullptr || list->values.size() != 3) return std::nullopt;
        const auto* allowed = list->values[0].as<integer_reply>();
        const auto* debt = list->values[1].as<integer_reply>();
        const auto* wait = list->values[2].as<integer_reply>();
        if (allowed == nullptr || debt == nullptr || wait == nullptr) return std::nullopt;
        if (debt->value < 0 || debt->value > terms.capacity_us || wait->value < 0) return std::nullopt;
        complained_ = false;
        return gcra_answer{allowed->value == 1, debt->value, wait->value};
    }

    // A Redis that is connected and refuses (read-only, out of memory) shows nowhere else. Once, not each
    // time.
    void complain(const std::string& why) {
        if (complained_) return;
        complained_ = true;
        log::warn("rate_limit_redis_refuses", {{"error", why}});
    }

    session& session_;
    std::string prefix_;
    port::metrics& metrics_;
    bucket_table own_;
    bool complained_ = false;
};

class local_rate_limiter final : public port::rate_limiter {
  public:
    explicit local_rate_limiter(rate_settings settings) : own_(std::move(settings)) {}

    asio::awaitable<port::rate_verdict> take(std::string key, port::rate r) override {
        const auto terms = gcra_terms::of(r);
        co_return verdict_of(own_.take(key, terms), r, terms);
    }
    asio::awaitable<port::rate_verdict> look(std::string key, port::rate r) override {
        const auto terms = gcra_terms::of(r);
        co_return verdict_of(own_.look(key, terms), r, terms);
    }

  private:
    bucket_table own_;
};

} // namespace

std::unique_ptr<port::rate_limiter>
make_rate_limiter(session& s, std::string prefix, port::metrics& m, rate_settings settings) {
    return std::make_unique<redis_rate_limiter>(s, std::move(prefix), m, std::move(settings));
}

std::unique_ptr<port::rate_limiter> make_local_rate_limiter(rate_settings settings) {
    return std::make_unique<local_rate_limiter>(std::move(settings));
}

} // namespace z360::adapter::redis
