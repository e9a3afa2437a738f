// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/introspection.hpp"

#include "adapter/crypto/digest.hpp"

#include <z360/log.hpp>
#include <z360/rt/single_flight.hpp>
#include <z360/rt/sync.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace z360::edge::api {
namespace {

using boost::asio::awaitable;
using nlohmann::json;
using kind = verdict::kind;

constexpr millis k_longest_belief{30'000};
constexpr millis k_longest_refusal{5'000};
constexpr std::size_t k_max_body = 64 * 1024;
constexpr std::size_t k_max_session = 200;
constexpr std::size_t k_max_user_agent = 1'000;

std::string_view name(kind k) {
    switch (k) {
    case kind::signed_in: return "signed_in";
    case kind::not_signed_in: return "not_signed_in";
    case kind::unavailable: return "unavailable";
    }
    return "?";
}

bool fit_for_a_header(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    });
}

std::optional<std::int64_t> id_in(const json& object, const char* key) {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number_integer()) return std::nullopt;
    if (it->is_number_unsigned() && it->get<std::uint64_t>() > INT64_MAX) return std::nullopt;
    const auto n = it->get<std::int64_t>();
    if (n <= 0) return std::nullopt;
    return n;
}

bool is_absent(const json& object, const char* key) {
    const auto it = object.find(key);
    return it == object.end() || it->is_null();
}

// nullopt: not the agreed shape; then nothing in it is believed.
std::optional<verdict> read_answer(std::string_view body) {
    if (body.size() > k_max_body) return std::nullopt;
    const json object = json::parse(body, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    const auto active = object.find("active");
    if (active == object.end() || !active->is_boolean()) return std::nullopt;
    if (!active->get<bool>()) return verdict{kind::not_signed_in, {}};
    verdict out{kind::signed_in, {}};
    const auto user = id_in(object, "user_id");
    if (!user) return std::nullopt;
    out.who.user = user_id{*user};
    if (!is_absent(object, "organization_id")) {
        const auto org = id_in(object, "organization_id");
        if (!org) return std::nullopt;
        out.who.org = org_id{*org};
    }
    if (!is_absent(object, "session_id")) {
        const auto& session = object["session_id"];
        if (!session.is_string() || session.get_ref<const std::string&>().size() > k_max_session)
            return std::nullopt;
        out.who.session = session.get<std::string>();
    }
    return out;
}

verdict judge(const http::client_response& r) {
    if (r.status == 401 || r.status == 403) return {kind::not_signed_in, {}};
    if (r.status != 200) return {};
    return read_answer(r.body).value_or(verdict{});
}

// What is believed of each cookie, by its digest. The oldest belief goes when there are too many.
class beliefs {
  public:
    explicit beliefs(std::size_t max) : max_(std::max<std::size_t>(1, max)) {}

    [[nodiscard]] std::optional<verdict> find(const std::string& key, time_point now) const {
        const auto found = index_.find(key);
        // A clock that was set back must not make a belief last longer.
        if (found == index_.end() || now < found->second->since || now >= found->second->until)
            return std::nullopt;
        return found->second->said;
    }
    void put(const std::string& key, const verdict& v, time_point now, millis life) {
        if (const auto old = index_.find(key); old != index_.end()) {
            order_.erase(old->second);
            index_.erase(old);
        }
        while (!order_.empty() && (order_.size() >= max_ || order_.front().until <= now)) {
            index_.erase(order_.front().key);
            order_.pop_front();
        }
        order_.push_back({key, v, now, now + life});
        index_.emplace(key, std::prev(order_.end()));
    }

  private:
    struct belief {
        std::string key;
        verdict said;
        time_point since;
        time_point until;
    };
    std::size_t max_;
    std::list<belief> order_; ///< oldest first
    std::unordered_map<std::string, std::list<belief>::iterator> index_;
};

} // namespace

class introspection::impl {
  public:
    impl(
        boost::asio::any_io_executor ex, http::client& client, const port::clock& clock,
        port::metrics& metrics, introspection_settings s
    )
        : client_(client), clock_(clock), metrics_(metrics), settings_(std::move(s)),
          beliefs_(settings_.max_entries), tasks_(ex) {
        settings_.cache = std::clamp(settings_.cache, millis{0}, k_longest_belief);
        for (const auto k : {kind::signed_in, kind::not_signed_in})
            metrics_.count("introspection_total", {{"result", name(k)}}, 0);
    }

    [[nodiscard]] std::optional<verdict> believed(const std::string& cookie) const {
        if (settings_.url.empty() || cookie.empty() || !fit_for_a_header(cookie))
            return verdict{kind::not_signed_in, {}};
        return beliefs_.find(digest_.of(cookie), clock_.now());
    }

    awaitable<verdict> who(std::string cookie, std::string user_agent) {
        if (auto known = believed(cookie)) co_return std::move(*known);
        const auto key = digest_.of(cookie);
        // The question has a limit of its own; this one is for a loop that is late.
        const auto until = rt::clock::now() + settings_.limit * 2;
        const auto f = join_or_start(key, std::move(cookie), std::move(user_agent), until);
        if (!f) co_return verdict{};
        (void)co_await flights::wait(f, until);
        co_return f->result.value_or(verdict{});
    }

    awaitable<void> stop() {
        stopping_ = true;
        co_await tasks_.join();
    }

  private:
    using flights = rt::flights<std::string, verdict>;

    flights::pointer join_or_start(
        const std::string& key, std::string cookie, std::string user_agent, rt::clock::time_point until
    ) {
        const bool full = stopping_ || flights_.size() >= settings_.max_questions;
        if (full && !flights_.under_way(key)) return nullptr;
        bool created = false;
        auto f = flights_.join(key, until, created);
        if (created) {
            auto end = std::make_unique<flights::landing>(flights_, key, f);
            tasks_.spawn(ask(std::move(end), key, question(std::move(cookie), std::move(user_agent)), f));
        }
        return f;
    }

    [[nodiscard]] http::client_request question(std::string cookie, std::string user_agent) const {
        http::client_request q;
        q.url = settings_.url;
        q.headers.set("Accept", "application/json"); // else a sign-in page comes instead of a 401
        q.headers.set("Cookie", std::move(cookie));
        if (!user_agent.empty() && user_agent.size() <= k_max_user_agent && fit_for_a_header(user_agent))
            q.headers.set("User-Agent", std::move(user_agent));
        q.timeout = settings_.limit;
        return q;
    }

    // Whatever happens to the question, those who wait for it go on when `end` dies.
    awaitable<void> ask(flights::end end, std::string key, http::client_request q, flights::pointer f) {
        const auto answer = co_await rt::with_timeout(client_.perform(std::move(q)), settings_.limit);
        const auto v = answer ? judge(*answer) : verdict{};
        note(v, answer ? answer->status : 0, answer ? answer->error : "no answer in time");
        if (v.what != kind::unavailable) {
            const auto life =
                v.what == kind::signed_in ? settings_.cache : std::min(settings_.cache, k_longest_refusal);
            beliefs_.put(key, v, clock_.now(), life);
        }
        f->result = v;
        end.reset();
    }

    void note(const verdict& v, int status, const std::string& error) {
        metrics_.count("introspection_total", {{"result", name(v.what)}});
        const bool away = v.what == kind::unavailable;
        if (away && !away_)
            log::warn("introspection_unavailable", {{"status", status}, {"error", error}});
        else if (!away && away_)
            log::info("introspection_answers_again");
        away_ = away;
    }

    boost::asio::any_io_executor ex_;
    http::client& client_;
    const port::clock& clock_;
    port::metrics& metrics_;
    introspection_settings settings_;
    adapter::crypto::private_digest digest_;
    beliefs beliefs_;
    flights flights_; ///< questions under way, by cookie
    bool stopping_ = false;
    bool away_ = false; ///< as logged last
    rt::task_group tasks_;
};

introspection::introspection(
    boost::asio::any_io_executor ex, http::client& client, const port::clock& clock, port::metrics& metrics,
    introspection_settings s
)
    : impl_(std::make_unique<impl>(std::move(ex), client, clock, metrics, std::move(s))) {}
introspection::~introspection() = default;
std::optional<verdict> introspection::believed(const std::string& cookie) const {
    return impl_->believed(cookie);
}
awaitable<verdict> introspection::who(std::string cookie, std::string user_agent) {
    return impl_->who(std::move(cookie), std::move(user_agent));
}
awaitable<void> introspection::stop() {
    return impl_->stop();
}

} // namespace z360::edge::api
