# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Checks the documents: every relative link leads somewhere, every src folder has a README, every package in
scripts/packages*.txt is explained in docs/dependencies.md, every named script exists, docs/ is for people, no internal id in public texts."""
import os
import re

import tree

LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
SCRIPT = re.compile(r"(?<![\w/.-])scripts/[a-z][\w/.-]*[a-z]")
WIDTH = 160


def check(root=tree.ROOT):
    out = []
    paths = [p for p in tree.files(".", suffixes=(".md",), root=root)]
    for path in paths:
        path = os.path.normpath(path)
        text = tree.read(path, root)
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:|#", target):
                continue
            full = os.path.normpath(os.path.join(root, os.path.dirname(path), target.split("#")[0]))
            if not os.path.exists(full):
                out.append(f"{path}: the link to '{target}' leads nowhere")
        for script in set(SCRIPT.findall(text)):
            if not os.path.exists(os.path.join(root, script)):
                out.append(f"{path}: names '{script}', which does not exist")
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > WIDTH and "|" not in line and "http" not in line:
                out.append(f"{path}:{number}: {len(line)} characters; {WIDTH} are allowed outside tables")
    return out


def folders_without_readme(root=tree.ROOT):
    out = []
    for where, _, names in os.walk(os.path.join(root, "src")):
        rel = os.path.relpath(where, root)
        if any(n.endswith((".cpp", ".hpp")) for n in names) and "README.md" not in names:
            out.append(f"{rel}: has no README.md (purpose, entry file, invariants, what it must not know)")
    return out


def not_for_people(root=tree.ROOT):
    return [f"{p}: docs/ is for what people read; what programs read is in contract/"
            for p in tree.files("docs", suffixes=("",), root=root) if not p.endswith((".md", ".svg", ".png"))]


# What clients read is about the API, not about our list of requirements.
PUBLIC = ("contract/api/openapi.json", "src/edge/api/page.html")
PUBLIC_FOLDERS = ("contract/api/schemas", "contract/api/fixtures")
INTERNAL_ID = re.compile(r"\b(?:AND|IOS|MOB|WEB|BE|CRED|CFG|SEC|CONN|STATE|SYS|AUTH)-\d{1,2}\b|\([BDIJPWC]\d{1,2}\)")


def internal_ids(root=tree.ROOT):
    paths = [p for p in PUBLIC if os.path.exists(os.path.join(root, p))]
    for folder in PUBLIC_FOLDERS:
        paths += tree.files(folder, suffixes=(".json",), root=root)
    return [f"{path}:{number}: '{hit}' is an internal id; say what it means instead"
            for path in paths for number, line in enumerate(tree.read(path, root).splitlines(), 1)
            for hit in INTERNAL_ID.findall(line)]


def packages(text):
    return [l.split()[0] for l in text.splitlines() if l.strip() and not l.startswith("#")]


def unexplained(root=tree.ROOT):
    text = tree.read("docs/dependencies.md", root)
    return [f"docs/dependencies.md: '{p}' of {path} is not explained"
            for path in ("scripts/packages.txt", "scripts/packages-contract.txt", "scripts/packages-image.txt") for p in packages(tree.read(path, root))
            if not re.search(rf"(?<![\w.+-]){re.escape(p)}(?![\w+-])", text)]


if __name__ == "__main__":
    tree.finish("documents", sorted(check() + folders_without_readme() + not_for_people() + unexplained() + internal_ids()))
