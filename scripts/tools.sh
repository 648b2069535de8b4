#!/usr/bin/env bash
# Installs those of the named tools that this machine lacks: cargo subcommands and Python programs, in the versions
# below, into target/tools; others from the distribution.
#
#   tools.sh TOOL…
set -euo pipefail
CDPATH='' cd -- "$(dirname "$0")/.."

others=${PATH//"$PWD/target/tools/bin:"/}
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

install_package() {
    local name=$1
    if command -v apt-get >/dev/null && [[ $EUID -eq 0 ]]; then
        echo "installing $name"
        apt-get update --quiet --quiet
        DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends "$name"
    else
        echo "$name is missing: install it (Debian: apt-get install $name; macOS: brew install ${2:-$name})" >&2
        exit 1
    fi
}

package() {
    command -v "$1" >/dev/null || install_package "$1"
}

# A Python program with an environment of its own, as some want other versions of the same library.
python_program() {
    local name=$1 environment=$PWD/target/tools/python/$1
    shift
    # The environment's own path is part of what is in it.
    local content="$* in $environment"
    [[ ! -x target/tools/bin/$name || "$(cat "$environment/content" 2>/dev/null)" != "$content" ]] || return 0
    # Debian's python3 comes without either.
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_package python3-venv python3
    echo "installing $* into target/tools"
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "$@"
    # Some packages have their program among their modules.
    local program=bin/$name
    [[ -e $environment/$program ]] ||
        program=$(cd "$environment" && find lib -type f -name "$name" -perm -u+x -print -quit)
    mkdir -p target/tools/bin
    ln -sf "../python/$name/$program" "target/tools/bin/$name"
    echo "$content" >"$environment/content"
}

# A program of the npm registry, with its dependencies, and packages that are used beside it, in its own folder.
node_program() {
    local name=$1 folder=$PWD/target/tools/node/$1
    shift
    [[ ! -x target/tools/bin/$name || "$(cat "$folder/content" 2>/dev/null)" != "$*" ]] || return 0
    command -v npm >/dev/null || install_package npm node
    echo "installing $* into target/tools"
    rm -rf "$folder"
    mkdir -p "$folder" target/tools/bin
    npm install --silent --no-audit --no-fund --no-save --prefix "$folder" "$@"
    ln -sf "../node/$name/node_modules/.bin/$name" "target/tools/bin/$name"
    echo "$*" >"$folder/content"
}

# axe-core, which PyPI has inside of a package whose own code is not used here.
axe() {
    local package=axe-playwright-python==0.1.8 folder=target/tools/python/axe
    [[ "$(cat "$folder/content" 2>/dev/null)" != "$package" ]] || return 0
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_package python3-venv python3
    echo "installing $package into target/tools"
    rm -rf "$folder" target/tools/python/pip
    python3 -m venv target/tools/python/pip
    target/tools/python/pip/bin/pip install --quiet --disable-pip-version-check --no-deps --target "$folder" "$package"
    rm -rf target/tools/python/pip
    echo "$package" >"$folder/content"
}

# The machine's own where that is version 2 and reads AWS_ENDPOINT_URL, as 2.13 and later do: an older one, such as Debian
# 12 has, would reach AWS in place of a local one. PyPI has version 1 only, which does all that is needed here.
aws() {
    if [[ "$(PATH=$others command aws --version 2>/dev/null || true)" =~ ^aws-cli/2\.(1[3-9]|[2-9][0-9]|[1-9][0-9]{2})\. ]]; then
        rm -f target/tools/bin/aws
    else
        python_program aws awscli==1.45.64
    fi
}

for tool; do
    case $tool in
        # docker/build/Dockerfile installs the same version.
        cargo-cyclonedx) subcommand cargo-cyclonedx 0.5.9 ;;
        cargo-deny) subcommand cargo-deny 0.20.2 ;;
        cargo-machete) subcommand cargo-machete 0.9.2 ;;
        aws) aws ;;
        cfn-lint) python_program cfn-lint cfn-lint==1.58.0 ;;
        checkov) python_program checkov checkov==3.3.30 ;;
        # With what it needs to serve; its extra `server` is larger still, for services that are not used here.
        moto_server) python_program moto_server 'moto[cloudformation]==5.2.5' flask==3.1.3 flask-cors==6.0.5 ;;
        chromium) command -v chromium chromium-browser google-chrome >/dev/null || install_package chromium ;;
        chromedriver) command -v chromedriver >/dev/null || install_package chromium-driver chromedriver ;;
        axe) axe ;;
        # A receiver of OTLP, as a program of its own; there are wheels for Python 3.11 on x86-64 only.
        rotel-agent) python_program rotel-agent rotel==0.0.1a15 ;;
        # Checks HTTP semantics: caching, validators, media types.
        redbot) python_program redbot redbot==2.7.1 ;;
        # Runs on the Node.js 18 of Debian 12; the linter of Redocly needs a newer one.
        spectral) node_program spectral @stoplight/spectral-cli@6.16.3 ;;
        # Generators of clients, with what their clients need.
        openapi-python-client) python_program openapi-python-client openapi-python-client==0.29.1 ruff==0.17.6 ;;
        openapi-typescript)
            node_program openapi-typescript openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3
            ;;
        schemathesis) python_program schemathesis schemathesis==4.32.5 ;;
        *) package "$tool" ;;
    esac
done
