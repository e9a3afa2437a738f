# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""What the checks share: which files there are, their text without comments and strings, how to report."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CODE = (".cpp", ".hpp")
# Folders with deliberately bad code, or code of others.
SKIP = ("tests/tidy/samples", "tests/contract/node_modules")


def files(*folders, suffixes=CODE, root=ROOT):
    """Paths relative to the root, sorted."""
    found = []
    for folder in folders:
        for where, subfolders, names in os.walk(os.path.join(root, folder)):
            subfolders[:] = [d for d in subfolders if not d.startswith(".") and d not in ("build", "node_modules")]
            rel = os.path.relpath(where, root)
            if rel.startswith(SKIP):
                continue
            found += [os.path.join(rel, n) for n in names if n.endswith(suffixes)]
    return sorted(found)


def read(path, root=ROOT):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'", re.S)


def code_only(text, keep_strings=False):
    """The same text with comments and the insides of literals blanked; lines stay where they are."""
    def blank(hit):
        s = hit.group(0)
        if keep_strings and not s.startswith("/"):
            return s
        inner = "".join(c if c == "\n" else " " for c in s)
        return inner if s.startswith("/") else '"' + inner[1:-1] + '"'
    return _TOKEN.sub(blank, text)


def finish(name, findings, notes=(), count=None):
    """Prints and ends the program: 0 without findings, else 1."""
    for line in notes:
        print(f"note: {line}")
    for line in findings:
        print(line)
    print(f"{name}: {len(findings)} findings" + (f" in {count} files" if count is not None else ""))
    sys.exit(1 if findings else 0)
