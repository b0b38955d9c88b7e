"""Training runs under way: found in their middle and signalled there."""

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

WAIT_SECONDS = 600
TRIES = 5


def steps_done(out: Path) -> int:
    log = out / "log.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def stop_in_the_middle(command: list[str], out: Path, number: int, send=subprocess.Popen.send_signal) -> subprocess.CompletedProcess:
    """Runs it in the folder `out` and signals it when it has done a step and not all. A machine too busy to see it there gets more tries."""
    for _ in range(TRIES):
        shutil.rmtree(out, ignore_errors=True)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + WAIT_SECONDS
        while steps_done(out) == 0 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        if process.poll() is None:
            send(process, number)
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
        if process.returncode != 0:
            return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
    raise AssertionError(f"the run was over each time before it was seen: {stderr}")


def stopped_early(command: list[str], out: Path, number: signal.Signals) -> None:
    """Stops a run in its middle, and sees that it kept the step it was at and said how to go on."""
    said = stop_in_the_middle(command, out, number)
    assert said.returncode == 128 + number, said.stderr
    step, steps = map(int, re.search(r"stopped after step (\d+) of (\d+).*--resume", said.stderr).groups())
    assert 0 < step < steps and (out / "checkpoint.safetensors").exists()
    assert steps_done(out) == step
