# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Checks config/prometheus-rules.yml: every figure that it names is one that the sources count, under the name by which it is
served; every figure of the table of alarms in docs/operations.md has a rule, and no rule is about anything else."""
import re

import tree

RULES, GUIDE = "config/prometheus-rules.yml", "docs/operations.md"
EXPRESSION = re.compile(r"^\s+expr: '(.*)'$", re.M)
NAME = re.compile(r"\bz360_[a-z0-9_]+")
# A histogram is served as these.
PARTS = re.compile(r"_(?:bucket|count|sum)$")
# Prefixed where it is served (src/adapter/metrics).
COUNTED = re.compile(r'"((?:z360_)?[a-z0-9]+(?:_[a-z0-9]+)+)"')


def counted(root=tree.ROOT):
    names = set()
    for path in tree.files("src", root=root):
        if path.endswith((".cpp", ".hpp")):
            names.update(COUNTED.findall(tree.code_only(tree.read(path, root), keep_strings=True)))
    return {name if name.startswith("z360_") else "z360_" + name for name in names}


def in_table(root=tree.ROOT):
    part = tree.read(GUIDE, root).split("Alarms worth having:", 1)[1].split("\nWhat `/readyz` looks at", 1)[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in NAME.findall(row)}


def check(root=tree.ROOT):
    used = {PARTS.sub("", name) for e in EXPRESSION.findall(tree.read(RULES, root)) for name in NAME.findall(e)}
    known, table = counted(root), in_table(root)
    out = [f"{RULES}: '{name}' is a figure that nobody counts" for name in sorted(used - known)]
    out += [f"{RULES}: has no rule about '{name}', of the table of alarms in {GUIDE}" for name in sorted(table - used)]
    out += [f"{GUIDE}: says nothing about '{name}', of {RULES}" for name in sorted(used - table)]
    return out


if __name__ == "__main__":
    tree.finish("alarms", check())
