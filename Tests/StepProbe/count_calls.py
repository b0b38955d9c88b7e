"""Counts what a decode step calls: it must allocate nothing and count no reference.

    python3 Tests/StepProbe/count_calls.py PROBE

PROBE is the release build of StepProbe. It runs twice under callgrind, which collects only inside `EngineLoop.computeStep` (plan, forward,
logits, draw, append), in every format of weights and with LoRAs in the batch, once for N and once for 2 N tokens: the difference is what N decode steps call, free of start and prefill. The same
is done for `EngineLoop.reportStep`, which hands the tokens out and does allocate: were nothing counted there, the counting would be broken.
"""

import collections
import re
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = 100
SEQUENCES = 4
# Further arguments of the probe: a format of weights, and whether some of the sequences have LoRAs.
CASES = [["int8"], ["int4"], ["bf16"], ["int8", "loras"], ["bf16", "loras"]]
COMPUTE = "$s6Engine0A4LoopC11computeStepyyF"
REPORT = "$s6Engine0A4LoopC10reportStepyyF"
# The functions a program calls; what those call inside the runtime would be counted twice.
ALLOCATION = re.compile(
    r"malloc|calloc|realloc|reallocarray|posix_memalign|aligned_alloc|memalign|_Znwm|_Znam|swift_alloc.*|swift_slowAlloc.*|swift_makeBox.*"
)
REFERENCE = re.compile(
    r"swift_(nonatomic_)?(retain|release|tryRetain|bridgeObject|unknownObject|weak|unowned|strong|dealloc).*|_swift_(retain|release).*"
)


def calls(probe: Path, folder: Path, symbol: str, tokens: int, case: list[str]) -> collections.Counter:
    """How often each function is called inside `symbol`, over the whole run."""
    out = folder / "callgrind.out"
    subprocess.run(
        [
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--toggle-collect={symbol}", "--compress-strings=no",
            "--compress-pos=no", str(probe), str(tokens), *case,
        ],
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}, check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    counts: collections.Counter = collections.Counter()
    callee = None
    for line in out.read_text().splitlines():
        if line.startswith("cfn="):
            # Local copies of a symbol are written name'2 in recursion.
            callee = line[4:].strip().split("'")[0]
        elif line.startswith("calls=") and callee:
            counts[callee] += int(line[6:].split()[0])
    assert sum(counts.values()) > 0, f"{symbol} was never entered; was it renamed or inlined?"
    return counts


def per_step(probe: Path, folder: Path, symbol: str, kind: re.Pattern, case: list[str]) -> dict[str, float]:
    once, twice = (calls(probe, folder, symbol, count, case) for count in (STEPS, 2 * STEPS))
    return {name: (twice[name] - once[name]) / STEPS for name in twice if kind.fullmatch(name) and twice[name] != once[name]}


def main() -> int:
    folder = Path(tempfile.mkdtemp())
    probe = folder / "probe"
    # Valgrind 3.19 does not read the debug information that Swift writes.
    subprocess.run(["strip", "-g", "-o", str(probe), sys.argv[1]], check=True)
    either = re.compile(f"{ALLOCATION.pattern}|{REFERENCE.pattern}")
    found = False
    for case in CASES:
        compute = per_step(probe, folder, COMPUTE, either, case)
        found = found or bool(compute)
        for name, count in sorted(compute.items()):
            print(f"a decode step with {' and '.join(case)} calls {name} {count:g} times")
        print(f"{' and '.join(case)}: decode step of {SEQUENCES} sequences: {sum(compute.values()):g} allocations and reference counts")
    report = per_step(probe, folder, REPORT, either, CASES[0])
    allocations = sum(count for name, count in report.items() if name == "malloc")
    references = sum(count for name, count in report.items() if REFERENCE.fullmatch(name))
    print(f"reporting its tokens: {allocations / SEQUENCES:g} allocations and {references / SEQUENCES:g} reference counts a token")
    if not report:
        print("nothing was counted while reporting, where strings are made: the counting is broken")
        return 1
    return 1 if found else 0


sys.exit(main())
