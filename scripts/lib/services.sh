# shellcheck shell=bash
# Private Postgres and Redis for one script; source after common.sh. Stopped when the script ends, however it
# shellcheck disable=SC2154 # root and run come from common.sh
# ends.

# with_services NAME: starts both under .run/NAME and exports what tests read.
with_services() {
    services=$run/$1
    mkdir -p "$services"
    trap stop_services EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    "$root/scripts/lib/private-postgres" start "$services/postgres" >/dev/null
    "$root/scripts/lib/private-redis" start "$services/redis" >/dev/null
    Z360_TEST_DATABASE_URL=$("$root/scripts/lib/private-postgres" url "$services/postgres")
    Z360_TEST_REDIS_URL=$("$root/scripts/lib/private-redis" url "$services/redis")
    export Z360_TEST_DATABASE_URL Z360_TEST_REDIS_URL
    # Tests that stop and start the servers themselves do it with scripts/lib/private-*.
    export Z360_TEST_PG_DIR=$services/postgres Z360_TEST_REDIS_DIR=$services/redis
    # Two more servers of Postgres live below it, made and started by the tests that need them.
    export Z360_TEST_CLUSTER_DIR=$services/cluster
}

stop_services() {
    [ -n "${services:-}" ] || return 0
    local d
    for d in "$services/cluster/first" "$services/cluster/second"; do
        [ ! -d "$d" ] || "$root/scripts/lib/private-postgres" stop "$d" kill || true # nothing in them is kept
    done
    "$root/scripts/lib/private-redis" stop "$services/redis" || true
    "$root/scripts/lib/private-postgres" stop "$services/postgres" || true
}
