# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Every script says what it is for: --help names it, exits 0, starts nothing and writes nothing to standard error."""
import os
import subprocess

import tree

LIMIT = 20  # seconds; a script that does its work instead of answering is stopped


def check(root=tree.ROOT):
    out = []
    folder = os.path.join(root, "scripts")
    names = [n for n in sorted(os.listdir(folder))
             if os.path.isfile(os.path.join(folder, n)) and os.access(os.path.join(folder, n), os.X_OK)]
    if "run" not in names:
        out.append("scripts/: no scripts found")
    for name in names:
        for flag in ("--help", "-h"):
            try:
                r = subprocess.run([os.path.join(folder, name), flag], cwd=root, stdin=subprocess.DEVNULL,
                                   capture_output=True, text=True, timeout=LIMIT, check=False)
            except subprocess.TimeoutExpired:
                out.append(f"scripts/{name} {flag}: does not answer within {LIMIT} s")
                continue
            if r.returncode != 0 or r.stderr:
                out.append(f"scripts/{name} {flag}: exit code {r.returncode}, standard error {r.stderr[:200]!r}")
            if f"scripts/{name}" not in r.stdout:
                out.append(f"scripts/{name} {flag}: does not show how it is called")
    return out


if __name__ == "__main__":
    tree.finish("scripts", check())
