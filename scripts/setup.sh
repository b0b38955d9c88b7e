#!/usr/bin/env bash
# Installs the Debian packages the build and the tests need, and only those that are missing.
set -euo pipefail
source "$(dirname "$0")/common.sh"

packages=(libopenblas-dev libcurl4-openssl-dev libssl-dev openssl libzstd-dev libpcre2-dev libxxhash-dev pkg-config curl ca-certificates python3 python3-pip python3-venv valgrind binutils openmpi-bin)

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || fail "not a Debian system: install by hand what these packages hold: ${missing[*]}"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "missing packages (${missing[*]}) and neither root nor sudo to install them with"
        as_root=(sudo)
    fi
    say "installing missing Debian packages: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq >&2 || say "apt-get update failed; trying with the package lists there are"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 </dev/null \
        || fail "apt-get could not install: ${missing[*]}"
fi

command -v swift >/dev/null || fail "no swift on the PATH: install a Swift 6.2 or newer toolchain"
