// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/options.hpp"

#include "app/command_line.hpp"
#include "app/keys.hpp"
#include "app/toml.hpp"
#include "app/values.hpp"

#include <z360/base/printable.hpp>
#include <z360/base/trim.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace z360::app {
namespace {

enum class source { file, environment, flag };

struct given {
    std::vector<std::string> values;
    source from = source::file;
    std::string where; ///< "flag --http.port", "environment Z360_HTTP_PORT", "config/z360.toml line 3"
};

std::string quote(std::string_view v) {
    std::string out = "\"";
    for (const char c : v) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
    return printable(out) + "\"";
}

constexpr std::size_t k_longest_file = 1'048'576;

// nullopt: `fault` says why not, and how to mend it. A pipe will do, as a shell's <(…) is one.
std::optional<std::string> read_text(const std::string& path, std::string& fault) {
    struct stat s{};
    std::ifstream in;
    if (::stat(path.c_str(), &s) == 0 && !S_ISREG(s.st_mode) && !S_ISFIFO(s.st_mode) && path != "/dev/null")
        fault = "not a file; name a settings file";
    else if (in.open(path, std::ios::binary); !in)
        fault = "cannot be read; correct the path or its permissions";
    if (!fault.empty()) return std::nullopt;
    std::string text(k_longest_file + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (in.bad()) fault = "cannot be read; correct the path or its permissions";
    if (text.size() > k_longest_file) fault = "larger than 1 MiB; name a settings file";
    if (!fault.empty()) return std::nullopt;
    return text;
}

// "" when the file may hold a secret; else what is wrong and how to mend it. `maker`: the command that makes
// one.
std::string secret_file_problem(const std::string& path, std::string_view maker = {}) {
    struct stat s{};
    if (::stat(path.c_str(), &s) != 0)
        return "no such file; " +
               (maker.empty() ? "create it" : "make it with z360-voipd " + std::string(maker) + " " + path) +
               ", or correct the path";
    if (!S_ISREG(s.st_mode)) return "not a regular file; name a file that holds only the secret";
    if ((s.st_mode & (S_IROTH | S_IWOTH)) != 0)
        return "every user of this machine may read or write it; run: chmod 600 " + path;
    if ((s.st_mode & S_IWGRP) != 0) return "its group may write it; run: chmod 600 " + path + " (or 640)";
    if (::access(path.c_str(), R_OK) != 0) return "not readable for this process; change its owner";
    if (s.st_size > 64 * 1024) return "larger than 64 KiB; name a file that holds only the secret";
    return {};
}

class merger {
  public:
    merger(const environment& env, options& out) : env_(env), out_(out) {}

    std::vector<std::string> run(const command_line& line, const std::vector<std::string>& default_files) {
        problems_ = line.problems;
        file(line, default_files);
        environment_variables();
        for (const auto& [key, values] : line.flags)
            given_[key] = given{values, source::flag, "flag --" + key};
        // Blanks at the ends come along when people copy; no setting means any.
        for (auto& [key, g] : given_)
            for (auto& v : g.values)
                v = std::string(trimmed(v));
        for (const auto& k : keys()) {
            if (k.is_secret())
                secret_value(k);
            else
                plain_value(k);
        }
        // Who has mistyped an option is told that, not what is missing besides.
        if (line.problems.empty()) together();
        return std::move(problems_);
    }

  private:
    void problem(
        const std::string& key, const std::string& shown, const std::string& text,
        const std::string& where = {}
    ) {
        refused_.insert(key.ends_with("_file") ? key.substr(0, key.size() - 5) : key);
        problems_.push_back(
            key + ": " + shown + ": " + text + (where.empty() ? "" : " (from " + where + ")")
        );
    }

    void file(const command_line& line, const std::vector<std::string>& default_files) {
        std::string path = line.config_file;
        bool named = line.config_given;
        if (const auto e = env_.find("Z360_CONFIG"); !named && e != env_.end() && !e->second.empty()) {
            path = e->second;
            named = true;
        }
        if (!named) {
            const auto there = [](const std::string& p) { return ::access(p.c_str(), F_OK) == 0; };
            const auto found = std::find_if(default_files.begin(), default_files.end(), there);
            if (found == default_files.end()) return;
            path = *found;
        }
        std::string fault;
        const auto text = read_text(path, fault);
        if (!text) {
            problem("config", quote(path), fault);
            return;
        }
        out_.config_file = path;
        const auto document = read_toml(*text);
        for (const auto& p : document.problems)
            problems_.push_back(path + ": " + p);
        const auto names = key_names();
        for (const auto& e : document.entries) {
            const auto where = path + " line " + std::to_string(e.line);
            if (std::find(names.begin(), names.end(), e.key) == names.end()) {
                const auto near = nearest(e.key, names);
                problems_.push_back(
                    e.key + ": unknown key; " +
                    (near ? "did you mean " + *near + "?" : "see config/z360.example.toml for all keys") +
                    " (from " + where + ")"
                );
                continue;
            }
            given_[e.key] = given{e.values, source::file, where};
        }
    }

    void environment_variables() {
        std::vector<std::string> tables;
        for (const auto& name : key_names()) {
            const auto variable = environment_name(name);
            tables.push_back(variable.substr(0, variable.find('_', 5) + 1));
            const auto e = env_.find(variable);
            if (e != env_.end())
                given_[name] = given{{e->second}, source::environment, "environment " + variable};
        }
        std::vector<std::string> known;
        for (const auto& name : key_names())
            known.push_back(environment_name(name));
        for (const auto& [variable, value] : env_) {
            const auto in_table = [&v = variable](const std::string& t) { return v.starts_with(t); };
            if (std::find(known.begin(), known.end(), variable) != known.end()) continue;
            if (std::none_of(tables.begin(), tables.end(), in_table)) continue; // somebody else's
            const auto near = nearest(variable, known);
            out_.warnings.push_back(
                "environment variable " + variable + " is no setting and was ignored" +
                (near ? "; did you mean " + *near + "?" : "")
            );
        }
    }

    void plain_value(const key_spec& k) {
        const auto g = given_.find(k.name);
        if (g == given_.end()) return;
        auto values = g->second.values;
        if (k.kind == key_kind::list) {
            values = split(values);
        } else if (values.size() != 1) {
            problem(
                k.name, "(" + std::to_string(values.size()) + " values)", "takes one value; give it once",
                g->second.where
            );
            return;
        }
        for (const auto& v : values) {
            const auto text = k.set(out_.settings, v);
            if (!text.empty()) problem(k.name, quote(v.substr(0, 200)), text, g->second.where);
        }
    }

    static std::vector<std::string> split(const std::vector<std::string>& values) {
        std::vector<std::string> out;
        for (const auto& v : values)
            for (auto& one : split_list(v))
                out.push_back(std::move(one));
        return out;
    }

    void secret_value(const key_spec& k) {
        const auto literal = given_.find(k.name);
        const auto in_file = given_.find(k.name + "_file");
        const bool has_literal =
            literal != given_.end() && literal->second.values != std::vector<std::string>{""};
        const bool has_file =
            in_file != given_.end() && in_file->second.values != std::vector<std::string>{""};
        if (has_literal && has_file) {
            problem(
                k.name, "(secret)",
                "given both by " + literal->second.where + " and by " + in_file->second.where +
                    "; keep one of the two"
            );
            return;
        }
        if (has_literal) {
            const auto& g = literal->second;
            if (g.values.size() != 1) {
                problem(k.name, "(secret)", "takes one value; give it once", g.where);
                return;
            }
            const bool harmless = k.kind == key_kind::secret_url && !url_has_password(g.values.front());
            if (g.from != source::environment && !harmless) {
                problem(
                    k.name, "(secret)",
                    "a secret must not stand in a settings file or on a command line; use the environment "
                    "variable " +
                        environment_name(k.name) + " or " + k.name + "_file, and change the exposed secret",
                    g.where
                );
                return;
            }
            store(k, g.values.front(), g.where);
        }
        if (has_file) from_file(k, in_file->second);
    }

    void from_file(const key_spec& k, const given& g) {
        const auto name = k.name + "_file";
        if (g.values.size() != 1) {
            problem(
                name, "(" + std::to_string(g.values.size()) + " values)", "takes one value; give it once",
                g.where
            );
            return;
        }
        const auto& path = g.values.front();
        auto text = secret_file_problem(path);
        std::optional<std::string> content;
        std::string unread; // said below
        if (text.empty()) content = read_text(path, unread);
        if (text.empty() && !content) text = "cannot be read; check the path and the disk";
        if (text.empty()) {
            content = std::string(trimmed(*content));
            if (content->empty()) text = "empty; write the secret into it";
        }
        if (!text.empty()) {
            problem(name, quote(path), text, g.where);
            return;
        }
        store(k, *content, "file " + path);
    }

    void store(const key_spec& k, const std::string& value, const std::string& where) {
        const auto text = k.set(out_.settings, value);
        if (!text.empty()) problem(k.name, "(secret)", text, where);
    }

    [[nodiscard]] std::string where(const std::string& key) const {
        const auto g = given_.find(key);
        return g == given_.end() ? std::string{} : g->second.where;
    }

    void required(bool missing, const std::string& key, const std::string& fix) {
        // A value that was given and refused has its own line already.
        if (missing && !refused_.contains(key)) problem(key, "(not set)", fix);
    }

    void together() {
        const auto& c = out_.settings;
        const bool serve = out_.what == command::serve || out_.what == command::check_config;
        const bool of_files = out_.what == command::check_certs || out_.what == command::generate_key ||
                              out_.what == command::promote_key || out_.what == command::replay_file;
        if (!of_files)
            required(
                c.database.url.empty(), "database.url",
                "needed; set Z360_DATABASE_URL=postgresql://user:password@host/database, or database.url_file"
            );
        const bool compare = out_.what == command::compare_credentials;
        const bool keys = out_.what == command::create_token || out_.what == command::enroll_device ||
                          out_.what == command::rekey || out_.what == command::import_rows ||
                          out_.what == command::push_test || compare;
        if (serve || keys)
            required(
                c.secrets.key_file.empty(), "secrets.key_file",
                "needed to encrypt what is stored; name the one that this database's servers have, or make "
                "the "
                "first with z360-voipd --generate-key FILE and name it"
            );
        if (serve) {
            required(
                c.telnyx.public_keys.empty(), "telnyx.public_keys",
                "without it nobody's webhooks could be trusted; set Z360_TELNYX_PUBLIC_KEYS to the key from "
                "the Telnyx "
                "portal (Account > Keys & Credentials > Public Key)"
            );
            required(
                c.telnyx.connection_id.empty(), "telnyx.connection_id",
                "needed to dial devices; set it to the id of the call control application in the Telnyx "
                "portal"
            );
        }
        if (serve || compare)
            required(
                c.telnyx.api_key.empty(), "telnyx.api_key",
                "needed to ask Telnyx; set Z360_TELNYX_API_KEY or telnyx.api_key_file to an API v2 key"
            );
        if (compare)
            required(
                c.telnyx.credential_connection_id.empty(), "telnyx.credential_connection_id",
                "needed to find the credentials; set it to the id of their connection in the Telnyx portal"
            );
        if (c.telnyx.hedge_after >= c.telnyx.attempt_timeout)
            problem(
                "telnyx.hedge_after_ms", quote(std::to_string(c.telnyx.hedge_after.count())),
                "not below telnyx.attempt_timeout_ms (" + std::to_string(c.telnyx.attempt_timeout.count()) +
                    "); a resend would never leave, lower it",
                where("telnyx.hedge_after_ms")
            );
        if (serve && c.telnyx.credential_connection_id.empty())
            out_.warnings.emplace_back(
                "telnyx.credential_connection_id is not set: devices that register get no SIP identity"
            );
        listeners();
        tls();
        if (serve) https();
        key_file(serve || keys);
        lives();
        plain_transport();
        protected_urls();
        push();
        recordings();
    }

    // A bucket needs all of its keys, or none of them.
    void recordings() {
        const auto& r = out_.settings.recordings;
        const bool bucket = !r.s3_bucket.empty() || !r.s3_endpoint.empty() || !r.s3_access_key_id.empty() ||
                            !r.s3_secret_access_key.empty() || !r.s3_prefix.empty();
        if (!bucket) {
            if (r.remove_originals && !r.configured())
                problem(
                    "recordings.remove_originals", "true",
                    "there is nothing that keeps copies; set recordings.folder, or leave it out",
                    where("recordings.remove_originals")
                );
            return;
        }
        required(
            r.s3_bucket.empty(), "recordings.s3_bucket",
            "needed beside the other recordings.s3_… settings; set it to the bucket's name"
        );
        required(
            r.s3_endpoint.empty(), "recordings.s3_endpoint",
            "needed with a bucket; set it to where the store is, e.g. https://s3.eu-central-1.amazonaws.com"
        );
        required(
            r.s3_access_key_id.empty(), "recordings.s3_access_key_id",
            "needed with a bucket; set it to the key's id"
        );
        required(
            r.s3_secret_access_key.empty(), "recordings.s3_secret_access_key",
            "needed with a bucket; name its file in recordings.s3_secret_access_key_file"
        );
        required(
            r.folder.empty(), "recordings.folder",
            "needed with a bucket; copies are collected there before they are sent"
        );
    }

    // APNs needs all of its keys, or none of them.
    void push() {
        const auto& p = out_.settings.push;
        const bool apns = !p.apns_key_file.empty() || !p.apns_key_id.empty() || !p.apns_team_id.empty() ||
                          !p.apns_bundle_ids.empty() || !p.apns_default_bundle_id.empty();
        if (apns) {
            required(
                p.apns_key_file.empty(), "push.apns_key_file",
                "needed beside the other push.apns_… settings; name the .p8 file from Apple's developer "
                "portal"
            );
            required(
                p.apns_key_id.empty(), "push.apns_key_id",
                "needed to push by APNs; set it to the key's id, which is in the name of its file"
            );
            required(
                p.apns_team_id.empty(), "push.apns_team_id",
                "needed to push by APNs; set it to the team's id from Apple's developer portal"
            );
            required(
                p.apns_bundle_ids.empty(), "push.apns_bundle_ids",
                "needed to push by APNs; list the apps, e.g. com.example.phone"
            );
        }
        const auto& apps = p.apns_bundle_ids;
        if (!p.apns_default_bundle_id.empty() && !apps.empty() &&
            std::find(apps.begin(), apps.end(), p.apns_default_bundle_id) == apps.end())
            problem(
                "push.apns_default_bundle_id", quote(p.apns_default_bundle_id),
                "not among push.apns_bundle_ids; add it there, or name one of them",
                where("push.apns_default_bundle_id")
            );
        if (!p.ca_file.empty() && ::access(p.ca_file.c_str(), R_OK) != 0)
            problem(
                "push.ca_file", quote(p.ca_file), "cannot be read; correct the path or its permissions",
                where("push.ca_file")
            );
        if (p.any_token_host && !out_.settings.server.sandbox)
            problem(
                "push.any_token_host", "true",
                "whoever gets the assertion can push in our name; only with server.sandbox, else leave it "
                "out",
                where("push.any_token_host")
            );
    }

    void key_file(bool needed) {
        const auto& path = out_.settings.secrets.key_file;
        if (!needed || path.empty() || refused_.contains("secrets.key_file")) return;
        if (const auto text = secret_file_problem(path, "--generate-key"); !text.empty())
            problem("secrets.key_file", quote(path), text, where("secrets.key_file"));
    }

    void lives() {
        const auto& c = out_.settings;
        if (c.auth.device_sliding > c.auth.device_absolute)
            problem(
                "auth.device_sliding_ms", quote(std::to_string(c.auth.device_sliding.count())),
                "longer than auth.device_absolute_ms (" + std::to_string(c.auth.device_absolute.count()) +
                    "); it would never count, lower it",
                where("auth.device_sliding_ms")
            );
    }

    // CFG-05: clients, and what we believe about people, only over protected connections.
    void protected_urls() {
        const auto& c = out_.settings;
        if (c.server.sandbox) return;
        const auto look = [this](const std::string& key, const std::string& shown, std::string_view url) {
            if (is_unprotected(url))
                problem(
                    key, quote(shown),
                    "readable and changeable on the way; write https:// (wss://), plain only for this "
                    "machine "
                    "(127.0.0.1) or with server.sandbox",
                    where(key)
                );
        };
        look("server.public_url", c.server.public_url, c.server.public_url);
        look("auth.introspection_url", c.auth.introspection_url, c.auth.introspection_url);
        for (const auto& o : c.auth.allowed_origins)
            look("auth.allowed_origins", o, o);
        look("apple.keys_url", c.apple.keys_url, c.apple.keys_url);
        look("apple.issuer", c.apple.issuer, c.apple.issuer);
        look("clients.ws_url", c.clients.ws_url, c.clients.ws_url);
        for (const auto& s : c.clients.store_urls)
            look("clients.store_urls", s, std::string_view(s).substr(s.find('=') + 1));
    }

    // The kernel would spread connections over both.
    void listeners() {
        const auto& c = out_.settings;
        if (c.metrics.port != 0 && c.metrics.port == c.http.port)
            problem(
                "metrics.port", quote(std::to_string(c.metrics.port)),
                "is http.port too; choose another one, or 0 for no listener of its own"
            );
    }

    void tls() {
        const auto& h = out_.settings.http;
        if (h.tls_certificate_file.empty() != h.tls_key_file.empty()) {
            const bool key_missing = h.tls_key_file.empty();
            problem(
                key_missing ? "http.tls_key_file" : "http.tls_certificate_file", "(not set)",
                "certificate and key go together; set both, or neither"
            );
        }
        if (!h.tls_certificate_file.empty() && ::access(h.tls_certificate_file.c_str(), R_OK) != 0)
            problem(
                "http.tls_certificate_file", quote(h.tls_certificate_file),
                "cannot be read; correct the path or its permissions"
            );
        if (h.tls_key_file.empty()) return;
        if (const auto text = secret_file_problem(h.tls_key_file); !text.empty())
            problem("http.tls_key_file", quote(h.tls_key_file), text);
    }

    // The API is HTTPS only, and who ends TLS in front of us is believed only if it is named.
    void https() {
        const auto& h = out_.settings.http;
        if (!h.tls_certificate_file.empty() || !h.trusted_proxies.empty() || h.allow_plain_api) return;
        if (refused_.contains("http.trusted_proxies") || refused_.contains("http.tls_certificate_file"))
            return;
        out_.warnings.emplace_back(
            "neither http.tls_certificate_file nor http.trusted_proxies is set: webhooks are taken, but the "
            "API "
            "refuses everybody with 403 https_required; name the address of the proxy that ends TLS "
            "(http.trusted_proxies, e.g. 127.0.0.1), or give a certificate; see docs/operations.md, TLS"
        );
    }

    void plain_transport() {
        if (is_unprotected(out_.settings.telnyx.base_url))
            out_.warnings.push_back(
                "telnyx.base_url is plain http: the API key travels readable for everyone on the way"
            );
    }

    const environment& env_;
    options& out_;
    std::map<std::string, given> given_;
    std::set<std::string> refused_; ///< keys with a problem
    std::vector<std::string> problems_;
};

early_exit refuse(const std::vector<std::string>& problems, bool json) {
    early_exit e{.code = k_usage};
    if (json) {
        e.out = "{\"problems\":[";
        for (std::size_t i = 0; i < problems.size(); ++i)
            e.out += (i == 0 ? "" : ",") + quote(problems[i]);
        e.out += "]}\n";
    }
    for (const auto& p : problems)
        e.err += "config: " + p + "\n";
    return e;
}

} // namespace

environment process_environment() {
    environment out;
    for (char** e = environ; e != nullptr && *e != nullptr; ++e) {
        const std::string_view entry(*e);
        const auto equals = entry.find('=');
        if (entry.starts_with("Z360_") && equals != std::string_view::npos)
            out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return out;
}

std::variant<options, early_exit> parse_options(
    const std::vector<std::string>& arguments, const environment& env,
    const std::vector<std::string>& config_files
) {
    auto line = read_command_line(arguments);
    if (line.help) return early_exit{.code = k_ok, .out = line.help_text};
    if (line.version) return early_exit{.code = k_ok, .out = "z360-voipd " Z360_VERSION "\n"};
    if (line.broken) return refuse(line.problems, line.json);
    options out;
    out.what = line.what;
    out.arguments = line.arguments;
    out.json = line.json;
    const auto problems = merger(env, out).run(line, config_files);
    if (!problems.empty()) return refuse(problems, line.json);
    return out;
}

std::string describe(const options& o) {
    std::string out;
    std::string table;
    if (o.json) out = "{";
    for (const auto& k : keys()) {
        const auto dot = k.name.find('.');
        const bool set = k.is_secret() && k.is_set(o.settings);
        const auto shown =
            k.is_secret() ? (set ? std::string("(set)") : std::string("(not set)")) : k.show(o.settings);
        const auto value = k.quoted ? quote(shown) : shown;
        if (o.json) {
            out += (out.size() > 1 ? "," : "") + quote(k.name) + ":" + value;
            continue;
        }
        if (const auto t = k.name.substr(0, dot); t != table) {
            out += (table.empty() ? "[" : "\n[") + t + "]\n";
            table = t;
        }
        out += k.name.substr(dot + 1) + " = " + value + "\n";
    }
    if (o.json) out += "}\n";
    return out;
}

} // namespace z360::app
