# shellcheck shell=bash
# Shared by every script; source it, do not run it. Sets $root to the checkout and $run to the ignored folder
# for everything that scripts leave behind (logs, private databases, build reports).
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck disable=SC2034 # for the scripts that source this file
run=$root/.run
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}
# The language of a terminal changes nothing that clang makes, and must not cost a build from nothing. The others are for
# precompiled headers (cmake/precompiled.cmake, which says the same to a ninja that is called without the scripts).
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-locale,pch_defines,time_macros} CCACHE_PCH_EXTSUM=${CCACHE_PCH_EXTSUM:-true}

# --help as the first argument of any script prints the comment at its head.
case ${1:-} in
-h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# step NAME COMMAND...: runs the command, prints its name before and its duration after; keeps its exit code.
step() {
    local name=$1 began=$SECONDS rc=0
    shift
    printf '\n==> %s\n' "$name"
    "$@" || rc=$?
    if [ "$rc" -eq 0 ]; then
        printf '<== %s: ok, %d s\n' "$name" $((SECONDS - began))
    else
        printf '<== %s: FAILED with exit code %d after %d s\n' "$name" "$rc" $((SECONDS - began)) >&2
    fi
    return "$rc"
}

# need PROGRAM...: stops with the fix when one is missing.
need() {
    local p
    for p in "$@"; do
        command -v "$p" >/dev/null 2>&1 || die "$p is not installed; run scripts/setup"
    done
}

# A loopback TCP port that is free now. Whoever binds it later must be ready to ask again.
free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# port_is_free PORT
port_is_free() {
    python3 -c 'import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(("127.0.0.1", int(sys.argv[1])))
except OSError:
    sys.exit(1)' "$1"
}

# wait_until SECONDS COMMAND...: repeats the command until it succeeds; 1 when the time is up.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# running PID: the process exists and is not a zombie.
running() {
    [ -n "${1:-}" ] && [ -r "/proc/$1/stat" ] && [ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1)" != Z ]
}
gone() { ! running "$1"; }

# stop_pid PID [SECONDS]: asks with TERM, insists with KILL; returns when the process is gone.
stop_pid() {
    local pid=${1:-} limit=${2:-12}
    running "$pid" || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    wait_until "$limit" gone "$pid" && return 0
    warn "process $pid did not stop within $limit s; killing it"
    kill -KILL "$pid" 2>/dev/null || return 0
    wait_until 5 gone "$pid" || true
}

# jobs_for_build: one compiler per processor, but no more than memory carries (a heavy file takes 1 GB).
jobs_for_build() {
    local cpus mem_gb
    cpus=$(nproc)
    mem_gb=$(awk '/MemAvailable/ {print int($2 / 1048576 / 1.1)}' /proc/meminfo)
    [ "$mem_gb" -ge 1 ] || mem_gb=1
    if [ "$mem_gb" -lt "$cpus" ]; then echo "$mem_gb"; else echo "$cpus"; fi
}
