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

# Distinguishes the checkouts of one engine: each has a topology, data and passwords of its own.
checkout_id() {
    local sum
    read -r sum _ < <(pwd -P | cksum)
    printf '%08x\n' "$sum"
}

# Files that containers mount are read by the containers' own users, which a umask such as 077 would prevent.
make_readable() {
    find docker/balancer docker/prometheus ! -perm -o=r -exec chmod a+rX {} +
}

# Requests that work whatever data there are; `curl` goes through no proxy.
examples() {
    local location=http://$1:$LOCATION_PORT user=http://$1:$USER_PORT curl=curl token=${SECRETS#"$PWD"/}/api-token
    [[ -z ${http_proxy:-}${all_proxy:-}${ALL_PROXY:-} ]] || curl="curl --noproxy '*'"
    cat <<TEXT
  $curl '$location/locations/nearest?lat=59.91&lon=10.75&limit=5'
  $curl '$user/users?limit=3'
  $curl '$user/users?limit=3' -H "authorization: Bearer \$(cat $(printf %q "$token"))"
TEXT
}

# Fails when two of the variables name the same port.
require_different() {
    local variable other
    for variable; do
        shift
        for other; do
            [[ ${!variable} != "${!other}" ]] ||
                fail "$variable and $other are both ${!variable}: choose another port for one of them"
        done
    done
}

# Fails when the port that the variable $1 names is taken by something else than a container whose label $2 is $3.
require_port() {
    local variable=$1 label=$2 ours=$3 port=${!1} holder
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -le 65535 ]] || fail "$variable=$port is no port: give a number from 1 to 65535"
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
                fail "there is no image $(image_of "$service"): \`make build TAG=$TAG${REGISTRY:+ REGISTRY=$REGISTRY}\` makes it of this checkout; \`docker images ${REGISTRY:+$REGISTRY/}$service\` lists those that are there"
        done
    fi
    LOCATION_IMAGE=$(image_of location) USER_IMAGE=$(image_of user)
}

choose_other_images() {
    MYSQL_IMAGE=${given_mysql:-$(docker/image.sh mysql)} HAPROXY_IMAGE=${given_haproxy:-$(docker/image.sh haproxy)}
}
