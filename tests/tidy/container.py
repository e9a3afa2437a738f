# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Checks docker/ without a container engine: every COPY source exists, installed packages are known to
scripts/packages.txt or are run-time halves of them, entry scripts parse, the image runs unprivileged and has a
health check, the compose file builds and mounts what exists, .dockerignore lets through what is copied and nothing that
may hold secrets. scripts/image builds and runs it all."""
import os
import re
import subprocess

import tree

DOCKERFILE, COMPOSE, IGNORE = "docker/Dockerfile", "docker/compose.yaml", ".dockerignore"


def instructions(text):
    """(INSTRUCTION, rest) with continuation lines joined and comments dropped."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.M))
    for line in joined.splitlines():
        hit = re.match(r"\s*([A-Z]+)\s+(.*)", line)
        if hit:
            yield hit.group(1), hit.group(2).strip()


def apt_packages(text):
    for name, rest in instructions(text):
        if name == "RUN":
            for hit in re.finditer(r"apt-get install\s+([^&|;]*)", rest):
                yield from (w for w in hit.group(1).split() if not w.startswith(("-", "$", "\"", "'")))


def check(root=tree.ROOT):
    out = []
    text = tree.read(DOCKERFILE, root)
    steps = list(instructions(text))
    for name, rest in steps:
        if name != "COPY" or "--from=" in rest:
            continue
        words = [w for w in rest.split() if not w.startswith("--")]
        for source in words[:-1]:
            if not os.path.exists(os.path.join(root, source)):
                out.append(f"{DOCKERFILE}: COPY source '{source}' does not exist")
    known = set(tree.read("scripts/packages.txt", root).split())
    runtime = set(" ".join(re.findall(r"^# run-time: (.*)$", text, re.M)).split())
    for package in apt_packages(text):
        if package not in known and package not in runtime:
            out.append(f"{DOCKERFILE}: package '{package}' is neither in scripts/packages.txt nor declared '# run-time:'")
    last = text[text.rindex("\nFROM "):]
    for package in sorted(runtime.symmetric_difference(apt_packages(last))):
        out.append(f"{DOCKERFILE}: package '{package}' is only in one of: the run stage, the '# run-time:' list")
    out += ignored(steps, root)
    users = [rest for name, rest in steps if name == "USER"]
    if not users or users[-1].split(":")[0] in ("root", "0"):
        out.append(f"{DOCKERFILE}: the last USER must not be root")
    for needed in ("HEALTHCHECK", "ENTRYPOINT"):
        if needed not in [name for name, _ in steps]:
            out.append(f"{DOCKERFILE}: {needed} is missing")
    for name, rest in steps:
        if name == "FROM" and (":" not in rest.split()[0] or rest.split()[0].endswith(":latest")) and not any(
                n == "FROM" and r.endswith(f" AS {rest.split()[0]}") for n, r in steps):
            out.append(f"{DOCKERFILE}: the base image '{rest}' needs a fixed version")
    for where, _, names in os.walk(os.path.join(root, "docker")):
        for script in names:
            full = os.path.join(where, script)
            with open(full, "rb") as f:
                first = f.readline()
            if re.match(rb"#!.*\b(?:ba)?sh\b", first):
                run = subprocess.run(["bash", "-n", full], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                if run.returncode != 0:
                    out.append(f"docker/{script}: {run.stdout.strip()}")
                if not os.access(full, os.X_OK):
                    out.append(f"docker/{script}: is not executable")
    compose = tree.read(COMPOSE, root)
    for path in re.findall(r"^\s*-?\s*(?:dockerfile|context):\s*(\S+)|^\s*-\s*(\.\.?/[^:\s]+):", compose, re.M):
        target = path[0] or path[1]
        base = root if target.startswith("docker/") else os.path.join(root, "docker")
        if not os.path.exists(os.path.join(base, target)):
            out.append(f"{COMPOSE}: '{target}' does not exist")
    return out + broken_yaml(compose) + without_simulator(compose)


def ignored(steps, root=tree.ROOT):
    """.dockerignore begins with everything; what is copied must be named in it, and each name must exist."""
    lines = [l.strip() for l in tree.read(IGNORE, root).splitlines() if l.strip() and not l.startswith("#")]
    if not lines or lines[0] != "*":
        return [f"{IGNORE}: its first line must be '*': a key or a log of this folder must not get into an image"]
    let_through = [l[1:] for l in lines if l.startswith("!")]
    out = [f"{IGNORE}: '{path}' does not exist" for path in let_through if not os.path.exists(os.path.join(root, path))]
    for name, rest in steps:
        if name != "COPY" or "--from=" in rest:
            continue
        for source in [w for w in rest.split() if not w.startswith("--")][:-1]:
            if source != "." and not any(source == p or source.startswith(p + "/") for p in let_through):
                out.append(f"{IGNORE}: COPY source '{source}' of {DOCKERFILE} is not let through; add '!{source}'")
    return out


# As the head of the compose file says: for a real account they are left out.
SIMULATED = ("sim", "sim-key", "demo-data")


def depends_on(text):
    """{service: services that it waits for}; the file's own two-space style, so that no YAML library is needed."""
    out, inside, service, waits = {}, False, None, False
    for line in text.splitlines():
        if re.match(r"\S", line) and not line.startswith("#"):
            inside = line.startswith("services:")
        if not inside:
            continue
        if hit := re.match(r"  ([\w-]+):", line):
            service = hit.group(1)
            out[service] = set()
        if re.match(r"    \w", line):
            waits = line.startswith("    depends_on:")
        elif waits and (hit := re.match(r"      ([\w-]+):", line)):
            out[service].add(hit.group(1))
    return out


def without_simulator(text):
    services = depends_on(text)
    out = [f"{COMPOSE}: there is no service '{name}'" for name in ("server", "migrate", *SIMULATED) if name not in services]
    head = "\n".join(l for l in text.split("\nname:")[0].splitlines())
    out += [f"{COMPOSE}: its head does not name '{name}'" for name in SIMULATED if f"`{name}`" not in head]
    out += [f"{COMPOSE}: without {', '.join(SIMULATED)} the service '{name}' waits for '{other}', which is left out"
            for name, others in services.items() if name not in SIMULATED
            for other in sorted(others.intersection(SIMULATED))]
    return out


def broken_yaml(text):
    """Parses it where PyYAML happens to be installed; elsewhere only what spoils most files."""
    if "\t" in text:
        return [f"{COMPOSE}: YAML does not allow tabs"]
    try:
        import yaml
    except ImportError:
        return []
    try:
        services = yaml.safe_load(text)["services"]
    except (yaml.YAMLError, KeyError, TypeError) as e:
        return [f"{COMPOSE}: {e}"]
    out = []
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            if other not in services:
                out.append(f"{COMPOSE}: {name} depends on '{other}', which is no service")
    return out


if __name__ == "__main__":
    tree.finish("container", check())
