#!/usr/bin/env bash
# Fails when files that a build writes belong to another user, as they do after `sudo make run`.
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/.."

# Root can write all of them.
[[ $EUID -ne 0 ]] || exit 0
cargo=${CARGO_HOME:-${HOME:-}/.cargo}
for path in target "$cargo/registry" "$cargo/git" "$cargo/.package-cache"; do
    # Deeper files are in folders of the same owner.
    found=$(find "$path" -maxdepth 3 ! -user "$EUID" ! -writable -print -quit 2>/dev/null || true)
    [[ -n $found ]] || continue
    owner=$(stat -c %U -- "$found" 2>/dev/null || stat -f %Su -- "$found")
    cat >&2 <<TEXT
error: $found belongs to $owner and $(id -un) cannot write it: an earlier \`sudo make\` created it. To change the owner:
  sudo chown -R $(id -un) $(printf %q "$path")
TEXT
    exit 1
done
