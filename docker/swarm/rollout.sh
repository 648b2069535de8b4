# shellcheck shell=bash
# An update, watched and proven: what Swarm does, and what the services say of themselves. Sourced by swarm.sh.

# An update takes a minute; a way back, after a version that never becomes ready, two.
patience=300

# The tasks that a service has, as `2 location:v1 running` for each image and state. Those that Swarm wants no more are
# `stopping` while they drain; those that have ended are left out.
tasks_of() {
    docker service ps --format '{{.Image}} {{.CurrentState}} {{.DesiredState}}' "${STACK}_$1" |
        awk '{ state = tolower($2) } state == "running" && $NF != "Running" { state = "stopping" }
             state !~ /complete|shutdown|failed|rejected|orphaned|remove/ { n[$1 " " state]++ }
             END { for (kind in n) print n[kind], kind }' | sort -k 2 | paste -sd , - | sed 's/,/, /g'
}

# Waits until a service runs on nothing but `image` and says on the way what changes. 1 where Swarm went back, 2 where it
# did not and `image` still is not there.
watch() {
    local service=$1 image=$2 wanted=$3 deadline=$((SECONDS + patience)) now last='' state colour=36 more
    [[ $service == location ]] || colour=35
    while
        now=$(tasks_of "$service") state=$(update_state "$service")
        more=
        [[ $now != "$wanted $image running" || $state != updating ]] || more=', which Swarm watches for a while'
        # Whose tasks they are is said already.
        [[ $now == "$last" ]] || printf '%3d s  %s %s\n' "$SECONDS" \
            "$(paint 1 "$colour" "$(printf %-9s "$service:")")" "${now//"${image%:*}:"/}$more"
        last=$now
        [[ $now != "$wanted $image running" || $state == updating || $state == rollback_started ]]
    do
        # Over, and something else is to run: Swarm went back, even where it calls that completed, as it does now and then.
        [[ $state == updating || $state == rollback_started || $(image_of_service "$service") == "$image" ]] || return 1
        # With nothing to go back to, it would try for ever.
        [[ -n $state || $(failures_of "$service" "$image") -lt $((2 * wanted)) ]] || return 2
        if ((SECONDS >= deadline)); then
            echo "$service: not there within $patience s; Swarm says: $state" >&2
            return 2
        fi
        sleep 1
    done
}

failures_of() {
    docker service ps --format '{{.Image}} {{.CurrentState}}' "${STACK}_$1" | grep -cE "^$2 (Failed|Rejected)" || true
}

# Why tasks of an image failed, and what the last of them said.
tell_failure() {
    local service=$1 image=$2 failed
    docker service ps --no-trunc --format '{{.Image}}|{{.CurrentState}}|{{.Error}}' "${STACK}_$service" |
        awk -F '|' -v image="$image" -v service="$service" '$1 == image && $3 != "" { print service ": " $3 }' |
        sort | uniq -c | sort -rn | head -n 3 >&2
    failed=$(docker service ps --no-trunc --format '{{.Image}} {{.ID}}' "${STACK}_$service" |
        awk -v image="$image" '$1 == image { print $2; exit }')
    [[ -z $failed ]] || docker service logs --raw --tail 5 "$failed" 2>&1 | sed "s/^/$service: /" >&2
}

# Watches both services on their way to LOCATION_IMAGE and USER_IMAGE.
watch_both() {
    local user_watch location user location_ended=0 user_ended=0 failed=''
    location=$(plain "$LOCATION_IMAGE") user=$(plain "$USER_IMAGE")
    watch user "$user" "$USER_TASKS" &
    user_watch=$!
    watch location "$location" "$LOCATION_TASKS" || location_ended=$?
    wait "$user_watch" || user_ended=$?
    [[ $location_ended -eq 0 ]] || { failed=location && tell_failure location "$location"; }
    [[ $user_ended -eq 0 ]] || { failed="${failed:+$failed and }user" && tell_failure user "$user"; }
    case $location_ended$user_ended in
        00) ;;
        *2*) fail "$failed: not rolled out, and Swarm does not go back; \`make swarm-rollback\` does, if something else ran before, and \`make swarm-down\` removes what is there" ;;
        *) fail "$failed: Swarm went back to what ran before, which serves; migrations stay, as they suit both versions" ;;
    esac
}

# What the service says of itself through its balancer: `RELEASE CONTAINER`. In a shell of its own, so that a failure
# leaves nothing open.
ask() (
    exec 2>/dev/null 3<>"/dev/tcp/$ADDRESS/$1"
    printf 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
    timeout 5 cat <&3 | grep -o '"release":"[^"]*","container":"[^"]*"' |
        sed 's/"release":"\(.*\)","container":"\(.*\)"/\1 \2/'
)

# An update is over when every task has answered through the balancer, and none of another version.
prove() {
    local service=$1 port=$2 image=$3 wanted=$4 deadline=$((SECONDS + 60)) answers
    step "$service: asking every task through the balancer"
    until
        answers=$(for ((asked = 0; asked < 5 * wanted; asked++)); do ask "$port" || true; done | sort -u)
        [[ $(wc -l <<<"$answers") -eq $wanted && $(cut -d ' ' -f 1 <<<"$answers" | sort -u) == "${image##*:}" ]]
    do
        ((SECONDS < deadline)) || fail "$service: $wanted tasks of ${image##*:} should answer on port $port, and these do: ${answers//$'\n'/, }"
    done
    ended "$service: $wanted tasks answer through the balancer, all of ${image##*:}"
}

prove_both() {
    prove location "$LOCATION_PORT" "$LOCATION_IMAGE" "$LOCATION_TASKS"
    prove user "$USER_PORT" "$USER_IMAGE" "$USER_TASKS"
}
