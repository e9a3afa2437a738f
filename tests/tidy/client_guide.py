# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Checks docs/clients.md: every code that the sources or the API's document name stands in its table, and no other; every
field of a registration and of its reply is explained."""
import json
import re

import tree

GUIDE, DOCUMENT = "docs/clients.md", "contract/api/openapi.json"
# Where a code is born: each way in which the sources write one down.
BORN = (
    re.compile(r'\b(?:unauthorized|not_found|unavailable_now|forbidden)\(\s*"([a-z]+(?:_[a-z]+)+)"'),
    re.compile(r'\bcode = "([a-z]+(?:_[a-z]+)*)"'),
)
SERVER = (
    re.compile(r'constexpr refusal \w+\{\d+, "([a-z_]+)"'),
    re.compile(r'response::problem\(\s*\d+, "([a-z_]+)"'),
)
LISTED = re.compile(r"Codes: ((?:`[a-z_]+`(?:, )?)+)")


def codes_of_sources(root=tree.ROOT):
    found = {}
    for path in tree.files("src/edge/api", "src/http_server", root=root):
        text = tree.code_only(tree.read(path, root), keep_strings=True)
        for pattern in BORN if path.startswith("src/edge/api") else SERVER:
            for hit in pattern.finditer(text):
                found.setdefault(hit.group(1), path)
    return found


def codes_of_document(root=tree.ROOT):
    text = tree.read(DOCUMENT, root)
    return {code for hit in LISTED.finditer(text) for code in re.findall(r"`([a-z_]+)`", hit.group(1))}


def rows(text, heading):
    """The cells of each table row below a heading, without the heads of tables."""
    part = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = part.splitlines()
    heads = {i - 1 for i, line in enumerate(lines) if line.startswith("|--")}
    return [line.split("|")[1:-1] for i, line in enumerate(lines) if line.startswith("|") and i not in heads]


def check(root=tree.ROOT):
    out = []
    text = tree.read(GUIDE, root)
    table = {code for cells in rows(text, "What to do about each code") for code in re.findall(r"`([a-z_]+)`", cells[1])}
    born, listed = codes_of_sources(root), codes_of_document(root)
    for code, path in sorted(born.items()):
        if code not in table:
            out.append(f"{GUIDE}: says not what to do about '{code}' ({path})")
        if code not in listed:
            out.append(f"{DOCUMENT}: names '{code}' ({path}) in no list of codes")
    for code in sorted(listed - table):
        out.append(f"{GUIDE}: says not what to do about '{code}' ({DOCUMENT})")
    for code in sorted(table - set(born) - listed):
        out.append(f"{GUIDE}: '{code}' is a code that nobody sends")
    schemas = json.loads(tree.read(DOCUMENT, root))["components"]["schemas"]
    explained = {name for cells in rows(text, "Registration") for name in re.findall(r"`(\w+)`", cells[0])}
    for schema in ("RegistrationRequest", "Registration"):
        for field in schemas[schema]["properties"]:
            if field not in explained:
                out.append(f"{GUIDE}: explains not the field '{field}' of {schema}")
    if len(born) < 40:
        out.append(f"only {len(born)} codes were found in the sources: the patterns are out of date")
    return out


if __name__ == "__main__":
    tree.finish("client guide", check())
