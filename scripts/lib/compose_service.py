# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""What docker/compose.yaml says of a service, one item a line, so that what is tried is what people start.

    compose_service.py FILE SERVICE environment|command|volumes|stop_grace_period

It reads that file's own style (two spaces a level, lists in brackets or one entry a line, settings by anchor): no YAML
library is needed."""
import re
import shlex
import sys


def blocks(lines, indent):
    """[(head, lines below it)] of the lines that begin at this indent."""
    out = []
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if re.match(rf" {{{indent}}}\S", line) and not re.match(rf" {{{indent}}}- ", line):
            out.append((line.strip(), []))
        elif out:
            out[-1][1].append(line)
    return out


def find(lines, indent, name):
    """(what stands behind `name:`, the lines below), or None."""
    for head, below in blocks(lines, indent):
        if head == f"{name}:" or head.startswith(f"{name}: "):
            return head[len(name) + 1:].strip(), below
    return None


def plain(text):
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def listed(text, below):
    if text.startswith("[") and text.endswith("]"):
        # A comma inside quotes belongs to the entry.
        words = shlex.shlex(text[1:-1], posix=True)
        words.whitespace, words.whitespace_split, words.commenters = ",", True, ""
        return [w.strip() for w in words]
    return [plain(line.strip()[2:]) for line in below if line.strip().startswith("- ")]


def pairs(below):
    return [f"{name}={plain(value)}" for name, value in (line.strip().split(":", 1) for line in below)]


def anchored(lines, name):
    for head, below in blocks(lines, 0):
        if head.endswith(f": &{name}"):
            return below
    raise SystemExit(f"error: the compose file has no &{name}")


def of_service(text, service, what):
    lines = text.splitlines()
    services = find(lines, 0, "services")
    found = services and find(services[1], 2, service)
    if not found:
        raise SystemExit(f"error: the compose file has no service {service}")
    value = find(found[1], 4, what)
    if value is None:
        return []
    text, below = value
    if what == "environment":
        return pairs(blocks_text(anchored(lines, text[1:]) if text.startswith("*") else below))
    return listed(text, below) if what in ("command", "volumes") else [plain(text)]


def blocks_text(lines):
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        for item in of_service(f.read(), sys.argv[2], sys.argv[3]):
            print(item)
