"""Greedy texts of the default model by `transformers`, plain and with the repository's adapters: OUT/models/smollm2/greedy.json."""

import json
from pathlib import Path

import smollm2
import smollm2_runs
import torch
from interventions import adapted

DEPENDS = [
    "adapters/smollm2-gsm8k-lora/adapter_model.safetensors",
    "adapters/smollm2-sae/layers.14",
]
SECONDS = 110

GREEDY_TOKENS = 64


@torch.inference_mode()
def greedy(model, prompts: list[list[int]], adapters: list[dict], folder: Path) -> list[dict]:
    """64 tokens by argmax for every prompt, in one left-padded batch, cut off before end-of-sequence.

    The smallest margin between the two strongest tokens says how near the nearest tie was.
    """
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    longest = int(lengths.max())
    step = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    positions = torch.arange(longest)[None] - (longest - lengths)[:, None]
    mask = (positions >= 0).long()
    chosen, margins, cache = [], [], None
    with adapted(model, adapters, folder) as (wrapped, _, place):
        for _ in range(GREEDY_TOKENS):
            place(positions, lengths)
            out = wrapped(
                input_ids=step, attention_mask=mask, position_ids=positions.clamp(min=0), past_key_values=cache, use_cache=True,
                logits_to_keep=1,
            )  # fmt: skip
            cache = out.past_key_values
            best = out.logits[:, -1].topk(2)
            margins.append(best.values[:, 0] - best.values[:, 1])
            step, positions = best.indices[:, :1], positions[:, -1:] + 1
            mask = torch.cat([mask, torch.ones_like(step)], dim=1)
            chosen.append(step)
    runs, end = [], smollm2.value("tokenizer.ggml.eos_token_id")
    for prompt, tokens, margins in zip(prompts, torch.cat(chosen, dim=1).tolist(), torch.stack(margins, dim=1).tolist()):
        made = tokens.index(end) if end in tokens else len(tokens)
        runs.append({"prompt": prompt, "adapters": adapters, "tokens": tokens[:made], "smallest_margin": min(margins[: made + 1])})
    return runs


def main(out: Path, cache: Path) -> None:
    model, prompts = smollm2.load_model(), smollm2_runs.prompt_ids()
    runs = []
    for name, specs in {"base": [], **smollm2_runs.variants()}.items():
        print("at", name, flush=True)
        for number, run in enumerate(greedy(model, prompts[:20], specs, smollm2_runs.ADAPTERS)):
            # Two tokens nearer than the rounding of f32 would make "equal text" a matter of luck: choose another prompt.
            assert name != "base" or run["smallest_margin"] > 1e-3, f"{name}-{number}: margin {run['smallest_margin']}"
            runs.append({"name": f"{name}-{number}", "variant": name, **run})
    folder = out / "models" / "smollm2"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "greedy.json").write_text(json.dumps(runs))
