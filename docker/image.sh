#!/usr/bin/env bash
# Prints the image to use for NAME, one that is not ours: the official one, of a pinned version, if it is here or can be
# pulled; else a stand-in made of packages, unless `--official` insists.
#
#   image.sh [--official] mysql | haproxy | prometheus | registry | rust | ministack | docker
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/.."

insist=
[[ $1 != --official ]] || { insist=yes && shift; }
name=$1

case $name in
    mysql) official=mysql:8.4.6 ;;
    haproxy) official=haproxy:3.0.11 ;;
    prometheus) official=prom/prometheus:v2.53.5 ;;
    registry) official=registry:2.8.3 ;;
    docker) official=docker:28.5.1-dind ;;
    rust) official=$(sed -n 's/^ARG RUST_IMAGE=//p' docker/build/Dockerfile) ;;
    ministack) official=ministackorg/ministack:$(sed -n 's/^ARG VERSION=//p' docker/stand-ins/ministack/Dockerfile) ;;
    *) echo "error: no image is known for $name" >&2 && exit 2 ;;
esac

# Where there is no registry that should be known within seconds, not after every timeout on the way.
pull() {
    local log pulling
    log=$(mktemp)
    echo "  pulling $official …" >&2
    docker pull "$official" >"$log" 2>&1 &
    pulling=$!
    for _ in {1..200}; do
        if grep -q 'Pulling from' "$log" || ! kill -0 "$pulling" 2>/dev/null; then break; fi
        sleep 0.1
    done
    grep -q 'Pulling from' "$log" || kill "$pulling" 2>/dev/null || true
    if ! wait "$pulling"; then
        echo "$official cannot be pulled: $(tail -n 1 "$log")" >&2
        official=
    fi
    rm "$log"
    [[ -n $official ]]
}

if docker image inspect "$official" >/dev/null 2>&1 || pull; then
    echo "$official"
elif [[ -n $insist ]]; then
    exit 1
else
    docker/stand-ins/build.sh "$name"
fi
