"""Tokens a second of one step of training an SAE: `resa extract` beside sparsify on PyTorch, in turn, on activations of one shape.

    RESA_MODEL=$(scripts/fetch-model.sh) $(scripts/python-env.sh) Benchmarks/extraction.py RESA_BIN DATA [--latents 8192] [--batch 4]

What is timed is the SAE's step alone (encode, select, decode, losses, backward, decoder constraints, optimiser), as `sae_seconds` of the log
has it; the model's pass, which both sides need and which may be any engine's, is printed beside it for resa.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Tests" / "Reference"))


def torch_rates(dtype_name: str, arguments: argparse.Namespace) -> list[float]:
    import torch
    from schedulefree import ScheduleFreeWrapper
    from sparsify import SaeConfig, SparseCoder
    from sparsify.sign_sgd import SignSGD

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    tokens = arguments.batch * arguments.length
    config = SaeConfig(num_latents=arguments.latents, k=arguments.k, multi_topk=arguments.multi_topk)
    sae = SparseCoder(arguments.width, config, dtype=getattr(torch, dtype_name))
    optimiser = ScheduleFreeWrapper(SignSGD(sae.parameters(), lr=5e-3 / (arguments.latents / 16384) ** 0.5), momentum=0.95)
    optimiser.train()
    x = (torch.randn(tokens, 64) @ torch.randn(64, arguments.width) + torch.randn(tokens, arguments.width)).to(sae.dtype)
    rates = []
    for _ in range(arguments.steps + 1):
        start = time.perf_counter()
        sae.set_decoder_norm_to_unit_norm()
        out = sae(x)
        (out.fvu + out.multi_topk_fvu / 8).backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        optimiser.step()
        optimiser.zero_grad()
        rates.append(tokens / (time.perf_counter() - start))
    return rates[1:]


def resa_rates(model: str, arguments: argparse.Namespace) -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            arguments.binary, "extract", "--model", model, "--data", arguments.data, "--out", folder, "--hookpoint", arguments.hookpoint,
            "--latents", str(arguments.latents), "--k", str(arguments.k), "--length", str(arguments.length), "--batch", str(arguments.batch),
            "--max-steps", str(arguments.steps + 1), "--epochs", "1", "--threads", str(arguments.threads), "--template", "raw",
            "--weights", arguments.weights, *(["--multi-topk"] if arguments.multi_topk else []),
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()][1:]
        return [line["tokens"] / line["sae_seconds"] for line in lines], [line["tokens"] / line["model_seconds"] for line in lines]


def main() -> None:
    import smollm2

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("data", help="JSON lines")
    parser.add_argument("--model", help="a model of the given width; the default model when left out")
    parser.add_argument("--width", type=int, default=576)
    parser.add_argument("--hookpoint", default="layers.14")
    parser.add_argument("--latents", type=int, default=8192)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--multi-topk", action="store_true")
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--weights", default="int8")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    model = arguments.model or str(smollm2.gguf_path())
    rates: dict[str, list[float]] = {}
    for _ in range(arguments.rounds):
        step, passes = resa_rates(model, arguments)
        rates.setdefault("resa, SAE", []).extend(step)
        rates.setdefault("resa, model", []).extend(passes)
        for dtype in ["float32", "bfloat16"]:
            rates.setdefault(f"PyTorch {dtype}, SAE", []).extend(torch_rates(dtype, arguments))
    best = max(statistics.median(values) for name, values in rates.items() if name.startswith("PyTorch"))
    for name, values in rates.items():
        middle = statistics.median(values)
        print(f"{name:24} {middle:8.0f} tokens/s  ({min(values):.0f}-{max(values):.0f})  {middle / best:.2f} x PyTorch's best")


if __name__ == "__main__":
    main()
