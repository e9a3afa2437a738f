// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The REST API: from a request to its effect and its answer.
#include "sim/carrier.hpp"

#include <algorithm>
#include <utility>

namespace z360::sim {

namespace {

reply ok(json data) {
    reply r;
    r.status = 200;
    r.body = json{{"data", std::move(data)}};
    return r;
}
reply done() {
    return ok(json{{"result", "ok"}});
}
std::string text_of(const json& body, const char* key) {
    const auto it = body.find(key);
    return it != body.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        const auto slash = path.find('/');
        const auto part = path.substr(0, slash);
        if (!part.empty()) parts.emplace_back(part);
        if (slash == std::string_view::npos) break;
        path.remove_prefix(slash + 1);
    }
    if (!parts.empty() && parts.front() == "v2") parts.erase(parts.begin());
    return parts;
}

/// Whose phone that is: `dial` and `transfer` name it alike.
std::string dialed_user_or_number(const std::string& to) {
    return is_own_address(to) ? sip_user(to).value_or(to) : without_digits(to);
}

struct target {
    std::string verb; ///< empty: no such endpoint
    std::string id;
};

target credential_endpoint(std::string_view method, const std::vector<std::string>& p) {
    if (p.size() == 1) {
        if (method == "POST") return {"create_credential", {}};
        if (method == "GET") return {"list_credentials", {}};
    } else if (p.size() == 2) {
        if (method == "GET") return {"get_credential", p[1]};
        if (method == "PATCH") return {"update_credential", p[1]};
        if (method == "DELETE") return {"delete_credential", p[1]};
    } else if (p.size() == 3 && p[2] == "token" && method == "POST") {
        return {"mint_token", p[1]};
    }
    return {};
}

target find_endpoint(std::string_view method, const std::vector<std::string>& p) {
    if (!p.empty() && p[0] == "telephony_credentials") return credential_endpoint(method, p);
    if (method == "DELETE" && p.size() == 2 && p[0] == "recordings") return {"delete_recording", p[1]};
    if (method == "GET") {
        if (p.size() == 2 && p[0] == "recordings") return {"get_recording", p[1]};
        if (p.size() == 2 && p[0] == "calls") return {"get_call", p[1]};
        if (p.size() == 3 && p[0] == "connections" && p[2] == "active_calls") return {"active_calls", p[1]};
        for (const char* list : {"call_events", "webhook_deliveries", "recordings"})
            if (p.size() == 1 && p[0] == list) return {list, {}};
        return {};
    }
    if (method == "POST" && p.size() == 1 && p[0] == "calls") return {"dial", {}};
    if (p.size() != 4 || p[0] != "calls" || p[2] != "actions" || !known_verb(p[3]) || p[3] == "dial")
        return {};
    if (method != (p[3] == "client_state_update" ? "PUT" : "POST")) return {};
    return {p[3], p[1]};
}

} // namespace

reply carrier::refuse(int status, std::string_view code, std::string_view detail) const {
    reply r;
    r.status = status;
    r.body = error_body(code, detail);
    return r;
}

std::uint64_t carrier::submit(
    std::string_view method, std::string_view path, std::string_view query, json body, time_point now
) {
    advance(now);
    order o;
    o.request = ++serial_;
    const auto endpoint = find_endpoint(method, split(path));
    o.verb = endpoint.verb;
    o.path_id = endpoint.id;
    o.query = query;
    o.body = std::move(body);
    command_record c;
    c.id = o.request;
    c.at = now;
    c.verb = o.verb.empty() ? std::string(method) + " " + std::string(path) : o.verb;
    if (!o.body.is_discarded()) c.body = o.body;
    describe(o, c);
    const auto target = c.target;
    auto& record = truth_.commands.emplace(o.request, std::move(c)).first->second;
    if (o.verb.empty()) {
        complaint what{"10005", "", "no such endpoint", true};
        truth_.violations.push_back({now, record.verb, o.path_id, std::move(what)});
        finish(o, refuse(404, "10005", "No such endpoint."), now);
        return o.request;
    }
    if (is_credential_verb(o.verb)) {
        const auto request = o.request;
        take_credential_request(std::move(o), now);
        return request;
    }
    const bool command = known_verb(o.verb);
    if (command) {
        const auto complaints = check_request(o.verb, o.body);
        for (const auto& what : complaints)
            truth_.violations.push_back({now, o.verb, o.path_id, what});
        const auto fatal =
            std::find_if(complaints.begin(), complaints.end(), [](const complaint& x) { return x.fatal; });
        if (fatal != complaints.end()) {
            reply r;
            r.status = o.body.is_discarded() ? 400 : 422;
            r.body = error_body(fatal->code, fatal->detail, fatal->pointer);
            finish(o, std::move(r), now);
            return o.request;
        }
    }
    const auto* l = o.path_id.empty() ? nullptr : find(o.path_id);
    for (auto& f : command_faults_) {
        if (o.fault || (!f.fault.verb.empty() && f.fault.verb != o.verb)) continue;
        if (f.fault.verb.empty() && !command) continue;
        if (!f.fault.credential.empty()) continue;
        if (leg_matches(f.fault.match.leg, l, target) && f.fires(now)) o.fault = f.fault;
    }
    const auto request = o.request;
    if (!command) {
        answer_question(o, now);
        return request;
    }
    if (o.fault && o.fault->stall_before > millis{0}) {
        after(now + o.fault->stall_before, [this, o = std::move(o)](time_point t) { take_order(o, t); });
        return request;
    }
    take_order(std::move(o), now);
    return request;
}

void carrier::answer_question(const order& o, time_point now) {
    const auto& f = o.fault;
    reply r;
    if (auto rejected = rejects_query(o, now)) {
        finish(o, std::move(*rejected), now);
        return;
    }
    if (f && f->fail_status != 0) {
        const std::string code =
            f->fail_code.empty() ? std::string(code_of_status(f->fail_status)) : f->fail_code;
        r = refuse(f->fail_status, code, "Scripted fault.");
    } else {
        r = read(o, now);
    }
    if (f) r.headers = f->headers;
    r.lost = f && f->lose_reply;
    finish(o, std::move(r), f ? now + f->stall_before + f->stall_reply : now);
}

void carrier::describe(const order& o, command_record& c) {
    c.command_id = o.body.is_object() ? text_of(o.body, "command_id") : std::string{};
    if (is_credential_verb(o.verb)) {
        c.credential_id = o.path_id;
        return;
    }
    c.call_control_id = o.path_id;
    c.session = session_of(o.path_id);
    if (!o.body.is_object()) return;
    if (o.verb == "transfer") c.target = dialed_user_or_number(text_of(o.body, "to"));
    if (o.verb == "dial") {
        auto to = text_of(o.body, "to");
        const auto given = o.body.find("to");
        if (given != o.body.end() && given->is_array() && !given->empty() && given->front().is_string())
            to = given->front().get<std::string>();
        c.target = dialed_user_or_number(to);
        c.session = session_of(text_of(o.body, "link_to"));
    }
    if (o.verb == "bridge") c.target = text_of(o.body, "call_control_id");
}

void carrier::take_order(order o, time_point now) {
    reply r;
    auto answered = now;
    auto& record = truth_.commands.at(o.request);
    const auto& f = o.fault;
    if (f) answered += f->stall_reply;
    if (f && f->fail_status != 0) {
        const std::string code =
            f->fail_code.empty() ? std::string(code_of_status(f->fail_status)) : f->fail_code;
        record.fault = "fail";
        r = refuse(f->fail_status, code, "Scripted fault.");
    } else if (f && f->no_effect) {
        record.fault = "no_effect";
        r = done();
    } else {
        r = execute(o, now);
        if (r.status == 200 && !record.duplicate) record.acted_at = now;
        if (f && f->stall_before > millis{0}) record.fault = "stall_before";
        if (f && f->stall_reply > millis{0}) record.fault = "stall_reply";
    }
    if (f) r.headers = f->headers;
    if (f && f->lose_reply) {
        record.fault = "lose_reply";
        r.lost = true;
    }
    finish(o, std::move(r), answered);
}

void carrier::finish(const order& o, reply r, time_point now) {
    auto& record = truth_.commands.at(o.request);
    if (!r.lost) {
        record.status = r.status;
        record.replied_at = now;
        if (const auto errors = r.body.find("errors"); errors != r.body.end() && errors->is_array())
            record.code = errors->front()["code"].get<std::string>();
    }
    replies_.emplace(o.request, pending_reply{now, std::move(r)});
}

std::optional<reply> carrier::take_reply(std::uint64_t request, time_point now) {
    advance(now);
    const auto it = replies_.find(request);
    if (it == replies_.end() || it->second.due > now) return std::nullopt;
    auto r = std::move(it->second.what);
    replies_.erase(it);
    return r;
}

reply carrier::handle(std::string_view method, std::string_view path, json body, time_point now) {
    const auto question = path.find('?');
    const auto query = question == std::string_view::npos ? std::string_view{} : path.substr(question + 1);
    const auto request = submit(method, path.substr(0, question), query, std::move(body), now);
    return take_reply(request, now).value_or(reply{});
}

std::optional<reply> carrier::remembered(const order& o, time_point now) {
    const auto command_id = text_of(o.body, "command_id");
    if (command_id.empty()) return std::nullopt;
    const auto it = commands_seen_.find(o.path_id + "\n" + command_id);
    if (it == commands_seen_.end() || it->second.at + settings_.command_memory <= now) return std::nullopt;
    auto& record = truth_.commands.at(o.request);
    record.duplicate = true;
    if (o.verb == "dial") record.call_control_id = it->second.call_control_id;
    reply r;
    r.status = 200;
    const bool same = settings_.unknown.duplicate == unknowns::duplicate_answer::same_body;
    r.body = same ? it->second.body : json::object();
    return r;
}

reply carrier::execute(const order& o, time_point now) {
    if (auto r = remembered(o, now)) return std::move(*r);
    reply r;
    std::string made;
    if (o.verb == "dial") {
        r = dial(o, now);
        made = truth_.commands.at(o.request).call_control_id;
    } else {
        auto* l = find(o.path_id);
        if (!l) {
            return settings_.unknown.unknown_leg_is_404 ? refuse(404, "10005", "No call with this id.")
                                                        : refuse(422, "90015", "No call with this id.");
        }
        if (!l->view.alive()) return refuse(422, "90018", "The call is no longer active.");
        l->commanded = true;
        r = run_on_leg(o, *l, now);
    }
    const auto command_id = text_of(o.body, "command_id");
    if (r.status != 200 || command_id.empty()) return r;
    if (commands_seen_.size() > 10'000) {
        std::erase_if(commands_seen_, [this, now](const auto& e) {
            return e.second.at + settings_.command_memory <= now;
        });
    }
    commands_seen_[o.path_id + "\n" + command_id] = memory{now, r.body, made};
    return r;
}

reply carrier::run_on_leg(const order& o, leg_state& l, time_point now) {
    const bool inbound = l.view.kind == leg_kind::caller;
    const bool needs_audio = o.verb == "speak" || o.verb == "playback_start" || o.verb == "playback_stop" ||
                             o.verb.starts_with("record_") || o.verb == "gather_using_speak";
    const bool parked_device = o.verb == "speak" && l.view.kind == leg_kind::device_outgoing &&
                               settings_.unknown.speaks_to_parked_device;
    if (needs_audio && !l.view.answered_at && !parked_device)
        return refuse(422, "90034", "The call has not been answered.");
    if (o.verb == "answer" && !inbound) return refuse(422, "90102", "An outbound call cannot be answered.");
    if (o.verb == "reject" && (!inbound || l.view.answered_at))
        return refuse(422, "10015", "Only an unanswered inbound call can be rejected.");
    if (o.verb == "answer" && (l.view.answered_at || l.answering) && settings_.unknown.answer_twice_fails)
        return refuse(422, "10015", "The call has been answered already.");
    if (o.verb == "bridge") return bridge(o, l, now);

    if (o.verb == "transfer") {
        if (auto refused = refuses_transfer(l)) return std::move(*refused);
    }
    if (o.body.contains("client_state")) l.view.client_state = o.body["client_state"];
    if (o.verb == "transfer") return transfer(o, l, now); // its headers are the new leg's
    if (o.body.contains("custom_headers")) l.custom_headers = o.body["custom_headers"];
    if (o.verb == "answer") {
        if (l.view.answered_at || l.answering) return done();
        l.answering = true;
        if (o.body.contains("webhook_retries_policies")) l.policies = o.body["webhook_retries_policies"];
        json data{{"result", "ok"}};
        if (o.body.contains("record")) data["recording_id"] = start_recording(o, l, "record_", now);
        after(now + settings_.answer_time, [this, id = l.view.call_control_id](time_point t) {
            if (auto* leg = find(id)) leg_answered(*leg, t);
        });
        return ok(std::move(data));
    }
    if (o.verb == "hangup") {
        const bool talked = l.view.answered_at.has_value();
        const bool calls = l.view.calls();
        end_leg(
            l, talked || calls ? "normal_clearing" : "originator_cancel", calls ? "callee" : "caller",
            talked ? "200" : (calls ? "unspecified" : "487"), now
        );
    } else if (o.verb == "reject") {
        const bool busy = o.body["cause"] == "USER_BUSY";
        end_leg(l, busy ? "user_busy" : "call_rejected", "callee", busy ? "486" : "603", now);
    } else if (o.verb == "speak" || o.verb == "playback_start") {
        start_media(o, l, now);
    } else if (o.verb == "gather_using_speak") {
        start_gather(o, l, now);
    } else if (o.verb == "playback_stop") {
        stop_sounds(l, o.body.value("stop", std::string("all")) == "all", "cancelled", now);
    } else if (o.verb == "record_start") {
        json data{{"result", "ok"}};
        if (auto id = start_recording(o, l, "", now); !id.empty()) data["recording_id"] = std::move(id);
        return ok(std::move(data));
    } else if (o.verb == "record_pause" || o.verb == "record_resume") {
        return pause_recordings(o, l, now);
    } else if (o.verb == "record_stop") {
        const auto wanted = text_of(o.body, "recording_id");
        for (std::size_t i = l.recordings.size(); i-- > 0;)
            if (wanted.empty() || l.recordings[i].id == wanted) finish_recording(l, i, now);
    }
    return done();
}

// Undocumented: what comes of it where nothing is recorded, and of the second one. Both have an end: refused,
// and no change.
reply carrier::pause_recordings(const order& o, leg_state& l, time_point now) {
    const auto wanted = text_of(o.body, "recording_id");
    bool any = false;
    for (auto& r : l.recordings) {
        if (!wanted.empty() && r.id != wanted) continue;
        any = true;
        if (o.verb == "record_pause") {
            if (!r.paused_at) r.paused_at = now;
        } else if (r.paused_at) {
            r.pauses.emplace_back(*r.paused_at, now);
            r.paused_at.reset();
        }
    }
    return any ? done() : refuse(422, "10015", "There is no such recording.");
}

void carrier::add_fault(webhook_fault f, time_point now) {
    webhook_faults_.push_back({std::move(f), now});
}

void carrier::add_fault(command_fault f, time_point now) {
    command_faults_.push_back({std::move(f), now});
}

void carrier::clear_faults() {
    webhook_faults_.clear();
    command_faults_.clear();
    recording_fault_ = 0;
}

} // namespace z360::sim
