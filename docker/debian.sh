#!/usr/bin/env bash
# What can be had of Debian without a container registry. From the package mirror that this machine itself uses.
#
#   debian.sh base SUITE                     prints the name of a minimal image of that release, made when it is not there
#   debian.sh unpack SUITE PACKAGE FOLDER    unpacks a package, without installing it
set -euo pipefail
# What goes into an image is read by other users there.
umask 022

# Nothing where apt's settings name no mirror of Debian's.
own_mirror() {
    # shellcheck disable=SC2016 # apt expands this, the shell must not
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
        sed -n 's/^Debian //p' | head -n 1
}

as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# What is in this folder is gone at the end.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

base() {
    local suite=$1 mirror
    local image=ecs-playground/debian:$suite
    if ! docker image inspect "$image" >/dev/null 2>&1; then
        if ! command -v mmdebstrap >/dev/null; then
            if ! command -v apt-get >/dev/null; then
                echo "error: without a registry, images are made with mmdebstrap: install it, or reach a registry" >&2
                exit 1
            fi
            as_root apt-get update
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                mmdebstrap debian-archive-keyring
        fi >&2
        mirror=$(own_mirror)
        mmdebstrap --quiet --variant=minbase "$suite" "$scratch/base.tar" ${mirror:+"$mirror"} >&2
        docker import "$scratch/base.tar" "$image" >&2
    fi
    echo "$image"
}

# With settings, lists and a cache of its own: root is not needed, and apt's own state stays as it is.
unpack() {
    local suite=$1 package=$2 folder
    mkdir -p "$3"
    folder=$(cd "$3" && pwd)
    mkdir -p "$scratch"/{lists,archives}/partial
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(own_mirror) $suite main" \
        >"$scratch/sources.list"
    cat >"$scratch/apt.conf" <<APT
Dir::Etc::SourceList "$scratch/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$scratch/lists";
Dir::Cache::Archives "$scratch/archives";
Dir::Cache::PkgCache "";
Dir::Cache::SrcPkgCache "";
Acquire::Languages "none";
APT::Sandbox::User "";
APT
    export APT_CONFIG=$scratch/apt.conf
    cd "$scratch"
    apt-get --quiet --quiet update
    apt-get --quiet --quiet download "$package"
    dpkg-deb --extract ./"$package"_*.deb "$folder"
}

"$@"
