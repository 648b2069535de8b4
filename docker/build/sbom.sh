#!/usr/bin/env bash
# Prints the SBOM (CycloneDX) of SERVICE for TARGET: the crates that are compiled into its binary. Needs cargo-cyclonedx
# and jq.
set -euo pipefail

service=$1 target=$2
name=sbom-$$
# It writes one for every crate of the workspace, beside its manifest.
trap 'rm -f ./*/"$name.json" ./*/*/"$name.json"' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target "$target" \
    --manifest-path "services/$service/Cargo.toml" --override-filename "$name"

# It lists optional dependencies that no feature turns on as well, such as SQLite by way of sqlx
# (CycloneDX/cyclonedx-rust-cargo#766): those that cargo does not compile are taken out. What names files of this
# machine is made to name the workspace.
compiled=$(cargo tree --locked --package "$service" --edges normal,no-proc-macro --target "$target" --prefix none --format '{p}' |
    cut -d ' ' -f 1,2 | sort -u)
jq --arg compiled "$compiled" --arg workspace "$PWD/" '
    ($compiled | split("\n")) as $kept
    | .components |= map(select("\(.name) v\(.version)" | IN($kept[])))
    | ([.components[]."bom-ref", .metadata.component."bom-ref"]) as $refs
    | .dependencies |= map(select(.ref | IN($refs[])) | .dependsOn |= (. // [] | map(select(IN($refs[])))))
    # As a URL has that folder, with encoded characters.
    | ("file://" + ($workspace | gsub("(?<odd>[^!-~]|[\"#%<>?`{}])"; .odd | @uri))) as $here
    | (.. | strings) |= (split($here) | join("file:///src/"))
' "services/$service/$name.json"
