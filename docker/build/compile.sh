#!/usr/bin/env bash
# Compiles the services for TARGET, a Rust target triple, into FOLDER: static binaries as they go into the images, the
# same byte for byte wherever the sources lie, each with an SBOM of what is in it. Runs in the builder of the Dockerfile
# beside this and, where no builder can be had, on the machine itself (build.sh).
#
#   compile.sh TARGET FOLDER           SOURCE_DATE_EPOCH is the time that the files get
#   compile.sh TARGET --dependencies   only what comes from elsewhere, so that a layer of its own can keep it
set -euo pipefail

target=$1 folder=$2
services=(location user)

flags=(
    # With the C library inside, the image needs no other file.
    -C target-feature=+crt-static
    # Relocations in the compact form: 0.2 MB less.
    -C "link-arg=-Wl,-z,pack-relative-relocs"
    # Panics name source files; these names must not depend on where the sources lie.
    "--remap-path-prefix=$PWD=/src"
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
)
CARGO_ENCODED_RUSTFLAGS=$(
    IFS=$'\x1f'
    echo "${flags[*]}"
)
export CARGO_ENCODED_RUSTFLAGS

# ahash, by way of h3o, draws a key while it is compiled: the same one every time. It hashes cells of the globe, which
# nobody can choose to collide.
export CONST_RANDOM_SEED=ecs-playground

# For another architecture than this machine's, with the names that Debian gives its cross compilers.
if [[ $target != "$(uname -m)-"* ]]; then
    triple=${target/-unknown-/-} variable=${target//-/_}
    export "CC_$variable=$triple-gcc" "CARGO_TARGET_$(tr '[:lower:]' '[:upper:]' <<<"$variable")_LINKER=$triple-gcc"
fi

# Crates with C code are built anew when SOURCE_DATE_EPOCH changes, and what stands on them, though it changes nothing.
env -u SOURCE_DATE_EPOCH cargo build --release --locked --target "$target" "${services[@]/#/--package=}"
built=${CARGO_TARGET_DIR:-target}/$target/release

if [[ $folder == --dependencies ]]; then
    # What was compiled from stand-ins for the services' sources is not to be taken for the services.
    cargo clean --release --locked --target "$target" --package env-file --package chassis \
        "${services[@]/#/--package=}"
    exit
fi

mkdir -p "$folder"
for service in "${services[@]}"; do
    install -m 0755 "$built/$service" "$folder/$service"
    # The layer that the file becomes has its time in it.
    touch --date="@$SOURCE_DATE_EPOCH" "$folder/$service"
    "$(dirname "$0")/sbom.sh" "$service" "$target" >"$folder/$service.cdx.json"
done
