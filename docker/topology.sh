#!/usr/bin/env bash
# `make up`, `make down`, `make logs`, `make scale`: the whole topology on one machine (compose.yaml).
#
#   topology.sh up                  of the images of TAG; without TAG, of those of this checkout, which are built first
#   topology.sh down                DATA=remove removes the database's data as well
#   topology.sh logs [SERVICE…]     follows them
#   topology.sh scale SERVICE=N…    starts or stops tasks
#   topology.sh forget              removes it and its data, if it is there
#
# LOCATION_PORT, USER_PORT                where the balancers listen (8081, 9091)
# LOCATION_STATS_PORT, USER_STATS_PORT    where their statistics are (8404, 8405)
# METRICS                                 `yes` has `up` run Prometheus as well, with a dashboard
# PROMETHEUS_PORT                         where that is (9090)
# OTEL_EXPORTER_OTLP_ENDPOINT             where the services send their traces, if anywhere
# TOPOLOGY, TOPOLOGY_FILES                its name (one for each checkout), and Compose files, separated by colons
# SECRETS                                 the folder of the secrets that are made up
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/.."
# A shell may have Compose's own variables for another project.
unset "${!COMPOSE_@}"
# shellcheck source-path=SCRIPTDIR
. docker/engine.sh
. docker/preparation.sh

export COMPOSE_FILE=${TOPOLOGY_FILES:-docker/compose.yaml} COMPOSE_PATH_SEPARATOR=:
export COMPOSE_PROJECT_NAME=${TOPOLOGY:-ecs-playground-$(checkout_id)}
# Whatever the command, a Prometheus that runs is part of it; only `up` asks whether there is to be one.
export COMPOSE_PROFILES=metrics PROMETHEUS_PORT=${PROMETHEUS_PORT:-9090} PROMETHEUS_IMAGE
# May name another image than docker/image.sh finds, as those of preparation.sh may.
given_prometheus=${PROMETHEUS_IMAGE:-}
ours=(--filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")

compose() {
    # A `.env` of this folder is for the services, not for Compose.
    plugin compose --env-file /dev/null "$@"
}

# The images that run: new tasks are to be like the old ones. (Compose wants a name for every image, even to stop.)
keep_images() {
    LOCATION_IMAGE=$(image_in_use location) USER_IMAGE=$(image_in_use user)
    MYSQL_IMAGE=$(image_in_use mysql) HAPROXY_IMAGE=$(image_in_use location-balancer)
    PROMETHEUS_IMAGE=$(image_in_use prometheus)
}

image_in_use() {
    local images
    images=$(docker ps --all "${ours[@]}" --filter "label=com.docker.compose.service=$1" --format '{{.Image}}')
    echo "${images%%$'\n'*}" | grep . || echo none
}

# Waits until every container with a health check is healthy.
wait_until_healthy() {
    local deadline=$((SECONDS + 120)) waiting left last=''
    step "waiting until everything is healthy"
    while waiting=$(docker ps "${ours[@]}" --format '{{.Names}} {{.Status}}' | grep -v '(healthy)'); do
        left=$(wc -l <<<"$waiting")
        [[ $left == "$last" ]] || printf '%3d s  %d to go\n' "$SECONDS" "$left"
        last=$left
        ((SECONDS < deadline)) || fail "not healthy within two minutes; \`make logs\` says more:"$'\n'"$waiting"
        sleep 0.2
    done
    ended "everything is healthy"
}

# What the containers said that failed, or fail again and again, as Compose only says that they did.
tell_failures() {
    local name
    for name in $(docker ps --all "${ours[@]}" --filter status=exited --filter status=restarting --format '{{.Names}}'); do
        [[ $(docker inspect --format '{{.State.ExitCode}}' "$name") != 0 ]] || continue
        docker logs --tail 5 "$name" 2>&1 | sed "s/^/$name: /" >&2
        [[ $name != *-database-* ]] ||
            echo "If access was denied: the passwords were in $SECRETS, and that folder was removed while the data
in the volume ${COMPOSE_PROJECT_NAME}_mysql stayed. \`make down DATA=remove\` removes the data of this checkout." >&2
    done
    fail "the topology is not up; \`make logs\` says more, \`make down\` removes what is there"
}

# A line that says where the dashboard is, if Prometheus runs.
dashboard() {
    local published
    published=$(docker ps "${ours[@]}" --filter "label=com.docker.compose.service=prometheus" --format '{{.Ports}}')
    [[ -z $published ]] || printf '\n%s' "metrics   http://${published%%->*}/user/"
}

report() {
    # The ports that matter are in the addresses below.
    docker ps "${ours[@]}" --format 'table {{.Names}}\t{{.Image}}\t{{.Status}}' |
        (read -r title && echo "$title" && sort -V)
    cat <<TEXT

location  http://127.0.0.1:$LOCATION_PORT/   statistics of its balancer: http://127.0.0.1:$LOCATION_STATS_PORT/
user      http://127.0.0.1:$USER_PORT/   statistics of its balancer: http://127.0.0.1:$USER_STATS_PORT/$(dashboard)

$(examples 127.0.0.1)

make logs follows what they say, make scale LOCATION=6 changes how many there are,
make down ends it.
TEXT
}

up() {
    local variable
    local ports=(LOCATION_PORT USER_PORT LOCATION_STATS_PORT USER_STATS_PORT)
    case ${METRICS:=} in
        yes) ports+=(PROMETHEUS_PORT) ;;
        "" | no) export COMPOSE_PROFILES= ;;
        *) fail "METRICS=$METRICS is none of yes, no" ;;
    esac
    require_different "${ports[@]}"
    for variable in "${ports[@]}"; do
        require_port "$variable" "com.docker.compose.project" "$COMPOSE_PROJECT_NAME"
    done
    make_readable
    choose_images
    choose_other_images
    [[ $METRICS != yes ]] || PROMETHEUS_IMAGE=${given_prometheus:-$(docker/image.sh prometheus)}
    make_secrets
    step "starting MySQL, migrations, sample data, tasks and balancers"
    compose up --detach --remove-orphans --quiet-pull || tell_failures
    ended "started"
    wait_until_healthy
    echo "$(paint 1 32 Up) after $SECONDS s"
    echo
    report
}

down() {
    local volumes=()
    case ${DATA:=keep} in
        keep) ;;
        remove) volumes=(--volumes) ;;
        *) fail "DATA=$DATA is none of keep, remove" ;;
    esac
    step "stopping the tasks, which takes as long as they drain"
    compose down --remove-orphans ${volumes[@]+"${volumes[@]}"}
    ended "removed"
    [[ $DATA == remove ]] || echo "The data stay, for the next \`make up\`; \`make down DATA=remove\` removes them."
}

scale() {
    local change service count
    [[ $# -gt 0 ]] || fail "say how many: make scale LOCATION=6, or make scale USER=2"
    for change; do
        service=${change%=*} count=${change#*=}
        [[ $count =~ ^[0-9]+$ && $count -ge 1 && $count -le 16 ]] ||
            fail "$service=$count: the balancer has room for 1 to 16 tasks"
        [[ -n $(docker ps --quiet "${ours[@]}" --filter "label=com.docker.compose.service=$service") ]] ||
            fail "no task of $service runs: \`make up\` first"
    done
    for change; do
        service=${change%=*}
        compose up --detach --no-deps --no-recreate --scale "$change" "$service"
    done
    wait_until_healthy
    report
}

# What `make clean` asks for: the passwords go with the target folder, so the data must go too.
forget() {
    docker version >/dev/null 2>&1 || return 0
    [[ -n $(docker ps --all --quiet "${ours[@]}")$(docker volume ls --quiet "${ours[@]}") ]] || return 0
    keep_images
    DATA=remove down
}

[[ ${1:-} != forget ]] || { forget && exit; }
require_engine
keep_images
case ${1:-} in
    up) up ;;
    down) down ;;
    logs) shift && compose logs --follow --tail 100 "$@" ;;
    scale) shift && scale "$@" ;;
    *) sed -n '2,/^set/{/^#/p;}' "$0" >&2 && exit 2 ;;
esac
