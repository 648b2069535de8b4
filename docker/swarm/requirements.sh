# shellcheck shell=bash
# What is looked at before anything is changed: the swarm, memory, ports, and whether an update is under way. Sourced by
# swarm.sh.

require_swarm_or_none() {
    local others
    case $(swarm_state) in
        "inactive "*) return ;;
        "active true") ;;
        "active false") fail "this engine is a worker of a swarm: give the commands to a manager (DOCKER_HOST=…), or leave the swarm (docker swarm leave)" ;;
        *) fail "the swarm of this engine is in the state \`$(swarm_state)\`: see \`docker info\`; \`docker swarm leave --force\` ends it" ;;
    esac
    others=$(services_of_others)
    [[ -z $others || ${SWARM:-} == share ]] ||
        fail "this engine is a manager of a swarm that runs other services: $others. \`make swarm SWARM=share\` runs beside them, and \`make swarm-down\` leaves them alone"
}

# Memory of the nodes in MiB, which Swarm gives away by reservations.
memory_of_nodes() {
    if is_manager; then
        docker node ls --quiet | xargs docker node inspect \
            --format '{{if and (eq .Spec.Availability "active") (eq .Status.State "ready")}}{{.Description.Resources.MemoryBytes}}{{else}}0{{end}}'
    else
        docker info --format '{{.MemTotal}}'
    fi | awk '{ sum += $1 } END { printf "%d", sum / 1048576 }'
}

require_memory() {
    local each=${TASK_MEMORY%M} most there
    [[ $TASK_MEMORY =~ ^[0-9]+M$ && $each -ge 32 ]] || fail "TASK_MEMORY=$TASK_MEMORY: give MiB, 32 at least, such as 256M"
    most=$((2 * (LOCATION_TASKS + USER_TASKS)))
    there=$(memory_of_nodes)
    ((most * each <= there)) ||
        fail "while both services are updated, and on the way back, there are up to $most tasks, twice as many as otherwise. Each reserves $TASK_MEMORY, all of them $((most * each)) MiB, and the nodes have $there MiB: TASK_MEMORY=$((there * 3 / 4 / most))M leaves a quarter to others"
}

require_ports() {
    local variable
    require_different LOCATION_PORT USER_PORT LOCATION_STATS_PORT USER_STATS_PORT
    for variable in LOCATION_PORT USER_PORT LOCATION_STATS_PORT USER_STATS_PORT; do
        require_port "$variable" com.docker.stack.namespace "$STACK"
    done
}

# A new update would take the place of one that is under way, and nobody could tell what failed.
require_rest() {
    local service state
    for service in location user; do
        state=$(update_state "$service")
        [[ $state != updating && $state != rollback_started ]] ||
            fail "$service is being updated ($state): wait until that has ended (make swarm-status), or end it with \`make swarm-rollback\`"
    done
}

require_stack() {
    if ! is_manager || [[ -z $(image_of_service location) || -z $(image_of_service user) ]]; then
        fail "no stack $STACK runs here: \`make swarm\` first"
    fi
}

# Every node takes images from a registry; without one, each needs to have them already.
tell_other_nodes() {
    local nodes
    nodes=$(docker node ls --quiet | wc -l)
    [[ $nodes -eq 1 || -n ${REGISTRY:-} ]] ||
        echo "note: the swarm has $nodes nodes, and images without a registry: each node needs $LOCATION_IMAGE and $USER_IMAGE (docker load); REGISTRY=… has them pulled"
}
