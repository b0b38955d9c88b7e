"""Logits of `transformers` for the default model, plain and with the repository's adapters: OUT/models/smollm2, as model_cases.py writes it."""

from pathlib import Path

import smollm2
import smollm2_runs
from model_cases import Cases

DEPENDS = [
    "adapters/smollm2-gsm8k-lora/adapter_model.safetensors",
    "adapters/smollm2-sae/layers.14",
]
SECONDS = 30


def main(out: Path, cache: Path) -> None:
    prompts, variants = smollm2_runs.prompt_ids(), smollm2_runs.variants()
    cases = Cases(smollm2.load_model(), smollm2_runs.ADAPTERS)
    for number, prompt in enumerate(prompts[16:28]):
        cases.run(f"base-{number}", prompt, positions="last")
        for name, specs in variants.items():
            if number % 3 == 0 or name == "lora":
                cases.run(f"{name}-{number}", prompt, specs, positions="last")
    # Every position of a beginning, so that bf16 is compared as far as it selects the latents that f32 does.
    for name in ("sae-splice", "sae-edit", "lora-sae-edit"):
        for number in (3, 20, 24):
            cases.run(f"{name}-beginning-{number}", prompts[number][:16], variants[name])
    cases.write(out / "models" / "smollm2")
