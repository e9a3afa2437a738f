# shellcheck shell=bash
# A whole system on this machine, for scripts/run and scripts/sandbox: a Postgres and a Redis of its own,
# z360-voipd and z360-sim (of build/release, or of $Z360_BUILD_FOLDER) on free loopback ports. Source it after common.sh, then call in this order:
# stack_begin, stack_services, stack_database, stack_settings, stack_prepare, stack_server.
# shellcheck disable=SC2154 # root and run come from common.sh

# stack_begin NAME: where everything lives ($stack, $logs); however the script ends, what was started is stopped.
stack_begin() {
    stack_name=$1
    stack=${stack:-$run/$1}
    logs=$run/logs
    local built=${Z360_BUILD_FOLDER:-$root/build/release}
    voipd=$built/z360-voipd sim=$built/z360-sim
    voipd_log=$logs/z360-voipd.log sim_log=$logs/z360-sim.log
    [ "$stack_name" = demo ] || voipd_log=$logs/$stack_name-voipd.log sim_log=$logs/$stack_name-sim.log
    voipd_pid='' sim_pid='' stack_failed=yes
    mkdir -p "$stack" "$logs"
    trap stack_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    rm -f "$voipd_log" "$sim_log"
    : >"$stack/began"
}

stack_end() {
    local rc=$?
    trap - EXIT INT TERM
    stop_pid "$sim_pid" 5
    stop_pid "$voipd_pid" 12
    "$root/scripts/lib/private-redis" stop "$stack/redis" || true
    "$root/scripts/lib/private-postgres" stop "$stack/postgres" || true
    if [ "$stack_failed" = yes ] && [ "$rc" -ne 0 ] && [ "$rc" -ne 130 ] && [ "$rc" -ne 143 ]; then
        printf '\n%s failed (exit code %d).\n' "$(basename "$0")" "$rc" >&2
        stack_logs >&2
    fi
    exit "$rc"
}

# stack_logs: what there is to read of this run; a build that failed left nothing.
stack_logs() {
    local log there=()
    if [ -s "$voipd_log" ]; then
        echo 'The last lines of the server:'
        tail -n 15 "$voipd_log"
    fi
    for log in "$voipd_log" "$sim_log" "$stack/postgres/postgres.log"; do
        [ ! -s "$log" ] || [ "$log" -ot "$stack/began" ] || there+=("$log")
    done
    [ "${#there[@]}" -eq 0 ] || echo "Logs: ${there[*]}"
}

stack_services() {
    "$root/scripts/lib/private-postgres" start "$stack/postgres" &&
        "$root/scripts/lib/private-redis" start "$stack/redis"
}

# stack_database: an empty one, so that each run begins alike.
stack_database() {
    local admin_url
    admin_url=$("$root/scripts/lib/private-postgres" url "$stack/postgres")
    Z360_DATABASE_URL=${admin_url%/postgres}/z360_$stack_name
    Z360_REDIS_URL=$("$root/scripts/lib/private-redis" url "$stack/redis")
    export Z360_DATABASE_URL Z360_REDIS_URL
    PGOPTIONS='-c client_min_messages=warning' psql "$admin_url" -q -v ON_ERROR_STOP=1 \
        -c "DROP DATABASE IF EXISTS z360_$stack_name WITH (FORCE)" -c "CREATE DATABASE z360_$stack_name" &&
        redis-cli -u "$Z360_REDIS_URL" flushall >/dev/null
}

# stack_plant SECRET...: what must not turn up in a log; scripts/secret-scan --planted looks for it.
stack_plant() { (umask 077 && printf '%s\n' "$@" >>"$stack/planted-secrets"); }

# stack_settings ENVIRONMENT [PORT]: everything the two programs need, exported; $api and $carrier are their URLs.
stack_settings() {
    http_port=${2:-$(free_port)}
    sim_port=$(free_port)
    connection=2650000000000000001
    credential_connection=2650000000000000002
    api=http://127.0.0.1:$http_port
    carrier=http://127.0.0.1:$sim_port
    local api_key
    api_key=demo-$(openssl rand -hex 16)
    rm -f "$stack/planted-secrets"
    stack_plant "$api_key"
    # No settings of an installation that this machine happens to have (/etc/z360-voip/z360.toml).
    export Z360_CONFIG=/dev/null
    export Z360_HTTP_ADDRESS=127.0.0.1 Z360_HTTP_PORT=$http_port
    # Nothing leaves this machine; the API of a real server is HTTPS only.
    export Z360_HTTP_ALLOW_PLAIN_API=true Z360_SERVER_ENVIRONMENT=$1
    export Z360_SERVER_DRAIN_DELAY_MS=0 # no balancer has to notice that it stops
    export Z360_TELNYX_BASE_URL=$carrier/v2
    export Z360_TELNYX_API_KEY=$api_key Z360_SIM_API_KEY=$api_key
    export Z360_TELNYX_CONNECTION_ID=$connection
    export Z360_TELNYX_CREDENTIAL_CONNECTION_ID=$credential_connection
    export Z360_SPOOL_DIRECTORY=$stack/spool
    export Z360_SECRETS_KEY_FILE=$stack/keys
    mkdir -p "$Z360_SPOOL_DIRECTORY"
    Z360_TELNYX_PUBLIC_KEYS=$("$sim" --key-file "$stack/sim.key" --print-public-key)
    export Z360_TELNYX_PUBLIC_KEYS
    # shellcheck disable=SC2034 # for whoever starts the simulator
    sim_arguments=(--listen "127.0.0.1:$sim_port" --key-file "$stack/sim.key" --connection-id "$connection"
        --credential-connection-id "$credential_connection" --only-known-credentials
        --webhook-url "$api/webhooks/cpaas/telnyx/call-control"
        --failover-url "$api/webhooks/cpaas/telnyx/call-control/failover"
        --credential-webhook-url "$api/webhooks/cpaas/telnyx/credential"
        --credential-failover-url "$api/webhooks/cpaas/telnyx/credential/failover")
}

# stack_prepare: key file, schema, a look at the settings.
stack_prepare() {
    rm -f "$Z360_SECRETS_KEY_FILE"
    "$voipd" --generate-key "$Z360_SECRETS_KEY_FILE" &&
        "$voipd" --migrate &&
        { "$voipd" --check-config >"$logs/check-config.log" 2>&1 || { cat "$logs/check-config.log" >&2 && return 2; }; }
}

# stack_server: starts z360-voipd and waits until it takes traffic.
stack_server() {
    "$voipd" >>"$voipd_log" 2>&1 </dev/null &
    voipd_pid=$!
    wait_until 20 stack_ready || die "z360-voipd did not become ready in 20 s"
}
stack_ready() { running "$voipd_pid" && curl -fsS --max-time 1 "$api/readyz"; }

# carrier_ready: the simulator answers. Who starts it sets sim_pid.
carrier_ready() { running "$sim_pid" && curl -fsS --max-time 1 "$carrier/sim/public-key"; }
