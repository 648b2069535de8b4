# shellcheck shell=bash
# What there has to be before the topology starts, under Compose (topology.sh) or Swarm (swarm.sh): free ports, images,
# secrets. Sourced after engine.sh.

# Where the balancers listen: this machine, unless the engine is another one's.
export ADDRESS=${ADDRESS:-127.0.0.1}
export SECRETS=${SECRETS:-$PWD/target/topology}
export LOCATION_PORT=${LOCATION_PORT:-8081} LOCATION_STATS_PORT=${LOCATION_STATS_PORT:-8404}
export USER_PORT=${USER_PORT:-9091} USER_STATS_PORT=${USER_STATS_PORT:-8405}
# MYSQL_IMAGE and HAPROXY_IMAGE may name other images than docker/image.sh finds.
given_mysql=${MYSQL_IMAGE:-} given_haproxy=${HAPROXY_IMAGE:-}
export LOCATION_IMAGE USER_IMAGE MYSQL_IMAGE HAPROXY_IMAGE

# Secrets that are not there yet. Their folder is closed; the files have to be readable for the tasks' own user.
make_secrets() {
    local name
    mkdir -p "$SECRETS"
    chmod 0700 "$SECRETS"
    for name in mysql-root-password location-db-password user-db-password api-token; do
        [[ -s $SECRETS/$name ]] || od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$SECRETS/$name"
        chmod 0644 "$SECRETS/$name"
    done
}

# Fails when the port that the variable $1 names is taken by something else than a container whose label $2 is $3.
require_port() {
    local variable=$1 label=$2 ours=$3 port=${!1} holder
    [[ $port =~ ^[0-9]+$ && $port -ge 1 && $port -le 65535 ]] || fail "$variable=$port is no port"
    holder=$(docker ps --filter "publish=$port" --format "{{.Names}} ({{.Label \"$label\"}})" | head -n 1)
    [[ $holder != *"($ours)" ]] || return 0
    holder=${holder% ()}
    if [[ -n $holder ]] || (exec 3<>"/dev/tcp/$ADDRESS/$port") 2>/dev/null; then
        fail "port $port is taken${holder:+ by the container $holder}: stop what listens there (\`make run\` does), or choose another with $variable=…"
    fi
}

# The services' images: those of TAG, or of this checkout.
choose_images() {
    local given=${TAG:-} service
    . docker/names.sh
    if [[ -z $given ]]; then
        docker/build.sh
    else
        for service in "${services[@]}"; do
            docker image inspect "$(image_of "$service")" >/dev/null 2>&1 || docker pull --quiet "$(image_of "$service")" ||
                fail "there is no image $(image_of "$service"): build it (\`make build\`), or name one that is there: docker images $service"
        done
    fi
    LOCATION_IMAGE=$(image_of location) USER_IMAGE=$(image_of user)
}

choose_other_images() {
    MYSQL_IMAGE=${given_mysql:-$(docker/image.sh mysql)} HAPROXY_IMAGE=${given_haproxy:-$(docker/image.sh haproxy)}
}
