#!/usr/bin/env bash
# Every test from a clean clone: lint, build, Swift tests against the reference answers, the official openai client against `resa serve`.
# What is fetched and made for the tests (packages of Python, the model, the reference answers) is fetched and made beside the build.
# Each step's time is printed at the end; the first failing step ends the run with its status.
set -euo pipefail
source "$(dirname "$0")/common.sh"
cd "$root"

times=$(mktemp -d)
summary=()
beside=

# timed NAME COMMAND...: runs it and writes down how long it took, and how long processors worked for it.
timed() {
    local name=$1 status=0 TIMEFORMAT='%0R s, %0U + %0S s of processors'
    shift
    { time "$@" 2>&3; } 3>&2 2>"$times/$name" || status=$?
    return $status
}
done_with() {
    local name=$1 status=$2
    summary+=("$(printf '%-34s %-12s %s' "$name" "$([ "$status" -eq 0 ] && echo ok || echo "FAILED ($status)")" "$(tail -n 1 "$times/$name")")")
    [ "$status" -eq 0 ] || exit "$status"
}
step() {
    local status=0
    say "$1"
    (timed "$@" </dev/null) || status=$?
    done_with "$1" $status
}
# One command at a time runs beside the steps, in a session of its own, so that the end of this script can be its end too.
begin_beside() {
    say "$1 (beside what follows)"
    export -f timed
    export times
    setsid bash -c 'timed "$@" </dev/null' bash "$@" &
    beside=$!
}
await_beside() {
    local status=0
    say "$1"
    wait "$beside" || status=$?
    beside=
    done_with "$1" $status
}
report() {
    local status=$?
    [ -z "$beside" ] || kill -- "-$beside" 2>/dev/null || true
    rm -rf "$times"
    printf '\n' >&2
    say "summary (wall time; user + system time)"
    printf '    %s\n' "${summary[@]}" >&2
    if [ $status -eq 0 ]; then say "all tests passed in $SECONDS s"; else say "FAILED after $SECONDS s"; fi
}
trap report EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

count_calls() {
    swift build -c release --product StepProbe && python3 Tests/StepProbe/count_calls.py "$(swift build -c release --show-bin-path)/StepProbe"
}

waiting='^(ServerTests|LoadTestTests)\.'

export RESA_GOLDENS=${RESA_GOLDENS:-$cache/goldens}
export RESA_CACHE=$cache
step "system packages" scripts/setup.sh
step "ab and nginx" scripts/client-programs.sh
begin_beside "reference answers" scripts/goldens.sh
step "lint" scripts/lint.sh
step "swift build --build-tests" swift build --build-tests
step "calls of a decode step" count_calls
await_beside "reference answers"
python=$(scripts/python-env.sh)
RESA_MODEL=$(scripts/fetch-model.sh)
RESA_BIN=$(swift build --show-bin-path)/resa
export RESA_MODEL RESA_BIN
# Tests of servers and clients wait for one another; beside tests that keep every core busy they would wait too long.
step "swift test: servers" swift test --skip-build --filter "$waiting"
step "swift test: everything else" swift test --skip-build --skip "$waiting"
step "clients" "$python" -m pytest -q -p no:cacheprovider --durations=15 Tests/Clients
