#!/usr/bin/env bash
# Builds the release binary and prints its path. What only a debugger or a backtrace reads is taken out of it and laid beside it, as
# resa.debug: a binary a quarter as large, whose crashes still name functions as long as the two lie together.
set -euo pipefail
source "$(dirname "$0")/common.sh"
cd "$root"

swift build -c release --product resa >&2
folder=$(swift build -c release --show-bin-path)
binary=$folder/resa
if readelf --section-headers --wide "$binary" | grep ' \.symtab ' >/dev/null; then
    objcopy --only-keep-debug "$binary" "$binary.debug"
    strip --strip-all "$binary" -o "$binary.stripped"
    (cd "$folder" && objcopy --add-gnu-debuglink=resa.debug resa.stripped)
    mv "$binary.stripped" "$binary"
fi
printf '%s\n' "$binary"
