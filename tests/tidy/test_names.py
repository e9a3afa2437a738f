# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Lists which gaps and invariants are proved by a test that carries their id in its name.

    python3 tests/tidy/test_names.py        fails where an `enforced` id of required_ids.txt has no test
    python3 tests/tidy/test_names.py --all  fails where any id has none
"""
import os
import re
import sys

import tree

TEST = re.compile(r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\s*\(\s*(\w+)\s*,\s*(\w+)")
LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "required_ids.txt")


def key(identifier):
    """BE-07 -> be_07, I3 -> i_03."""
    letters, number = re.fullmatch(r"([A-Z]+)-?(\d+)", identifier).groups()
    return f"{letters.lower()}_{int(number):02d}"


def names_in(paths, read):
    """(name, where) of every test; a scenario script is a test named after its file."""
    out = []
    for path in paths:
        if path.endswith(".call"):
            out.append((os.path.splitext(os.path.basename(path))[0], path))
            continue
        text = read(path)
        out += [(f"{s}.{n}", path) for s, n in TEST.findall(tree.code_only(text))]
    return out


def carriers(identifier, names):
    pattern = re.compile(rf"(?<![a-z0-9]){key(identifier)}(?![0-9])")
    return [name for name, _ in names if pattern.search(name)]


def requirements(text):
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words:
            yield words[0], "enforced" in words[1:]


if __name__ == "__main__":
    every = tree.files("tests", suffixes=(".cpp", ".call"))
    names = names_in(every, tree.read)
    with open(LIST, encoding="utf-8") as f:
        wanted = list(requirements(f.read()))
    findings, notes = [], []
    for identifier, enforced in wanted:
        found = carriers(identifier, names)
        if found:
            notes.append(f"{identifier:7} {len(found):3} tests, e.g. {found[0]}")
        elif enforced or "--all" in sys.argv[1:]:
            findings.append(f"{identifier}: no test carries '{key(identifier)}' in its name")
        else:
            notes.append(f"{identifier:7}   - no test carries '{key(identifier)}' yet")
    proved = sum(1 for i, _ in wanted if carriers(i, names))
    notes.append(f"{proved} of {len(wanted)} ids are proved by {len(names)} tests")
    tree.finish("test names", findings, notes, len(every))
