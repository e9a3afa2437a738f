#!/bin/sh
# usage: run.sh CLIENT.mjs Z360-SIM WORKDIR
# Clients that nobody here wrote push to the simulated services. Exit 77 (skipped) where node or npm is absent.
set -eu
client=$1 simulator=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
skip() { echo "SKIPPED: $*"; exit 77; }
command -v node >/dev/null || skip "node is not installed"
mkdir -p "$work"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here"/*.mjs "$work/"
cd "$work"
if ! cmp -s package-lock.json .installed-lock; then
    command -v npm >/dev/null || skip "npm is not installed"
    npm ci --ignore-scripts --no-progress >npm.log 2>&1 || { cat npm.log; skip "npm ci failed: no registry?"; }
    cp package-lock.json .installed-lock
fi
exec node "$client" "$simulator"
