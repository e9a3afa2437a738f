# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Checks each source by itself: licence line, length, banned words, comments on public declarations."""
import re

import tree

SPDX = "// SPDX-License-Identifier: LicenseRef-z360-proprietary"
MAX_LINES, WARN_LINES = 700, 400

# (pattern over code without comments and literals, where it applies, what to do instead)
BANNED = [
    (r"\bdetached\b", lambda p: True, "spawn through rt::task_group (C6): detached coroutines lose their exceptions"),
    (r"\bawaitable_operators\b", lambda p: True, "use rt::with_timeout (C7): the operators swallow errors"),
    (r"\busing\s+namespace\s+std\s*;", lambda p: True, "name what you use"),
    (r"(?<![\w.>:])(?:std::|::)?system\s*\(", lambda p: not p.startswith("tests/"), "no shell: start the program directly, or better, do without"),
    (r"(?<![\w.>])(?:std::|::)?getenv\s*\(", lambda p: not p.startswith(("src/app/", "src/sim/", "tests/")),
     "settings come from z360::config, which src/app reads once"),
    (r"\bstd::(?:cout|cerr|clog)\b|(?<![\w.>:])(?:std::)?(?:printf|puts)\s*\(",
     lambda p: not p.startswith(("src/app/", "src/sim/", "tests/")), "log through z360/log.hpp"),
    (r"\bstd::(?:cout|cerr|clog)\b", lambda p: p.startswith("src/app/ops") and p != "src/app/ops_support.cpp",
     "print() and complain() of app/ops_support.hpp: what comes from outside must not make a terminal act"),
    (r"\bsleep_(?:for|until)\s*\(|(?<![\w.>:])(?:::)?u?sleep\s*\(",
     lambda p: p.startswith("tests/") and not p.startswith(("tests/bench/", "tests/unit/rt/")),
     "wait for the condition, not for time"),
    (r"\bstd::this_thread::sleep_", lambda p: not p.startswith("tests/bench/"), "the loop must not block"),
    (r"\bstd::(?:rand|srand)\b|(?<![\w.>:])s?rand\s*\(", lambda p: True, "use a seeded engine, or libsodium for secrets"),
    (r"\b(?:strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca)\s*\(", lambda p: True, "unbounded or stateful C function"),
    (r"\bstd::(?:mutex|recursive_mutex|shared_mutex)\b",
     lambda p: p.startswith(("src/", "include/")) and not p.startswith(("src/log/", "src/adapter/metrics/", "src/adapter/postgres/")),
     "one loop, no locks; blocking work goes through rt::blocking_pool"),
    (r"\bthrow\b|\bstd::chrono::(?:system|steady)_clock\b", lambda p: p.startswith(("src/call/", "include/z360/call/")),
     "the core is pure: no exceptions of its own and no clock"),
    (r"\bsteady_(?:clock|timer)\b", lambda p: p.startswith(("src/engine/", "src/adapter/telnyx/")),
     "rt::clock and rt::timer: the simulation runs this code in its own time"),
]
BANNED = [(re.compile(p), where, why) for p, where, why in BANNED]
NAMESPACE_CHECK = re.compile(r"^\s*namespace\s+([\w:]+)\s*\{", re.M)
ALLOW = "tidy: allow"  # at the end of a line, followed by the reason


def may_sleep(lines, at):
    """A test may await a pause between two looks at a condition, or play a peer that is slow or never answers; not
    a fixed time after which it hopes that something has happened."""
    if "rt::sleep_for" not in lines[at]:
        return False
    polls = any(re.search(r"\b(?:for|while)\s*\(", l) for l in lines[max(0, at - 3):at + 1])
    literal = re.search(r"sleep_for\(\s*(?:[\w:]*\{)?\d+\s*(?:ms|s|us)?\s*\}?\s*\)", lines[at])
    forever = re.search(r"sleep_for\(\s*(?:\d+h|std::chrono::hours)", lines[at])
    return bool(polls or forever or not literal)


def banned(path, text):
    out = []
    lines = text.splitlines()
    code = tree.code_only(text)
    for pattern, applies, why in BANNED:
        if not applies(path):
            continue
        for hit in pattern.finditer(code):
            line = code.count("\n", 0, hit.start()) + 1
            if line <= len(lines) and ALLOW in lines[line - 1]:
                continue
            if hit.group(0).startswith("sleep_for") and may_sleep(code.splitlines(), line - 1):
                continue
            out.append(f"{path}:{line}: '{hit.group(0).strip()}' is banned here: {why}")
    return out


DECLARATION = re.compile(
    r"^(?:template\s*<.*>\s*)?(?:(?P<kind>class|struct|enum class)\s+(?P<type>\w+)(?!\s*;)[^;]*\{?"
    r"|(?:\[\[nodiscard\]\]\s*)?(?:inline\s+|constexpr\s+|explicit\s+)*[\w:<>,&*\s]+?\b(?P<function>\w+)\s*\()")


def undocumented(path, text):
    """Public types and free functions at namespace level need a comment above, beside, or (for a run of
    overloads or a group of declarations) above the group. A type may also say it inside, at its first line."""
    if not path.startswith("include/"):
        return []
    out, depth, lines = [], 0, text.splitlines()
    code = tree.code_only(text).splitlines()
    statement_open = False
    covered = False  # a comment stands above this run of non-empty lines
    inner = False    # inside a namespace `detail`
    for number, raw in enumerate(lines):
        line = code[number] if number < len(code) else ""
        stripped = line.strip()
        if raw.strip().startswith("//"):
            covered = True
        elif not raw.strip():
            covered = False
        opens_namespace = re.match(r"\s*namespace\b[^{;]*\{", line)
        if opens_namespace and "detail" in line:
            inner = True
        if raw.startswith("}") and "detail" in raw:
            inner = False
        at_namespace_level = depth == 0 and not statement_open and not inner
        if at_namespace_level and stripped and not stripped.startswith(("#", "}", "namespace", "using", "friend")):
            hit = DECLARATION.match(stripped)
            if hit and not (hit.group("function") and line.startswith(" ")):
                name = hit.group("type") or hit.group("function")
                # `struct std::hash<...>` and deduction guides speak for themselves
                # and `name(x)` is the same everywhere: the enumerator's own spelling.
                special = "std::hash" in stripped or "->" in stripped or name == "name"
                beside = "//" in raw
                inside = any("//" in l for l in lines[number + 1:number + 3]) if hit.group("type") else False
                if not (covered or beside or inside or special):
                    out.append(f"{path}:{number + 1}: '{name}' has no comment; say what it promises")
        if opens_namespace:
            line = line.replace("{", "", 1)
        closers = line.count("}")
        depth += line.count("{") - closers
        if depth < 0:  # the end of a namespace
            depth = 0
        if stripped and not stripped.startswith("#") and not opens_namespace:
            statement_open = depth == 0 and not stripped.endswith((";", "}", ">", ":")) if depth == 0 else False
    return out


def namespaces(path, text):
    """Namespaces are named after folders; the rooms of an adapter share its own. Tests, programs and z360.hpp-level headers
    are free."""
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2 and parts[1] not in ("app", "base", "log", "boost_impl", "http_server"):
        wanted = "z360::" + "::".join(parts[1:-1][:2])
        names = [n for n in NAMESPACE_CHECK.findall(tree.code_only(text)) if n.startswith("z360")]
        if names and not any(n == wanted or n.startswith(wanted + "::") for n in names):
            return [f"{path}: namespace should be {wanted} (found {', '.join(sorted(set(names)))})"]
    return []


def check_file(path, text):
    out, notes = [], []
    if not text.startswith(SPDX):
        out.append(f"{path}:1: the first line must be: {SPDX}")
    length = text.count("\n")
    if length > MAX_LINES:
        out.append(f"{path}: {length} lines, {MAX_LINES} are allowed; split it")
    elif length > WARN_LINES:
        notes.append(f"{path}: {length} lines; more than {WARN_LINES} is worth splitting")
    if path.endswith(".hpp") and "#pragma once" not in text:
        out.append(f"{path}: #pragma once is missing")
    if text and not text.endswith("\n"):
        out.append(f"{path}: the last line has no end")
    if re.search(r"[ \t]+$", text, re.M):
        out.append(f"{path}: spaces at the end of a line")
    return out + banned(path, text) + undocumented(path, text), notes + namespaces(path, text)


if __name__ == "__main__":
    every = tree.files("include", "src", "tests")
    findings, notes = [], []
    for p in every:
        f, n = check_file(p, tree.read(p))
        findings += f
        notes += n
    tree.finish("sources", findings, notes, len(every))
