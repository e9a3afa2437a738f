// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The example file and the table of keys say the same.
#include "app/keys.hpp"
#include "app/toml.hpp"
#include "support.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <sstream>

using namespace z360;
using namespace z360::app;
using namespace z360::app::test;

namespace {

std::string example() {
    std::ifstream in(Z360_SOURCE_DIR "/config/z360.example.toml");
    return {std::istreambuf_iterator<char>(in), {}};
}

// With the settings switched on that are commented out (`#name = …`).
std::string everything_on() {
    std::istringstream in(example());
    std::string out;
    for (std::string line; std::getline(in, line);) {
        if (line.size() > 1 && line[0] == '#' && std::islower(static_cast<unsigned char>(line[1])) != 0)
            line.erase(0, 1);
        out += line + "\n";
    }
    return out;
}

} // namespace

TEST(example_file, has_every_key_and_no_other) {
    const auto d = read_toml(everything_on());
    ASSERT_TRUE(d.problems.empty()) << d.problems.front();
    std::set<std::string> in_file;
    for (const auto& e : d.entries)
        in_file.insert(e.key);
    std::set<std::string> known;
    for (const auto& k : keys()) {
        if (k.kind != key_kind::secret) known.insert(k.name); // a secret has only its _file there
        if (k.is_secret()) known.insert(k.name + "_file");
    }
    EXPECT_EQ(in_file, known);
}

TEST(example_file, is_accepted_as_it_is_and_changes_nothing) {
    folder f;
    const auto file = f.write("z360.toml", example());
    EXPECT_EQ(describe(accepted({"--config", file}, complete())), describe(accepted({}, complete())));
}

TEST(example_file, values_that_are_commented_out_are_valid_too) {
    for (const auto& e : read_toml(everything_on()).entries) {
        if (e.key.ends_with("_file")) continue; // paths of another machine
        config c;
        for (const auto& v : e.values)
            EXPECT_EQ(find_key(e.key)->set(c, v), "") << e.key;
    }
}

TEST(example_file, every_default_is_inside_its_own_range) {
    const config defaults;
    for (const auto& k : keys()) {
        if (k.is_secret() || k.kind == key_kind::list) continue;
        config c;
        EXPECT_EQ(k.set(c, k.show(defaults)), k.show(defaults).empty() ? k.set(c, "") : "") << k.name;
    }
}
