// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps report of calls, perhaps days later: what they measured (STATE-05), what happened on the phone
// (IOS-03, MOB-17), media that failed (B4). Times are the app's; it says what its clock shows as it sends,
// and by that they are put on ours. Versions are of the device's row (AND-23).
#include "edge/api/idempotency.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_most_body = 256 * 1024;
constexpr std::size_t k_batch_of_samples = 120; ///< ten minutes
constexpr std::size_t k_batch_of_events = 200;
constexpr std::size_t k_longest_detail = 1'024;
constexpr std::size_t k_longest_word = 32;
constexpr std::int64_t k_last_moment = 4'102'444'800'000; // 2100
constexpr std::chrono::hours k_oldest{7 * 24};
constexpr millis k_ahead{60'000}; // the batch's own way to us is part of what clocks differ by
constexpr std::chrono::hours k_relay_for{7 * 24};
constexpr port::label k_client{"source", "client"};

/// Names with a figure of their own; of the others there may be any number.
constexpr std::array<std::string_view, 10> k_counted{"push_received", "app_started",     "ring_shown",
                                                     "answered",      "declined",        "media_started",
                                                     "media_failed",  "audio_activated", "connection_lost",
                                                     "ended"};
std::string_view counted_as(std::string_view name) {
    const auto* found = std::find(k_counted.begin(), k_counted.end(), name);
    return found == k_counted.end() ? "other" : *found;
}

bool is_name(std::string_view text) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !text.empty() && text.size() <= 48 && text[0] >= 'a' && text[0] <= 'z' &&
           std::all_of(text.begin(), text.end(), fits);
}

/// Such as "wifi" or "audio/opus".
bool is_word(std::string_view text) {
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") ==
           std::string_view::npos;
}

/// From the app's clock to ours.
class clocks {
  public:
    clocks(fields& f, time_point now) : now_(now) {
        if (const auto sent = f.integer("sent_at", 0, k_last_moment))
            offset_ = now - time_point{millis{*sent}};
    }
    [[nodiscard]] time_point ours(time_point theirs) const { return theirs + offset_; }
    /// Empty: it is taken.
    [[nodiscard]] std::string_view fault(time_point at) const {
        if (at > now_ + k_ahead) return "in_future";
        return at < now_ - k_oldest ? "too_old" : "";
    }

  private:
    time_point now_;
    millis offset_{0};
};

/// What is taken of a batch, and why the rest is not.
struct sorted {
    json refused = json::array();
    std::vector<std::size_t> places; ///< of what is taken, in the batch

    void refuse(std::size_t place, std::string_view code) {
        refused.push_back({{"index", place}, {"code", code}});
    }
};

problem too_large() {
    problem p;
    p.status = 413;
    p.code = "body_too_large";
    p.title = "The request's body is too large";
    p.detail = "At most 262144 bytes are taken; send the rest in another request";
    return p;
}
port::reporter reporter_of(const request_context& in, std::string said) {
    return {in.who.scope(), in.who.device, std::move(said), in.now};
}

/// Of a member of a list, by its place: "samples.3.mos".
void take_over(fields& into, const fields& part, std::string_view list, std::size_t place) {
    if (part.ok()) return;
    const auto errors = part.refusal().more.at("errors");
    for (const auto& [name, reasons] : errors.items())
        into.refuse(
            std::string(list) + "." + std::to_string(place) + "." + name, reasons.at(0).get<std::string>()
        );
}

struct surroundings {
    std::string network, candidate, codec;
};
surroundings read_surroundings(fields& f, const surroundings& usual) {
    const auto read = [&f](std::string_view name, const std::string& otherwise) {
        auto text = f.text(name, {.max = k_longest_word});
        if (!is_word(text)) f.refuse(name, "must be letters, digits and . _ - / alone");
        return text.empty() ? otherwise : text;
    };
    return {
        read("network_type", usual.network), read("candidate_type", usual.candidate),
        read("codec", usual.codec)
    };
}

port::client_sample read_sample(fields& f, const clocks& c, const surroundings& usual) {
    port::client_sample out;
    const auto ts = f.integer("ts", 0, k_last_moment, true);
    out.client_at = time_point{millis{ts.value_or(0)}};
    out.at = c.ours(out.client_at);
    out.mos = f.number("mos", 0, 5);
    out.jitter_ms = f.number("jitter_ms", 0, 60'000);
    out.rtt_ms = f.number("rtt_ms", 0, 60'000);
    out.loss_percent = f.number("loss_percent", 0, 100);
    auto where = read_surroundings(f, usual);
    out.network = std::move(where.network);
    out.candidate = std::move(where.candidate);
    out.codec = std::move(where.codec);
    if (!out.mos && !out.jitter_ms && !out.rtt_ms && !out.loss_percent)
        f.refuse("mos", "or jitter_ms, rtt_ms or loss_percent is required");
    return out;
}

http::response taken(std::size_t stored, std::size_t known, json refused) {
    json data{{"stored", stored}, {"known", known}, {"refused", std::move(refused)}};
    return success(200, std::move(data));
}

// 5 s samples, in batches.
awaitable<http::response> post_quality(api_context& s, request_context in) {
    if (in.req.body.size() > k_most_body) co_return respond(too_large());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto call = f.text("call_uuid", {.required = true, .max = 256});
    auto said = f.text("sdk_version", {.max = 64});
    const clocks time(f, in.now);
    const auto usual = read_surroundings(f, {});
    sorted how;
    std::vector<port::client_sample> all;
    if (const auto* list = f.objects("samples", k_batch_of_samples))
        for (std::size_t i = 0; i < list->size(); ++i) {
            fields part((*list)[i]);
            auto one = read_sample(part, time, usual);
            take_over(f, part, "samples", i);
            if (const auto why = time.fault(one.at); !why.empty())
                how.refuse(i, why);
            else
                all.push_back(std::move(one));
        }
    if (!f.ok()) co_return respond(f.refusal());
    if (s.ports.reports == nullptr) co_return respond(unavailable_now());
    const auto given = all.size();
    std::vector<double> scores;
    for (const auto& one : all)
        if (one.mos) scores.push_back(*one.mos);
    auto by = reporter_of(in, std::move(said));
    if (given == 0) { // whose call it is is asked all the same
        const auto row = co_await s.ports.calls.find(in.who.scope(), call);
        if (!row) co_return respond(call_unknown());
        co_return taken(0, 0, std::move(how.refused));
    }
    const auto out = co_await s.ports.reports->add_samples(std::move(by), call, std::move(all));
    if (!out.unknown_calls.empty()) co_return respond(call_unknown());
    s.ports.metrics.count("client_samples_total", {}, static_cast<double>(out.stored));
    if (out.stored == given) // of a batch that came in part before, nobody can tell which were new
        for (const auto score : scores)
            s.ports.metrics.observe("leg_quality_mos", score, {k_client});
    co_return taken(out.stored, given - out.stored, std::move(how.refused));
}

/// A flat object of texts, numbers and booleans.
std::string read_detail(fields& f) {
    const auto* detail = f.object("detail");
    if (detail == nullptr) return "{}";
    const bool flat =
        std::none_of(detail->begin(), detail->end(), [](const json& v) { return v.is_structured(); });
    auto text = detail->dump(-1, ' ', false, json::error_handler_t::replace);
    if (!flat || text.size() > k_longest_detail || text.find("\\u0000") != std::string::npos)
        f.refuse("detail", "must be a flat object of at most 1024 bytes");
    return text;
}

port::client_event read_event(fields& f, const clocks& c, const std::string& usual_call) {
    port::client_event out;
    out.call = f.text("call_uuid", {.max = 256});
    if (out.call.empty()) out.call = usual_call;
    if (out.call.empty()) f.refuse("call_uuid", "is required, here or for all of them");
    out.name = f.text("name", {.required = true, .max = 48});
    if (!out.name.empty() && !is_name(out.name))
        f.refuse("name", "must be lower case letters, digits and underscores, beginning with a letter");
    const auto ts = f.integer("ts", 0, k_last_moment, true);
    out.client_at = time_point{millis{ts.value_or(0)}};
    out.at = c.ours(out.client_at);
    out.key = f.text("id", {.max = 100});
    // Two of a name in one millisecond are one, unless the app says otherwise.
    if (out.key.empty()) out.key = out.name + " " + std::to_string(ts.value_or(0));
    if (out.key.size() > 128) f.refuse("id", "must have at most 128 bytes");
    out.detail = read_detail(f);
    return out;
}

bool is_in(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

awaitable<http::response> post_events(api_context& s, request_context in) {
    if (in.req.body.size() > k_most_body) co_return respond(too_large());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto call = f.text("call_uuid", {.max = 256});
    auto said = f.text("sdk_version", {.max = 64});
    const clocks time(f, in.now);
    sorted how;
    std::vector<port::client_event> all;
    if (const auto* list = f.objects("events", k_batch_of_events))
        for (std::size_t i = 0; i < list->size(); ++i) {
            fields part((*list)[i]);
            auto one = read_event(part, time, call);
            take_over(f, part, "events", i);
            if (const auto why = time.fault(one.at); !why.empty()) {
                how.refuse(i, why);
                continue;
            }
            how.places.push_back(i);
            all.push_back(std::move(one));
        }
    if (!f.ok()) co_return respond(f.refusal());
    if (s.ports.reports == nullptr) co_return respond(unavailable_now());
    if (all.empty()) co_return taken(0, 0, std::move(how.refused));
    auto by = reporter_of(in, std::move(said));
    auto copy = all;
    const auto out = co_await s.ports.reports->add_events(std::move(by), std::move(copy));
    std::size_t known = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (is_in(out.unknown_calls, all[i].call)) {
            how.refuse(how.places[i], "call_unknown");
            continue;
        }
        ++known;
        if (out.stored > 0) s.ports.metrics.count("client_events_total", {{"name", counted_as(all[i].name)}});
    }
    if (known == 0 && how.refused.size() == all.size()) // and none of them for another reason
        co_return respond(call_unknown());
    co_return taken(out.stored, known - std::min(known, out.stored), std::move(how.refused));
}

// The phone is connected and mute. A report alone tears nothing down: sound may still come, and a report may
// be late. Only who says so ends the talk.
awaitable<http::response> post_media_failed(api_context& s, request_context in) {
    auto key = idempotency_key(in.req);
    if (key.refused) co_return respond(*key.refused);
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const clocks time(f, in.now);
    const auto reason = f.text("reason", {.max = 128});
    const bool ends = f.boolean("end_call").value_or(false);
    const auto where = read_surroundings(f, {});
    port::client_event e;
    e.client_at = in.now;
    if (const auto ts = f.integer("ts", 0, k_last_moment)) e.client_at = time_point{millis{*ts}};
    e.at = f.has("ts") ? time.ours(e.client_at) : in.now;
    if (!time.fault(e.at).empty()) f.refuse("ts", "must lie within the last 7 days; send sent_at, too");
    if (!f.ok()) co_return respond(f.refusal());
    if (s.ports.reports == nullptr) co_return respond(unavailable_now());
    e.call = in.param("id");
    e.name = "media_failed";
    e.key = key.text.empty() ? e.name : e.name + " " + derive_uuid(key.text).text();
    json detail = json::object();
    for (const auto& [name, text] :
         {std::pair{"reason", &reason}, std::pair{"network_type", &where.network},
          std::pair{"candidate_type", &where.candidate}, std::pair{"codec", &where.codec}})
        if (!text->empty()) detail[name] = *text;
    e.detail = detail.dump(-1, ' ', false, json::error_handler_t::replace);
    const auto until = in.now + k_relay_for;
    auto by = reporter_of(in, {});
    const auto out = co_await s.ports.reports->media_failed(std::move(by), std::move(e), until);
    if (!out.unknown_calls.empty()) co_return respond(call_unknown());
    if (out.stored > 0) {
        s.ports.metrics.count("client_events_total", {{"name", "media_failed"}});
        s.ports.metrics.count("legs_without_media_total", {k_client});
    }
    json data{{"recorded", true}, {"force_relay", true}, {"force_relay_until", iso8601(until)}};
    if (ends) {
        auto asked = co_await end_without_media(s, std::move(in));
        if (asked.status != 200) co_return asked;
        data["ended"] = true;
    }
    co_return success(200, std::move(data));
}

} // namespace

void count_reports_from_zero(port::metrics& metrics) {
    metrics.count("legs_without_media_total", {k_client}, 0);
    metrics.count("legs_without_media_total", {{"source", "carrier"}}, 0);
}

std::vector<entry> report_entries() {
    constexpr auto k_device = any_of(via::device);
    std::vector<entry> out{
        {"POST", "/api/voip/call-quality", post_quality, k_device, rate_class::poll, true},
        {"POST", "/api/voip/client-events", post_events, k_device, rate_class::read, true},
        {"POST", "/api/voip/calls/{id}/media-failed", post_media_failed, k_device, rate_class::read, true},
    };
    for (auto& e : out)
        e.in_call = true;
    out[0].gzip_to = out[1].gzip_to = k_most_body;
    return out;
}

} // namespace z360::edge::api
