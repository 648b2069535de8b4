#!/usr/bin/env bash
# Builds and names an image that stands in for an official one where no registry can be reached, from packages of
# Debian or PyPI: ecs-playground/NAME:debian. What was built before is built again within a second.
#
#   build.sh mysql | haproxy | prometheus | registry | rust | ministack | docker
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/../.."
. docker/engine.sh

name=$1
image=ecs-playground/$name:debian

build() {
    plugin buildx build --quiet --load --tag "$image" "$@" >&2
}

echo "building $image from packages, in place of the official image" >&2
case $name in
    # The official image is Debian 12 with a toolchain from rustup. So is this, with the toolchain of this machine.
    rust)
        base=$(docker/debian.sh base bookworm)
        tar --create --directory docker/stand-ins/rust Dockerfile --directory "$(rustc --print sysroot)" bin lib |
            build --build-arg "BASE=$base" -
        ;;
    # No distribution packages MiniStack; PyPI does.
    ministack)
        base=$(docker/debian.sh base trixie)
        secret=()
        if [[ -n ${SSL_CERT_FILE:-} ]]; then
            secret=(--secret "id=ca-certificates,src=$SSL_CERT_FILE")
        fi
        build --build-arg "BASE=$base" ${secret[@]+"${secret[@]}"} docker/stand-ins/ministack
        ;;
    *)
        base=$(docker/debian.sh base trixie)
        build --build-arg "BASE=$base" "docker/stand-ins/$name"
        ;;
esac
echo "$image"
