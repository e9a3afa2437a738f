// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "bed.hpp"

#include "exchanges.hpp"
#include "support/joined.hpp"

#include <z360/call/decide.hpp>
#include <z360/call/view.hpp>

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <filesystem>
#include <optional>

namespace z360::test {
namespace {

std::string decoded(std::string_view s) {
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (s[i] == '%' && i + 2 < s.size()) {
            out.push_back(static_cast<char>(std::stoi(std::string(s.substr(i + 1, 2)), nullptr, 16)));
            i += 2;
        } else {
            out.push_back(s[i]);
        }
    }
    return out;
}

} // namespace

bed::bed() {
    std::filesystem::remove(exchange_file());
    const auto key = adapter::crypto::vault::generate_line("k1");
    vault = adapter::crypto::vault::parse(key, "test");
    tokens.uid_of = [this](device_id d) {
        for (const auto& row : devices.rows)
            if (row.id == d) return row.uid;
        return std::string{};
    };
    const auto org = [this](org_id id, const char* name, const char* slug, const char* number) {
        port::org_label o;
        o.id = id;
        o.name = name;
        o.slug = slug;
        o.default_caller_id = number;
        o.role = "member";
        o.status = "active";
        members.orgs[id.value] = o;
    };
    org(k_acme, "Acme Plumbing", "acme-plumbing", "+13125550100");
    org(k_globex, "Globex", "globex", "");
    org(k_initech, "Initech", "initech", "+13125550900");
    const auto person = [this](user_id id, const char* name, const char* login, std::set<std::int64_t> orgs) {
        port::person p;
        p.id = id;
        p.name = name;
        p.login = login;
        tenants.persons[id.value] = p;
        members.orgs_of[id.value] = std::move(orgs);
        members.names[id.value] = name;
    };
    person(k_ada, "Ada Lovelace", "ada@example.com", {7, 8});
    person(k_bob, "Bob", "bob@example.com", {7});
    person(k_mallory, "Mallory", "mallory@example.com", {9});
    settings.server.environment = "test";
    settings.server.public_url = "https://voip.example.com";
    settings.http.trusted_proxies = {"10.0.0.0/8", "fd00::/8"};
    settings.http.allow_plain_api = true;
    settings.auth.allowed_origins = {"https://app.example.com"};
    // Only the tests of the limits want to meet them.
    settings.limits.register_per_minute = 1'000;
    settings.limits.credentials_per_minute = 1'000;
    settings.limits.failed_auth_per_minute = 1'000;
    restart();
}

// As the engine does, without what makes it durable.
boost::asio::awaitable<engine::submission> bed::judge(engine::request r) {
    asked.push_back(r);
    engine::submission out;
    for (auto& row : calls.rows) {
        if (row.state.id != r.call) continue;
        const call::device_asks what{r.what, r.id, r.device, clock.at + millis{5'000}, {}};
        row.state = call::decide(row.state, what, clock.at).next;
        ++row.version;
        out.went = engine::submission::how::judged;
        out.verdict = *call::verdict_of(row.state, r.id);
        out.call = port::stored_call{row.state, row.version};
    }
    co_return out;
}

void bed::restart() {
    if (!door) door = [this](engine::request r) { return judge(std::move(r)); };
    routes_ = std::make_unique<http::router>(edge::api::api_routes(
        {tokens,
         devices,
         audit,
         tenants,
         calls,
         limits,
         credentials,
         *vault,
         &cookies,
         offers_apple ? &apple : nullptr,
         clock,
         metrics,
         settings,
         door,
         [this](const port::push_receipt& r, bool rings) {
             receipts.push_back(r);
             if (rings) received.emplace_back(r.call, r.device);
         },
         [this](engine::request r) { later.push_back(std::move(r)); },
         &tickets,
         &pushes,
         takes_orders ? &orders : nullptr,
         [this] { ++orders_placed; },
         &directory,
         &recordings,
         has_vault ? &recording_vault : nullptr,
         &carrier_recordings,
         &recording_links,
         &reports,
         &records,
         &dead_letters,
         &books,
         &agents}
    ));
}

http::response bed::run(http::request req, const std::string& path) {
    auto match = routes_->find(req.method, path);
    if (match.found == nullptr) {
        http::response none;
        none.status = match.allow.empty() ? 404 : 405;
        return none;
    }
    req.params = std::move(match.params);
    std::optional<http::response> out;
    std::exception_ptr error;
    boost::asio::co_spawn(
        io, match.found->handle(std::move(req)),
        [&](std::exception_ptr e, http::response r) {
            error = e;
            out = std::move(r);
        }
    );
    io.restart();
    io.run();
    if (error) std::rethrow_exception(error);
    return std::move(*out);
}

http::request bed::request(const std::string& method, const std::string& target, const with& headers) const {
    http::request req;
    req.method = method;
    req.target = target;
    const auto question = target.find('?');
    req.path = decoded(target.substr(0, question));
    if (question != std::string::npos) req.query = target.substr(question + 1);
    req.headers.add("Host", "voip.example.com");
    for (const auto& [name, value] : headers)
        req.headers.add(name, value);
    req.remote_address = peer;
    return req;
}

std::vector<answer>
bed::at_once(const std::string& method, const std::string& target, const std::vector<with>& each) {
    std::vector<answer> out(each.size());
    for (std::size_t i = 0; i < each.size(); ++i) {
        auto req = request(method, target, each[i]);
        auto match = routes_->find(req.method, req.path);
        req.params = std::move(match.params);
        boost::asio::co_spawn(
            io, match.found->handle(std::move(req)),
            [&answered = out[i]](const std::exception_ptr& e, const http::response& r) {
                answered.status = e ? -1 : r.status;
                answered.text = r.body;
            }
        );
    }
    io.restart();
    io.run();
    return out;
}

std::string bed::drained(port::byte_source& source) {
    std::string out;
    std::exception_ptr error;
    boost::asio::co_spawn(
        io,
        [&]() -> boost::asio::awaitable<void> {
            for (std::string piece = "."; !piece.empty();) {
                piece = co_await source.read(3);
                out += piece;
            }
        },
        [&error](const std::exception_ptr& e) { error = e; }
    );
    io.restart();
    io.run();
    if (error) std::rethrow_exception(error);
    return out;
}

answer bed::send(std::string method, std::string target, with headers, std::string body) {
    auto req = request(method, target, headers);
    const auto question = target.find('?');
    req.body = std::move(body);
    auto r = run(std::move(req), decoded(target.substr(0, question)));
    if (r.stream) r.body = drained(*r.stream);
    record(method, target.substr(0, question), r);
    answer out;
    out.status = r.status;
    out.headers = r.headers;
    out.text = r.body;
    out.body = json::parse(r.body, nullptr, false);
    return out;
}

void bed::record(const std::string& method, const std::string& path, const http::response& r) const {
    if (method == "HEAD" || r.headers.get("Content-Type").starts_with("text/html")) return;
    exchange e;
    e.method = method;
    e.path = path;
    e.status = r.status;
    e.content_type = std::string(r.headers.get("Content-Type"));
    e.body = r.body;
    write_down(exchange_file(), e);
}

with bed::token(port::token_kind kind, user_id user, org_id org, std::vector<std::string> scopes) {
    const auto text = adapter::crypto::make_bearer(kind, settings.server.environment);
    const auto hash = vault->hash(text);
    fake_tokens::stored s;
    s.hash = hash.bytes;
    s.row.id = token_id{static_cast<std::int64_t>(tokens.rows.size()) + 1};
    s.row.kind = kind;
    s.row.hash_key_id = hash.key_id;
    s.row.label = "test";
    s.row.scopes = std::move(scopes);
    s.row.org = org;
    s.row.user = user;
    s.row.user_status = user.none() ? "" : "active";
    s.row.created_at = clock.at;
    s.row.expires_at = clock.at + millis{86'400'000};
    s.row.ends_at = s.row.expires_at;
    tokens.rows.push_back(s);
    return {{"Authorization", "Bearer " + std::string(text.reveal())}};
}

with bed::acting(user_id user, org_id org) {
    auto out = service();
    out.emplace_back("X-Z360-User", std::to_string(user.value));
    if (!org.none()) out.emplace_back("X-Z360-Organization", std::to_string(org.value));
    return out;
}

with bed::cookie(user_id user, org_id org, const std::string& session) {
    const auto text = "z360_session=of-" + std::to_string(user.value) + session;
    edge::api::cookie_answer known;
    known.result = edge::api::cookie_answer::what::known;
    known.user = user;
    known.org = org;
    known.session = session;
    cookies.sessions[text] = known;
    return {{"Cookie", text}, {"User-Agent", "Mozilla/5.0 Chrome"}};
}

with bed::device(user_id user, const std::string& uid, const std::string& platform) {
    const json body{{"device_id", uid}, {"platform", platform}};
    const auto r = send("POST", "/api/device-tokens", acting(user), body);
    EXPECT_TRUE(r.status == 200 || r.status == 201 || r.status == 202) << r.text;
    return {{"Authorization", "Bearer " + r.data().at("device_token").get<std::string>()}};
}

with bed::bound_device(user_id user, org_id org, const std::string& uid) {
    const auto backend = plus(service(org), {{"X-Z360-User", std::to_string(user.value)}});
    const json body{{"device_id", uid}, {"platform", "ios"}};
    const auto r = send("POST", "/api/device-tokens", backend, body);
    EXPECT_EQ(r.status, 201) << r.text;
    return {{"Authorization", "Bearer " + r.data().at("device_token").get<std::string>()}};
}

port::call_view& bed::ring(user_id user, org_id org, std::vector<device_id> to) {
    ++calls_made_;
    port::call_view c;
    c.state.id = call_id{derive_uuid("call " + std::to_string(calls_made_))};
    c.state.origin.call_session_id = c.state.id.text();
    c.state.caller = z360::testing::caller_leg(c.state.id, "", "+13125550142");
    c.state.routed.user = user;
    c.state.routed.org = org;
    c.state.routed.caller_name = "Grace Hopper";
    c.state.began = clock.at;
    c.state.rings.push_back({.began = clock.at, .deadline = clock.at + millis{30'000}});
    c.version = 1;
    c.position = 1000 + static_cast<std::uint64_t>(calls_made_);
    c.org = members.orgs.at(org.value);
    c.channel_number = "+13125550100";
    for (const auto d : to) {
        call::leg leg;
        leg.id = leg_id{derive_uuid(c.state.id.value, static_cast<std::uint64_t>(d.value))};
        leg.to = call::target{.device = d};
        leg.ring = 1;
        leg.dial = call::dial_status::accepted;
        leg.initiated = true;
        c.state.legs.push_back(leg);
        for (const auto& row : devices.rows)
            if (row.id == d) c.device_uids.emplace_back(d, row.uid);
    }
    calls.rows.push_back(std::move(c));
    return calls.rows.back();
}

} // namespace z360::test
