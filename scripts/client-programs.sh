#!/usr/bin/env bash
# Prints a folder with `ab` and `nginx`, which the client tests put before the server. Debian's packages are unpacked into the cache folder rather
# than installed: installing nginx starts a web server on every address of the machine, now and after each boot.
set -euo pipefail
source "$(dirname "$0")/common.sh"

packages=(apache2-utils nginx)
# Newer releases name libraries after the width of their times.
for library in libapr1 libaprutil1; do
    packages+=("$(apt-cache show --no-all-versions "${library}t64" >/dev/null 2>&1 && echo "${library}t64" || echo "$library")")
done
folder=$cache/client-programs

if [ ! -e "$folder/.complete" ]; then
    command -v apt-get >/dev/null || fail "not a Debian system: put ab and nginx into $folder, and an empty file .complete beside them"
    say "unpacking ${packages[*]} into $folder (once)"
    rm -rf "$folder"
    mkdir -p "$folder/packages"
    if ! (cd "$folder/packages" && apt-get download -qq "${packages[@]}" >&2); then
        as_root=()
        [ "$(id -u)" -eq 0 ] || as_root=(sudo)
        "${as_root[@]}" apt-get update -qq >&2
        (cd "$folder/packages" && apt-get download -qq "${packages[@]}" >&2) || fail "apt-get could not download ${packages[*]}"
    fi
    for package in "$folder"/packages/*.deb; do dpkg-deb -x "$package" "$folder/root"; done
    libraries=$(dirname "$(find "$folder/root" -name 'libapr-1.so.0' | head -1)")
    for program in usr/bin/ab usr/sbin/nginx; do
        path=$folder/$(basename "$program")
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$folder/root/$program" >"$path"
        chmod +x "$path"
    done
    "$folder/ab" -V >/dev/null || fail "ab does not start: $folder/ab -V"
    "$folder/nginx" -v 2>/dev/null || fail "nginx does not start: $folder/nginx -v"
    rm -rf "$folder/packages"
    touch "$folder/.complete"
fi
printf '%s\n' "$folder"
