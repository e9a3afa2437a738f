# shellcheck shell=bash
# A whole system on this machine, for scripts/run and scripts/sandbox: a Postgres and a Redis of its own,
# z360-voipd and z360-sim (of build/release, or of $Z360_BUILD_FOLDER) on free loopback ports. Source it after common.sh, then call in this order:
# stack_begin, stack_services, stack_database, stack_settings, stack_settings_file, stack_prepare, stack_server.
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

# stack_push: push services of the simulator with throw-away keys, as Apple and Google give them out; after
# stack_settings. They prove themselves by a certificate that the server is told to trust.
stack_push() {
    local folder=$stack/push account=push@demo.iam.gserviceaccount.com apns_port sandbox_port fcm_port
    apns_port=$(free_port) sandbox_port=$(free_port) fcm_port=$(free_port)
    push_bundle=com.example.demo
    rm -rf "$folder" && mkdir -p "$folder"
    (
        umask 077
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/apns.p8"
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$folder/google.pem"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=push services' \
            -addext 'subjectAltName=IP:127.0.0.1' -keyout "$folder/tls.key" -out "$folder/tls.pem"
        printf '{"type":"service_account","project_id":"demo","private_key_id":"1","private_key":"%s","client_email":"%s","token_uri":"%s"}\n' \
            "$(awk '{ printf "%s\\n", $0 }' "$folder/google.pem")" "$account" "https://127.0.0.1:$fcm_port/token" \
            >"$folder/firebase.json"
    ) 2>>"$sim_log" || die "no keys for the push services could be made; see $sim_log"
    export Z360_SERVER_SANDBOX=true Z360_PUSH_ANY_TOKEN_HOST=true Z360_PUSH_CA_FILE=$folder/tls.pem
    export Z360_PUSH_APNS_KEY_FILE=$folder/apns.p8 Z360_PUSH_APNS_KEY_ID=DEMOKEY001 Z360_PUSH_APNS_TEAM_ID=DEMOTEAM01
    export Z360_PUSH_APNS_BUNDLE_IDS=$push_bundle
    export Z360_PUSH_APNS_HOST=127.0.0.1 Z360_PUSH_APNS_PORT=$apns_port
    export Z360_PUSH_APNS_SANDBOX_HOST=127.0.0.1 Z360_PUSH_APNS_SANDBOX_PORT=$sandbox_port
    export Z360_PUSH_FCM_SERVICE_ACCOUNT_FILE=$folder/firebase.json
    export Z360_PUSH_FCM_HOST=127.0.0.1 Z360_PUSH_FCM_PORT=$fcm_port
    sim_arguments+=(--push --apns-port "$apns_port" --apns-sandbox-port "$sandbox_port" --fcm-port "$fcm_port"
        --apns-key-file "$folder/apns.p8" --apns-key-id DEMOKEY001 --apns-team-id DEMOTEAM01
        --apns-bundle-id "$push_bundle" --fcm-account-file "$folder/firebase.json" --any-push-token
        --push-certificate-file "$folder/tls.pem" --push-key-file "$folder/tls.key")
}

# stack_settings_file: what is exported so far, as a settings file for commands of another shell: $settings. A
# secret stands in a file beside it.
stack_settings_file() {
    local name value table='' key before=''
    settings=$stack/settings.toml
    rm -f "$settings" "$stack/telnyx-api-key"
    (umask 077 && printf '%s\n' "$Z360_TELNYX_API_KEY" >"$stack/telnyx-api-key")
    (
        umask 077
        printf '# The settings of %s, for commands beside it while it runs; made anew by each run.\n' "scripts/$(basename "$0")"
        while read -r name; do
            case $name in
            Z360_CONFIG | Z360_SIM_* | Z360_BUILD_* | Z360_TEST_* | Z360_SANDBOX_* | *_API_KEY | *_STATE_KEY | *_TOKEN) continue ;;
            Z360_*_*) ;;
            *) continue ;;
            esac
            table=${name#Z360_} && key=${table#*_} && table=${table%%_*}
            [ "$table" = "$before" ] || printf '\n[%s]\n' "${table,,}"
            before=$table
            value=${!name//\\/\\\\}
            printf '%s = "%s"\n' "${key,,}" "${value//\"/\\\"}"
            [ "$name" != Z360_TELNYX_BASE_URL ] || printf 'api_key_file = "%s"\n' "$stack/telnyx-api-key"
        done < <(compgen -e Z360_ | LC_ALL=C sort)
    ) >"$settings"
    # shellcheck disable=SC2034 # for whoever tells people
    ask_command="${voipd#"$PWD/"} --config ${settings#"$PWD/"}"
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
