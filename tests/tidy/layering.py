# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Checks every #include under include/ and src/ against layering.txt."""
import fnmatch
import os
import re

import tree

RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layering.txt")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


class Rules:
    def __init__(self, text):
        self.modules, self.groups, self.limits = {}, [], {}
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            parts = [p.strip() for p in line.split(":")]
            if parts[0].startswith("group "):
                self.groups.append((parts[0].split()[1], parts[1].split()))
            elif parts[0].startswith("limit "):
                self.limits[parts[0].split()[1]] = int(parts[1])
            else:
                self.modules[parts[0]] = (set(parts[1].split()), set(parts[2].split()))

    def group_of(self, header):
        for name, patterns in self.groups:
            if any(fnmatch.fnmatchcase(header, p) for p in patterns):
                return name
        # What is left and has neither a folder nor .h is the standard library (<vector>, <cstdint>).
        return "std" if "/" not in header and not header.endswith((".h", ".hpp")) else None

    def allowed_groups(self, module):
        groups = self.modules[module][1]
        return groups | ({"awaitable"} if "asio" in groups else set())


def module_of(path):
    """include/z360/call/state.hpp -> call, src/adapter/redis/x.cpp -> adapter/redis, src/adapter/redis/room/x.cpp ->
    adapter/redis/room, None: none of ours."""
    parts = path.split("/")
    if parts[:2] == ["include", "z360"]:
        parts = parts[2:]
    elif parts[0] == "src":
        parts = parts[1:]
    else:
        return None
    if len(parts) == 1:
        return os.path.splitext(parts[0])[0]
    return "/".join(parts[:-1][:3]) if parts[0] == "adapter" and len(parts) > 2 else parts[0]


def check(paths, read, rules):
    findings, limited = [], {group: set() for group in rules.limits}
    known = set(paths)
    for path in paths:
        module = module_of(path)
        if module not in rules.modules:
            findings.append(f"{path}: module '{module}' is not in layering.txt; decide what it may include")
            continue
        may, _ = rules.modules[module]
        text = tree.code_only(read(path), keep_strings=True)
        for hit in INCLUDE.finditer(text):
            line = text.count("\n", 0, hit.start(2)) + 1
            quoted, header = hit.group(1) == '"', hit.group(2)
            at = f"{path}:{line}"
            if header.startswith("z360/"):
                target = "include/" + header
            elif quoted:
                beside = os.path.normpath(os.path.join(os.path.dirname(path), header))
                target = beside if beside in known else "src/" + header
            else:
                target = None
            if target is not None:
                if target not in known:
                    findings.append(f"{at}: '{header}' is neither in include/ nor relative to src/ nor beside the file")
                    continue
                theirs = module_of(target)
                if theirs != module and theirs not in may and "*" not in may:
                    findings.append(f"{at}: {module} may not include {theirs} ('{header}'); see layering.txt")
                if path.startswith("include/") and target.startswith("src/"):
                    findings.append(f"{at}: a contract under include/ may not include a private header ('{header}')")
                continue
            group = rules.group_of(header)
            if group in rules.limits:
                limited[group].add(path)
                if path.endswith(".hpp"):
                    findings.append(f"{at}: {group} headers may be included by .cpp files only")
            if group is None:
                findings.append(f"{at}: <{header}> belongs to no group in layering.txt")
            elif group not in rules.allowed_groups(module):
                findings.append(f"{at}: {module} may not include {group} headers (<{header}>)")
            elif path.startswith("include/") and group not in ("std", "asio", "awaitable"):
                findings.append(f"{at}: no {group} header in a contract under include/ (<{header}>)")
    for group, limit in rules.limits.items():
        sources = sorted(p for p in limited[group] if p.endswith(".cpp"))
        if len(sources) > limit:
            findings.append(f"{group} headers are in {len(sources)} .cpp files, {limit} are allowed: {', '.join(sources)}")
    return findings


if __name__ == "__main__":
    with open(RULES, encoding="utf-8") as f:
        parsed = Rules(f.read())
    every = tree.files("include/z360", "src")
    tree.finish("layering", check(every, tree.read, parsed), count=len(every))
