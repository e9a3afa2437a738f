#!/bin/sh
# usage: guide.sh PROJECT BUILD WORKDIR
# Executes the examples of docs/clients.md against a sandbox of its own. Exit 77 (skipped) where node is absent.
set -eu
command -v node >/dev/null || { echo "SKIPPED: node is not installed; scripts/setup --contract installs it"; exit 77; }
mkdir -p "$3"
Z360_BUILD_FOLDER=$2 exec "$1/scripts/sandbox" --no-build --folder "$3/sandbox" --once \
    node "$1/tests/contract/api/guide.mjs" "$1/docs/clients.md" "$3/guide"
