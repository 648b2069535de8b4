#!/usr/bin/env bash
# Installs in the builder what it takes to compile for those TARGETs that are not of its own architecture: Rust's
# standard library, and a C compiler, which links as well.
set -euo pipefail

for target; do
    case $target in
        "$(uname -m)"-*) continue ;;
        aarch64-*) packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross) ;;
        x86_64-*) packages=(gcc-x86-64-linux-gnu libc6-dev-amd64-cross) ;;
    esac
    apt-get update
    apt-get install --yes --no-install-recommends "${packages[@]}"
    # A builder that is not the official image may have it, and no rustup.
    compgen -G "$(rustc --print target-libdir --target "$target")/libstd-*" >/dev/null || rustup target add "$target"
done
