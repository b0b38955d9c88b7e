"""Tokens a second of one SAE-Tuning step: `resa tune` beside PyTorch with PEFT, in turn, on one model and one SAE.

    RESA_MODEL=$(scripts/fetch-model.sh) $(scripts/python-env.sh) Benchmarks/tuning.py RESA_BIN SAE_FOLDER HOOKPOINT DATA [--length 1024]

Both sides do the same step: teacher, student with the SAE's reconstruction in place (gradient cut), backward, AdamW, rank 32, no dropout,
chunks of equal length. PyTorch runs the lower layers once for the teacher and once for the student, as the published code does.

`--model FOLDER` takes another model, `--random-sae LATENTS` makes an SAE where SAE_FOLDER holds none. Each side runs in a process of its
own, whose greatest resident memory is told; with `--record FILE` the medians are those of all rounds in the file.
"""

import argparse
import json
import time
from pathlib import Path

from training_sides import Record, in_child, make_random_sae, model_path, run_resa, torch_model


def torch_rates(dtype_name: str, folder: str | None, sae_folder: str, hookpoint: str, length: int, steps: int, threads: int) -> list[float]:
    import torch
    import torch.nn.functional as F
    from interventions import load_sae
    from peft import LoraConfig, get_peft_model

    torch.set_num_threads(threads)
    modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=32, lora_alpha=128, lora_dropout=0.0, target_modules=modules, task_type="CAUSAL_LM")
    model = get_peft_model(torch_model(folder, dtype_name), config)
    model.train()
    sae = load_sae(Path(sae_folder) / hookpoint).to(getattr(torch, dtype_name)).requires_grad_(False)
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

    for _ in range(steps):
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
    return rates


def resa_rates(weights: str, arguments: argparse.Namespace) -> tuple[list[float], float, float]:
    lines, peak, bound = run_resa(
        "tune", arguments.binary, "--model", model_path(arguments.model), "--sae", arguments.sae, "--hookpoint", arguments.hookpoint,
        "--data", arguments.data, "--length", arguments.length, "--dropout", 0, "--max-steps", arguments.steps + arguments.warm_up,
        "--weights", weights, "--threads", arguments.threads, "--epochs", 1, "--rows", 100,
    )  # fmt: skip
    return [line["tokens_per_second"] for line in lines], peak, bound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("sae", help="adapter folder")
    parser.add_argument("hookpoint")
    parser.add_argument("data", help="JSON lines")
    parser.add_argument("--model", help="a folder; the default model when left out")
    parser.add_argument("--random-sae", type=int, metavar="LATENTS")
    parser.add_argument("--k", type=int, default=32, help="of a random SAE")
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=1, help="steps before those")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resa", nargs="*", default=["f32", "bf16"])
    parser.add_argument("--torch", nargs="*", default=["bfloat16", "float32"], help="bfloat16 is very slow on processors without AVX-512")
    parser.add_argument("--record", metavar="FILE")
    arguments = parser.parse_args()
    if arguments.random_sae:
        width = json.loads((Path(arguments.model) / "config.json").read_text())["hidden_size"]
        in_child(make_random_sae, Path(arguments.sae) / arguments.hookpoint, width, arguments.random_sae, arguments.k)
    record = Record(arguments.record)
    for _ in range(arguments.rounds):
        for weights in arguments.resa:
            rates, peak, bound = resa_rates(weights, arguments)
            record.add(f"resa {weights}, step", rates[arguments.warm_up :], peak_GiB=peak, stated_GiB=bound)
        for dtype in arguments.torch:
            rates, peak = in_child(
                torch_rates, dtype, arguments.model, arguments.sae, arguments.hookpoint, arguments.length,
                arguments.steps + arguments.warm_up, arguments.threads,
            )  # fmt: skip
            record.add(f"PyTorch {dtype}, step", rates[arguments.warm_up :], peak_GiB=peak)
    record.show("step")


if __name__ == "__main__":
    main()
