#!/bin/sh
# Builds Benchmarks/attention.c with the kernels of this tree and runs it: attention.sh FORMAT ROWS SEQUENCES CONTEXT [...]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${TMPDIR:-/tmp}/resa-attention.$$
trap 'rm -f "$target"' EXIT
clang -O3 -std=c17 -fno-math-errno -ffp-contract=off -I"$root/Sources/Kernels" -I"$root/Sources/Kernels/include" $(pkg-config --cflags openblas) \
    "$root/Benchmarks/attention.c" "$root"/Sources/Kernels/*/*.c $(pkg-config --libs openblas) -lpthread -lm -o "$target"
"$target" "$@"
