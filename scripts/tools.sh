#!/usr/bin/env bash
# Installs those of the named tools that this machine lacks: cargo subcommands, in the versions below, into
# target/tools; others from the distribution.
#
#   tools.sh TOOL…
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH=$PWD/target/tools/bin:$PATH

subcommand() {
    local name=$1 version=$2
    # Asked as cargo asks it: some know themselves by no other way.
    if [[ "$(cargo "${name#cargo-}" --version 2>/dev/null || true)" != *"$version"* ]]; then
        echo "installing $name $version into target/tools"
        # Unoptimised: they run for a second, and are built in a third of the time.
        cargo install --quiet --locked --debug --root target/tools --target-dir target/tools/build "$name@$version"
    fi
}

package() {
    local name=$1
    if ! command -v "$name" >/dev/null; then
        if command -v apt-get >/dev/null && [[ $EUID -eq 0 ]]; then
            echo "installing $name"
            apt-get update --quiet --quiet
            DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends "$name"
        else
            echo "$name is missing: install it (Debian: apt-get install $name; macOS: brew install $name)" >&2
            exit 1
        fi
    fi
}

for tool; do
    case $tool in
        # docker/build/Dockerfile installs the same version.
        cargo-cyclonedx) subcommand cargo-cyclonedx 0.5.9 ;;
        cargo-deny) subcommand cargo-deny 0.20.2 ;;
        cargo-machete) subcommand cargo-machete 0.9.2 ;;
        *) package "$tool" ;;
    esac
done
