#!/bin/sh
# usage: run.sh WORKDIR lint OPENAPI.json                     lints the document
#        run.sh WORKDIR complete OPENAPI.json TEST_PROGRAM    runs it; all that it records is valid, nothing is missing
#        run.sh WORKDIR exchanges OPENAPI.json FOLDER         what other tests have recorded is valid
#        run.sh WORKDIR fixtures PROJECT TEST_PROGRAM [write] contract/api/fixtures and contract/api/schemas are current
# Exit 77 (skipped) where node or npm is absent.
set -eu
work=$1 verb=$2
here=$(cd "$(dirname "$0")" && pwd)
skip() { echo "SKIPPED: $*"; exit 77; }
command -v node >/dev/null || skip "node is not installed; scripts/setup --contract installs it"
mkdir -p "$work"
cd "$work"
work=$PWD
# Tests that run at the same time share the folder.
exec 9>.lock
flock 9
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$here"/*.mjs .
if ! cmp -s package-lock.json .installed-lock; then
    command -v npm >/dev/null || skip "npm is not installed; scripts/setup --contract installs it"
    npm ci --ignore-scripts --no-progress >npm.log 2>&1 || { cat npm.log; skip "npm ci failed: no registry?"; }
    cp package-lock.json .installed-lock
fi
flock -u 9

record() { # PROGRAM FOLDER
    rm -rf "$2"
    # What is published is checked here, not by the program that it is made from.
    Z360_API_EXCHANGES=$work/$2 "$1" --gtest_filter=-api_fixtures.* >"$2.log" 2>&1 || { tail -50 "$2.log"; exit 1; }
}
case $verb in
lint) exec node lint.mjs "$3" ;;
exchanges) exec node validate_exchanges.mjs "$3" "$4" ;;
complete)
    record "$4" complete
    exec node validate_exchanges.mjs --complete "$3" complete
    ;;
fixtures)
    record "$4" fixtures
    exec node fixtures.mjs "${5:-check}" "$3" fixtures
    ;;
esac
echo "unknown verb $verb" >&2
exit 2
