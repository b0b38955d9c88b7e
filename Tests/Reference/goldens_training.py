"""What PyTorch and PEFT compute for SAE-guided fine-tuning on tiny random models.

Below OUT/training/NAME:
    checkpoint/   a Hugging Face folder in f32           lora/   a PEFT folder, B random
    sae/HOOKPOINT/   sparsify folders                     zero/   the LoRA that trajectories start from, B zero
    cases.json    gradients.safetensors: `CASE:layers.L.PROJECTION.A|B`, the gradient of the case's loss (absent: PyTorch gives none)
    trajectories.json: losses of every step; `TRAJECTORY/` the PEFT folder after the last
"""

import json
import shutil
from pathlib import Path

import torch
import torch.nn.functional as F
from goldens_models import ALL_PROJECTIONS, VOCAB, byte_tokenizer, randomise, tiny_models
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from sparsify import SparseCoder, SparseCoderConfig
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

SECONDS = 20

# Over one and over two blocks of the attention's 64 queries, and over a row block of the loss.
LENGTH = 150
STEPS, STEP_LENGTH = 20, 48
SAES = {"qwen2": {}, "llama-tied": {"activation": "groupmax"}, "llama3-rope": {"skip_connection": True}, "qwen3": {}}


def reconstruct(sae: SparseCoder, x: torch.Tensor) -> torch.Tensor:
    """The SAE's formula in plain operations, so that autograd goes through every part of it."""
    z = F.relu(F.linear(x - sae.b_dec, sae.encoder.weight, sae.encoder.bias))
    if sae.cfg.activation == "topk":
        acts, indices = z.topk(sae.cfg.k)
    else:
        groups = z.unflatten(-1, (sae.cfg.k, -1))
        acts, places = groups.max(-1)
        indices = places + torch.arange(sae.cfg.k) * groups.shape[-1]
    out = torch.einsum("tk,tkd->td", acts, sae.W_dec[indices]) + sae.b_dec
    return out if sae.W_skip is None else out + x @ sae.W_skip.mT


class Splice:
    """Replaces the output of a hookpoint; `cut` without a gradient, as the published code does."""

    def __init__(self, model, hookpoint: str, sae: SparseCoder, mode: str) -> None:
        parts = hookpoint.split(".")
        block = model.get_base_model().model.layers[int(parts[1])]
        self.module = block.mlp if parts[2:] == ["mlp"] else block
        self.sae, self.mode = sae, mode

    def __enter__(self):
        def hook(_module, _inputs, output):
            whole = output[0] if isinstance(output, tuple) else output
            if self.mode == "cut":
                with torch.no_grad():
                    changed = reconstruct(self.sae, whole.flatten(0, 1)).view_as(whole)
            else:
                changed = reconstruct(self.sae, whole.flatten(0, 1)).view_as(whole)
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        self.handle = self.module.register_forward_hook(hook)

    def __exit__(self, *_):
        self.handle.remove()


def divergence(model, tokens: torch.Tensor, hook: tuple, direction: str, reduction: str, mask: torch.Tensor | None):
    """Loss of METHOD's stage II: the model with SAE and LoRA against the same model without both."""
    with torch.no_grad(), model.disable_adapter():
        base = F.log_softmax(model(input_ids=tokens[None], use_cache=False).logits[0].float(), -1)
    with Splice(model, *hook):
        student = F.log_softmax(model(input_ids=tokens[None], use_cache=False).logits[0].float(), -1)
    if mask is not None:
        base, student = base[mask], student[mask]
    if direction == "forward":
        total = F.kl_div(student, base, log_target=True, reduction="sum")
    else:
        total = F.kl_div(base, student, log_target=True, reduction="sum")
    return total if reduction == "sum" else total / len(base)


def cross_entropy(model, tokens: torch.Tensor, mask: torch.Tensor | None):
    logits = model(input_ids=tokens[None], use_cache=False).logits[0].float()[:-1]
    labels = tokens[1:]
    if mask is not None:
        logits, labels = logits[mask[1:]], labels[mask[1:]]
    return F.cross_entropy(logits, labels)


def short(name: str) -> str:
    parts = name.removeprefix("base_model.model.model.").split(".")
    return f"layers.{parts[1]}.{parts[3]}.{parts[4][-1]}"


def make_sae(width: int, settings: dict, folder: Path) -> SparseCoder:
    sae = SparseCoder(width, SparseCoderConfig(num_latents=256, k=8, **settings))
    sae.encoder.weight.data.normal_(0, 1 / width**0.5)
    sae.encoder.bias.data.normal_(0, 0.1)
    sae.W_dec.data.normal_(0, 1)
    sae.set_decoder_norm_to_unit_norm()
    sae.b_dec.data.normal_(0, 0.3)
    if sae.W_skip is not None:
        sae.W_skip.data.normal_(0, 0.5 / width**0.5)
    sae.save_to_disk(folder)
    return sae.requires_grad_(False)


def make(name: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(7 + sum(name.encode()))
    config = tiny_models()[name].config
    base = AutoModelForCausalLM.from_config(config).float().requires_grad_(False).eval()
    randomise(base)
    base.tie_weights()
    base.config.dtype = torch.float32
    base.save_pretrained(folder / "checkpoint")
    byte_tokenizer().save_pretrained(folder / "checkpoint")
    saes = {place: make_sae(config.hidden_size, SAES[name], folder / "sae" / place) for place in ["layers.1", "layers.1.mlp"]}

    settings = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "target_modules": ALL_PROJECTIONS, "task_type": "CAUSAL_LM"}
    model = get_peft_model(base, LoraConfig(**settings)).eval()
    for key, parameter in model.named_parameters():
        if "lora_A" in key:
            parameter.data.normal_(0, 1 / parameter.shape[1] ** 0.5)
    model.save_pretrained(folder / "zero")
    for key, parameter in model.named_parameters():
        if "lora_B" in key:
            parameter.data.normal_(0, 0.1)
    model.save_pretrained(folder / "lora")

    tokens = torch.randint(0, VOCAB, (LENGTH,))
    mask = torch.rand(LENGTH) < 0.4
    cases, gradients = [], {}

    def case(title: str, loss, **facts) -> None:
        model.zero_grad(set_to_none=True)
        loss.backward()
        for key, parameter in model.named_parameters():
            if parameter.grad is not None and "lora_" in key:
                gradients[f"{title}:{short(key)}"] = parameter.grad.clone()
        cases.append({"name": title, "loss": loss.item(), **facts})

    for place, sae in saes.items():
        for mode in ["cut", "through"]:
            for direction, reduction, masked in [("forward", "sum", False), ("reverse", "mean", True)]:
                if place.endswith("mlp") and masked:
                    continue
                case(
                    f"{place}-{mode}-{direction}",
                    divergence(model, tokens, (place, sae, mode), direction, reduction, mask if masked else None),
                    hookpoint=place, mode=mode, direction=direction, reduction=reduction, masked=masked,
                )  # fmt: skip
    case("sft", cross_entropy(model, tokens, None), direction="sft", reduction="mean", masked=False)
    case("sft-masked", cross_entropy(model, tokens, mask), direction="sft", reduction="mean", masked=True)
    save_file(gradients, folder / "gradients.safetensors")
    (folder / "cases.json").write_text(json.dumps({"tokens": tokens.tolist(), "mask": mask.tolist(), "cases": cases}))
    model.unload()
    if hasattr(base, "peft_config"):
        del base.peft_config
    trajectories(base, saes["layers.1"], folder)


def trajectories(base, sae: SparseCoder, folder: Path) -> None:
    """AdamW steps from B = 0. `cut`: METHOD's settings with a larger rate; `through`: cosine with warm-up, weight decay, mean."""
    chunks = torch.randint(0, VOCAB, (STEPS // 2, STEP_LENGTH))
    facts = {}
    for title, mode, rate, decay, reduction, warmup in [("cut", "cut", 1e-3, 0.01, "sum", None), ("through", "through", 3e-3, 0.1, "mean", 3)]:
        model = PeftModel.from_pretrained(base, folder / "zero", is_trainable=True).eval()
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimiser = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.999), weight_decay=decay)
        schedule = get_cosine_schedule_with_warmup(optimiser, warmup, STEPS) if warmup is not None else None
        losses, norms = [], []
        for step in range(STEPS):
            optimiser.zero_grad(set_to_none=True)
            loss = divergence(model, chunks[step % len(chunks)], ("layers.1", sae, mode), "forward", reduction, None)
            loss.backward()
            norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, 1.0)))
            optimiser.step()
            if schedule is not None:
                schedule.step()
            losses.append(loss.item())
        model.save_pretrained(folder / title)
        model.unload()
        if hasattr(base, "peft_config"):
            del base.peft_config
        facts[title] = {
            "losses": losses, "norms": norms, "rate": rate, "decay": decay, "reduction": reduction, "warmup": warmup or 0,
            "schedule": "constant" if warmup is None else "cosine",
        }  # fmt: skip
    (folder / "trajectories.json").write_text(json.dumps({"chunks": chunks.tolist(), **facts}))


def main(out: Path, cache: Path) -> None:
    torch.set_num_threads(1)
    for name in SAES:
        make(name, out / "training" / name)
