"""The reference meaning of adapters on a transformers model: PEFT for LoRA, sparsify's SparseCoder behind forward hooks for SAEs.

A case names its adapters as a list of dictionaries:
    {"name": "lora", "scale": 0.5}
    {"name": "sae", "hookpoint": "layers.2.mlp", "mode": "splice" | "edit", "edits": [{"latent", "op", "value"}], "strength": 1.0,
     "scope": "all" | "prompt" | "generated" | [first, end]}
`name` is a folder below the case's `adapters` folder.
"""

from contextlib import contextmanager
from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from sparsify import SparseCoder

OPERATIONS = {
    "set": lambda a, value: torch.full_like(a, value),
    "add": lambda a, value: a + value,
    "scale": lambda a, value: a * value,
    "ablate": lambda a, value: torch.zeros_like(a),
    "clamp": lambda a, value: a.clamp(max=value),
}


def load_sae(folder: Path) -> SparseCoder:
    """In f32, whatever it is stored in."""
    return SparseCoder.load_from_disk(folder).float().eval()


def in_scope(scope, positions: torch.Tensor, prompt_lengths: torch.Tensor) -> torch.Tensor:
    if scope == "all":
        return torch.ones_like(positions, dtype=torch.bool)
    if scope == "prompt":
        return positions < prompt_lengths
    if scope == "generated":
        return positions >= prompt_lengths
    first, end = scope
    return (positions >= first) & (positions < end)


def intervene(sae: SparseCoder, spec: dict, hidden: torch.Tensor, source: torch.Tensor):
    """`hidden [tokens, d]` after the intervention, and the selected latents and activations `[tokens, k]`, strongest first.

    `source` is what the SAE encodes: `hidden` itself, or the MLP's input for a transcoder.
    """
    encoded = sae.encode(source)
    activations, order = encoded.top_acts.sort(dim=-1, descending=True)
    indices = encoded.top_indices.gather(-1, order)
    if spec["mode"] == "splice":
        changed = sae.decode(encoded.top_acts, encoded.top_indices)
        if sae.W_skip is not None:
            changed = changed + source @ sae.W_skip.mT
    elif spec["mode"] == "edit":
        changed = hidden.clone()
        for edit in spec["edits"]:
            latent = edit["latent"]
            before = torch.where(indices == latent, activations, 0.0).sum(-1)
            after = OPERATIONS[edit["op"]](before, edit.get("value", 0.0))
            changed += spec.get("strength", 1.0) * (after - before)[:, None] * sae.W_dec[latent]
    else:
        changed = hidden
    return changed, indices, activations


class Recorder:
    """What the hooks saw in one forward pass, by hookpoint."""

    def __init__(self) -> None:
        self.indices: dict[str, torch.Tensor] = {}
        self.activations: dict[str, torch.Tensor] = {}


@contextmanager
def adapted(model, adapters: list[dict], folder: Path):
    """`(model, recorder, place)` with the adapters attached for the time of the block; `place(positions, prompt_lengths)` tells the hooks
    the next pass's positions `[sequences, tokens]` (padding below 0) and how long each sequence's prompt is."""
    recorder = Recorder()
    where: dict[str, torch.Tensor] = {}
    loras = [spec for spec in adapters if "hookpoint" not in spec]
    saes = [spec for spec in adapters if "hookpoint" in spec]
    wrapped, handles = model, []
    try:
        for number, spec in enumerate(loras):
            if number == 0:
                wrapped = PeftModel.from_pretrained(model, folder / spec["name"], adapter_name="lora0", autocast_adapter_dtype=False)
            else:
                wrapped.load_adapter(folder / spec["name"], adapter_name=f"lora{number}")
        if loras:
            wrapped.base_model.set_adapter([f"lora{number}" for number in range(len(loras))])
            for module in wrapped.modules():
                if isinstance(module, LoraLayer):
                    for number, spec in enumerate(loras):
                        if f"lora{number}" in module.scaling:
                            module.scaling[f"lora{number}"] *= spec.get("scale", 1.0)
            wrapped.float().eval()
        for spec in saes:
            parts = spec["hookpoint"].split(".")
            block = model.model.layers[int(parts[1])]
            module = block.mlp if parts[2:] == ["mlp"] else block
            sae = load_sae(folder / spec["name"] / spec["hookpoint"])

            def hook(_module, inputs, output, sae=sae, spec=spec):
                whole = output[0] if isinstance(output, tuple) else output
                hidden = whole.flatten(0, 1)
                source = inputs[0].flatten(0, 1) if sae.cfg.transcode else hidden
                changed, indices, activations = intervene(sae, spec, hidden, source)
                touched = in_scope(spec.get("scope", "all"), where["positions"], where["prompt_lengths"])
                changed = torch.where(touched.flatten()[:, None], changed, hidden).view_as(whole)
                recorder.indices[spec["hookpoint"]] = indices
                recorder.activations[spec["hookpoint"]] = activations
                return (changed, *output[1:]) if isinstance(output, tuple) else changed

            handles.append(module.register_forward_hook(hook))

        def place(positions: torch.Tensor, prompt_lengths: torch.Tensor) -> None:
            where.update(positions=positions, prompt_lengths=prompt_lengths[:, None])

        yield wrapped, recorder, place
    finally:
        for handle in handles:
            handle.remove()
        if loras:
            wrapped.unload()
            if hasattr(model, "peft_config"):
                del model.peft_config
