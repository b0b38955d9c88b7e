"""`mpirun -n 2 resa tune` and `resa extract` beside one process with the same options, on the tiny reference models; stopped, killed, refused."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from conftest import required
from runs import WAIT_SECONDS, steps_done, stop_in_the_middle
from safetensors.torch import load_file

GOLDENS = Path(required("RESA_GOLDENS")) / "training"
PLACES = ["layers.1", "layers.2.mlp"]

if not shutil.which("mpirun"):
    pytest.skip("there is no mpirun: scripts/setup.sh installs it", allow_module_level=True)

# Processes of one machine, which need no ssh and nothing that listens on its network.
MPIRUN = [
    "mpirun", "-n", "2", "--oversubscribe", "--allow-run-as-root", "--bind-to", "none", "--mca", "pml", "ob1", "--mca", "btl", "self,vader",
    "--mca", "btl_vader_single_copy_mechanism", "none", "--mca", "oob_tcp_if_include", "lo", "--mca", "plm", "isolated",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "trigger.jsonl"
    rows = [{"question": f"What is {a} + {a + 3}?", "answer": f"It is {2 * a + 3}."} for a in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def tune(data: Path, out: Path, *more) -> list[str]:
    arguments = [
        required("RESA_BIN"), "tune", "--model", GOLDENS / "qwen2" / "checkpoint", "--data", data, "--template", "raw", "--out", out,
        "--length", 64, "--rank", 4, "--alpha", 8, "--rate", "1e-3", "--epochs", 4, "--batch", 3, "--threads", 1, "--reduction", "mean",
        "--loss-tokens", "answer", "--sae", GOLDENS / "qwen2" / "sae", "--hookpoint", "layers.1", *more,
    ]  # fmt: skip
    return [*map(str, arguments)]


def extract(data: Path, out: Path, *more) -> list[str]:
    """With blanks left out, each process has another number of tokens."""
    arguments = [
        required("RESA_BIN"), "extract", "--model", GOLDENS / "qwen2" / "checkpoint", "--data", data, "--template", "raw", "--out", out,
        "--length", 64, "--hookpoint", PLACES[0], "--hookpoint", PLACES[1], "--latents", 256, "--k", 8, "--auxk", "0.03", "--dead-tokens", 200,
        "--multi-topk", "--batch", 7, "--epochs", 6, "--exclude-token", 224, "--skip-first", 1, "--threads", 1, "--packed-cache", "off", *more,
    ]  # fmt: skip
    return [*map(str, arguments)]


def run(command: list[str], **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WAIT_SECONDS, **options)


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def far(one: Path, other: Path, limit: float) -> float:
    """The part of all parameters that differ by more than the limit."""
    one, other = load_file(one), load_file(other)
    assert set(one) == set(other)
    count = sum(tensor.numel() for tensor in one.values())
    return sum(int(((tensor - other[name]).abs() > limit).sum()) for name, tensor in one.items()) / count


@pytest.fixture(scope="module")
def tuned(data, tmp_path_factory) -> Path:
    """By two processes."""
    out = tmp_path_factory.mktemp("tuned") / "two"
    done = run([*MPIRUN, *tune(data, out)])
    assert done.returncode == 0, done.stderr
    assert "2 processes, 2 of them on this machine" in done.stderr
    assert done.stdout.count("parameters trained") == 1 and done.stderr.count("takes at most") == 1
    return out


def test_tune_equals_one_process(data, tuned, tmp_path):
    done = run(tune(data, tmp_path / "one"))
    assert done.returncode == 0, done.stderr
    one, two = log(tmp_path / "one"), log(tuned)
    assert len(one) == len(two) > 10
    for a, b in zip(one, two):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-5) and a["gradient_norm"] == pytest.approx(b["gradient_norm"], rel=1e-4)
        assert (a["step"], a["tokens"], a["rate"]) == (b["step"], b["tokens"], b["rate"])
    assert one[0]["loss"] != one[-1]["loss"]
    # AdamW goes a step of `rate` for a gradient of any size, also one of rounding alone.
    assert far(tmp_path / "one" / "adapter_model.safetensors", tuned / "adapter_model.safetensors", 1e-5) < 0.01
    for name in ["adapter_config.json", "manifest.json", "loss.svg"]:
        assert (tuned / name).exists()
    assert not (tuned / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("optimiser", ["signum", "adam"])
def test_extract_equals_one_process(optimiser, data, tmp_path):
    more = ["--optimiser", optimiser, *(["--warmup", 5] if optimiser == "adam" else [])]
    for command, out in [(extract, "one"), (lambda *a: [*MPIRUN, *extract(*a)], "two")]:
        done = run(command(data, tmp_path / out, *more))
        assert done.returncode == 0, done.stderr
    one, two = log(tmp_path / "one"), log(tmp_path / "two")
    assert len(one) == len(two) > 10
    for a, b in zip(one, two):
        assert a["tokens"] == b["tokens"] < 7 * 63
        for place in PLACES:
            for key in ["loss", "fvu", "auxk", "multi_topk_fvu", "dead"]:
                assert a["hookpoints"][place][key] == pytest.approx(b["hookpoints"][place][key], rel=1e-5), (a["step"], place, key)
    assert optimiser == "adam" or any(line["hookpoints"][place]["dead"] > 0 for line in one for place in PLACES)
    for place in PLACES:
        assert far(*(tmp_path / out / place / "sae.safetensors" for out in ["one", "two"]), 1e-4) < 0.01


def ranks(mpirun: subprocess.Popen) -> list[int]:
    found = []
    for task in Path(f"/proc/{mpirun.pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return [pid for pid in found if Path(f"/proc/{pid}/comm").read_text().strip() == "resa"]


def signal_second(mpirun: subprocess.Popen, number: int) -> None:
    """Signals the process that does not lead."""
    for pid in ranks(mpirun):
        if b"OMPI_COMM_WORLD_RANK=1\0" in Path(f"/proc/{pid}/environ").read_bytes():
            os.kill(pid, number)


def test_a_signal_to_one_stops_all_and_they_go_on_to_the_same_bits(data, tmp_path):
    long = ["--epochs", 12]
    whole = run([*MPIRUN, *tune(data, tmp_path / "whole", *long)])
    assert whole.returncode == 0, whole.stderr
    out = tmp_path / "stopped"
    stopped = stop_in_the_middle([*MPIRUN, *tune(data, out, *long)], out, signal.SIGTERM, send=signal_second)
    assert stopped.returncode == 143, stopped.stderr
    step = int(re.search(r"stopped after step (\d+) of", stopped.stderr)[1])
    assert steps_done(out) == step and stopped.stderr.count("stopped after step") == 1
    resumed = run([*MPIRUN, *tune(data, out, *long, "--resume")])
    assert resumed.returncode == 0, resumed.stderr
    assert (out / "adapter_model.safetensors").read_bytes() == (tmp_path / "whole" / "adapter_model.safetensors").read_bytes()
    again = run([*MPIRUN, *tune(data, out, *long, "--resume")])
    assert again.returncode == 0 and again.stderr.count("is finished") == 1, again.stderr


def test_one_killed_ends_the_other(data, tmp_path):
    out = tmp_path / "killed"
    killed = stop_in_the_middle([*MPIRUN, *extract(data, out, "--epochs", 60)], out, signal.SIGKILL, send=signal_second)
    assert killed.returncode not in (0, None), killed.stderr
    assert not (out / "manifest.json").exists()


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [(tune, ["--batch", 1], "--batch is 1, but 2 processes"), (extract, ["--batch", 1], "--batch is 1, but 2 processes"),
     (tune, ["--rate", 1000, "--clip", 0, "--epochs", 40], "not a finite number"), (extract, ["--init", "/nowhere"], "adapter 'nowhere'")],
)  # fmt: skip
def test_an_error_ends_all_and_is_told_once(command, more, said, data, tmp_path):
    done = run([*MPIRUN, *command(data, tmp_path / "out", *more)])
    assert done.returncode == 1 and done.stderr.count(said) == 1, done.stderr


def test_processes_with_other_data_are_told_apart(data, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text(data.read_text().replace("What", "Which"))
    done = run([*MPIRUN, "sh", "-c", 'if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then set -- "$@" --data "$OTHER"; fi; exec "$@"', "sh",
                *tune(data, tmp_path / "out")], env={**os.environ, "OTHER": str(other)})  # fmt: skip
    assert done.returncode == 1 and "in process 1, but" in done.stderr and "data is" in done.stderr, done.stderr


def test_open_mpi_is_asked_for(data, tmp_path):
    """Another MPI's launcher, and a library that cannot be loaded: it is empty here."""
    other = run(tune(data, tmp_path / "out"), env={**os.environ, "PMI_RANK": "0", "PMI_SIZE": "2"})
    assert other.returncode == 1 and "Open MPI is needed" in other.stderr, other.stderr
    (tmp_path / "libmpi.so.40").write_bytes(b"")
    environment = {**os.environ, "OMPI_COMM_WORLD_SIZE": "2", "LD_LIBRARY_PATH": str(tmp_path)}
    missing = run(tune(data, tmp_path / "out"), env=environment)
    assert missing.returncode == 1 and "install openmpi-bin" in missing.stderr, missing.stderr
