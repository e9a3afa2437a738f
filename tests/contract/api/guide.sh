#!/bin/sh
# usage: guide.sh PROJECT BUILD WORKDIR
# Executes the examples of docs/clients.md against a sandbox of its own. Exit 77 (skipped) where node is absent.
set -eu
command -v node >/dev/null || { echo "SKIPPED: node is not installed; scripts/setup --contract installs it"; exit 77; }
mkdir -p "$3/sandbox"
echo 'of a run before, for everybody' >"$3/sandbox/admin.json"
chmod 644 "$3/sandbox/admin.json"
# Commands of another shell know the sandbox by its settings file alone, and a token stands alone on standard output.
# shellcheck disable=SC2016 # for the inner shell
Z360_BUILD_FOLDER=$2 "$1/scripts/sandbox" --no-build --folder "$3/sandbox" --once sh -euc '
    node "$1/tests/contract/api/guide.mjs" "$1/docs/clients.md" "$3/guide"
    ask() { program=$1 && shift && "$program" --config "$Z360_SANDBOX_SETTINGS" "$@"; }
    ask "$2/z360-voipd" --list-devices --user ada@example.com | grep -q " phone-1 "
    token=$(ask "$2/z360-voipd" --create-token service --name "of another shell" 2>"$3/words")
    printf "%s\n" "$token" | grep -qxE "z360s_sandbox_[A-Za-z0-9_-]{43}"
    grep -q "it is not shown again" "$3/words"' guide "$1" "$2" "$3"
# Tokens and codes are for whoever runs the sandbox alone.
open=$(grep -lErs 'z360[ase]_sandbox_[A-Za-z0-9_-]{43}' "$3/sandbox" --exclude-dir=postgres --exclude-dir=redis |
    xargs -r stat -c '%a %n' | grep -v '^600 ' || true)
[ -z "$open" ] || { printf 'files with tokens that others may read:\n%s\n' "$open"; exit 1; }
