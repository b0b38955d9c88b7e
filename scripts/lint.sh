#!/usr/bin/env bash
# Style: every Swift file as `swift format` would write it, every shell script and Python file at least parses, imports follow the list of rooms,
# no test draws what nobody can draw again, and commands stay short.
set -euo pipefail
source "$(dirname "$0")/common.sh"
cd "$root"

say "swift format lint"
swift format lint --strict --recursive Sources Tests Package.swift
for script in scripts/*.sh docs/experiments/*.sh .ci/run; do bash -n "$script"; done
"$(find_python)" scripts/check_imports.py
"$(find_python)" - <<'PY'
import ast, pathlib, re, sys
tests = pathlib.Path("Tests")
for path in sorted(tests.rglob("*.py")):
    ast.parse(path.read_text(encoding="utf-8"), str(path))
unseeded = re.compile(r"SystemRandomNumberGenerator|arc4random|(\.random\(in:|\.randomElement\(|\.shuffled?\(|Bool\.random\()(?!.*using:)")
found = [
    f"{path}:{number}: {line.strip()}"
    for path in sorted(tests.rglob("*.swift"))
    if path.parts[1] not in ("TestRandomness", "Fuzz")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    if unseeded.search(line)
]
if found:
    sys.exit("error: random numbers without a seed (SeededRandom of Tests/TestRandomness has one):\n" + "\n".join(found))
# A verb is options, one call and a table: what is longer holds what belongs into a room below.
verbs = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in pathlib.Path("Sources/ResaServe").rglob("*.swift")}
long = [f"{path}: {lines} lines" for path, lines in sorted(verbs.items()) if lines > 150]
if long or sum(verbs.values()) >= 4000:
    sys.exit(f"error: Sources/ResaServe has {sum(verbs.values())} lines, fewer than 4000 are wanted, and 150 a file:\n" + "\n".join(long))
PY
