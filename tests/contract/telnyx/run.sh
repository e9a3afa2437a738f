#!/bin/sh
# usage: run.sh OPENAPI.json EMITTER WORKDIR
# Validates every request the emitter prints. Exit 77 (skipped) where the document, node or npm is absent.
set -eu
spec=$1 emitter=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
skip() { echo "SKIPPED: $*"; exit 77; }
[ -f "$spec" ] || skip "no OpenAPI document at $spec (set Z360_CONTRACT_DATA)"
command -v node >/dev/null || skip "node is not installed"
mkdir -p "$work"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here/validate.mjs" "$work/"
cd "$work"
if ! cmp -s package-lock.json .installed-lock; then
    command -v npm >/dev/null || skip "npm is not installed"
    npm ci --ignore-scripts --no-progress >npm.log 2>&1 || { cat npm.log; skip "npm ci failed: no registry?"; }
    cp package-lock.json .installed-lock
fi
"$emitter" >requests.jsonl
node validate.mjs "$spec" requests.jsonl
