# shellcheck shell=bash
# What our images are called: SERVICE:$TAG, with $REGISTRY/ before it where that is set. Sourced after engine.sh.

# shellcheck disable=SC2034 # for who sources this
services=(location user)

# The revision of the checkout: an image is known by what it was made of. (`latest` would be something else tomorrow.)
if [[ -z ${TAG:-} ]]; then
    TAG=$(git rev-parse --short=12 HEAD) || fail "the images' tag is the git revision, and git knows none here: set TAG=…"
    [[ -z $(git status --porcelain) ]] || TAG=$TAG-dirty
fi
[[ $TAG =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] ||
    fail "TAG=$TAG is no tag for an image: use up to 128 letters, digits, _ . and -"
[[ $TAG != latest ]] || fail "TAG=latest tells nobody what runs: leave TAG out (the git revision), or name a version"

REGISTRY=${REGISTRY:-}
REGISTRY=${REGISTRY%/}
[[ ! $REGISTRY =~ ://|[[:space:]] ]] || fail "REGISTRY=$REGISTRY: give host and path only, such as registry.example.org/team"

image_of() {
    echo "${REGISTRY:+$REGISTRY/}$1:$TAG"
}

# The platforms to build for: by default the one of the engine.
PLATFORMS=${PLATFORMS:-}
engine_platform() {
    docker version --format '{{.Server.Os}}/{{.Server.Arch}}'
}

# Words of the list PLATFORMS; with several, each platform's image has the architecture behind its tag, and the tag
# itself is the list of them in a registry, and the engine's own platform here.
platforms() {
    tr , ' ' <<<"${PLATFORMS:-$(engine_platform)}"
}

triple_of() {
    case $1 in
        linux/amd64) echo x86_64-unknown-linux-gnu ;;
        linux/arm64) echo aarch64-unknown-linux-gnu ;;
        *) fail "PLATFORMS: $1 is none of linux/amd64, linux/arm64" ;;
    esac
}
