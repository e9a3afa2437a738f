// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Known secrets are planted everywhere, everything that can go wrong does, then all that was written is
// searched (SEC-02, SEC-03, I6).
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"
#include "support/run_program.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>

using namespace z360;
using namespace z360::testing;
namespace fs = std::filesystem;

namespace {

class secrecy_flow : public flow {};

/// A secret, and where in the API it may be read.
struct planted {
    std::string what;
    std::string text;
    std::set<std::string> allowed; ///< "METHOD path", without query
};

const std::set<std::string> k_gives_passwords{"POST /api/device-tokens", "POST /api/voip/credentials/reveal"};
const std::set<std::string> k_gives_jwts{
    "POST /api/device-tokens", "GET /api/voip/credentials", "POST /api/voip/token",
    "POST /api/voip/switch-org"
};
const std::set<std::string> k_gives_bearers{"POST /api/device-tokens"};

std::string hex(const std::string& text) {
    constexpr const char* k_digits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        out += k_digits[u >> 4U];
        out += k_digits[u & 15U];
    }
    return out;
}

std::string dump_of(const std::string& url) {
    const auto close = [](std::FILE* f) { (void)::pclose(f); };
    const auto command = "pg_dump --dbname=" + shell_quoted(url) + " 2>&1";
    const std::unique_ptr<std::FILE, decltype(close)> pipe(::popen(command.c_str(), "r"), close);
    std::string out;
    std::array<char, 65536> buffer{};
    while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
        out.append(buffer.data(), n);
    return out;
}

/// Each text alone is a place to look at; what is found is named by place and kind, not by the secret itself.
class search {
  public:
    explicit search(std::vector<planted> secrets) : secrets_(std::move(secrets)) {}
    void in(const std::string& place, const std::string& text, const std::string& route = {}) {
        ++places_;
        bytes_ += text.size();
        for (const auto& s : secrets_) {
            if (!route.empty() && s.allowed.contains(route)) continue;
            for (const auto& form : {s.text, hex(s.text)})
                if (text.find(form) != std::string::npos) hits_.insert(place + " holds " + s.what);
        }
    }
    [[nodiscard]] const std::set<std::string>& hits() const { return hits_; }
    [[nodiscard]] std::size_t places() const { return places_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] const std::vector<planted>& secrets() const { return secrets_; }

  private:
    std::vector<planted> secrets_;
    std::set<std::string> hits_;
    std::size_t places_ = 0;
    std::size_t bytes_ = 0;
};

struct plant {
    std::vector<app> apps;
    std::vector<planted> secrets;
    void add(const std::string& what, const std::string& text, std::set<std::string> allowed = {}) {
        ASSERT_GE(text.size(), 12U) << what;
        secrets.push_back({what, text, std::move(allowed)});
    }
};

/// Apps with every kind of token, an enrolment code, a cookie.
void register_everything(rig& r, plant& p) {
    const std::string voip = "c0ffee" + apns_token('7').substr(6);
    const std::string apns = "decade" + apns_token('8').substr(6);
    p.apps.push_back(install(r, "ios", "ios", {{"voip_token", voip}, {"push_token", apns}}, 1));
    p.apps.push_back(install(r, "android", "android", {{"fcm_token", fcm_token("canary-android")}}, 1));
    p.apps.push_back(install(r, "browser", "web", json::object(), 1));
    p.add("a VoIP push token", voip);
    p.add("an APNs token", apns);
    p.add("an FCM token", fcm_token("canary-android"));
    const auto code =
        r.admin(1).post("/api/admin/users/" + std::to_string(r.user()) + "/enrolment-codes", json::object());
    p.add(
        "an enrolment code", code.data().at("enrolment_code").get<std::string>(),
        {"POST /api/admin/users/" + std::to_string(r.user()) + "/enrolment-codes"}
    );
    p.apps.push_back(installed(
        "enrolled",
        r.client(1)
            .bearer(code.data().at("enrolment_code").get<std::string>())
            .post("/api/device-tokens", {{"device_id", "enrolled"}, {"platform", "android"}}),
        r.client(1)
    ));
    const auto made =
        r.admin(1).post("/api/admin/tokens", {{"kind", "service"}, {"name", "canary"}, {"scopes", {"act"}}});
    p.add("a service token", made.data().at("token").get<std::string>(), {"POST /api/admin/tokens"});
    r.carrier().put_session("canary-cookie-value", {{"user_id", r.user()}, {"organization_id", r.org()}});
    p.add("a cookie", "canary-cookie-value");
}

/// Whatever an app or a stranger sends, good and bad, with secrets in every place.
void use_everything(rig& r, const plant& p) {
    const auto& phone = p.apps.at(1);
    for (const auto& a : p.apps) {
        (void)a.client.post("/api/voip/token");
        (void)a.client.get("/api/voip/credentials");
        (void)a.client.post("/api/voip/switch-org", {{"target_organization_id", r.org()}});
        (void)a.client.get("/api/voip/bootstrap");
        (void)a.client.get("/api/device-tokens");
        (void)a.client.get("/api/voip/devices/self");
    }
    EXPECT_EQ(phone.client.post("/api/voip/credentials/reveal").status, 200);
    (void)r.client(1)
        .cookie("session=canary-cookie-value")
        .with("User-Agent", "Mozilla/5.0")
        .get("/api/voip/devices/self");
    for (const auto& s : p.secrets) {
        (void)r.client(1).bearer(s.text).get("/api/voip/devices/self");
        (void)phone.client.post(
            "/api/device-tokens/update-fcm", {{"device_id", s.text}, {"fcm_token", s.text + " "}}
        );
        (void)phone.client.post(
            "/api/device-tokens", {{"device_id", "android"}, {"platform", s.text}, {"apns_env", s.text}}
        );
        (void)phone.client.send("POST", "/api/device-tokens", "{\"voip_token\": \"" + s.text + "\", oops");
        (void)phone.client.send("POST", "/api/device-tokens/update-fcm", "[\"" + s.text + "\"]");
    }
    (void)phone.client.post("/device-tokens", {{"fcm_token", p.secrets.at(2).text}, {"platform", "android"}});
}

/// The carrier refuses, breaks, stalls; the database goes away under a request.
void break_everything(rig& r, const plant& p) {
    for (const auto& [verb, status] : std::vector<std::pair<std::string, int>>{
             {"create_credential", 500},
             {"create_credential", 422},
             {"mint_token", 500},
             {"mint_token", 403},
             {"get_credential", 500},
             {"delete_credential", 500}
         }) {
        auto f = fault_of(verb);
        f.credential = "*";
        f.fail_status = status;
        f.match.times = 2;
        r.carrier().add_fault(f);
    }
    (void)r.register_device("broken-1", "ios", {{"voip_token", "bad1" + apns_token('9').substr(4)}}, 1);
    (void)r.register_device("broken-2", "android", json::object(), 1);
    (void)r.sql("update sip_identities set jwt_expires_at = now() - interval '1 hour'");
    for (const auto& a : p.apps)
        (void)a.client.post("/api/voip/token");
    (void)p.apps.at(2).client.remove("/api/device-tokens/browser");
    r.postgres().cut();
    EXPECT_EQ(p.apps.at(1).client.post("/api/voip/token").status, 503);
    EXPECT_EQ(r.register_device("android", "android", {{"fcm_token", p.secrets.at(2).text}}, 1).status, 503);
    r.postgres().resume();
    EXPECT_TRUE(r.server(1).ready());
    EXPECT_TRUE(eventually([&] { return p.apps.at(1).client.get("/api/voip/devices/self").status == 200; }));
}

void add_what_the_carrier_knows(rig& r, plant& p) {
    r.carrier().with([&](sim::carrier& c, time_point) {
        for (const auto& [serial, one] : c.credentials().all())
            p.add("a SIP password", one.sip_password, k_gives_passwords);
        for (const auto& t : c.credentials().tokens())
            p.add("a JWT", t.jwt, k_gives_jwts);
    });
    for (const auto& a : p.apps)
        p.add("a device's bearer", a.token, k_gives_bearers);
    p.add("the API key", "KEY-of-the-flow-tests");
    const auto line = read_file(r.key_file());
    p.add("the key of secrets", line.substr(line.find(' ') + 1, 40));
}

void search_responses(search& s) {
    std::ifstream in(exchanges_file());
    for (std::string line; std::getline(in, line);) {
        const auto x = json::parse(line);
        const auto path = x.at("path").get<std::string>();
        const auto route = x.at("method").get<std::string>() + " " + path.substr(0, path.find('?'));
        s.in("the reply of " + route, x.at("body").get<std::string>(), route);
    }
}

void search_files(search& s, const rig& r) {
    for (const auto& f : fs::recursive_directory_iterator(r.folder()))
        if (f.is_regular_file() && f.path() != r.key_file()) s.in(f.path().filename(), read_file(f.path()));
}

/// Segments of the write-ahead log from `first` on.
void search_log_of_database(search& s, const std::string& first) {
    const char* folder = std::getenv("Z360_TEST_PG_DIR");
    if (folder == nullptr) return;
    std::size_t segments = 0;
    for (const auto& f : fs::directory_iterator(fs::path(folder) / "data" / "pg_wal")) {
        if (!f.is_regular_file() || f.path().filename().string() < first) continue;
        s.in("the write-ahead log", read_file(f.path()));
        ++segments;
    }
    EXPECT_GE(segments, 1U);
}

} // namespace

TEST_F(secrecy_flow, i_06_sec_02_sec_03_no_secret_is_readable_where_it_does_not_belong) {
    rig_options o;
    o.devices = 0;
    o.start = false;
    o.carrier.seed = "canary-" + std::to_string(::getpid());
    o.environment = {
        {"Z360_LOG_LEVEL", "debug"},
        {"Z360_LIMITS_REGISTER_PER_MINUTE", "1000"},
        {"Z360_LIMITS_CREDENTIALS_PER_MINUTE", "1000"},
        {"Z360_LIMITS_FAILED_AUTH_PER_MINUTE", "1000"},
        {"Z360_CREDENTIALS_REGISTRATION_BUDGET_MS", "300"}
    };
    auto& r = set_up(std::move(o));
    const auto wal = r.sql("select pg_walfile_name(pg_current_wal_insert_lsn())");
    auto& server = r.add_node({{"Z360_AUTH_INTROSPECTION_URL", r.carrier().introspection_url()}});
    server.start();
    ASSERT_TRUE(server.ready());
    r.point_webhooks(1, 1);

    plant p;
    register_everything(r, p);
    const auto session = r.session(r.call());
    EXPECT_TRUE(r.ringing(session, 3));
    use_everything(r, p);
    break_everything(r, p);
    add_what_the_carrier_knows(r, p);
    use_everything(r, p);

    search s(p.secrets);
    EXPECT_GE(s.secrets().size(), 20U);
    search_responses(s);
    search_files(s, r);
    s.in("/metrics", server.get("/metrics"));
    const auto dump = dump_of(r.database_url());
    EXPECT_NE(dump.find("COPY public.sip_identities"), std::string::npos) << dump.substr(0, 500);
    EXPECT_NE(dump.find(p.apps.at(1).sip()), std::string::npos)
        << "user names are there, so the dump is real";
    s.in("the dump", dump);
    (void)r.sql("select pg_switch_wal()");
    search_log_of_database(s, wal);
    for (const auto& h : s.hits())
        ADD_FAILURE() << h;
    EXPECT_GE(s.places(), 150U);
    RecordProperty("bytes", std::to_string(s.bytes()));
    // The searcher is no fool: where they may be, they are.
    search open(p.secrets);
    open.in("a registration", p.apps.at(1).reply.dump());
    EXPECT_GE(open.hits().size(), 3U);
}

TEST_F(secrecy_flow, sec_02_a_ciphertext_in_another_row_is_not_opened) {
    rig_options o;
    o.devices = 0;
    auto& r = set_up(std::move(o));
    const auto one = install(r, "one");
    const auto two = install(r, "two");
    const auto password = [](const app& a) {
        return a.reply.at("sip_credentials").at("sip_password").get<std::string>();
    };
    for (const char* column : {"sip_password", "jwt"})
        (void)r.sql(
            std::string("update sip_identities i set ") + column + " = o." + column +
            " from sip_identities o where o.identity_id <> i.identity_id"
        );
    for (const auto* a : {&one, &two}) {
        const auto reply = a->client.post("/api/voip/credentials/reveal");
        EXPECT_NE(reply.status, 200);
        for (const auto* b : {&one, &two})
            EXPECT_EQ(reply.body.find(password(*b)), std::string::npos);
        // A login token that cannot be read is made anew, for the right one.
        const auto token = a->client.post("/api/voip/token");
        ASSERT_EQ(token.status, 200) << token.body;
        const auto jwt = token.data().at("jwt_token").get<std::string>();
        EXPECT_EQ(
            r.carrier().with([&](sim::carrier& c, time_point) {
                for (const auto& t : c.credentials().tokens())
                    if (t.jwt == jwt) return c.credentials().find(t.credential_id)->sip_username;
                return std::string("nobody's");
            }),
            a->sip()
        );
    }
}
