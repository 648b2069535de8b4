#!/usr/bin/env bash
# `make swarm` and its kin: the topology as a stack of Docker's Swarm mode (swarm/stack.yaml), with rolling updates.
#
#   swarm.sh up          of the images of TAG; without TAG, of those of this checkout, which are built first
#   swarm.sh update      rolls another TAG out, migrations first
#   swarm.sh rollback    takes both services back to what ran before, or the one that SERVICE names
#   swarm.sh status      what runs where
#   swarm.sh down        removes the stack, whatever state it is in; DATA=remove removes the database's data as well
#
# LOCATION_PORT, USER_PORT                where the balancers listen (8081, 9091), on all addresses of the manager
# LOCATION_STATS_PORT, USER_STATS_PORT    where their statistics are (8404, 8405)
# OTEL_EXPORTER_OTLP_ENDPOINT             where the services send their traces, if anywhere
# TASK_MEMORY    what a task gets and reserves (1024M)
# STACK          its name (one for each checkout)
# STACK_FILE     stack files, separated by colons (docker/swarm/stack.yaml)
# SECRETS        the folder of the secrets that are made up
# SWARM          `share` allows a swarm that runs services of others
# MYSQL_IMAGE, HAPROXY_IMAGE  other images than docker/image.sh finds
# ADDRESS        where the manager is, if DOCKER_HOST is another machine's engine (127.0.0.1)
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR
. docker/engine.sh
. docker/preparation.sh
. docker/swarm/requirements.sh
. docker/swarm/rollout.sh

export STACK=${STACK:-ecs-playground-swarm-$(checkout_id)} TASK_MEMORY=${TASK_MEMORY:-1024M} HAPROXY_CONFIG LOCATION_TASKS USER_TASKS
HAPROXY_CONFIG=$(git hash-object docker/balancer/haproxy.cfg | cut -c 1-12)
stack_files=${STACK_FILE:-docker/swarm/stack.yaml}
# A node that carries it was made a swarm by `up`, and is none again after `down`.
mark=ecs-playground.swarm
# So many tasks a service starts with; later on it has as many as it had.
tasks=4

swarm_state() {
    docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}'
}

is_manager() {
    [[ $(swarm_state) == "active true" ]]
}

# One field of a service of ours, empty where there is none. A manager that is busy is asked again.
field() {
    local said tries=5
    until said=$(docker service inspect --format "$2" "${STACK}_$1" 2>&1); do
        [[ $said != *"no such service"* && $said != *"not a swarm manager"* ]] || return 0
        ((--tries > 0)) || fail "Swarm does not say how ${STACK}_$1 is: $said"
        sleep 1
    done
    echo "$said"
}

image_of_service() {
    plain "$(field "$1" '{{.Spec.TaskTemplate.ContainerSpec.Image}}')"
}

# An image as `docker service ps` has it: without the digest, and without what goes without saying.
plain() {
    local image=${1%%@*}
    image=${image#docker.io/}
    echo "${image#library/}"
}

replicas() {
    field "$1" '{{.Spec.Mode.Replicated.Replicas}}'
}

# What Swarm says of the last update: updating, completed, rollback_completed and others; empty where there was none.
update_state() {
    field "$1" '{{with .UpdateStatus}}{{.State}}{{end}}'
}

services_of_others() {
    docker service ls --format '{{.Name}}' | grep -v "^${STACK}_" | paste -sd ' ' - || true
}

enter_swarm() {
    [[ $(swarm_state) == "inactive "* ]] || return 0
    # A swarm of one is nobody else's business.
    docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377 >/dev/null
    docker node update --label-add "$mark=made" "$(docker info --format '{{.Swarm.NodeID}}')" >/dev/null
    echo "made this engine a swarm of one node"
}

# Images of a registry are pinned to their digests; others are taken by their names.
registry_options() {
    if [[ -n ${REGISTRY:-} ]]; then echo --with-registry-auth; else echo --resolve-image=never; fi
}

deploy() {
    local files=() said
    IFS=: read -ra files <<<"$stack_files"
    said=$(docker stack deploy "$(registry_options)" "${files[@]/#/--compose-file=}" "$STACK" 2>&1) || {
        echo "$said" >&2
        [[ $said != *"only updates to Labels"* ]] ||
            fail "the stack has secrets of another checkout, or the folder $SECRETS was removed: \`make swarm-down DATA=remove\` removes stack and data"
        fail "the stack cannot be deployed; \`make swarm-down\` removes what is there"
    }
}

# Runs the one-off task of that name, of the image that the service of its name is to have, and waits for its end.
run_once() {
    local service=$1 work=$2 image=$3 name=${STACK}_$1-$2 options=() before task state deadline=$((SECONDS + patience))
    step "$service: $work"
    before=$(docker service ps --quiet --no-trunc "$name" | head -n 1)
    [[ -z ${REGISTRY:-} ]] || options+=(--with-registry-auth)
    docker service update --quiet --detach --no-resolve-image ${options[@]+"${options[@]}"} --force --image "$image" \
        --replicas 1 "$name" >/dev/null
    while
        task=$(docker service ps --quiet --no-trunc "$name" | head -n 1)
        state=
        [[ -z $task || $task == "$before" ]] || state=$(docker inspect --type task --format '{{.Status.State}}' "$task")
        [[ $state != complete ]]
    do
        case $state in
            failed | rejected)
                docker service logs --raw --tail 5 "$task" 2>&1 | sed "s/^/$service $work: /" >&2
                docker inspect --type task --format "$service $work: {{.Status.Err}}" "$task" >&2
                fail "$service: $work failed; nothing was rolled out"
                ;;
        esac
        ((SECONDS < deadline)) || fail "$service: $work did not end within $patience s (docker service ps $name)"
        sleep 0.3
    done
    ended "$service: $work"
}

wait_for_mysql() {
    local deadline=$((SECONDS + 120))
    until [[ $(tasks_of mysql) == *" running"* ]]; do
        ((SECONDS < deadline)) || fail "MySQL is not ready within two minutes (docker service ps --no-trunc ${STACK}_mysql)"
        sleep 0.5
    done
    ended "MySQL is ready"
}

# The newest version whose images are here, or a name for one.
version_here() {
    docker images --format '{{.Tag}}' "${REGISTRY:+$REGISTRY/}location" | grep -vx '<none>' | head -n 1 | grep . || echo second
}

require_tag() {
    local version
    version=$(version_here)
    [[ -n ${TAG:-} ]] ||
        fail "TAG is not set: \`make swarm-update TAG=$version\`, for example; \`docker images location\` lists versions, and \`make build TAG=$version\` makes that one of this checkout"
}

keep_counts() {
    LOCATION_TASKS=$(replicas location) USER_TASKS=$(replicas user)
    [[ ${LOCATION_TASKS:-0} -gt 0 ]] || LOCATION_TASKS=$tasks
    [[ ${USER_TASKS:-0} -gt 0 ]] || USER_TASKS=$tasks
}

# The port under which a balancer's port is published; `eq` gives that of its statistics, `ne` the other one.
published() {
    field "$1-balancer" "{{range .Spec.EndpointSpec.Ports}}{{if $2 .TargetPort 8404}}{{.PublishedPort}}{{end}}{{end}}"
}

# Ports, memory and images of what runs, where a command leaves them as they are.
keep_settings() {
    LOCATION_PORT=$(published location ne) LOCATION_STATS_PORT=$(published location eq)
    USER_PORT=$(published user ne) USER_STATS_PORT=$(published user eq)
    TASK_MEMORY=$(($(field location '{{.Spec.TaskTemplate.Resources.Limits.MemoryBytes}}') / 1048576))M
    MYSQL_IMAGE=$(image_of_service mysql) HAPROXY_IMAGE=$(image_of_service location-balancer)
}

report() {
    echo
    status
    cat <<TEXT

location  http://$ADDRESS:$LOCATION_PORT/   statistics of its balancer: http://$ADDRESS:$LOCATION_STATS_PORT/
user      http://$ADDRESS:$USER_PORT/   statistics of its balancer: http://$ADDRESS:$USER_STATS_PORT/

$(examples "$ADDRESS")

\`make build TAG=second\` builds another version, here called second, \`make swarm-update TAG=second\` rolls
it out, \`make swarm-rollback\` goes back, \`make swarm-down\` ends it.
TEXT
}

up() {
    local location user
    if is_manager && [[ $(replicas location) -gt 0 && $(replicas user) -gt 0 ]]; then
        echo "the stack $STACK runs already: updating it"
        update
        return
    fi
    require_swarm_or_none
    keep_counts
    location=$LOCATION_TASKS user=$USER_TASKS
    require_memory
    require_ports
    choose_images
    choose_other_images
    make_secrets
    enter_swarm
    tell_other_nodes
    step "starting MySQL and the balancers"
    LOCATION_TASKS=0 USER_TASKS=0 deploy
    wait_for_mysql
    for work in database migrate seed; do
        run_once location "$work" "$LOCATION_IMAGE"
        run_once user "$work" "$USER_IMAGE"
    done
    LOCATION_TASKS=$location USER_TASKS=$user
    step "starting the services"
    deploy
    watch_both
    prove_both
    echo "$(paint 1 32 Up) after $SECONDS s"
    report
}

update() {
    require_stack
    require_rest
    keep_counts
    keep_settings
    require_memory
    choose_images
    if [[ $(image_of_service location) == "$(plain "$LOCATION_IMAGE")" && $(image_of_service user) == "$(plain "$USER_IMAGE")" ]]; then
        echo "this version runs already: $LOCATION_IMAGE, $USER_IMAGE"
        return
    fi
    tell_other_nodes
    run_once location migrate "$LOCATION_IMAGE"
    run_once user migrate "$USER_IMAGE"
    step "rolling $LOCATION_IMAGE and $USER_IMAGE out, two tasks of each at a time"
    deploy
    watch_both
    prove_both
    echo "$(paint 1 32 Updated) after $SECONDS s. make swarm-status says what runs, make swarm-rollback takes it back."
}

rollback() {
    local wanted=() service now before
    require_stack
    keep_counts
    keep_settings
    case ${SERVICE:=both} in
        both) wanted=(location user) ;;
        location | user) wanted=("$SERVICE") ;;
        *) fail "SERVICE=$SERVICE is none of location, user" ;;
    esac
    LOCATION_IMAGE=$(image_of_service location) USER_IMAGE=$(image_of_service user)
    for service in "${wanted[@]}"; do
        now=$(image_of_service "$service")
        before=$(plain "$(field "$service" '{{with .PreviousSpec}}{{.TaskTemplate.ContainerSpec.Image}}{{end}}')")
        [[ -n $before && $before != "$now" ]] || fail "$service: there is nothing to go back to; it runs $now, and Swarm remembers no other version before it. \`docker images $service\` lists versions, and \`make swarm-update TAG=$(version_here)\` rolls one out"
        if [[ $service == location ]]; then LOCATION_IMAGE=$before; else USER_IMAGE=$before; fi
    done
    step "going back to what ran before: ${wanted[*]}"
    for service in "${wanted[@]}"; do
        docker service rollback --quiet --detach "${STACK}_$service" >/dev/null
    done
    watch_both
    prove_both
    echo "$(paint 1 32 'Rolled back') after $SECONDS s. make swarm-status says what runs."
}

status() {
    docker service ls --filter "label=com.docker.stack.namespace=$STACK" --format '{{.Name}}' | sort |
        xargs docker service ps --filter desired-state=running \
            --format 'table {{.Name}}\t{{.Image}}\t{{.Node}}\t{{.CurrentState}}\t{{.Error}}' 2>/dev/null
}

down() {
    local ours=(--filter "label=com.docker.stack.namespace=$STACK") node deadline=$((SECONDS + 120)) left
    [[ ${DATA:=keep} == keep || $DATA == remove ]] || fail "DATA=$DATA is none of keep, remove"
    if is_manager; then
        step "removing the stack $STACK, which takes as long as its tasks drain"
        docker stack rm "$STACK"
        # Tasks drain for as long as they do at an update.
        while left=$(docker ps --all --quiet "${ours[@]}")$(docker network ls --quiet "${ours[@]}") && [[ -n $left ]]; do
            ((SECONDS < deadline)) || fail "still there after two minutes: ${left//$'\n'/ }"
            sleep 0.5
        done
        ended "removed"
        node=$(docker info --format '{{.Swarm.NodeID}}')
        if [[ $(docker node inspect --format "{{index .Spec.Labels \"$mark\"}}" "$node") == made ]]; then
            if [[ -n $(docker service ls --quiet) || $(docker node ls --quiet | wc -l) -gt 1 ]]; then
                echo "the swarm stays, as other services or nodes are in it; \`docker swarm leave --force\` ends it"
            else
                docker swarm leave --force >/dev/null
                echo "this engine is no swarm any more"
            fi
        fi
    fi
    if [[ $DATA == remove ]]; then
        docker volume ls --quiet "${ours[@]}" | xargs -r docker volume rm
    else
        echo "The data stay, for the next \`make swarm\`; \`make swarm-down DATA=remove\` removes them."
    fi
}

require_engine
case ${1:-} in
    up) up ;;
    update) require_tag && update ;;
    rollback) rollback ;;
    status) require_stack && status ;;
    down) down ;;
    *) sed -n '2,/^set/{/^#/p;}' "$0" >&2 && exit 2 ;;
esac
