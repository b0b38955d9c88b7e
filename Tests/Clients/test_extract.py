"""`resa extract` as a user runs it, on the tiny reference model: killed and resumed, loaded by sparsify, refused."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from conftest import required
from runs import stopped_early
from sparsify import SparseCoder

GOLDENS = Path(required("RESA_GOLDENS")) / "training"
WAIT_SECONDS = 600
PLACES = ["layers.1", "layers.2.mlp"]


def command(*arguments) -> list[str]:
    return [required("RESA_BIN"), *map(str, arguments)]


def resa(*arguments, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WAIT_SECONDS, **options)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "trigger.jsonl"
    rows = [{"problem": f"What is {a} + {a + 3}?", "answer": f"It is {2 * a + 3}."} for a in range(120)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def extract(data: Path, out: Path, *more) -> list:
    return [
        "extract", "--model", GOLDENS / "qwen2" / "checkpoint", "--data", data, "--template", "raw", "--out", out, "--length", 64,
        "--hookpoint", PLACES[0], "--hookpoint", PLACES[1], "--latents", 256, "--k", 8, "--auxk", "0.03", "--dead-tokens", 200,
        "--batch", 4, "--epochs", 6, "--save-every", 3, "--threads", 2, "--packed-cache", "off", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def extracted(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("extracted") / "sae"
    done = resa(*extract(data, out))
    assert done.returncode == 0, done.stderr
    assert "of memory" in done.stderr.splitlines()[2] and "\\n" not in done.stderr, done.stderr
    assert "of memory" in done.stderr and "tokens/s" in done.stderr
    return out


def curves(folder: Path) -> list[dict]:
    return [json.loads(line)["hookpoints"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_killed_run_ends_in_the_same_bits(data, extracted, tmp_path):
    out = tmp_path / "killed"
    process = subprocess.Popen(command(*extract(data, out)), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + WAIT_SECONDS
    while not (out / "checkpoint.safetensors").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if (out / "checkpoint.safetensors").exists():
        refused = resa(*extract(data, out))
        assert refused.returncode == 1 and "--resume" in refused.stderr
        other = resa(*extract(data, out, "--resume", "--rate", "0.01"))
        assert other.returncode == 1 and "rate" in other.stderr, other.stderr
        resumed = resa(*extract(data, out, "--resume"))
        assert resumed.returncode == 0, resumed.stderr
    for place in PLACES:
        assert (out / place / "sae.safetensors").read_bytes() == (extracted / place / "sae.safetensors").read_bytes(), place
    assert curves(out) == curves(extracted)


# Steps enough that a run is found in the middle.
LONG = ["--epochs", 30, "--save-every", 1000]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "sae"
    done = resa(*extract(data, out, *LONG))
    assert done.returncode == 0, done.stderr
    return out


def test_a_stopped_run_ends_in_the_same_bits(data, whole, tmp_path):
    out = tmp_path / "stopped"
    stopped_early(command(*extract(data, out, *LONG)), out, signal.SIGTERM)
    resumed = resa(*extract(data, out, *LONG, "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    for place in PLACES:
        assert (out / place / "sae.safetensors").read_bytes() == (whole / place / "sae.safetensors").read_bytes(), place
    assert curves(out) == curves(whole)


def test_sparsify_loads_it(data, extracted, tmp_path):
    for place in PLACES:
        sae = SparseCoder.load_from_disk(extracted / place)
        assert (sae.num_latents, sae.cfg.k) == (256, 8)
        acts, indices, _ = sae.encode(torch.randn(5, sae.d_in))
        assert acts.shape == indices.shape == (5, 8)
        values = [line[place]["fvu"] for line in curves(extracted)]
        assert values[-1] < 0.8 * values[0], values
    assert (extracted / "fvu.svg").read_text().startswith("<?xml")
    assert json.loads((extracted / "manifest.json").read_text())["method"]["latents"] == 256
    again = resa(*extract(data, tmp_path / "again", "--init", extracted, "--max-steps", 1, "--optimiser", "adam", "--bf16-sae"))
    assert again.returncode == 0, again.stderr
    first = curves(tmp_path / "again")[0][PLACES[0]]["fvu"]
    assert first < 0.9 * curves(extracted)[0][PLACES[0]]["fvu"], first
    assert next(SparseCoder.load_from_disk(tmp_path / "again" / PLACES[0]).parameters()).dtype == torch.bfloat16
    inspected = resa("adapters", "inspect", extracted)
    assert inspected.returncode == 0 and "layers.2.mlp" in inspected.stdout, inspected.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "holds no rows"), (b'{"text": "a"}\n{"prompt": "b"}\n', "line 2"), (bytes(range(256)), "line 1"), (b'{"text": "a"}\n', "--batch")],
)
def test_bad_data_is_refused(content, said, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(content)
    done = resa(*extract(bad, tmp_path / "out"))
    assert done.returncode == 1 and said in done.stderr, done.stderr


def test_two_processes_on_one_folder(data, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    holder = os.open(out, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    done = resa(*extract(data, out))
    os.close(holder)
    assert done.returncode == 1 and "another process" in done.stderr, done.stderr


def test_no_room_for_what_is_written(data, extracted, tmp_path):
    """A limit on the size of files stands in for a full disk: the write fails, the run says where, and can go on afterwards."""
    out = tmp_path / "out"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

    done = resa(*extract(data, out), preexec_fn=limit)
    assert done.returncode == 1 and "checkpoint.safetensors" in done.stderr, done.stderr
    assert not (out / "manifest.json").exists() and not (out / "checkpoint.safetensors").exists()
    done = resa(*extract(data, out))
    assert done.returncode == 0, done.stderr
    assert (out / PLACES[0] / "sae.safetensors").read_bytes() == (extracted / PLACES[0] / "sae.safetensors").read_bytes()
