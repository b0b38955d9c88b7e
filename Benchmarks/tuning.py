"""Tokens a second of one SAE-Tuning step: `resa tune` beside PyTorch with PEFT, in turn, on one model and one SAE.

    RESA_MODEL=$(scripts/fetch-model.sh) $(scripts/python-env.sh) Benchmarks/tuning.py RESA_BIN SAE_FOLDER HOOKPOINT DATA [--length 1024]

Both sides do the same step: teacher, student with the SAE's reconstruction in place (gradient cut), backward, AdamW, rank 32, no dropout,
chunks of equal length. PyTorch runs the lower layers once for the teacher and once for the student, as the published code does.
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


def torch_rates(dtype_name: str, sae_folder: Path, hookpoint: str, length: int, steps: int, threads: int) -> list[float]:
    import smollm2
    import torch
    import torch.nn.functional as F
    from interventions import load_sae
    from peft import LoraConfig, get_peft_model

    torch.set_num_threads(threads)
    dtype = getattr(torch, dtype_name)
    base = smollm2.load_model(dtype).requires_grad_(False)
    modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(base, LoraConfig(r=32, lora_alpha=128, lora_dropout=0.0, target_modules=modules, task_type="CAUSAL_LM"))
    model.train()
    sae = load_sae(sae_folder / hookpoint).to(dtype).requires_grad_(False)
    block = model.get_base_model().model.layers[int(hookpoint.split(".")[1])]
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    generator = torch.Generator().manual_seed(1)
    rates = []

    def hook(_module, _inputs, output):
        whole = output[0] if isinstance(output, tuple) else output
        with torch.no_grad():
            encoded = sae.encode(whole.flatten(0, 1))
            changed = sae.decode(encoded.top_acts, encoded.top_indices).view_as(whole)
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    for _ in range(steps + 1):
        tokens = torch.randint(100, 40000, (1, length), generator=generator)
        start = time.perf_counter()
        with torch.no_grad(), model.disable_adapter():
            teacher = F.log_softmax(model(input_ids=tokens, use_cache=False).logits[0].float(), -1)
        handle = block.register_forward_hook(hook)
        student = F.log_softmax(model(input_ids=tokens, use_cache=False).logits[0].float(), -1)
        handle.remove()
        loss = F.kl_div(student, teacher, log_target=True, reduction="sum")
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        rates.append(length / (time.perf_counter() - start))
    return rates[1:]


def resa_rates(binary: str, weights: str, model: str, arguments: argparse.Namespace) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            binary, "tune", "--model", model, "--sae", arguments.sae, "--hookpoint", arguments.hookpoint, "--data", arguments.data, "--out", folder,
            "--length", str(arguments.length), "--dropout", "0", "--max-steps", str(arguments.steps + 1), "--weights", weights,
            "--threads", str(arguments.threads), "--epochs", "1", "--rows", "100",
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
        return [line["tokens_per_second"] for line in lines][1:]


def main() -> None:
    import smollm2

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("sae", help="adapter folder")
    parser.add_argument("hookpoint")
    parser.add_argument("data", help="JSON lines")
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--torch", nargs="*", default=["bfloat16", "float32"], help="bfloat16 is very slow on processors without AVX-512")
    arguments = parser.parse_args()
    model = str(smollm2.gguf_path())
    rates: dict[str, list[float]] = {}

    def add(name: str, found: list[float]) -> None:
        rates.setdefault(name, []).extend(found)
        print(f"{name}: {', '.join(f'{rate:.1f}' for rate in found)} tokens/s", flush=True)

    for _ in range(arguments.rounds):
        for weights in ["f32", "bf16"]:
            add(f"resa {weights}", resa_rates(arguments.binary, weights, model, arguments))
        for dtype in arguments.torch:
            found = torch_rates(dtype, Path(arguments.sae), arguments.hookpoint, arguments.length, arguments.steps, arguments.threads)
            add(f"PyTorch {dtype}", found)
    best = max(statistics.median(values) for name, values in rates.items() if name.startswith("PyTorch"))
    for name, values in rates.items():
        middle = statistics.median(values)
        print(f"{name:18} {middle:8.1f} tokens/s  ({min(values):.1f}-{max(values):.1f})  {middle / best:.2f} x PyTorch's best")


if __name__ == "__main__":
    main()
