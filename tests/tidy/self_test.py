# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Proves that each check finds what it is for and leaves good code alone: a check that cannot fail is none."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import alarms
import client_guide
import container
import coroutines
import headers
import layering
import sources
import test_names
import tree

RULES = """
base :      : std
call : base : std
edge : call base : std asio
adapter/redis : base : std hiredis
adapter/spool : base : std
group beast : boost/beast/*
group asio : boost/asio/*
group hiredis : hiredis/*
limit beast : 1
"""
LICENCE = sources.SPDX + "\n"


def layers(**named):
    """Runs the layering check over files given as path=content ('__' stands for '/')."""
    texts = {k.replace("__", "/") + ".cpp": v for k, v in named.items()}
    texts["include/z360/base/ids.hpp"] = "#include <vector>\n"
    texts["src/edge/edge.hpp"] = ""
    texts["src/adapter/spool/spool.hpp"] = ""
    return layering.check(sorted(texts), texts.__getitem__, layering.Rules(RULES))


class Layering(unittest.TestCase):
    def test_inward_is_fine(self):
        self.assertEqual(layers(src__call__a="#include <z360/base/ids.hpp>\n#include <map>\n"), [])

    def test_outward_is_found(self):
        self.assertIn("call may not include edge", layers(src__call__a='#include "edge/edge.hpp"\n')[0])

    def test_adapter_to_adapter_is_found(self):
        self.assertIn("may not include adapter/spool", layers(src__adapter__redis__a='#include "adapter/spool/spool.hpp"\n')[0])

    def test_a_room_may_include_its_top_and_not_another_room(self):
        with open(layering.RULES, encoding="utf-8") as f:
            rules = layering.Rules(f.read())
        top, room = "src/adapter/postgres/pool.hpp", "src/adapter/postgres/calls/row.hpp"

        def of(path, header):
            texts = {path: f'#include "{header[4:]}"\n', top: "", room: ""}
            return layering.check(sorted(texts), texts.__getitem__, rules)
        self.assertEqual(of("src/adapter/postgres/push/a.cpp", top), [])
        self.assertEqual(of("src/adapter/postgres/ops/a.cpp", room), [])
        self.assertIn("postgres/push may not include adapter/postgres/calls", of("src/adapter/postgres/push/a.cpp", room)[0])
        self.assertIn("postgres may not include adapter/postgres/calls", of("src/adapter/postgres/a.cpp", room)[0])
        self.assertIn("not in layering.txt", of("src/adapter/postgres/attic/a.cpp", top)[0])

    def test_outside_header_is_found(self):
        self.assertIn("may not include hiredis", layers(src__call__a="#include <hiredis/hiredis.h>\n")[0])
        self.assertIn("belongs to no group", layers(src__call__a="#include <zlib.h>\n")[0])

    def test_unknown_module_and_missing_file_are_found(self):
        self.assertIn("not in layering.txt", layers(src__news__a="")[0])
        self.assertIn("neither in include/", layers(src__call__a="#include <z360/base/none.hpp>\n")[0])

    def test_comment_is_not_an_include(self):
        self.assertEqual(layers(src__call__a="// #include <hiredis/hiredis.h>\n"), [])

    def test_too_many_files_with_beast_are_found(self):
        found = layers(src__edge__a="#include <boost/beast/http.hpp>\n", src__edge__b="#include <boost/beast/http.hpp>\n")
        self.assertTrue(any("beast headers are in 2" in f for f in found))


class Sources(unittest.TestCase):
    def found(self, path, text):
        return sources.check_file(path, LICENCE + text)[0]

    def test_licence_and_length(self):
        self.assertTrue(sources.check_file("src/call/a.cpp", "int a;\n")[0])
        self.assertEqual(self.found("src/call/a.cpp", "int a;\n"), [])
        self.assertTrue(self.found("src/call/a.cpp", "int a;\n" * 701))

    def test_banned_words(self):
        for path, bad in (
                ("src/engine/a.cpp", "co_spawn(ex, f(), asio::detached);\n"),
                ("src/engine/a.cpp", "using namespace asio::experimental::awaitable_operators;\n"),
                ("src/engine/a.cpp", "using namespace std;\n"),
                ("src/engine/a.cpp", 'std::system("ls");\n'),
                ("src/engine/a.cpp", 'auto e = std::getenv("HOME");\n'),
                ("src/engine/a.cpp", "std::cout << 1;\n"),
                ("src/app/ops_tokens.cpp", "std::cout << name;\n"),
                ("src/engine/a.cpp", "std::mutex m;\n"),
                ("src/call/a.cpp", "auto t = std::chrono::system_clock::now();\n"),
                ("src/call/a.cpp", "throw 1;\n"),
                ("tests/unit/call/a.cpp", "std::this_thread::sleep_for(1s);\n"),
                ("tests/component/a.cpp", "usleep(10);\n"),
                ("tests/component/a.cpp", "co_await rt::sleep_for(30ms);\n")):
            self.assertEqual(len(self.found(path, bad)) >= 1, True, bad)

    def test_harmless_words(self):
        for path, good in (
                ("src/engine/a.cpp", "// detached, std::cout, system(x)\n"),
                ("src/engine/a.cpp", 'log::info("detached");\n'),
                ("src/engine/a.cpp", "boost::system::system_error e; file_system(x);\n"),
                ("src/app/a.cpp", 'std::cout << std::getenv("HOME");\n'),
                ("src/app/ops_support.cpp", "std::cout << printable(name);\n"),
                ("src/engine/a.cpp", "co_await rt::sleep_for(limit);\n"),
                ("tests/component/a.cpp", "while (!done())\n    co_await rt::sleep_for(1ms);\n"),
                ("tests/component/a.cpp", "co_await rt::sleep_for(1h);\n"),
                ("tests/component/a.cpp", "co_await rt::sleep_for(script.delay);\n"),
                ("src/engine/a.cpp", "asio::detached; // tidy: allow, because\n")):
            self.assertEqual(self.found(path, good), [], good)

    def test_public_declarations_need_a_comment(self):
        head = "#pragma once\n\nnamespace z360 {\n\n"
        for bad in ("struct naked {\n    int a;\n    int b;\n    int c;\n};\n", "[[nodiscard]] int naked(int a);\n", "enum class naked { a };\n"):
            self.assertTrue(self.found("include/z360/x.hpp", head + bad + "\n}\n"), bad)
            self.assertEqual(self.found("include/z360/x.hpp", head + "/// Says why.\n" + bad + "\n}\n"), [], bad)
            self.assertEqual(self.found("src/call/x.hpp", head + bad + "\n}\n"), [])


class Headers(unittest.TestCase):
    def test_a_header_that_leans_on_its_includer_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "include"))
            for name, text in (("good.hpp", "#pragma once\n#include <string>\nstd::string f();\n"), ("bad.hpp", "#pragma once\nstd::string f();\n")):
                with open(os.path.join(root, "include", name), "w", encoding="utf-8") as f:
                    f.write(text)
            found = headers.check(COMPILER, ["include/good.hpp", "include/bad.hpp"], root)
            self.assertEqual(len(found), 1)
            self.assertIn("bad.hpp", found[0])


class Coroutines(unittest.TestCase):
    def lint(self, name):
        source = os.path.join(coroutines.HERE, "samples", name)
        with tempfile.TemporaryDirectory() as work:
            query, rules = coroutines.query_file(work, "tidy/samples/")
            return rules, coroutines.lint(shutil.which("clang-query-19"), query, source, ([], ["--", "-std=c++20"]))

    def test_every_marked_line_is_found_by_its_rule(self):
        rules, found = self.lint("bad_coroutines.cpp")
        got = {re.search(r":(\d+): (C\d+):", f).groups() for f in found}
        with open(os.path.join(coroutines.HERE, "samples", "bad_coroutines.cpp"), encoding="utf-8") as f:
            wanted = {(str(n), hit.group(1)) for n, line in enumerate(f, 1) if (hit := re.search(r"// (C\d+)$", line))}
        self.assertEqual(got, wanted)
        words = " ".join(found)
        for rule in rules:
            self.assertIn(rule.split("_", 1)[1].replace("_", " "), words)

    def test_good_code_is_left_alone(self):
        self.assertEqual(self.lint("good_coroutines.cpp")[1], [])

    def test_a_file_that_does_not_parse_is_a_finding(self):
        with tempfile.TemporaryDirectory() as work:
            broken = os.path.join(work, "broken.cpp")
            with open(broken, "w", encoding="utf-8") as f:
                f.write("int f( {\n")
            query, _ = coroutines.query_file(work, "broken")
            self.assertTrue(coroutines.lint(shutil.which("clang-query-19"), query, broken, ([], ["--", "-std=c++20"])))


class TestNames(unittest.TestCase):
    def test_ids_are_whole_words(self):
        names = test_names.names_in(["a.cpp", "be_08_long.call"], lambda _: "TEST(x, be_07_and_i_01_hold) {}\n// TEST(x, be_09_no)\n")
        self.assertTrue(test_names.carriers("BE-07", names))
        self.assertTrue(test_names.carriers("I1", names))
        self.assertTrue(test_names.carriers("BE-08", names))
        for absent in ("BE-09", "BE-70", "I10", "E-07"):
            self.assertFalse(test_names.carriers(absent, names), absent)


class Changed(unittest.TestCase):
    """What a check finds in a copy of what it reads, with one change."""

    def findings_of(self, check, parts, path, old, new):
        with tempfile.TemporaryDirectory() as root:
            for part in parts:
                shutil.copytree(os.path.join(tree.ROOT, part), os.path.join(root, part))
            text = tree.read(path, root)
            self.assertIn(old, text)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text.replace(old, new))
            return " ".join(check(root))


class ClientGuide(Changed):
    def findings(self, path, old, new):
        return self.findings_of(client_guide.check, ("src/edge/api", "src/http_server", "docs", "contract/api"), path, old, new)

    def test_a_missing_code_is_found_and_one_that_nobody_sends(self):
        found = self.findings("docs/clients.md", "| 409 | `active_call` |", "| 409 | `active_cal` |")
        self.assertIn("says not what to do about 'active_call'", found)
        self.assertIn("'active_cal' is a code that nobody sends", found)

    def test_a_new_code_of_the_sources_is_found(self):
        found = self.findings("src/edge/api/problem.cpp", 'p.code = "access_denied"', 'p.code = "access_refused"')
        self.assertIn("says not what to do about 'access_refused'", found)
        self.assertIn("names 'access_refused'", found)

    def test_a_field_that_is_not_explained_is_found(self):
        self.assertIn("explains not the field 'prompts'", self.findings("docs/clients.md", "| `prompts` |", "| prompt |"))


class Alarms(Changed):
    def findings(self, path, old, new):
        return self.findings_of(alarms.check, ("src", "docs", "config"), path, old, new)

    def test_a_rule_about_a_figure_that_nobody_counts_is_found(self):
        found = self.findings("config/prometheus-rules.yml", "z360_redis_up == 0", "z360_redis_is_up == 0")
        self.assertIn("'z360_redis_is_up' is a figure that nobody counts", found)
        self.assertIn("has no rule about 'z360_redis_up'", found)

    def test_a_figure_that_the_sources_rename_is_found(self):
        self.assertIn(
            "'z360_callers_unasked_total' is a figure that nobody counts",
            self.findings("src/engine/callers.cpp", '"callers_unasked_total"', '"callers_unheard_total"'),
        )


class Container(unittest.TestCase):
    STEPS = [("COPY", "docker/entrypoint docker/healthcheck /usr/local/lib/"), ("COPY", "--from=build /out/x /usr/bin/")]

    def findings(self, ignore):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "docker"))
            for name in ("entrypoint", "healthcheck"):
                open(os.path.join(root, "docker", name), "w", encoding="utf-8").close()
            with open(os.path.join(root, ".dockerignore"), "w", encoding="utf-8") as f:
                f.write(ignore)
            return container.ignored(self.STEPS, root)

    def test_what_is_let_through_is_fine(self):
        self.assertEqual(self.findings("*\n!docker/entrypoint\n!docker/healthcheck\n"), [])
        self.assertEqual(self.findings("# why\n*\n!docker\n"), [])

    def test_an_image_of_everything_and_a_missing_copy_are_found(self):
        self.assertIn("first line must be '*'", self.findings(".git\n")[0])
        self.assertIn("'docker/healthcheck' of", self.findings("*\n!docker/entrypoint\n")[0])
        self.assertIn("'keys' does not exist", self.findings("*\n!docker\n!keys\n")[0])


class Secrets(unittest.TestCase):
    def test_rules_find_their_samples(self):
        run = subprocess.run([sys.executable, os.path.join(tree.ROOT, "scripts/secret-scan"), "--self-test"], check=False,
                             stdout=subprocess.PIPE, text=True)
        self.assertEqual(run.returncode, 0, run.stdout)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--compiler", default="clang++-19")
    options, rest = arguments.parse_known_args()
    COMPILER = options.compiler
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
