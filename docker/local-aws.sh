#!/usr/bin/env bash
# A local AWS to rehearse on: MiniStack, which answers the stock aws CLI and runs ECS tasks, RDS databases and what is
# pushed to ECR as containers of this machine's Docker engine.
#
#   local-aws.sh up      starts it, or starts it again with all that was on it
#   local-aws.sh env     prints the settings with which a shell's `aws` talks to it; `up` writes them to
#                        target/local-aws/env
#   local-aws.sh down    removes it with everything that it started: tasks, databases and their data, images
#
# LOCAL_AWS_PORT  where it listens on 127.0.0.1 (4566)
#
# Docker publishes the ports of its databases and tasks on all addresses of this machine, as MiniStack knows no other
# way: a rehearsal is not for networks that you do not trust.
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR
. docker/engine.sh

name=ecs-playground-aws
# Not us-east-1, where version 1 of the aws CLI asks RDS at its real address, whatever AWS_ENDPOINT_URL says.
region=eu-west-1
# Not MiniStack's own default, so that what belongs to another MiniStack on this engine is told apart.
account=123456789012
settings=target/local-aws/env
# The label with the checkout that it belongs to.
mark=ecs-playground.checkout
# MiniStack marks containers with the host and port that it serves on.
started_by_it=(--filter "label=ministack.instance=$name:80")
# It names the volumes of databases after account and region, and leaves them when a database is deleted.
volumes_prefix=ministack-rds-$(printf %s "$account:$region" | sha1sum | cut -c 1-12)-

# absent, running, or another state that Docker knows. (Of a container that is absent docker prints an empty line.)
state() {
    docker container inspect --format '{{.State.Status}}' "$name" 2>/dev/null | grep . || echo absent
}

# Where the container is published, or is to be: what it was made with stands until `down`.
port() {
    docker container inspect --format '{{(index (index .HostConfig.PortBindings "80/tcp") 0).HostPort}}' "$name" \
        2>/dev/null | grep . || echo "${LOCAL_AWS_PORT:-4566}"
}

# There is one on an engine, as its accounts and volumes have fixed names. Nobody takes or removes that of another checkout.
require_own() {
    local owner folder
    owner=$(docker container inspect --format "{{index .Config.Labels \"$mark\"}}" "$name" 2>/dev/null || true)
    printf -v folder %q "$owner"
    [[ -z $owner || $owner == "$PWD" || ! -d $owner ]] ||
        fail "the local AWS of this engine belongs to the checkout $owner: use it there, or remove it and all that \
runs on it: cd $folder && make local-aws-down"
}

require_port() {
    local port=$1 holder
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -le 65535 ]] ||
        fail "LOCAL_AWS_PORT=$port is no port: give a number from 1 to 65535"
    holder=$(docker ps --filter "publish=$port" --format '{{.Names}}' | head -n 1)
    if [[ -n $holder ]] || (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        fail "port $port is taken${holder:+ by the container $holder}: stop what listens there, or \
choose another with LOCAL_AWS_PORT=…"
    fi
}

# The engine's own socket, which MiniStack is given. It has to be an engine of this machine, as that is where the
# services are asked.
socket() {
    local host
    host=$(docker context inspect --format '{{.Endpoints.docker.Host}}')
    case $host in
        # Docker Desktop's engine is in a virtual machine, and there its socket is at the usual place.
        unix://*/.docker/*) echo /var/run/docker.sock ;;
        unix://*) echo "${host#unix://}" ;;
        *) fail "the Docker engine is at $host, and a local AWS needs one of this machine: unset DOCKER_HOST, or \
choose another with \`docker context use\`" ;;
    esac
}

create() {
    local socket image mysql
    socket=$(socket)
    image=$(docker/image.sh ministack)
    mysql=$(docker/image.sh mysql)
    # MiniStack would run mysql:8.4, whatever that is today. With a prefix it runs what the topology runs.
    docker tag "$mysql" ecs-playground/mysql:8.4
    docker network inspect "$name" >/dev/null 2>&1 || docker network create "$name" >/dev/null
    # By a host name of its own it finds itself and its network, so tasks and databases join that. The aliases are the
    # names under which it serves load balancers, so that tasks reach them.
    docker create --label "$mark=$PWD" --name "$name" --hostname "$name" --network "$name" \
        --network-alias app01-location.alb.localhost --network-alias app01-user.alb.localhost \
        --publish "127.0.0.1:$1:80" --env GATEWAY_PORT=80 \
        --env "MINISTACK_ACCOUNT_ID=$account" --env "MINISTACK_REGION=$region" \
        --env MINISTACK_IMAGE_PREFIX=ecs-playground --env RDS_PERSIST=1 \
        --env PERSIST_STATE=1 --env STATE_DIR=/state --volume "$name:/state" --env IOT_MTLS_ENABLED=0 \
        --volume "$socket:/var/run/docker.sock" "$image" >/dev/null
}

# Asks through the published port, with nothing but bash; in a shell of its own, so that a failure leaves nothing open.
is_ready() (
    exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'GET /_ministack/ready HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
    read -r -t 5 answer <&3
    [[ $answer == *" 200 "* ]]
)

wait_until_ready() {
    local deadline=$((SECONDS + 60))
    until is_ready "$1"; do
        if [[ $(state) != running || $SECONDS -ge $deadline ]]; then
            docker logs --tail 20 "$name" >&2
            fail "the local AWS is $(state) and does not answer; these are its last lines (docker logs $name)"
        fi
        sleep 0.2
    done
}

# Nothing of a real account can get in: neither a profile, nor a login, nor an endpoint of a single service.
print_settings() {
    cat <<SETTINGS
# The aws CLI on the local AWS: . $settings
unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
unset AWS_ENDPOINT_URL \$(env | sed -n 's/^\(AWS_ENDPOINT_URL_[A-Z0-9_]*\)=.*/\1/p')
export AWS_ENDPOINT_URL=http://127.0.0.1:$(port)
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=$region AWS_DEFAULT_REGION=$region
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_PAGER=
export PATH=$(printf %q "$PWD/target/tools/bin"):\$PATH
SETTINGS
}

up() {
    local before port
    before=$(state) port=$(port)
    [[ $port == "${LOCAL_AWS_PORT:-$port}" ]] ||
        fail "the local AWS is on port $port: leave LOCAL_AWS_PORT out, or remove it first (make local-aws-down)"
    [[ $before == running ]] || require_port "$port"
    [[ $before != absent ]] || create "$port"
    scripts/tools.sh aws
    [[ $before == running ]] || docker start "$name" >/dev/null
    wait_until_ready "$port"
    mkdir -p "$(dirname "$settings")"
    print_settings >"$settings"
    if [[ $before == running ]]; then echo "the local AWS runs already"; else echo "the local AWS runs"; fi
    cat <<NEXT

  . $settings      # the aws CLI of this shell talks to it
  aws sts get-caller-identity
  docker logs --follow $name
  make local-aws-down         # removes it, and everything on it
NEXT
}

# The container goes first: it would replace the tasks that go.
down() {
    local port found volumes
    port=$(port)
    volumes=$(docker ps --all --quiet "${started_by_it[@]}" |
        xargs -r docker inspect --format '{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}')
    docker rm --force "$name" >/dev/null 2>&1 || true
    docker ps --all --quiet "${started_by_it[@]}" | xargs -r docker rm --force --volumes >/dev/null
    { echo "$name $volumes" && docker volume ls --quiet --filter "name=^$volumes_prefix"; } |
        xargs docker volume rm --force >/dev/null
    # A digest is gone with the last tag of its image, which is no fault.
    docker images --digests --format '{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}' \
        --filter "reference=localhost:$port/*/*" | tr ' ' '\n' | sed '/<none>/d' |
        xargs -r docker rmi >/dev/null 2>&1 || true
    docker logout "localhost:$port" >/dev/null
    rm -f "$settings"
    if found=$(docker network inspect --format '{{range .Containers}}{{.Name}} {{end}}' "$name" 2>/dev/null); then
        [[ -z $found ]] || fail "the network $name is still in use by ${found% }: stop that, then \`make local-aws-down\` again"
        docker network rm "$name" >/dev/null
    fi
    echo "the local AWS is removed"
}

case ${1:-} in
    up) require_engine && require_own && up ;;
    down) require_engine && require_own && down ;;
    env) print_settings ;;
    *) sed -n '2,/^set/{/^#/p;}' "$0" >&2 && exit 2 ;;
esac
