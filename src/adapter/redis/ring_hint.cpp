// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/redis.hpp"

#include <exception>
#include <utility>
#include <vector>

namespace z360::adapter::redis {
namespace {

namespace asio = boost::asio;

constexpr const char* k_life_ms = "5000";
// The same leg asks again after a duplicate webhook: it is still the first.
constexpr const char* k_script = R"(
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0)";

class redis_ring_hint final : public port::ring_hint {
  public:
    redis_ring_hint(session& s, std::string prefix) : session_(s), prefix_(std::move(prefix)) {}

    asio::awaitable<port::hint> answered(call_id call, leg_id leg) override {
        // The braces keep one ring's keys on one node of a Redis cluster.
        std::vector<std::string> words;
        words.emplace_back("EVAL");
        words.emplace_back(k_script);
        words.emplace_back("1");
        words.push_back(prefix_ + "ring:{" + call.text() + "}:hint");
        words.push_back(leg.text());
        words.emplace_back(k_life_ms);
        try {
            const auto r = co_await session_.command(std::move(words));
            if (const auto* n = r.as<integer_reply>())
                co_return n->value == 1 ? port::hint::first : port::hint::not_first;
        } catch (const std::exception&) {
            // cancelled: the caller's next await tells it
        }
        co_return port::hint::unknown;
    }

  private:
    session& session_;
    std::string prefix_;
};

class null_ring_hint final : public port::ring_hint {
  public:
    asio::awaitable<port::hint> answered(call_id, leg_id) override { co_return port::hint::unknown; }
};

} // namespace

std::unique_ptr<port::ring_hint> make_ring_hint(session& s, std::string prefix) {
    return std::make_unique<redis_ring_hint>(s, std::move(prefix));
}

std::unique_ptr<port::ring_hint> make_null_ring_hint() {
    return std::make_unique<null_ring_hint>();
}

} // namespace z360::adapter::redis
