// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telnyx's telephony credentials, with the ways in which a request can end.
#pragma once

#include "gate.hpp"

#include <z360/port/clock.hpp>
#include <z360/port/telnyx_credentials.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace z360::testing {

/// What happens to a request.
enum class fault {
    none,
    lost_reply,   ///< carried out, the answer is lost
    lost_request, ///< not carried out, nobody knows
    busy,         ///< 429
    refused,      ///< 4xx
    not_found,    ///< 404, whatever there is
    stall,        ///< slow, then carried out
};

class model_carrier final : public port::telnyx_credentials {
  public:
    using outcome = port::credential_outcome;
    template <class T>
    using reply = boost::asio::awaitable<port::credential_reply<T>>;

    model_carrier(port::clock& c, gate& g) : clock_(c), gate_(g) {}

    std::map<std::string, port::carrier_credential> there; ///< by id
    std::map<std::string, int> requests;
    std::map<std::string, int> carried_out;
    std::vector<std::chrono::steady_clock::time_point> times; ///< of every request
    std::function<fault(const std::string&)> faults = [](const std::string&) { return fault::none; };
    millis stall{50};
    std::optional<millis> token_life{36'000'000};

    port::carrier_credential& plant(std::string name, time_point created_at) {
        port::carrier_credential c;
        c.id = "cred-" + std::to_string(10'000'000 + ++serial_);
        c.name = std::move(name);
        c.sip_username = "gencred" + std::to_string(serial_);
        c.sip_password = secret("password-" + std::to_string(serial_));
        c.connection_id = "conn";
        c.created_at = created_at;
        c.expires_at = created_at + millis{30LL * 86'400'000};
        return there[c.id] = std::move(c);
    }
    int named(const std::string& name) const {
        return static_cast<int>(std::count_if(there.begin(), there.end(), [&](const auto& c) {
            return c.second.name == name;
        }));
    }

    reply<port::carrier_credential> create(port::credential_request r) override {
        port::credential_reply<port::carrier_credential> out;
        const auto f = co_await begin("create", out);
        if (f != fault::none && f != fault::lost_reply && f != fault::stall) co_return out;
        auto& c = plant(std::move(r.name), clock_.now());
        c.tag = r.tag;
        c.connection_id = r.connection_id;
        c.expires_at = r.expires_at;
        const auto made = c;
        co_await end("create", f, out);
        if (out.outcome == outcome::done) out.value = made;
        co_return out;
    }
    reply<std::vector<port::carrier_credential>> find(std::string name) override {
        port::credential_reply<std::vector<port::carrier_credential>> out;
        const auto f = co_await begin("find", out);
        if (f != fault::none && f != fault::lost_reply && f != fault::stall) co_return out;
        std::vector<port::carrier_credential> found;
        for (const auto& [id, c] : there)
            if (c.name == name) found.push_back(c);
        co_await end("find", f, out);
        if (out.outcome != outcome::done) co_return out;
        if (found.empty())
            out.outcome = outcome::gone;
        else
            out.value = std::move(found);
        co_return out;
    }
    reply<port::carrier_credential> get(std::string id) override {
        port::credential_reply<port::carrier_credential> out;
        const auto f = co_await begin("get", out);
        if (f != fault::none && f != fault::lost_reply && f != fault::stall) co_return out;
        co_await end("get", f, out);
        if (out.outcome != outcome::done) co_return out;
        if (const auto c = there.find(id); c != there.end())
            out.value = c->second;
        else
            out.outcome = outcome::gone;
        co_return out;
    }
    reply<port::nothing> extend(std::string id, time_point expires_at) override {
        port::credential_reply<port::nothing> out;
        const auto f = co_await begin("extend", out);
        if (f != fault::none && f != fault::lost_reply && f != fault::stall) co_return out;
        const auto c = there.find(id);
        auto how = outcome::gone;
        if (c != there.end()) how = expired(c->second) ? outcome::expired : outcome::done;
        if (how == outcome::done) c->second.expires_at = expires_at;
        co_await end("extend", f, out);
        if (out.outcome == outcome::done) out.outcome = how;
        co_return out;
    }
    reply<port::nothing> remove(std::string id) override {
        port::credential_reply<port::nothing> out;
        const auto f = co_await begin("remove", out);
        if (f != fault::none && f != fault::lost_reply && f != fault::stall) co_return out;
        const bool was_there = there.erase(id) > 0;
        co_await end("remove", f, out);
        if (out.outcome == outcome::done && !was_there) out.outcome = outcome::gone;
        co_return out;
    }
    reply<port::credential_page> list(std::string connection_id, unsigned number) override {
        port::credential_reply<port::credential_page> out;
        const auto f = co_await begin("list", out);
        if (f != fault::none && f != fault::lost_reply && f != fault::stall) co_return out;
        constexpr std::size_t k_page = 250;
        port::credential_page page;
        std::size_t n = 0;
        const std::size_t first = (number - 1) * k_page;
        for (const auto& [id, c] : there) {
            if (c.connection_id != connection_id) continue;
            if (n >= first && n < first + k_page) page.items.push_back(c);
            ++n;
        }
        page.more = n > first + k_page;
        co_await end("list", f, out);
        if (out.outcome == outcome::done) out.value = std::move(page);
        co_return out;
    }
    reply<port::carrier_token> mint(std::string id) override {
        port::credential_reply<port::carrier_token> out;
        const auto f = co_await begin("mint", out);
        if (f != fault::none && f != fault::lost_reply && f != fault::stall) co_return out;
        const auto c = there.find(id);
        auto how = outcome::gone;
        if (c != there.end()) how = expired(c->second) ? outcome::expired : outcome::done;
        co_await end("mint", f, out);
        if (out.outcome != outcome::done) co_return out;
        out.outcome = how;
        if (how == outcome::done) {
            port::carrier_token t;
            t.jwt = secret("jwt-" + std::to_string(++tokens_));
            if (token_life) t.expires_at = clock_.now() + *token_life;
            out.value = std::move(t);
        }
        co_return out;
    }

  private:
    bool expired(const port::carrier_credential& c) const {
        return c.expires_at && *c.expires_at <= clock_.now();
    }

    template <class T>
    boost::asio::awaitable<fault> begin(std::string operation, port::credential_reply<T>& out) {
        co_await gate_.point();
        ++requests[operation];
        times.push_back(std::chrono::steady_clock::now());
        const auto f = faults(operation);
        out.error = "10009 as the test wants it";
        switch (f) {
        case fault::none:
        case fault::lost_reply: break;
        case fault::lost_request: out.outcome = outcome::unknown; break;
        case fault::busy: out.outcome = outcome::unavailable; break;
        case fault::refused: out.outcome = outcome::refused; break;
        case fault::not_found: out.outcome = outcome::gone; break;
        case fault::stall: {
            const auto pause = stall;
            co_await rt::sleep_for(pause);
            break;
        }
        }
        co_return f;
    }
    template <class T>
    boost::asio::awaitable<void> end(std::string operation, fault f, port::credential_reply<T>& out) {
        ++carried_out[operation];
        out.outcome = f == fault::lost_reply ? outcome::unknown : outcome::done;
        co_await gate_.point();
    }

    port::clock& clock_;
    gate& gate_;
    int serial_ = 0;
    int tokens_ = 0;
};

} // namespace z360::testing
