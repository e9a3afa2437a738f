// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/jwks.hpp"

#include <z360/log.hpp>
#include <z360/rt/single_flight.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace z360::edge::api {
namespace {

using adapter::crypto::rsa_key;
using boost::asio::awaitable;
using kind = key_lookup::kind;

constexpr millis k_fresh_default{3'600'000};
constexpr millis k_fresh_least{300'000};
constexpr millis k_fresh_most{86'400'000};
constexpr millis k_pause{60'000};             ///< between two fetches
constexpr millis k_pause_without_keys{5'000}; ///< nobody can sign in meanwhile
constexpr millis k_fetch_limit{3'000};

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

} // namespace

millis jwks_lifetime(std::string_view cache_control) {
    const std::string text = lower(cache_control);
    if (text.find("no-store") != std::string::npos || text.find("no-cache") != std::string::npos)
        return k_fresh_least;
    constexpr std::string_view k_name = "max-age=";
    auto at = text.find(k_name);
    // s-maxage does not match; "x-max-age" must not either.
    while (at != std::string::npos && at > 0 && text[at - 1] != ' ' && text[at - 1] != ',')
        at = text.find(k_name, at + 1);
    if (at == std::string::npos) return k_fresh_default;
    const char* const begin = text.data() + at + k_name.size();
    std::uint64_t seconds = 0;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), seconds);
    if (error == std::errc::result_out_of_range) return k_fresh_most;
    if (error != std::errc{} || end == begin) return k_fresh_default;
    const auto bounded = std::min<std::uint64_t>(seconds, 86'400);
    return std::clamp(millis{static_cast<std::int64_t>(bounded) * 1'000}, k_fresh_least, k_fresh_most);
}

class jwks::impl {
  public:
    impl(
        boost::asio::any_io_executor ex, http::client& client, const port::clock& clock,
        port::metrics& metrics, std::string url
    )
        : client_(client), clock_(clock), metrics_(metrics), url_(std::move(url)), tasks_(ex) {
        metrics_.count("jwks_fetches_total", {{"result", "ok"}}, 0);
        metrics_.count("jwks_fetches_total", {{"result", "failed"}}, 0);
    }

    awaitable<key_lookup> find(std::string kid) {
        const auto now = clock_.now();
        if (const auto* key = known(kid); key != nullptr && is_fresh(now))
            co_return key_lookup{kind::found, *key};
        if (fetches_.under_way(url_) || may_fetch(now)) {
            const auto until = rt::clock::now() + k_fetch_limit * 2;
            const auto f = join_or_start(now, until);
            (void)co_await fetches::wait(f, until);
        }
        if (const auto* key = known(kid)) co_return key_lookup{kind::found, *key};
        key_lookup out;
        out.what = last_worked_ ? kind::unknown : kind::unavailable;
        co_return out;
    }

    awaitable<void> stop() {
        stopping_ = true;
        co_await tasks_.join();
    }

  private:
    using fetches = rt::flights<std::string, bool>; ///< by URL: there is one

    [[nodiscard]] const rsa_key* known(std::string_view kid) const {
        const auto found =
            std::find_if(keys_.begin(), keys_.end(), [kid](const rsa_key& k) { return k.kid == kid; });
        return found == keys_.end() ? nullptr : &*found;
    }
    [[nodiscard]] bool is_fresh(time_point now) const { return now >= loaded_at_ && now < fresh_until_; }
    [[nodiscard]] bool may_fetch(time_point now) const {
        if (stopping_) return false;
        if (!tried_at_ || now < *tried_at_) return true; // or the clock was set back
        return now - *tried_at_ >= (keys_.empty() ? k_pause_without_keys : k_pause);
    }

    fetches::pointer join_or_start(time_point now, rt::clock::time_point until) {
        bool created = false;
        auto f = fetches_.join(url_, until, created);
        if (created) {
            tried_at_ = now;
            auto end = std::make_unique<fetches::landing>(fetches_, url_, f);
            tasks_.spawn(fetch(std::move(end)));
        }
        return f;
    }

    // Whatever happens to the fetch, those who wait for it go on when `end` dies.
    awaitable<void> fetch(fetches::end end) {
        last_worked_ = false; // until it has
        http::client_request q;
        q.url = url_;
        q.headers.set("Accept", "application/json");
        q.timeout = k_fetch_limit;
        const auto answer = co_await rt::with_timeout(client_.perform(std::move(q)), k_fetch_limit);
        take(answer);
        end.reset();
    }

    void take(const std::optional<http::client_response>& answer) {
        std::string why = "no answer in time";
        if (answer && answer->status == 200) {
            auto keys = adapter::crypto::read_jwks(answer->body);
            if (keys && !keys->empty()) {
                keys_ = std::move(*keys);
                loaded_at_ = clock_.now();
                fresh_until_ = loaded_at_ + jwks_lifetime(answer->headers.get("Cache-Control"));
                last_worked_ = true;
                metrics_.count("jwks_fetches_total", {{"result", "ok"}});
                return;
            }
            why = "no document of signing keys";
        } else if (answer) {
            why = answer->status == 0 ? answer->error : "status " + std::to_string(answer->status);
        }
        metrics_.count("jwks_fetches_total", {{"result", "failed"}});
        log::warn("jwks_not_fetched", {{"url", url_}, {"error", why}});
    }

    http::client& client_;
    const port::clock& clock_;
    port::metrics& metrics_;
    std::string url_;
    std::vector<rsa_key> keys_;
    time_point loaded_at_{};
    time_point fresh_until_{};
    std::optional<time_point> tried_at_;
    bool last_worked_ = false; ///< the latest fetch brought keys
    bool stopping_ = false;
    fetches fetches_;
    rt::task_group tasks_;
};

jwks::jwks(
    boost::asio::any_io_executor ex, http::client& client, const port::clock& clock, port::metrics& metrics,
    std::string url
)
    : impl_(std::make_unique<impl>(std::move(ex), client, clock, metrics, std::move(url))) {}
jwks::~jwks() = default;
awaitable<key_lookup> jwks::find(std::string kid) {
    return impl_->find(std::move(kid));
}
awaitable<void> jwks::stop() {
    return impl_->stop();
}

} // namespace z360::edge::api
