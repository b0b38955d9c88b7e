# Sourced by the other scripts: where things are kept and how they speak. Messages go to stderr, answers (paths) to stdout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${RESA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/resa}
mkdir -p "$cache"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() {
    printf '\033[31merror:\033[0m %s\n' "$*" >&2
    exit 1
}

# The Python for everything here: RESA_PYTHON, or the first python3 that is new enough.
find_python() {
    local candidate
    for candidate in ${RESA_PYTHON:-} python3 /usr/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "no python3 of version 3.11 or newer found; set RESA_PYTHON to one"
}
