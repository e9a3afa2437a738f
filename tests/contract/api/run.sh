#!/bin/sh
# usage: run.sh WORKDIR OPENAPI.json [TEST_PROGRAM]
# Lints the document; with a program also runs it and validates every exchange that it records. Exit 77 (skipped)
# where node or npm is absent.
set -eu
work=$1 spec=$2 program=${3:-}
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
if [ -z "$program" ]; then
    exec node lint.mjs "$spec"
fi
rm -rf exchanges
Z360_API_EXCHANGES=$work/exchanges "$program" >program.log 2>&1 || { tail -50 program.log; exit 1; }
exec node validate_exchanges.mjs --complete "$spec" exchanges/*.jsonl
