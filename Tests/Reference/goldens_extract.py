"""What eai-sparsify's own trainer makes of tiny models: `resa extract` must make the same of the same activations from the same start.

    extract/NAME/case.json            settings, hookpoint, and the losses of every step
    extract/NAME/tensors.safetensors  activations [steps * tokens, d]; the SAE before ("initial.") and after ("final.") training
    extract/model                     the model; its tokens are input_ids [sequences, length] of extract/tokens.safetensors
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from sparsify import SaeConfig, SparseCoder, TrainConfig, Trainer
from transformers import LlamaConfig, LlamaForCausalLM

STEPS, BATCH, LENGTH, HIDDEN, VOCAB = 50, 8, 16, 24, 60

CASES = {
    "topk-auxk-adam": dict(
        hookpoint="layers.1", sae=dict(k=4, num_latents=192), train=dict(optimizer="adam", lr=5e-3, lr_warmup_steps=10, auxk_alpha=1 / 32),
    ),
    "multi-topk-adam": dict(
        hookpoint="layers.0.mlp", sae=dict(k=3, num_latents=160, multi_topk=True),
        train=dict(optimizer="adam", lr_warmup_steps=0, lr=5e-3),
    ),
    "topk-auxk-signum": dict(hookpoint="layers.1", sae=dict(k=4, num_latents=192), train=dict(optimizer="signum", lr=2e-3, auxk_alpha=1 / 8)),
    "multi-topk-auxk-signum": dict(
        hookpoint="layers.1.mlp", sae=dict(k=4, num_latents=130, multi_topk=True),
        train=dict(optimizer="signum", lr=2e-3, auxk_alpha=1 / 32),
    ),
    # The default rates are for thousands of latents: with so few, steps would be as long as the weights, and signs of gradients chance.
    "few-latents-signum": dict(hookpoint="layers.0", sae=dict(k=2, num_latents=70, multi_topk=True), train=dict(optimizer="signum", lr=1e-3)),
}
DEAD_TOKENS = 300


def model() -> LlamaForCausalLM:
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, initializer_range=0.4,
    )
    return LlamaForCausalLM(config).eval()


def tensors(sae: SparseCoder, prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value.detach().clone().contiguous() for name, value in sae.state_dict().items()}


def tokens() -> torch.Tensor:
    torch.manual_seed(11)
    return torch.randint(0, VOCAB, (STEPS * BATCH, LENGTH))


def make(name: str, case: dict, out: Path) -> None:
    data = Dataset.from_dict({"input_ids": tokens().tolist()}).with_format("torch")
    activations, losses = [], []
    forward = SparseCoder.forward

    def recorded(self, x, y=None, *, dead_mask=None, total_variance=None):
        result = forward(self, x, y, dead_mask=dead_mask, total_variance=total_variance)
        activations.append(x.detach().clone())
        dead = 0 if dead_mask is None else int(dead_mask.sum())
        losses.append([float(result.fvu.detach()), float(result.auxk_loss.detach()), float(result.multi_topk_fvu.detach()), dead])
        return result

    with tempfile.TemporaryDirectory() as folder:
        train = TrainConfig(
            SaeConfig(**case["sae"]), batch_size=BATCH, hookpoints=[case["hookpoint"]], dead_feature_threshold=DEAD_TOKENS,
            log_to_wandb=False, save_dir=folder, run_name="run", **case["train"],
        )
        trainer = Trainer(train, data, model())
        (sae,) = trainer.saes.values()
        initial = tensors(sae, "initial.")
        SparseCoder.forward = recorded
        try:
            trainer.fit()
        finally:
            SparseCoder.forward = forward
        final = load_file(f"{folder}/run/{case['hookpoint']}/sae.safetensors")
    assert len(losses) == STEPS
    if "auxk" in name:
        assert any(dead > 0 for *_, dead in losses), f"{name}: no latent ever died"
    where = out / "extract" / name
    where.mkdir(parents=True)
    save_file(
        {"activations": torch.cat(activations), **initial, **{"final." + key: value for key, value in final.items()}},
        where / "tensors.safetensors",
    )
    settings = dict(case["sae"]) | dict(case["train"])
    (where / "case.json").write_text(
        json.dumps(
            {
                "hookpoint": case["hookpoint"], "steps": STEPS, "tokens": BATCH * LENGTH, "width": HIDDEN, "k": settings["k"],
                "latents": settings["num_latents"], "multi_topk": settings.get("multi_topk", False), "optimiser": settings["optimizer"],
                "rate": settings.get("lr"), "warm_up": settings.get("lr_warmup_steps", 1000), "auxk_alpha": settings.get("auxk_alpha", 0.0),
                "dead_tokens": DEAD_TOKENS, "losses": losses,
            }
        )
    )


def main(out: Path, cache: Path) -> None:
    del cache
    torch.set_num_threads(1)
    shutil.rmtree(out / "extract", ignore_errors=True)
    model().save_pretrained(out / "extract" / "model")
    save_file({"input_ids": tokens().to(torch.int32)}, out / "extract" / "tokens.safetensors")
    for name, case in CASES.items():
        make(name, case, out)
