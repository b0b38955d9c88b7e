#!/usr/bin/env bash
# Every test from a clean clone: lint, build, Swift tests against the reference answers, the official openai client against `resa serve`.
# Each step's time is printed at the end; the first failing step ends the run with its status.
set -euo pipefail
source "$(dirname "$0")/common.sh"
cd "$root"

summary=()
step() {
    local name=$1 started=$SECONDS status=0
    shift
    say "$name"
    "$@" </dev/null || status=$?
    summary+=("$(printf '%-34s %s  %d s' "$name" "$([ $status -eq 0 ] && echo ok || echo "FAILED ($status)")" $((SECONDS - started)))")
    [ $status -eq 0 ] || exit $status
}
report() {
    local status=$?
    printf '\n' >&2
    say "summary"
    printf '    %s\n' "${summary[@]}" >&2
    if [ $status -eq 0 ]; then say "all tests passed in $SECONDS s"; else say "FAILED after $SECONDS s"; fi
}
trap report EXIT

get_python() { python=$(scripts/python-env.sh); }
get_model() { RESA_MODEL=$(scripts/fetch-model.sh) && export RESA_MODEL; }
make_goldens() { "$python" Tests/Reference/make_goldens.py "$RESA_GOLDENS"; }
count_calls() {
    swift build -c release --product StepProbe && python3 Tests/StepProbe/count_calls.py "$(swift build -c release --show-bin-path)/StepProbe"
}
find_binary() { RESA_BIN=$(swift build --show-bin-path)/resa && export RESA_BIN && test -x "$RESA_BIN"; }

waiting='^(ServerTests|LoadTestTests)\.'

export RESA_GOLDENS=${RESA_GOLDENS:-$cache/goldens}
export RESA_CACHE=$cache
step "system packages" scripts/setup.sh
step "lint" scripts/lint.sh
step "python environment" get_python
step "default model" get_model
step "reference answers" make_goldens
step "swift build --build-tests" swift build --build-tests
# Tests of servers and clients wait for one another; beside tests that keep every core busy they would wait too long.
step "swift test: servers" swift test --skip-build --filter "$waiting"
step "swift test: everything else" swift test --skip-build --skip "$waiting"
step "calls of a decode step" count_calls
step "resa binary" find_binary
step "ab and nginx" scripts/client-programs.sh
step "openai client" "$python" -m pytest -q -p no:cacheprovider Tests/Clients
