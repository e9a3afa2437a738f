# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Runs the rules of coroutines.query over every translation unit of src/ that contains a coroutine, with the flags of
the build (compile_commands.json), headers of ours included."""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess

import tree

HERE = os.path.dirname(os.path.abspath(__file__))
COROUTINE = re.compile(r"\bco_(?:await|return|yield)\b")
MATCH = re.compile(r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):\d+: note: \"(?P<rule>C\d+_\w+)\" binds here", re.M)


def query_file(where, scope):
    """Writes what clang-query reads; `scope` is a regex of the files whose code is looked at."""
    with open(os.path.join(HERE, "coroutines.query"), encoding="utf-8") as f:
        lines = [l.strip() for l in f if l.strip() and not l.startswith("#")]
    known, rules = {}, []
    for line in lines:
        name, expression = line.split(None, 1)
        for other, text in known.items():
            expression = re.sub(rf"\b{other}\b", lambda _, t=text: t, expression)
        known[name] = expression
        if re.match(r"C\d+_", name):
            rules.append(name)
    path = os.path.join(where, "rules.query")
    # Two walks through the file, not one for each rule: that is half of the time. A match is known by its rule's name.
    kinds = {"decl": [], "stmt": []}
    for rule in rules:
        kind, rest = known[rule].split("(", 1)
        kinds["decl" if kind.endswith("Decl") else "stmt"].append(
            f'{kind}(unless(isExpansionInSystemHeader()), isExpansionInFileMatching("{scope}"), {rest}.bind("{rule}")')
    with open(path, "w", encoding="utf-8") as f:
        f.write("set output diag\nset bind-root false\n")
        for kind, expressions in kinds.items():
            f.write(f'm {kind}(eachOf({", ".join(expressions)}))\n')
    return path, rules


def lint(program, query, source, flags):
    """Findings of one translation unit: 'file:line: rule'."""
    run = subprocess.run([program, "-f", query, *flags[0], source, *flags[1]], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    walks = len(re.findall(r"^\d+ match(?:es)?\.$", run.stdout, flags=re.M))
    # clang-query ends with 0 after a file with errors, having seen only part of it.
    broken = re.search(r"^[^\n]*: (?:fatal )?error: ", run.stdout, re.M)
    if run.returncode != 0 or broken or walks != 2:
        first = next((l for l in run.stdout.splitlines() if "error" in l.lower()), run.stdout[:300])
        return [f"{source}: clang-query could not read it: {first}"]
    found = set()
    for hit in MATCH.finditer(run.stdout):
        number, words = hit.group("rule").split("_", 1)
        path = os.path.relpath(os.path.realpath(hit.group("file")), tree.ROOT)
        found.add(f"{path}:{hit.group('line')}: {number}: {words.replace('_', ' ')}")
    return sorted(found)


def units(build):
    """Translation units of ours that contain a coroutine themselves."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        entries = json.load(f)
    out = []
    for entry in entries:
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        rel = os.path.relpath(path, tree.ROOT)
        if rel.startswith("src/") and os.path.isfile(path) and COROUTINE.search(tree.code_only(tree.read(rel))):
            out.append(path)
    return sorted(set(out))


def without_precompiled_headers(build, where):
    """Writes the build's commands without them: each walk would read all of the headers' form, which costs more than
    reading the headers, and so a file that does not include what it uses is found."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        entries = json.load(f)
    for entry in entries:
        entry["command"] = re.sub(r" -include-pch \S+", "", entry["command"])
    with open(os.path.join(where, "compile_commands.json"), "w", encoding="utf-8") as f:
        json.dump(entries, f)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--build", required=True, help="build folder with compile_commands.json")
    arguments.add_argument("files", nargs="*", help="only these")
    options = arguments.parse_args()
    program = shutil.which("clang-query-19")
    if not program:
        tree.finish("coroutines", ["clang-query-19 is not installed; run scripts/setup"])
    work = os.path.join(options.build, "tidy")
    os.makedirs(work, exist_ok=True)
    without_precompiled_headers(options.build, work)
    query, _ = query_file(work, "(^|/)(include/z360|src)/")
    every = [os.path.realpath(f) for f in options.files] or units(options.build)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda u: lint(program, query, u, (["-p", work], [])), every)
    tree.finish("coroutines", sorted({line for r in results for line in r}), count=len(every))


if __name__ == "__main__":
    main()
