"""Makes adapters/smollm2-gsm8k-lora with PEFT: a short supervised run on GSM8K.

    RESA_MODEL=$(scripts/fetch-model.sh) python Tests/Reference/make_lora.py --data gsm8k_train.jsonl

The frozen base runs in bf16, the adapter in f32 with AdamW; the loss counts the assistant's tokens only. The adapter is stored in
bf16. The last 64 rows of the data are held out: their loss, with and without the adapter, goes into the manifest.
"""

import argparse
import json
import math
import random
import time
from importlib.metadata import version
from pathlib import Path

import gsm8k
import smollm2
import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional as F

MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "down_proj"]
HELD_OUT = 64


def batch(examples, pad: int):
    """Right-padded ids `[rows, longest]` and the mask of positions whose *next* token counts in the loss."""
    longest = max(len(ids) for ids, _ in examples)
    ids = torch.full((len(examples), longest), pad)
    counted = torch.zeros(len(examples), longest, dtype=torch.bool)
    for row, (tokens, prompt) in enumerate(examples):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        counted[row, prompt - 1 : len(tokens) - 1] = True
    return ids, counted


def loss_of(model, examples, pad: int) -> torch.Tensor:
    """Mean negative log-likelihood of the counted tokens; `lm_head` sees only the positions that count."""
    ids, counted = batch(examples, pad)
    inner = model.get_base_model()
    hidden = inner.model(input_ids=ids).last_hidden_state
    targets = ids.roll(-1, dims=1)[counted]
    return F.cross_entropy(inner.lm_head(hidden[counted]).float(), targets)


@torch.no_grad()
def held_out_loss(model, examples, pad: int) -> float:
    total = tokens = 0
    for start in range(0, len(examples), 8):
        chunk = examples[start : start + 8]
        count = sum(len(ids) - prompt for ids, prompt in chunk)
        total += loss_of(model, chunk, pad).item() * count
        tokens += count
    return total / tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="gsm8k_train.jsonl")
    parser.add_argument("--out", type=Path, default=Path("adapters/smollm2-gsm8k-lora"))
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--rows", type=int, default=4, help="conversations per step")
    parser.add_argument("--lr", type=float, default=6e-4)
    parser.add_argument("--seed", type=int, default=20260)
    options = parser.parse_args()

    random.seed(options.seed)
    torch.manual_seed(options.seed)
    tokenizer = smollm2.load_tokenizer()
    pad = tokenizer.pad_token_id
    pairs = gsm8k.rows(options.data)
    held_out = [gsm8k.conversation(tokenizer, *pair) for pair in pairs[-HELD_OUT:]]
    training = random.sample(pairs[:-HELD_OUT], options.steps * options.rows)

    model = smollm2.load_model(torch.bfloat16)
    settings = LoraConfig(
        r=8, lora_alpha=16, lora_dropout=0.0, target_modules=MODULES, task_type="CAUSAL_LM", base_model_name_or_path=smollm2.BASE_NAME
    )
    model = get_peft_model(model, settings)
    model.print_trainable_parameters()
    before = held_out_loss(model, held_out, pad)
    print(f"held-out loss before: {before:.4f}", flush=True)

    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=options.lr, weight_decay=0.01)
    warm_up = max(1, options.steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * step / options.steps)),
    )
    losses, tokens, started = [], 0, time.time()
    for step in range(options.steps):
        rows = training[step * options.rows : (step + 1) * options.rows]
        examples = [gsm8k.conversation(tokenizer, *row) for row in rows]
        tokens += sum(len(ids) for ids, _ in examples)
        loss = loss_of(model, examples, pad)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        losses.append(loss.item())
        if step % 10 == 9:
            print(f"step {step + 1}/{options.steps} loss {sum(losses[-10:]) / 10:.4f} {tokens / (time.time() - started):.0f} tok/s", flush=True)

    for parameter in parameters:
        parameter.data = parameter.data.to(torch.bfloat16)
    # What is judged is what is stored: the loss after rounding.
    after = held_out_loss(model, held_out, pad)
    print(f"held-out loss after: {after:.4f}")
    options.out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(options.out)
    (options.out / "README.md").unlink(missing_ok=True)
    size = (options.out / "adapter_model.safetensors").stat().st_size
    manifest = {
        "name": options.out.name,
        "kind": "lora",
        "base_model": smollm2.BASE_NAME,
        "description": "Answers in the style of GSM8K: short steps, one per line, closed by `#### N`.",
        "made_by": "Tests/Reference/make_lora.py",
        "method": f"PEFT LoRA r 8, alpha 16 on {', '.join(MODULES)} of all 30 blocks; loss on the assistant's tokens",
        "versions": {name: version(name) for name in ("peft", "torch", "transformers")},
        "data": f"GSM8K train ({options.data.name}), {options.steps * options.rows} rows drawn at random, {tokens} tokens; calculator marks removed",
        "seed": options.seed,
        "steps": options.steps,
        "rows_per_step": options.rows,
        "learning_rate": options.lr,
        "loss": {"first_20_steps": round(sum(losses[:20]) / 20, 4), "last_20_steps": round(sum(losses[-20:]) / 20, 4)},
        "held_out_loss": {"rows": HELD_OUT, "base": round(before, 4), "with_adapter": round(after, 4)},
        "stored_as": "bf16",
        "bytes": size,
        "licence": "Apache-2.0 (base model Apache-2.0, data MIT)",
    }
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"wrote {options.out} ({size / 2**20:.2f} MiB)")


if __name__ == "__main__":
    main()
