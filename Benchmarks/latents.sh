#!/bin/sh
# Builds Benchmarks/latents.c with the kernels of this tree and runs it: latents.sh [LATENTS WIDTH K THREADS]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${TMPDIR:-/tmp}/resa-latents.$$
trap 'rm -f "$target"' EXIT
clang -O3 -std=c17 -fno-math-errno -ffp-contract=off -I"$root/Sources/Kernels" -I"$root/Sources/Kernels/include" $(pkg-config --cflags openblas) \
    "$root/Benchmarks/latents.c" "$root"/Sources/Kernels/*/*.c $(pkg-config --libs openblas) -lpthread -lm -o "$target"
"$target" "$@"
