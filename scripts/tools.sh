#!/usr/bin/env bash
# Installs what `make check` needs and this machine lacks: two cargo subcommands, in the versions below, into
# target/tools, and shellcheck.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=(cargo-deny=0.20.2 cargo-machete=0.9.2)

for tool in "${tools[@]}"; do
    name=${tool%=*} version=${tool#*=}
    if [[ "$("$name" --version 2>/dev/null || true)" != *"$version"* ]]; then
        echo "installing $name $version into target/tools"
        # Unoptimised: they run for a second, and are built in a third of the time.
        cargo install --quiet --locked --debug --root target/tools --target-dir target/tools/build "$name@$version"
    fi
done

if ! command -v shellcheck >/dev/null; then
    if command -v apt-get >/dev/null && [[ $EUID -eq 0 ]]; then
        apt-get update --quiet --quiet
        DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends shellcheck
    else
        echo "shellcheck is missing: install it (Debian: apt-get install shellcheck; macOS: brew install shellcheck)" >&2
        exit 1
    fi
fi
