// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/credentials_client.hpp"

#include "adapter/telnyx/credential_answer.hpp"
#include "adapter/telnyx/key_alarm.hpp"
#include "wire/jwt.hpp"
#include "wire/telnyx_credential.hpp"

#include <z360/log.hpp>
#include <z360/rt/breaker.hpp>
#include <z360/rt/pacer.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace z360::adapter::telnyx {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using port::carrier_credential;
using port::credential_outcome;
using port::credential_reply;
using steady = rt::clock;
using verb = credential_verb;

// Names are unique, so one page is enough, unless the filter is taken for "begins with" or passed over.
constexpr unsigned k_find_pages = 20;
constexpr std::string_view k_breaker = "credential";

carrier_credential to_port(wire::telnyx_credential c) {
    carrier_credential out;
    out.id = std::move(c.id);
    out.name = std::move(c.name);
    out.tag = std::move(c.tag);
    out.sip_username = std::move(c.sip_username);
    out.sip_password = std::move(c.sip_password);
    out.connection_id = std::move(c.connection_id);
    out.expired = c.expired;
    out.expires_at = c.expires_at;
    out.created_at = c.created_at;
    return out;
}

/// An answer before it is known what is wanted out of it. The body holds passwords or a token.
struct answer {
    judged what;
    secret body;
};

template <class T>
credential_reply<T> failed(judged what) {
    credential_reply<T> out;
    out.outcome = what.outcome;
    out.error = std::move(what.code);
    if (!what.title.empty()) out.error += ": " + what.title;
    out.retry_after = what.after;
    return out;
}

template <class T>
credential_reply<T> success(T value) {
    credential_reply<T> out;
    out.outcome = credential_outcome::done;
    out.value = std::move(value);
    return out;
}

/// A 2xx that does not hold what it has to.
template <class T>
credential_reply<T> unusable(verb v, std::string why) {
    credential_reply<T> out;
    out.outcome = uncertain(v);
    out.error = std::move(why);
    return out;
}

class credentials_client final : public port::telnyx_credentials {
  public:
    credentials_client(
        credentials_client_settings settings, http::client& http, const port::clock& clock,
        port::metrics& metrics
    )
        : settings_(std::move(settings)), http_(http), clock_(clock), metrics_(metrics),
          breaker_(settings_.probe_every), pacer_(settings_.requests_per_second, settings_.burst),
          alarm_(metrics, "credentials", "check telnyx.api_key: no device can be given credentials with it") {
        while (settings_.base_url.ends_with('/'))
            settings_.base_url.pop_back();
        metrics_.gauge("telnyx_breaker_open", 0, {{"class", k_breaker}});
    }

    awaitable<credential_reply<carrier_credential>> create(port::credential_request r) override;
    awaitable<credential_reply<std::vector<carrier_credential>>> find(std::string name) override;
    awaitable<credential_reply<carrier_credential>> get(std::string id) override;
    awaitable<credential_reply<port::nothing>> extend(std::string id, time_point expires_at) override;
    awaitable<credential_reply<port::nothing>> remove(std::string id) override;
    awaitable<credential_reply<port::credential_page>>
    list(std::string connection_id, unsigned number) override;
    awaitable<credential_reply<port::carrier_token>> mint(std::string id) override;

  private:
    [[nodiscard]] http::client_request request_for(const wire::telnyx_request& built) const;
    awaitable<answer> ask(verb v, wire::telnyx_request built);
    [[nodiscard]] static judged held_back(std::string code, steady::duration pause);
    void account(verb v, const judged& what, bool probe, steady::duration took);
    template <class T>
    credential_reply<T> note(verb v, credential_reply<T> out);

    credentials_client_settings settings_;
    http::client& http_;
    const port::clock& clock_;
    port::metrics& metrics_;
    rt::breaker breaker_;
    rt::pacer pacer_;
    key_alarm alarm_;
};

http::client_request credentials_client::request_for(const wire::telnyx_request& built) const {
    http::client_request out;
    out.method = built.method;
    out.url = settings_.base_url + built.path;
    out.headers.add("Accept", "application/json, text/plain");
    if (!built.body.empty()) out.headers.add("Content-Type", "application/json");
    out.bearer = settings_.api_key;
    out.body = built.body;
    out.connect_timeout = settings_.connect_timeout;
    out.timeout = settings_.attempt_timeout;
    return out;
}

judged credentials_client::held_back(std::string code, steady::duration pause) {
    judged out;
    out.outcome = credential_outcome::unavailable;
    out.code = std::move(code);
    out.after = std::max(std::chrono::ceil<millis>(pause), millis{1});
    return out;
}

awaitable<answer> credentials_client::ask(verb v, wire::telnyx_request built) {
    answer out;
    // Asked before the turn as well: whoever cannot be sent should not use one up.
    if (const auto closed = breaker_.closed_for(steady::now()); closed > steady::duration::zero()) {
        out.what = held_back("breaker_open", closed);
        co_return out;
    }
    const auto turn = pacer_.take(steady::now(), settings_.attempt_timeout);
    if (!turn) {
        out.what = held_back("pace", pacer_.wait(steady::now()) - settings_.attempt_timeout);
        co_return out;
    }
    if (*turn > steady::duration::zero()) co_await rt::sleep_for(*turn);
    const auto pass = breaker_.ask(steady::now());
    if (pass == rt::breaker::pass::no) {
        out.what = held_back("breaker_open", breaker_.closed_for(steady::now()));
        co_return out;
    }
    std::optional<rt::probe_right> probe;
    if (pass == rt::breaker::pass::probe) probe.emplace(breaker_);
    const auto started = steady::now();
    auto request = request_for(built);
    auto reply = co_await http_.perform(std::move(request));
    out.what = judge(v, reply, clock_.now());
    out.body = secret(std::move(reply.body));
    if (probe) probe->used();
    account(v, out.what, probe.has_value(), steady::now() - started);
    co_return out;
}

void credentials_client::account(verb v, const judged& what, bool probe, steady::duration took) {
    const auto now = steady::now();
    metrics_.observe(
        "telnyx_credential_seconds", std::chrono::duration<double>(took).count(), {{"verb", name(v)}}
    );
    if (what.outcome == credential_outcome::unavailable && what.after) pacer_.pause(now + *what.after);
    const bool was_open = breaker_.open();
    breaker_.report(now, !what.unhealthy, probe);
    if (breaker_.open() != was_open) {
        metrics_.gauge("telnyx_breaker_open", breaker_.open() ? 1 : 0, {{"class", k_breaker}});
        log::warn(
            breaker_.open() ? "telnyx_breaker_opened" : "telnyx_breaker_closed", {{"class", k_breaker}}
        );
    }
    if (what.key_rejected)
        alarm_.rejected("credential_" + std::string(name(v)), what.code, what.title);
    else if (what.outcome == credential_outcome::done || what.outcome == credential_outcome::gone)
        alarm_.accepted();
}

template <class T>
credential_reply<T> credentials_client::note(verb v, credential_reply<T> out) {
    metrics_.count(
        "telnyx_credential_requests_total", {{"verb", name(v)}, {"outcome", port::name(out.outcome)}}
    );
    if (out.outcome == credential_outcome::refused)
        log::warn("telnyx_credential_refused", {{"verb", name(v)}, {"error", out.error}});
    return out;
}

awaitable<credential_reply<carrier_credential>> credentials_client::create(port::credential_request r) {
    const wire::new_credential wanted{r.name, r.tag, r.connection_id, r.expires_at};
    auto built = wire::create_credential(wanted);
    auto got = co_await ask(verb::create, std::move(built));
    if (got.what.outcome != credential_outcome::done)
        co_return note(verb::create, failed<carrier_credential>(std::move(got.what)));
    auto made = wire::parse_credential(got.body.reveal());
    // Without these three nobody can use it; looked up by its name it may tell them.
    if (!made || made->sip_username.empty() || made->sip_password.empty())
        co_return note(verb::create, unusable<carrier_credential>(verb::create, "incomplete_credential"));
    co_return note(verb::create, success(to_port(std::move(*made))));
}

awaitable<credential_reply<std::vector<carrier_credential>>> credentials_client::find(std::string name) {
    using found_list = std::vector<carrier_credential>;
    found_list found;
    bool more = true;
    for (unsigned page = 1; more && page <= k_find_pages; ++page) {
        auto built = wire::find_credentials(name, page);
        auto got = co_await ask(verb::find, std::move(built));
        if (got.what.outcome != credential_outcome::done)
            co_return note(verb::find, failed<found_list>(std::move(got.what)));
        auto entries = wire::parse_credentials(got.body.reveal());
        if (!entries) co_return note(verb::find, unusable<found_list>(verb::find, "not_a_list"));
        more = entries->more;
        for (auto& c : entries->items)
            if (c.name == name) found.push_back(to_port(std::move(c)));
    }
    if (more) // "there is none" would be a guess, and two of a name would come of it
        co_return note(verb::find, unusable<found_list>(verb::find, "too_many_of_similar_name"));
    if (found.empty()) {
        credential_reply<found_list> none;
        none.outcome = credential_outcome::gone;
        co_return note(verb::find, std::move(none));
    }
    // Whoever asks has to come to the same order, so equal times are told apart by the id.
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        const auto made_a = a.created_at.value_or(time_point::max());
        const auto made_b = b.created_at.value_or(time_point::max());
        return made_a != made_b ? made_a < made_b : a.id < b.id;
    });
    co_return note(verb::find, success(std::move(found)));
}

awaitable<credential_reply<carrier_credential>> credentials_client::get(std::string id) {
    auto built = wire::get_credential(id);
    auto got = co_await ask(verb::get, std::move(built));
    if (got.what.outcome != credential_outcome::done)
        co_return note(verb::get, failed<carrier_credential>(std::move(got.what)));
    auto c = wire::parse_credential(got.body.reveal());
    if (!c) co_return note(verb::get, unusable<carrier_credential>(verb::get, "not_a_credential"));
    co_return note(verb::get, success(to_port(std::move(*c))));
}

awaitable<credential_reply<port::nothing>> credentials_client::extend(std::string id, time_point expires_at) {
    auto built = wire::extend_credential(id, expires_at);
    auto got = co_await ask(verb::extend, std::move(built));
    if (got.what.outcome != credential_outcome::done)
        co_return note(verb::extend, failed<port::nothing>(std::move(got.what)));
    co_return note(verb::extend, success(port::nothing{}));
}

awaitable<credential_reply<port::nothing>> credentials_client::remove(std::string id) {
    auto built = wire::remove_credential(id);
    auto got = co_await ask(verb::remove, std::move(built));
    if (got.what.outcome != credential_outcome::done)
        co_return note(verb::remove, failed<port::nothing>(std::move(got.what)));
    co_return note(verb::remove, success(port::nothing{}));
}

awaitable<credential_reply<port::credential_page>>
credentials_client::list(std::string connection_id, unsigned number) {
    auto built = wire::list_credentials(connection_id, number);
    auto got = co_await ask(verb::list, std::move(built));
    if (got.what.outcome != credential_outcome::done)
        co_return note(verb::list, failed<port::credential_page>(std::move(got.what)));
    auto entries = wire::parse_credentials(got.body.reveal());
    if (!entries) co_return note(verb::list, unusable<port::credential_page>(verb::list, "not_a_list"));
    port::credential_page page;
    page.more = entries->more;
    page.items.reserve(entries->items.size());
    for (auto& c : entries->items)
        page.items.push_back(to_port(std::move(c)));
    co_return note(verb::list, success(std::move(page)));
}

awaitable<credential_reply<port::carrier_token>> credentials_client::mint(std::string id) {
    auto built = wire::mint_credential_token(id);
    auto got = co_await ask(verb::mint, std::move(built));
    if (got.what.outcome != credential_outcome::done)
        co_return note(verb::mint, failed<port::carrier_token>(std::move(got.what)));
    const auto text = wire::jwt_in(got.body.reveal());
    if (text.empty()) co_return note(verb::mint, unusable<port::carrier_token>(verb::mint, "not_a_token"));
    port::carrier_token token;
    token.expires_at = wire::jwt_expiry(text);
    token.jwt = secret(std::string(text));
    if (token.expires_at && *token.expires_at <= clock_.now())
        log::warn(
            "telnyx_token_is_over_at_once", {{"fix", "compare this machine's clock with the right time"}}
        );
    co_return note(verb::mint, success(std::move(token)));
}

} // namespace

credentials_client_settings
credentials_settings_from(const config::telnyx_t& c, const config::credentials_t& pace) {
    credentials_client_settings out;
    out.base_url = c.base_url;
    out.api_key = c.api_key;
    out.connect_timeout = c.connect_timeout;
    out.attempt_timeout = c.attempt_timeout;
    out.requests_per_second = std::max(pace.requests_per_second, 1U);
    out.burst = out.requests_per_second;
    return out;
}

std::unique_ptr<port::telnyx_credentials> make_telnyx_credentials(
    asio::any_io_executor, credentials_client_settings settings, http::client& http, const port::clock& clock,
    port::metrics& metrics
) {
    return std::make_unique<credentials_client>(std::move(settings), http, clock, metrics);
}

} // namespace z360::adapter::telnyx
