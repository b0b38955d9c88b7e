#!/usr/bin/env bash
# Style: every Swift file as `swift format` would write it, every shell script and Python file at least parses.
set -euo pipefail
source "$(dirname "$0")/common.sh"
cd "$root"

say "swift format lint"
swift format lint --strict --recursive Sources Tests Package.swift
for script in scripts/*.sh docs/experiments/*.sh .ci/run; do bash -n "$script"; done
"$(find_python)" - <<'PY'
import ast, pathlib
for path in sorted(pathlib.Path("Tests").rglob("*.py")):
    ast.parse(path.read_text(encoding="utf-8"), str(path))
PY
