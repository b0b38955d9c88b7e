#!/usr/bin/env bash
# Makes the reference answers, and first what they are made with: the Python environment and the default model. What is there and unchanged
# stays. They lie in RESA_GOLDENS, which is below the cache folder when not set.
set -euo pipefail
source "$(dirname "$0")/common.sh"
cd "$root"

python=$(scripts/python-env.sh)
RESA_MODEL=$(scripts/fetch-model.sh)
export RESA_MODEL RESA_CACHE=$cache
"$python" Tests/Reference/make_goldens.py "${RESA_GOLDENS:-$cache/goldens}" "$@"
