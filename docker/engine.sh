# shellcheck shell=bash
# Docker as the scripts of this folder need it: an engine that answers, and the plugins buildx and compose. Sourced from
# the root of the workspace.

# shellcheck source-path=SCRIPTDIR
. docker/terminal.sh

require_engine() {
    local said
    command -v docker >/dev/null ||
        fail "Docker is not installed (Debian: apt-get install docker.io); \`make run\` runs the services without it"
    said=$(docker version --format '{{.Server.Version}}' 2>&1) ||
        fail "no Docker engine answers: start it (with systemd: systemctl start docker). Docker says: $said"
}

# Runs a plugin: the one that is installed, else one from Debian's packages, which need not be installed for that.
# (Debian 12 has none of them.)
plugin() {
    local name=$1 unpacked=target/tools/docker
    local file=$unpacked/usr/libexec/docker/cli-plugins/docker-$name
    shift
    if docker "$name" version >/dev/null 2>&1; then
        docker "$name" "$@"
        return
    fi
    if [[ ! -x $file ]]; then
        grep -qs '^ID=debian' /etc/os-release ||
            fail "Docker's plugin $name is missing: install it (Ubuntu: docker-$name or docker-$name-v2)"
        echo "unpacking docker-$name of Debian 13 into $unpacked" >&2
        docker/debian.sh unpack trixie "docker-$name" "$unpacked" >&2
    fi
    "$file" "$@"
}
