"""Options that would be accepted and ignored: each is honoured, or refused with what it goes with."""

import json
import subprocess

import pytest
import random_checkpoint
from conftest import ADAPTERS, required

MODEL = ["--model", "m"]
DATA = ["--data", "d.jsonl"]
EVAL_URL = ["eval", "--url", "http://127.0.0.1:1", *DATA, "--output", "o"]
EVAL_MODEL = ["eval", *MODEL, *DATA, "--output", "o"]
EXTRACT = ["extract", *MODEL, *DATA, "--hookpoint", "layers.0", "--out", "o"]
SFT = ["tune", *MODEL, *DATA, "--objective", "sft", "--out", "o"]
PROBE = ["probe", *MODEL, *DATA, "--sae", "s"]
BENCH = ["bench", "serve", "--url", "http://127.0.0.1:1"]
IGNORED = [
    ([*EVAL_URL, "--adapter-weights", "bf16"], "--adapter-weights goes with --model"),
    ([*EVAL_URL, "--weights", "bf16"], "--weights goes with --model"),
    ([*EVAL_URL, "--kv", "int8"], "--kv goes with --model"),
    ([*EVAL_URL, "--threads", "2"], "--threads goes with --model"),
    ([*EVAL_URL, "--packed-cache", "off"], "--packed-cache goes with --model"),
    ([*EVAL_URL, "--context", "100"], "--context goes with --model"),
    ([*EVAL_URL, "--adapters", "a"], "--adapters goes with"),
    ([*EVAL_MODEL, "--api-key", "k"], "--api-key goes with --url"),
    ([*EVAL_MODEL, "--served", "k"], "--served goes with --url"),
    ([*EVAL_MODEL, "--controls", "c"], "--controls goes with --control"),
    ([*EVAL_MODEL, "--prompt", "boxed", "--template", "t"], "either --prompt or --template"),
    ([*EVAL_MODEL, "--adapters", "a"], "--adapters goes with --adapter or --control"),
    ([*EVAL_MODEL, "--adapter-weights", "bf16"], "--adapter-weights goes with --adapter or --control"),
    ([*EVAL_MODEL, "--packed-cache", "off", "--packed-cache-limit", "5"], "--packed-cache-limit goes with a --packed-cache that is not off"),
    (["generate", *MODEL, "--prompt", "x", "--adapters", "a"], "--adapters goes with --adapter"),
    (["generate", *MODEL, "--prompt", "x", "--adapter-weights", "bf16"], "--adapter-weights goes with --adapter"),
    (["generate", *MODEL, "--prompt", "x", "--system", "s"], "--system goes with --chat"),
    ([*EXTRACT, "--adapter-weights", "bf16"], "--adapter-weights says how LoRAs are held"),
    ([*EXTRACT, "--warmup", "5"], "--warmup goes with --optimiser adam"),
    ([*EXTRACT, "--optimiser", "adam", "--momentum", "0.5"], "--momentum goes with --optimiser signum"),
    ([*EXTRACT, "--dead-tokens", "5"], "--dead-tokens goes with --auxk"),
    ([*EXTRACT, "--latents", "5", "--expansion", "2"], "either --latents or --expansion"),
    ([*EXTRACT, "--weights", "f32", "--packed-cache", "p"], "--packed-cache goes with --weights other than f32"),
    ([*EXTRACT, "--weights", "f32", "--packed-cache-limit", "5"], "--packed-cache-limit goes with --weights other than f32"),
    ([*EXTRACT, "--init", "i", "--seed", "5"], "--seed goes with SAEs that start anew"),
    ([*EXTRACT, "--template", "raw", "--system-prompt", "s"], "--system-prompt goes with --template paper"),
    ([*SFT, "--hookpoint", "layers.0"], "--hookpoint goes with --objective kl"),
    ([*SFT, "--shuffle-sae", "1"], "--shuffle-sae goes with --objective kl"),
    ([*SFT, "--sae-grad", "through"], "--sae-grad goes with --objective kl"),
    ([*SFT, "--template", "chat", "--system-prompt", "s"], "--system-prompt goes with --template paper"),
    ([*SFT, "--cache-memory", "5"], "--cache-memory goes with an --sae"),
    (["tune", *MODEL, *DATA, "--sae", "s", "--sae-grad", "through", "--cache-memory", "5", "--out", "o"], "--cache-memory goes with an --sae"),
    ([*PROBE, "--contexts", "0", "--context-tokens", "5"], "--context-tokens goes with --contexts"),
    ([*PROBE, "--adapter-weights", "bf16"], "--adapter-weights says how LoRAs are held"),
    ([*PROBE, "--inject", "5"], "--inject goes with --plain"),
    ([*PROBE, "--no-tags", "--open", "<x>"], "--no-tags leaves out"),
    ([*BENCH, "--arrivals", "constant"], "--arrivals goes with --rate"),
    ([*BENCH, "--prefixes", "3"], "--prefixes goes with --prefix-tokens"),
    ([*BENCH, "--adapter-as", "model"], "--adapter-as goes with --adapter"),
    ([*BENCH, "--max-retry-wait", "5s"], "--max-retry-wait goes with --retries"),
    (["bench", "model", *MODEL, "--adapter-weights", "bf16"], "--adapter-weights says how LoRAs are held"),
    (["bench", "adapters", *MODEL, "--latents", "0", "--k", "5"], "--k goes with --latents"),
    (["bench", "adapters", *MODEL, "--loras", "0", "--rank", "5"], "--rank goes with --loras"),
    (["bench", "adapters", *MODEL, "--loras", "0", "--adapter-weights", "bf16"], "--adapter-weights goes with --loras"),
    (["doctor", "--text", "t"], "--text goes with --quality"),
    (["doctor", "--quality", *MODEL, "--text", "t.txt", "--rows", "3"], "--rows goes with a --text that is a .jsonl file"),
    (["adapters", "check", "a", *MODEL, "--rows", "3"], "--rows goes with a --text that is a .jsonl file"),
    (["adapters", "add", str(ADAPTERS / "smollm2-sae"), "--max-bytes", "1"], "--max-bytes is for packs"),
    (["adapters", "add", str(ADAPTERS / "smollm2-sae"), "--trust", "k"], "--trust is for packs"),
    (["adapters", "verify", "--max-ratio", "1"], "--max-ratio is for packs"),
    (["serve", *MODEL, "--allow-adapter-changes", "--pull-limit", "1"], "--pull-limit goes with --allow-pulls"),
]


@pytest.mark.parametrize("arguments, said", IGNORED, ids=lambda value: value if isinstance(value, str) else None)
def test_what_would_be_ignored_is_refused(arguments, said, tmp_path):
    result = subprocess.run([required("RESA_BIN"), *arguments], stdin=subprocess.DEVNULL, capture_output=True, cwd=tmp_path, timeout=600)
    assert result.returncode in (1, 64) and said in result.stderr.decode(), result.stderr.decode()


def test_eval_holds_adapters_as_it_is_told(tmp_path):
    """The same LoRA, held in two formats, gives answers of its own; the run says which it was."""
    model = random_checkpoint.build(tmp_path / "model")
    random_checkpoint.add_lora(tmp_path / "adapters" / "lora", 1)
    (tmp_path / "sums.jsonl").write_text(json.dumps({"problem": "1+1?", "answer": "2"}) + "\n")
    settings = {}
    for format in ("f32", "int8"):
        command = [
            required("RESA_BIN"), "eval", "--model", model, "--weights", "f32", "--adapter-weights", format, "--adapters", tmp_path / "adapters",
            "--adapter", "lora", "--data", tmp_path / "sums.jsonl", "--max-tokens", 8, "--output", tmp_path / format, "--json", "-",
            "--threads", 1, "--prompt", "trigger",
        ]  # fmt: skip
        result = subprocess.run([*map(str, command)], capture_output=True, timeout=600)
        assert result.returncode == 0, result.stderr.decode()
        settings[format] = json.loads(result.stdout)["settings"].get("adapter weights")
    assert settings == {"f32": None, "int8": "int8"}
