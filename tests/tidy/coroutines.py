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
MATCH = re.compile(r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):\d+: note: \"root\" binds here", re.M)


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
    with open(path, "w", encoding="utf-8") as f:
        f.write("set output diag\nset bind-root true\n")
        for rule in rules:
            kind, rest = known[rule].split("(", 1)
            f.write(f'm {kind}(isExpansionInFileMatching("{scope}"), {rest}\n')
    return path, rules


def lint(program, query, rules, source, flags):
    """Findings of one translation unit: 'file:line: rule'."""
    run = subprocess.run([program, "-f", query, *flags[0], source, *flags[1]], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    # One block per rule, each ended by "N match(es)."
    blocks = re.split(r"^\d+ match(?:es)?\.$", run.stdout, flags=re.M)
    # clang-query ends with 0 after a file with errors, having seen only part of it.
    broken = re.search(r"^[^\n]*: (?:fatal )?error: ", run.stdout, re.M)
    if run.returncode != 0 or broken or len(blocks) != len(rules) + 1:
        first = next((l for l in run.stdout.splitlines() if "error" in l.lower()), run.stdout[:300])
        return [f"{source}: clang-query could not read it: {first}"]
    found = set()
    for rule, block in zip(rules, blocks):
        for hit in MATCH.finditer(block):
            number, words = rule.split("_", 1)
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
    query, rules = query_file(work, "(^|/)(include/z360|src)/")
    every = [os.path.realpath(f) for f in options.files] or units(options.build)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda u: lint(program, query, rules, u, (["-p", options.build], [])), every)
    tree.finish("coroutines", sorted({line for r in results for line in r}), count=len(every))


if __name__ == "__main__":
    main()
