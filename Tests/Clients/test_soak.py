"""The short form of Benchmarks/soak.py: everything at once for a few seconds, then everybody leaves and the server is as it was."""

import subprocess
import sys

from conftest import ROOT, required


def test_a_short_soak():
    command = [sys.executable, ROOT / "Benchmarks" / "soak.py", required("RESA_BIN"), required("RESA_MODEL"), "--minutes", "0.4", "--every", "6"]
    # Memory still fills caches in so short a time: it is the long form that says whether it stays.
    done = subprocess.run([*map(str, command), "--growth", "200"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "0 wrong" in done.stdout
