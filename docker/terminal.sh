# shellcheck shell=bash
# What a person sees of these scripts: steps with their times, and errors. Colours where there is a terminal that knows
# them and nobody has set NO_COLOR; Docker's own displays, which draw over themselves, do likewise. Sourced by engine.sh.

# Which outputs may be drawn on, 1 and 2. Found out here, as in $(…) the output is another one.
live=
if [[ -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    [[ ! -t 1 ]] || live+=1
    [[ ! -t 2 ]] || live+=2
fi
[[ $live == 12 ]] || export COMPOSE_ANSI=never COMPOSE_PROGRESS=plain BUILDKIT_PROGRESS=plain

# Text in the colour of that number in ANSI's table, for the output $1.
paint() {
    if [[ $live == *"$1"* ]]; then printf '\e[%sm%s\e[0m' "$2" "$3"; else printf %s "$3"; fi
}

# Announces what takes a while.
step() {
    step_began=$SECONDS
    echo "  $* …"
}

# Says what came of it, and how long it took.
ended() {
    echo "$(paint 1 32 ✓) $* ($((SECONDS - step_began)) s)"
}

# Says what is wrong and what helps, and ends.
fail() {
    echo "$(paint 2 31 error:) $*" >&2
    exit 1
}
