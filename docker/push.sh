#!/usr/bin/env bash
# `make push`: pushes the images that `make build` made to REGISTRY, and prints their digests.
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/.."
. docker/engine.sh
. docker/names.sh
[[ -n $REGISTRY ]] ||
    fail "REGISTRY is not set; for example REGISTRY=123456789012.dkr.ecr.eu-west-1.amazonaws.com, or a name on Docker Hub"
require_engine
read -ra platforms < <(platforms)
# How to log in: to a host, to Docker Hub where REGISTRY is a name on it, or to ECR, whose password is the aws CLI's.
host=${REGISTRY%%/*}
case $host in
    *.dkr.ecr.*) login="aws ecr get-login-password | docker login --username AWS --password-stdin $host" ;;
    *[.:]* | localhost) login="docker login $host" ;;
    *) login="docker login" ;;
esac

# Gives what was built without REGISTRY, as SERVICE:TAG, the name with it.
named() {
    local image=$1 plain=${1#"$REGISTRY/"}
    docker image inspect "$image" >/dev/null 2>&1 || docker tag "$plain" "$image" 2>/dev/null ||
        fail "there is no image $plain to push: \`make build TAG=$TAG${PLATFORMS:+ PLATFORMS=$PLATFORMS}\` makes it of this checkout"
}

push() {
    local image=$1
    echo "pushing $image"
    docker push --quiet "$image" >/dev/null ||
        fail "$image was not pushed. If a login is missing: \`$login\`"
}

# Nothing is pushed unless everything is there to be pushed.
for service in "${services[@]}"; do
    image=$(image_of "$service")
    for platform in "${platforms[@]}"; do
        if [[ ${#platforms[@]} -eq 1 ]]; then named "$image"; else named "$image-${platform#*/}"; fi
    done
done
for service in "${services[@]}"; do
    image=$(image_of "$service")
    if [[ ${#platforms[@]} -eq 1 ]]; then
        push "$image"
    else
        parts=()
        for platform in "${platforms[@]}"; do
            parts+=("$image-${platform#*/}")
            push "$image-${platform#*/}"
        done
        plugin buildx imagetools create --progress quiet --tag "$image" "${parts[@]}"
    fi
    # The first digest in it is that of the whole.
    digest=$(plugin buildx imagetools inspect --format '{{json .Manifest}}' "$image" | grep -o 'sha256:[0-9a-f]*' | head -n 1)
    echo "pushed ${image%:*}@$digest as $TAG"
done
