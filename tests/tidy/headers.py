# SPDX-License-Identifier: LicenseRef-z360-proprietary
"""Compiles each header under include/ alone: it must include what it needs."""
import argparse
import concurrent.futures
import os
import subprocess

import tree

# Those of the build (cmake/compiler.cmake) that change what Asio's headers contain.
FLAGS = ["-std=c++20", "-fsyntax-only", "-x", "c++", "-Wall", "-Wextra", "-Werror", "-Wno-pragma-once-outside-header",
         "-Wno-unused-function", "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_BEAST_SEPARATE_COMPILATION",
         "-DBOOST_ASIO_NO_DEPRECATED", "-DBOOST_ASIO_DISABLE_CONCEPTS"]


def compile_alone(compiler, path, root=tree.ROOT):
    """None, or the first lines of what the compiler said."""
    run = subprocess.run([compiler, *FLAGS, "-I" + os.path.join(root, "include"), os.path.join(root, path)],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return None if run.returncode == 0 else "\n".join(run.stdout.splitlines()[:4])


def check(compiler, paths, root=tree.ROOT):
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(lambda p: compile_alone(compiler, p, root), paths))
    return [f"{p}: does not compile alone:\n{r}" for p, r in zip(paths, results) if r]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--compiler", default="clang++-19")
    options = arguments.parse_args()
    every = tree.files("include", suffixes=(".hpp",))
    tree.finish("headers", check(options.compiler, every), count=len(every))
