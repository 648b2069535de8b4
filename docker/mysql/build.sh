#!/bin/sh
# Builds ecs-playground/mysql:unstable, a MySQL image for machines that reach no container registry, from Debian's
# packages alone: first a base image, then the server (see Dockerfile). Needs a Docker engine; installs mmdebstrap when
# it is missing. Base image and server come from the package mirror this machine itself uses.
set -eu

base=ecs-playground/debian:trixie
image=ecs-playground/mysql:unstable
folder=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_mmdebstrap() {
    if ! command -v apt-get >/dev/null; then
        echo "build.sh: mmdebstrap is needed to make a base image: install it, or make mysql:8.4 pullable" >&2
        exit 1
    fi
    as_root apt-get update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        mmdebstrap debian-archive-keyring
}

# The mirror in this machine's own apt settings; nothing where they name none of Debian's, and then mmdebstrap knows one.
own_mirror() {
    # shellcheck disable=SC2016 # apt expands this, the shell must not
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
        sed -n 's/^Debian //p' | head -n 1
}

make_base() {
    command -v mmdebstrap >/dev/null || install_mmdebstrap
    tarball=$(mktemp)
    trap 'rm -f "$tarball"' EXIT
    mirror=$(own_mirror)
    # A file, not a pipe: sh has no pipefail, and half a base image must not be imported.
    mmdebstrap --quiet --variant=minbase --format=tar trixie "$tarball" ${mirror:+"$mirror"}
    docker import "$tarball" "$base"
}

docker image inspect "$base" >/dev/null 2>&1 || make_base
docker build --tag "$image" --build-arg "BASE=$base" "$folder"
