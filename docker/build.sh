#!/usr/bin/env bash
# `make build`: an image of each service. The binaries are compiled in a builder of a pinned version, for which only
# Docker is needed; or, where that builder cannot be had, by this machine's own Rust toolchain in the same way
# (build/compile.sh).
#
# TAG, REGISTRY, PLATFORMS  see names.sh
# BUILDER      docker, machine, or auto (the default): docker if it can be had
# RUST_IMAGE   another builder image than the one that build/Dockerfile names
# SOURCE_URL   where the sources are published, for a label; by default git's remote `origin`
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR
. docker/engine.sh
. docker/names.sh
require_engine

out=target/images
read -ra platforms < <(platforms)
targets=()
for platform in "${platforms[@]}"; do
    targets+=("$(triple_of "$platform")")
done

revision=$(git rev-parse HEAD 2>/dev/null || echo "$TAG")
# Without the login that a remote's address may carry.
source=${SOURCE_URL:-$(git remote get-url origin 2>/dev/null | sed 's#://[^/@]*@#://#' || true)}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

# The image to compile in, or nothing where this machine is to do it.
choose_builder() {
    local image=${RUST_IMAGE:-}
    case ${BUILDER:=auto} in
        auto | docker) ;;
        machine) return ;;
        *) fail "BUILDER=$BUILDER is none of auto, docker, machine" ;;
    esac
    if [[ -n $image ]] || image=$(docker/image.sh --official rust); then
        echo "$image"
    elif [[ $BUILDER == docker ]]; then
        fail "there is no builder image: reach its registry, name another image with RUST_IMAGE=…, or use BUILDER=machine"
    fi
}

compile_in_docker() {
    local secret=()
    if [[ -n ${SSL_CERT_FILE:-} ]]; then
        secret=(--secret "id=ca-certificates,src=$SSL_CERT_FILE")
    fi
    step "compiling in the builder $1 (some minutes the first time)"
    plugin buildx build --file docker/build/Dockerfile --output "type=local,dest=$out" ${secret[@]+"${secret[@]}"} \
        --build-arg "RUST_IMAGE=$1" --build-arg "TARGETS=${targets[*]}" \
        --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" .
    ended "compiled"
}

compile_here() {
    local own
    own=$(uname -m)-unknown-linux-gnu
    command -v cargo >/dev/null ||
        fail "there is neither a builder image nor cargo to compile with: reach a registry, or install Rust (rustup)"
    [[ $(uname -s) == Linux && ${targets[*]} == "$own" ]] ||
        fail "this machine can compile for $own only, not for ${targets[*]}: that takes the builder image and its registry"
    step "compiling with this machine's own toolchain, $(rustc --version) (some minutes the first time)"
    scripts/tools.sh cargo-cyclonedx jq
    # A separate build folder: in one shared with `make bench` each would undo the other's build, as macros and build
    # scripts of both are compiled to the same place with other settings.
    export CARGO_TARGET_DIR=$PWD/$out/build CARGO_BUILD_BUILD_DIR=$PWD/$out/build
    PATH=$PWD/target/tools/bin:$PATH docker/build/compile.sh "$own" "$out/$own"
    ended "compiled"
}

builder=$(choose_builder)
if [[ -n $builder ]]; then compile_in_docker "$builder"; else compile_here; fi

labels=(
    --label "org.opencontainers.image.version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)"
    --label "org.opencontainers.image.revision=$revision"
    --label "org.opencontainers.image.created=$(git log -1 --format=%cI 2>/dev/null || echo 1970-01-01T00:00:00Z)"
    --label "org.opencontainers.image.licenses=$(sed -n 's/^license = "\(.*\)"/\1/p' Cargo.toml)"
)
[[ -z $source ]] || labels+=(--label "org.opencontainers.image.source=$source")
for index in "${!platforms[@]}"; do
    platform=${platforms[index]} folder=$out/${targets[index]}
    for service in "${services[@]}"; do
        image=$(image_of "$service")
        tags=()
        [[ ${#platforms[@]} -eq 1 ]] || tags+=(--tag "$image-${platform#*/}")
        [[ ${#platforms[@]} -gt 1 && $platform != "$(engine_platform)" ]] || tags+=(--tag "$image")
        plugin buildx build --quiet --load --provenance=false --platform "$platform" "${tags[@]}" "${labels[@]}" \
            --build-arg "RELEASE=$TAG" \
            --file "docker/$service/Dockerfile" "$folder" >/dev/null
        size=$(docker image inspect --format '{{.Size}}' "${tags[1]}")
        echo "$(paint 1 32 ✓) built ${tags[1]} for $platform: $((size / 10000 / 100)).$(printf %02d $((size / 10000 % 100))) MB, SBOM in $folder/$service.cdx.json"
    done
done
