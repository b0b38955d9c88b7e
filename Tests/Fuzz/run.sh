#!/usr/bin/env bash
# Fuzzes every reader under AddressSanitizer with libFuzzer's coverage: Tests/Fuzz/run.sh [MINUTES] [READER ...]
# MINUTES (10) are shared out among the readers (all). Inputs that break one are kept as READER-crash-*, -oom-* or -timeout-* in
# ${RESA_CACHE:-~/.cache/resa}/fuzz; after the repair, move them to Corpus/READER: from then on every test run reads them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
minutes=${1:-10}
shift || true
readers=("$@")
[ ${#readers[@]} -gt 0 ] || readers=($(ls "$here/Corpus"))
work=${RESA_CACHE:-$HOME/.cache/resa}/fuzz
mkdir -p "$work"

echo "building ..." >&2
swift build --package-path "$here" --scratch-path "$work/build" >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; exit 1; }
fuzzer=$(swift build --package-path "$here" --scratch-path "$work/build" --show-bin-path 2>/dev/null)/ReaderFuzzer

# Swift's own crash reporter would wait for AddressSanitizer, and the other way round. Leak checks need ptrace, which containers lack.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:handle_segv=1
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
status=0
for reader in "${readers[@]}"; do
    seconds=$((minutes * 60 / ${#readers[@]}))
    mkdir -p "$work/grown/$reader"
    echo "$reader: $seconds s" >&2
    if RESA_FUZZ_TARGET=$reader "$fuzzer" -max_total_time=$seconds -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=65536 \
        -artifact_prefix="$work/$reader-" -print_final_stats=1 "$work/grown/$reader" "$here/Corpus/$reader" </dev/null >"$work/$reader.log" 2>&1; then
        grep -E 'stat::(number_of_executed_units|new_units_added|peak_rss_mb)' "$work/$reader.log" | sed 's/stat::/    /' >&2
    else
        status=1
        echo "    FAILED: $work/$reader.log" >&2
        grep -E 'ERROR|Fatal|Test unit|SUMMARY' "$work/$reader.log" | head -5 | sed 's/^/    /' >&2
    fi
done
exit $status
