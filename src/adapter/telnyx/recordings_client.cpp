// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/recordings_client.hpp"

#include "adapter/telnyx/key_alarm.hpp"
#include "adapter/telnyx/told.hpp"
#include "wire/telnyx_recordings.hpp"
#include "wire/telnyx_reply.hpp"

#include <z360/port/errors.hpp>
#include <z360/rt/pacer.hpp>
#include <z360/rt/sync.hpp>

#include <utility>

namespace z360::adapter::telnyx {
namespace {

using boost::asio::awaitable;
using steady = rt::clock;

constexpr millis k_pause_when_limited{2'000};
constexpr millis k_pause_without_key{10'000};

/// Dots would be taken out of the address, with what stands before them.
bool names_nothing(std::string_view id) {
    return id.empty() || id == "." || id == "..";
}

port::carrier_recording to_port(wire::telnyx_recording r) {
    port::carrier_recording out;
    out.id = std::move(r.id);
    out.url = std::move(r.url);
    out.format = std::move(r.format);
    out.began_at = r.began_at;
    out.ended_at = r.ended_at;
    out.call_control_id = std::move(r.call_control_id);
    return out;
}

class recordings_client final : public port::carrier_recordings {
  public:
    recordings_client(recordings_client_settings s, http::client& http, port::metrics& metrics)
        : settings_(std::move(s)), http_(http), metrics_(metrics), turns_(settings_.requests_per_second, 5),
          alarm_(metrics, "recordings", "check telnyx.api_key: recordings cannot be fetched with it") {
        while (settings_.base_url.ends_with('/'))
            settings_.base_url.pop_back();
    }

    awaitable<std::optional<port::carrier_recording>> find(std::string id) override {
        if (names_nothing(id)) co_return std::nullopt; // the address would be that of the list
        auto reply = co_await ask("find", wire::recording_status(id));
        if (is_unknown(reply)) co_return std::nullopt;
        if (reply.status != 200) throw port::unavailable("Telnyx's recordings: " + told(reply));
        auto found = wire::parse_recording(reply.body);
        if (!found) throw port::unavailable("Telnyx's recordings: the answer is about none");
        co_return to_port(std::move(*found));
    }

    awaitable<std::vector<port::carrier_recording>> of_session(std::string call_session_id) override {
        std::vector<port::carrier_recording> out;
        if (call_session_id.empty()) co_return out; // the carrier would list everybody's
        auto reply = co_await ask("list", wire::session_recordings(call_session_id));
        auto found = reply.status == 200 ? wire::parse_recordings(reply.body) : std::nullopt;
        if (!found) throw port::unavailable("Telnyx's recordings: " + told(reply));
        for (auto& r : *found)
            out.push_back(to_port(std::move(r)));
        co_return out;
    }

    awaitable<port::fetched> fetch(std::string url, port::byte_sink& to) override {
        const bool plain = settings_.base_url.starts_with("http:");
        if (!url.starts_with("https://") && !(plain && url.starts_with("http://"))) {
            count("fetch", "refused");
            co_return port::fetched::refused;
        }
        http::client_request request;
        request.url = std::move(url);
        request.connect_timeout = settings_.connect_timeout;
        request.timeout = settings_.fetch_timeout;
        request.stall_timeout = settings_.stall_timeout;
        request.download = &to;
        const auto reply = co_await http_.perform(std::move(request));
        if (reply.status == 200) {
            count("fetch", "done");
            co_return port::fetched::done;
        }
        const bool refused =
            reply.status >= 400 && reply.status < 500 && reply.status != 408 && reply.status != 429;
        count("fetch", refused ? "refused" : "failed");
        if (refused) co_return port::fetched::refused;
        throw port::unavailable(
            "the content does not come: " +
            (reply.status == 0 ? reply.error : "HTTP " + std::to_string(reply.status))
        );
    }

    awaitable<void> remove(std::string id) override {
        if (names_nothing(id)) co_return;
        const auto reply = co_await ask("remove", wire::recording_removal(id));
        const bool done = reply.status >= 200 && reply.status < 300;
        if (!done && !is_unknown(reply)) throw port::unavailable("Telnyx's recordings: " + told(reply));
    }

  private:
    // A 404 that Telnyx did not word may be a proxy's, or of a wrong address: no proof of anything.
    static bool is_unknown(const http::client_response& reply) {
        return (reply.status == 404 || reply.status == 410) &&
               !wire::parse_reply(reply.body).error_code.empty();
    }

    void count(std::string_view what, std::string_view outcome) {
        metrics_.count("telnyx_recording_requests_total", {{"what", what}, {"outcome", outcome}});
    }

    awaitable<http::client_response> ask(std::string what, wire::telnyx_request built) {
        const auto turn = turns_.take(steady::now(), settings_.longest_wait);
        if (!turn) {
            count(what, "held");
            throw port::unavailable("Telnyx's recordings: not asked, too many questions at once");
        }
        if (*turn > steady::duration::zero()) co_await rt::sleep_for(*turn);
        http::client_request request;
        request.method = std::move(built.method);
        request.url = settings_.base_url + built.path;
        request.headers.add("Accept", "application/json");
        request.bearer = settings_.api_key;
        request.connect_timeout = settings_.connect_timeout;
        request.timeout = settings_.attempt_timeout;
        auto reply = co_await http_.perform(std::move(request));
        judge(what, reply);
        co_return reply;
    }

    void judge(std::string_view what, const http::client_response& reply) {
        const bool good = reply.status >= 200 && reply.status < 300;
        count(what, good ? "done" : is_unknown(reply) ? "unknown" : "failed");
        if (reply.status == 429) turns_.pause(steady::now() + k_pause_when_limited);
        if (reply.status == 401) {
            const auto body = wire::parse_reply(reply.body);
            alarm_.rejected("recordings_" + std::string(what), body.error_code, body.error_title);
            turns_.pause(steady::now() + k_pause_without_key);
        } else if (good || is_unknown(reply)) {
            alarm_.accepted();
        }
    }

    recordings_client_settings settings_;
    http::client& http_;
    port::metrics& metrics_;
    rt::pacer turns_;
    key_alarm alarm_;
};

} // namespace

recordings_client_settings recordings_settings_from(const config::telnyx_t& c) {
    recordings_client_settings s;
    s.base_url = c.base_url;
    s.api_key = c.api_key;
    return s;
}

std::unique_ptr<port::carrier_recordings>
make_carrier_recordings(recordings_client_settings settings, http::client& http, port::metrics& metrics) {
    return std::make_unique<recordings_client>(std::move(settings), http, metrics);
}

} // namespace z360::adapter::telnyx
