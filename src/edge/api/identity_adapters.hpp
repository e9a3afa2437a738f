// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The web product and Apple as the routes ask them.
#pragma once

#include "edge/api/apple.hpp"
#include "edge/api/identity_sources.hpp"
#include "edge/api/introspection.hpp"

#include <utility>
#include <variant>

namespace z360::edge::api {

/// `asks` outlives it.
class introspected_cookies final : public cookie_introspector {
  public:
    explicit introspected_cookies(introspection& asks) : asks_(asks) {}

    std::optional<cookie_answer> remembered(const std::string& cookie) override {
        const auto said = asks_.believed(cookie);
        if (!said) return std::nullopt;
        return answer_of(*said);
    }
    boost::asio::awaitable<cookie_answer> who(std::string cookie, std::string user_agent) override {
        const auto said = co_await asks_.who(std::move(cookie), std::move(user_agent));
        co_return answer_of(said);
    }

  private:
    static cookie_answer answer_of(const verdict& said) {
        cookie_answer out;
        switch (said.what) {
        case verdict::kind::signed_in: out.result = cookie_answer::what::known; break;
        case verdict::kind::not_signed_in: out.result = cookie_answer::what::refused; break;
        case verdict::kind::unavailable: out.result = cookie_answer::what::unavailable; break;
        }
        out.user = said.who.user;
        out.org = said.who.org;
        out.session = said.who.session;
        return out;
    }
    introspection& asks_;
};

/// `verifier` outlives it.
class apple_tokens final : public apple_checker {
  public:
    explicit apple_tokens(apple_verifier& verifier) : verifier_(verifier) {}

    boost::asio::awaitable<apple_answer> verify(std::string identity_token, std::string nonce) override {
        secret token(std::move(identity_token));
        auto said = co_await verifier_.verify(std::move(token), std::move(nonce));
        if (const auto* why = std::get_if<apple_refusal>(&said)) co_return refusal(*why);
        auto& who = std::get<apple_identity>(said);
        apple_answer out;
        out.result = apple_answer::what::genuine;
        out.subject = std::move(who.sub);
        out.email = std::move(who.email);
        out.fingerprint = std::move(who.fingerprint);
        out.ends_at = who.ends_at;
        co_return out;
    }
    boost::asio::awaitable<apple_answer> verify_event(std::string payload) override {
        auto said = co_await verifier_.verify_event(std::move(payload));
        if (const auto* why = std::get_if<apple_refusal>(&said)) co_return refusal(*why);
        auto& event = std::get<apple_event>(said);
        apple_answer out;
        out.result = apple_answer::what::genuine;
        out.subject = std::move(event.sub);
        out.event = name(event.type);
        out.issued_at = event.issued_at;
        co_return out;
    }

  private:
    static apple_answer refusal(apple_refusal why) {
        apple_answer out;
        const bool away = why == apple_refusal::keys_unavailable;
        out.result = away ? apple_answer::what::unavailable : apple_answer::what::refused;
        out.reason = name(why);
        return out;
    }
    apple_verifier& verifier_;
};

} // namespace z360::edge::api
