#!/usr/bin/env bash
# Prints the python of a virtual environment that holds what Tests/Reference and Tests/Clients require; makes it when it is not there yet.
# It lies in the cache folder under the hash of the requirements, so a change of versions makes a new one.
set -euo pipefail
source "$(dirname "$0")/common.sh"

requirements=("$root"/Tests/{Reference,Clients}/requirements.txt)
python=$(find_python)
key=$({ "$python" -c 'import sys; print(sys.version, sys.executable)' && cat "${requirements[@]}"; } | sha256sum | cut -c1-16)
environment=$cache/python-$key

if [ ! -e "$environment/.complete" ]; then
    say "making the reference Python environment in $environment (once; PyTorch is large)"
    rm -rf "$environment"
    "$python" -m venv "$environment" >&2
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${requirements[@]/#/--requirement=}" >&2 </dev/null \
        || fail "pip could not install what ${requirements[*]} name"
    touch "$environment/.complete"
fi
printf '%s\n' "$environment/bin/python"
