// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/command_line.hpp"

#include "app/commands.hpp"
#include "app/keys.hpp"
#include "app/values.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>

namespace z360::app {
namespace {

constexpr std::string_view k_footer = R"(
Every option with a dot in its name is a configuration key. Key a.b is the flag --a.b, the environment
variable Z360_A_B and `b` in table [a] of the file; flags win over environment, environment over file.
Secrets (database.url, redis.url, telnyx.api_key, telnyx.client_state_key) come from the environment or from
the file that <key>_file names (mode 600 or 640); the two URLs may stand anywhere while they hold no password.

Exit codes:
  0  done
  1  failed
  2  wrong usage or configuration; every problem is on a line of its own
  3  a dependency (Postgres, Redis, Telnyx) is unreachable)";

std::string show_default(const key_spec& k) {
    static const config k_defaults;
    if (k.is_secret()) return "not set";
    const auto shown = k.show(k_defaults);
    return shown.empty() ? "not set" : shown;
}

// Adds an option whose values are collected in `into`; one value per occurrence.
CLI::Option*
add(CLI::App& app, const std::string& flag, std::vector<std::string>& into, const std::string& help) {
    return app.add_option(flag, into, help)
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_keys(CLI::App& app, std::map<std::string, std::vector<std::string>>& into) {
    for (const auto& k : keys()) {
        const auto group = "Configuration: " + k.name.substr(0, k.name.find('.'));
        const auto flag = "--" + k.name;
        auto* option =
            add(app, flag, into[k.name], k.help + " (" + k.range + "; default " + show_default(k) + ")");
        option->type_name("")->group(
            k.kind == key_kind::secret ? "" : group
        ); // hidden: only there to be refused
        if (k.boolean) option->expected(0, 1);
        if (k.is_secret())
            add(app, flag + "_file", into[k.name + "_file"], "File that holds it: " + k.help)
                ->type_name("")
                ->group(group);
    }
}

std::string unknown_flag(const std::string& given) {
    const auto flag = given.substr(0, given.find('='));
    std::vector<std::string> known{"--config", "--help", "--version", "--json"};
    for (const auto& name : key_names())
        known.push_back("--" + name);
    for (const auto& c : commands())
        known.emplace_back(c.flag);
    for (const auto& a : command_flags())
        known.emplace_back(a.flag);
    const auto near = nearest(flag, known);
    return flag + ": no such option; " + (near ? "did you mean " + *near + "?" : "see --help");
}

void report_rest(const std::vector<std::string>& rest, std::vector<std::string>& problems) {
    bool unknown = false;
    for (const auto& r : rest) {
        if (r.starts_with("-")) {
            problems.push_back(unknown_flag(r));
            unknown = true;
        }
    }
    // What follows an unknown option is most likely its value, perhaps a secret: not repeated.
    if (!unknown && !rest.empty())
        problems.push_back(
            "\"" + rest.front() +
            "\": not an option; options begin with --, see --help; a value that holds blanks stands in "
            "quotes, "
            "e.g. --explain \"+1 312 555 0100\""
        );
}

// As CLI11 wants them, last first. "--key=" is split: CLI11 would take the empty value for a missing one.
std::vector<std::string> prepared(const std::vector<std::string>& arguments) {
    std::vector<std::string> out;
    for (auto a = arguments.rbegin(); a != arguments.rend(); ++a) {
        if (a->starts_with("--") && a->ends_with('=') && a->find('=') + 1 == a->size()) {
            out.emplace_back();
            out.push_back(a->substr(0, a->size() - 1));
        } else {
            out.push_back(*a);
        }
    }
    return out;
}

void check_arguments(
    const command_spec* chosen, const std::map<std::string_view, std::vector<std::string>>& given,
    command_line& out
) {
    for (const auto& a : command_flags()) {
        const auto& values = given.at(a.flag);
        const std::string flag(a.flag);
        if (values.size() > 1) out.problems.push_back(flag + ": given more than once; keep one");
        const auto in = [&](const std::vector<std::string_view>& list) {
            return chosen != nullptr && std::find(list.begin(), list.end(), a.flag) != list.end();
        };
        const bool required = chosen != nullptr && in(chosen->required);
        const bool taken = required || (chosen != nullptr && in(chosen->optional));
        if (!values.empty() && !taken)
            out.problems.push_back(
                flag + ": " +
                (chosen != nullptr ? std::string(chosen->flag) + " does not take it" : "belongs to a command"
                ) +
                "; leave it out, or see --help"
            );
        const bool missing = required && (values.empty() || values.back().empty());
        if (missing)
            out.problems.push_back(flag + ": " + std::string(chosen->flag) + " needs it; add " + flag + " …");
        if (missing || values.empty()) continue;
        const auto& v = values.back();
        const auto problem = a.set(out.arguments, v);
        if (!problem.empty()) out.problems.push_back(flag + ": " + shown(v) + ": " + problem);
    }
}

} // namespace

command_line read_command_line(const std::vector<std::string>& arguments) {
    command_line out;
    CLI::App app("z360-voip: call control server. Without a command it serves until SIGTERM.", "z360-voipd");
    app.set_help_flag();
    app.allow_extras();
    app.footer(std::string(k_footer));
    app.get_formatter()->column_width(36);

    app.add_flag("-h,--help", out.help, "Print this and exit.")->group("General");
    app.add_flag("--version", out.version, "Print the version and exit.")->group("General");
    std::vector<std::string> config_files;
    add(app, "--config", config_files,
        "Settings file in TOML (default: config/z360.toml, then /etc/z360-voip/z360.toml).")
        ->type_name("FILE")
        ->group("General");
    app.add_flag("--json", out.json, "Answer in JSON instead of text.")->group("General");

    std::map<std::string_view, std::vector<std::string>> values; // of commands with a value
    std::map<std::string_view, bool> plain;                      // of commands without
    for (const auto& c : commands()) {
        const std::string flag(c.flag);
        const std::string help(c.help);
        if (c.value.empty())
            app.add_flag(flag, plain[c.flag], help)->group("Commands (at most one)");
        else
            add(app, flag, values[c.flag], help)
                ->type_name(std::string(c.value))
                ->group("Commands (at most one)");
    }
    std::map<std::string_view, std::vector<std::string>> of_command;
    for (const auto& a : command_flags())
        add(app, std::string(a.flag), of_command[a.flag], std::string(a.help))
            ->type_name("")
            ->expected(a.valueless ? 0 : 1, 1)
            ->group("Arguments of commands");
    add_keys(app, out.flags);

    try {
        app.parse(prepared(arguments));
    } catch (const CLI::ParseError& e) {
        // CLI11's text begins with the option's name; the rest speaks of types, not of what to do.
        const std::string text = e.what();
        const auto flag = text.substr(0, text.find_first_of(": "));
        out.problems.push_back(
            flag.starts_with("--") ? flag + ": wrong number of values; write " + flag + " VALUE"
                                   : text + "; see --help"
        );
        out.broken = true;
        return out;
    }
    if (out.help) {
        out.help_text = app.help();
        return out;
    }
    report_rest(app.remaining(), out.problems);
    std::erase_if(out.flags, [](const auto& f) { return f.second.empty(); });
    for (auto& [key, given] : out.flags) {
        const auto* k = find_key(key);
        if (k != nullptr && k->boolean)
            std::replace(given.begin(), given.end(), std::string(), std::string("true"));
    }
    if (config_files.size() > 1) out.problems.emplace_back("--config: given more than once; keep one");
    out.config_given = !config_files.empty();
    if (out.config_given) out.config_file = config_files.back();

    const command_spec* chosen = nullptr;
    for (const auto& c : commands()) {
        const bool given = c.value.empty() ? plain[c.flag] : !values[c.flag].empty();
        if (!given) continue;
        if (chosen != nullptr) {
            out.problems.push_back(
                std::string(c.flag) + ": cannot be combined with " + std::string(chosen->flag) +
                "; run one after the other"
            );
            continue;
        }
        chosen = &c;
        out.what = c.what;
        if (!c.value.empty()) out.arguments.subject = values[c.flag].back();
        if (!c.value.empty() && values[c.flag].size() > 1)
            out.problems.push_back(std::string(c.flag) + ": given more than once; run it once for each");
    }
    check_arguments(chosen, of_command, out);
    if (chosen != nullptr)
        for (auto& p : check_subject(*chosen, out.arguments))
            out.problems.push_back(std::move(p));
    return out;
}

} // namespace z360::app
