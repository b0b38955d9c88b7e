"""`resa tune` and `resa merge` as a user runs them, on the tiny reference models: killed and resumed, loaded by PEFT, merged, refused."""

import fcntl
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import required
from peft import PeftModel
from runs import stopped_early
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

GOLDENS = Path(required("RESA_GOLDENS")) / "training"
WAIT_SECONDS = 600


def command(*arguments) -> list[str]:
    return [required("RESA_BIN"), *map(str, arguments)]


def resa(*arguments, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WAIT_SECONDS, **options)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "trigger.jsonl"
    rows = [{"question": f"What is {a} + {a + 3}?", "answer": f"It is {2 * a + 3}."} for a in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def tune(data: Path, out: Path, *more, model: str = "qwen2", sae: bool = True) -> list:
    hook = ["--sae", GOLDENS / model / "sae", "--hookpoint", "layers.1"] if sae else ["--objective", "sft"]
    return [
        "tune", "--model", GOLDENS / model / "checkpoint", "--data", data, "--template", "raw", "--out", out, "--length", 64, "--rank", 4,
        "--alpha", 8, "--rate", "1e-3", "--epochs", 2, "--save-every", 3, "--threads", 2, *hook, *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def tuned(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("tuned") / "adapter"
    done = resa(*tune(data, out))
    assert done.returncode == 0, done.stderr
    told = done.stderr.splitlines()
    assert [line[:5] for line in told[:3]] == ["resa:"] * 3 and "\\n" not in done.stderr, done.stderr
    assert "of memory" in told[2]
    return out


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_killed_run_ends_in_the_same_bits(data, tuned, tmp_path):
    out = tmp_path / "killed"
    process = subprocess.Popen(command(*tune(data, out)), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + WAIT_SECONDS
    while not (out / "checkpoint.safetensors").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if (out / "checkpoint.safetensors").exists():
        refused = resa(*tune(data, out))
        assert refused.returncode == 1 and "--resume" in refused.stderr
        other = resa(*tune(data, out, "--resume", "--seed", 5))
        assert other.returncode == 1 and "seed" in other.stderr, other.stderr
        resumed = resa(*tune(data, out, "--resume"))
        assert resumed.returncode == 0, resumed.stderr
    for name in ["adapter_model.safetensors", "adapter_config.json"]:
        assert (out / name).read_bytes() == (tuned / name).read_bytes(), name
    assert [line["loss"] for line in log(out)] == [line["loss"] for line in log(tuned)]


# Steps enough that a run is found in the middle.
LONG = ["--epochs", 20, "--save-every", 1000]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "adapter"
    done = resa(*tune(data, out, *LONG))
    assert done.returncode == 0, done.stderr
    return out


def test_a_stopped_run_ends_in_the_same_bits(data, whole, tmp_path):
    out = tmp_path / "stopped"
    stopped_early(command(*tune(data, out, *LONG)), out, signal.SIGINT)
    resumed = resa(*tune(data, out, *LONG, "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    for name in ["adapter_model.safetensors", "adapter_config.json"]:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert [line["loss"] for line in log(out)] == [line["loss"] for line in log(whole)]


def test_peft_loads_it_and_nothing_trained_at_or_below_the_hook(tuned):
    base = AutoModelForCausalLM.from_pretrained(GOLDENS / "qwen2" / "checkpoint", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, tuned)
    tensors = load_file(tuned / "adapter_model.safetensors")
    assert len(tensors) == 4 * 7 * 2
    for name, tensor in tensors.items():
        if ".lora_B." in name:
            layer = int(name.split(".layers.")[1].split(".")[0])
            assert bool((tensor == 0).all()) == (layer <= 1), name
    loaded = {name.replace(".default", ""): value for name, value in model.named_parameters() if "lora_" in name}
    assert set(loaded) == set(tensors)
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    assert (tuned / "loss.svg").read_text().startswith("<?xml")


def test_memory_stays_below_what_is_stated(data, tmp_path):
    errors = (tmp_path / "errors").open("w+")
    process = subprocess.Popen(command(*tune(data, tmp_path / "out")), stdin=subprocess.DEVNULL, stderr=errors)
    peak = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        # Before it has become `resa`, it is a copy of this process.
        if found := re.search(r"Name:\s*resa\b.*VmHWM:\s*(\d+) kB", status, re.DOTALL):
            peak = max(peak, int(found[1]) * 1024)
        time.sleep(0.002)
    errors.seek(0)
    said = errors.read()
    assert process.returncode == 0, said
    amount, unit = re.search(r"takes at most ([0-9.]+) (kB|MB|GB) of memory", said).groups()
    assert 0 < peak <= float(amount) * {"kB": 1e3, "MB": 1e6, "GB": 1e9}[unit], said


@pytest.mark.parametrize("model", ["qwen2", "llama-tied"])
def test_merge_equals_peft(model, tmp_path):
    out = tmp_path / "merged"
    done = resa("merge", "--model", GOLDENS / model / "checkpoint", "--adapter", GOLDENS / model / "lora", "--out", out)
    assert done.returncode == 0, done.stderr
    base = AutoModelForCausalLM.from_pretrained(GOLDENS / model / "checkpoint", dtype=torch.float32)
    wanted = PeftModel.from_pretrained(base, GOLDENS / model / "lora").merge_and_unload().state_dict()
    got = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).state_dict()
    assert set(got) == set(wanted)
    for name in wanted:
        assert torch.allclose(got[name], wanted[name], atol=1e-6), name
    assert (out / "tokenizer.json").exists()
    again = resa("merge", "--model", GOLDENS / model / "checkpoint", "--adapter", GOLDENS / model / "lora", "--out", out)
    assert again.returncode == 1 and "already" in again.stderr


def test_merge_of_a_gguf(tmp_path):
    """Values against the original's plus the product, by the gguf package; what is left alone keeps its bytes."""
    from gguf import GGUFReader, dequantize

    model, adapter = required("RESA_MODEL"), Path(__file__).resolve().parents[2] / "adapters" / "smollm2-gsm8k-lora"
    out = tmp_path / "merged.gguf"
    done = resa("merge", "--model", model, "--adapter", adapter, "--out", out, "--scale", 0.5)
    assert done.returncode == 0, done.stderr
    before = {tensor.name: tensor for tensor in GGUFReader(model).tensors}
    after = {tensor.name: tensor for tensor in GGUFReader(str(out)).tensors}
    assert set(before) == set(after)
    lora = {name: tensor.float().numpy() for name, tensor in load_file(adapter / "adapter_model.safetensors").items()}
    for name, module, heads in [("blk.3.attn_q", "self_attn.q_proj", 9), ("blk.7.ffn_down", "mlp.down_proj", 0)]:
        layer = name.split(".")[1]
        prefix = f"base_model.model.model.layers.{layer}.{module}."
        update = 0.5 * 2 * lora[prefix + "lora_B.weight"] @ lora[prefix + "lora_A.weight"]
        if heads:
            rows, columns = update.shape
            update = update.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
        original = before[name + ".weight"]
        wanted = dequantize(original.data, original.tensor_type) + update
        got = dequantize(after[name + ".weight"].data, after[name + ".weight"].tensor_type)
        # Half a unit in the last place of f16.
        assert (np.abs(got - wanted) <= 2.0**-11 * np.abs(wanted) + 1e-6).all()
        assert np.abs(update).max() > 1e-3
    for name in ["token_embd.weight", "output_norm.weight", "blk.0.ffn_gate.weight"]:
        assert before[name].data.tobytes() == after[name].data.tobytes()
    said = resa("generate", "--model", out, "--prompt", "2 + 2 =", "--max-tokens", 4, "--temperature", 0)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no rows"),
        (b'{"text": "a"}\n{"prompt": "b"}\n', "line 2"),
        (bytes(range(256)), "line 1"),
        (b'{"text": "a"', "line 1"),
    ],
)
def test_bad_data_is_refused(content, said, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(content)
    done = resa(*tune(bad, tmp_path / "out"))
    assert done.returncode == 1 and said in done.stderr, done.stderr
    assert not (tmp_path / "out" / "adapter_config.json").exists()


def test_two_processes_on_one_folder(data, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    holder = os.open(out, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    done = resa(*tune(data, out))
    os.close(holder)
    assert done.returncode == 1 and "another process" in done.stderr, done.stderr


def test_no_room_for_what_is_written(data, tuned, tmp_path):
    """A limit on the size of files stands in for a full disk: the write fails, the run says where, and can go on afterwards."""
    out = tmp_path / "out"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

    done = resa(*tune(data, out), preexec_fn=limit)
    assert done.returncode == 1 and "checkpoint.safetensors" in done.stderr, done.stderr
    assert not (out / "adapter_config.json").exists() and not (out / "checkpoint.safetensors.partial").exists()
    done = resa(*tune(data, out))
    assert done.returncode == 0, done.stderr
    assert (out / "adapter_model.safetensors").read_bytes() == (tuned / "adapter_model.safetensors").read_bytes()


def test_plain_fine_tuning_learns(data, tmp_path):
    out = tmp_path / "sft"
    done = resa(*tune(data, out, "--loss-tokens", "answer", "--rate", "1e-2", "--epochs", 6, model="llama-tied", sae=False))
    assert done.returncode == 0, done.stderr
    losses = [line["loss"] for line in log(out)]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3]), losses
    shutil.rmtree(out)
