"""The reference meaning of adapters on a transformers model: PEFT for LoRA, sparsify's SparseCoder behind forward hooks for SAEs.

A case names its adapters as a list of dictionaries:
    {"name": "lora", "scale": 0.5}, where a DoRA's scale goes from W along the line to W', the weights that PEFT gives it at scale 1
    {"name": "sae", "hookpoint": "layers.2.mlp", "mode": "splice" | "edit", "edits": [{"latent", "op", "value"}], "strength": 1.0,
     "scope": "all" | "prompt" | "generated" | "think" | "think+generated" | [first, end],
     "when": {"latent": 3, "above": 1.5, "name": "other-sae", "hookpoint": "layers.1"}}
`name` is a folder below the case's `adapters` folder. `when` reads the SAE itself unless it names another; both its `name` and its
`hookpoint` then stand there.
"""

import copy
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from sparsify import SparseCoder


@dataclass(frozen=True)
class Places:
    """Where a family has its blocks, and which module of a block gives what the MLP adds to the residual stream."""

    blocks: str = "model.layers"
    added: str = "mlp"


# By `model_type`; those that are not here have Llama's.
PLACES = {
    "gemma2": Places(added="post_feedforward_layernorm"),
    "gemma3_text": Places(added="post_feedforward_layernorm"),
    "gpt2": Places(blocks="transformer.h"),
    "gpt_neox": Places(blocks="gpt_neox.layers"),
    "olmo2": Places(added="post_feedforward_layernorm"),
}

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


def inside_think(tokens: list[int], think: list[int]) -> list[bool]:
    """For each token: the last tag before it opens, and it is no tag itself. `think` are the tags' ids."""
    opening, _ = think
    inside = []
    for position, token in enumerate(tokens):
        tags = [earlier for earlier in tokens[:position] if earlier in think]
        inside.append(token not in think and bool(tags) and tags[-1] == opening)
    return inside


def in_scope(scope, positions: torch.Tensor, prompt_lengths: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    if not isinstance(scope, str):
        first, end = scope
        return (positions >= first) & (positions < end)
    chosen = torch.ones_like(positions, dtype=torch.bool)
    for name in scope.split("+"):
        if name == "prompt":
            chosen &= positions < prompt_lengths
        elif name == "generated":
            chosen &= positions >= prompt_lengths
        elif name == "think":
            chosen &= inside
        else:
            assert name == "all", name
    return chosen


def exceeds(sae: SparseCoder, when: dict, source: torch.Tensor) -> torch.Tensor:
    """`[tokens]`: whether the latent's activation, 0 where it is not selected, is above the threshold."""
    encoded = sae.encode(source)
    return torch.where(encoded.top_indices == when["latent"], encoded.top_acts, 0.0).sum(-1) > when["above"]


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
        self.splices: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}

    def fvu(self, hookpoint: str, chosen: torch.Tensor) -> float:
        """What the splice lost over those of `chosen` tokens it acted on, as sparsify computes it; -1 where nothing varies."""
        touched, before, after = self.splices[hookpoint]
        before, after = before[touched & chosen], after[touched & chosen]
        if len(before) < 2:
            return -1.0
        return float((before - after).pow(2).sum() / (before - before.mean(0)).pow(2).sum())


def is_dora(folder: Path) -> bool:
    return json.loads((folder / "adapter_config.json").read_text()).get("use_dora", False)


def partly_adapted(model, folder: Path, scale: float):
    """A copy of the model with the weights `W + scale (W' - W)`, W' being those with the adapter."""
    part, whole = copy.deepcopy(model), copy.deepcopy(model)
    whole = PeftModel.from_pretrained(whole, folder, autocast_adapter_dtype=False).float().merge_and_unload()
    theirs = dict(whole.named_parameters())
    for name, parameter in part.named_parameters():
        parameter.data.lerp_(theirs[name].data, scale)
    return part


@contextmanager
def adapted(model, adapters: list[dict], folder: Path):
    """`(model, recorder, place)` with the adapters attached for the time of the block; `place(positions, prompt_lengths, inside)` tells
    the hooks the next pass's positions `[sequences, tokens]` (padding below 0), how long each sequence's prompt is, and which tokens stand
    inside `<think>` (none when left out)."""
    recorder = Recorder()
    where: dict[str, torch.Tensor] = {}
    loras = [spec for spec in adapters if "hookpoint" not in spec]
    saes = [spec for spec in adapters if "hookpoint" in spec]
    # One after the other: what comes first is part of what it is scaled from.
    while loras and "scale" in loras[0] and is_dora(folder / loras[0]["name"]):
        spec = loras.pop(0)
        model = partly_adapted(model, folder / spec["name"], spec["scale"])
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
        places, sources = PLACES.get(model.config.model_type, Places()), {}

        def module_at(hookpoint: str):
            """The module whose output stands at the hookpoint. What goes into the MLP is kept on the way, where that is another module's."""
            parts = hookpoint.split(".")
            block = model.get_submodule(f"{places.blocks}.{parts[1]}")
            if parts[2:] != ["mlp"]:
                return block
            added = block.get_submodule(places.added)
            if added is not block.mlp:
                handles.append(block.mlp.register_forward_pre_hook(lambda _module, inputs: sources.update({added: inputs})))
            return added

        def read(sae, module, inputs, output):
            """What the module gave `[tokens, d]`, and what the SAE encodes."""
            hidden = (output[0] if isinstance(output, tuple) else output).flatten(0, 1)
            return hidden, sources.get(module, inputs)[0].flatten(0, 1) if sae.cfg.transcode else hidden

        for number, spec in enumerate(saes):
            sae = load_sae(folder / spec["name"] / spec["hookpoint"])
            when = spec.get("when")
            reader, place_of_reader = sae, spec["hookpoint"]
            if when and "name" in when:
                place_of_reader = when["hookpoint"]
                reader = load_sae(folder / when["name"] / place_of_reader)
            if when:

                def look(module, inputs, output, reader=reader, when=when, number=number):
                    where[f"holds{number}"] = exceeds(reader, when, read(reader, module, inputs, output)[1])

                # Hooks of one module run in this order, so it sees what stands before it in the request.
                handles.append(module_at(place_of_reader).register_forward_hook(look))

            def hook(module, inputs, output, sae=sae, spec=spec, number=number):
                whole = output[0] if isinstance(output, tuple) else output
                hidden, source = read(sae, module, inputs, output)
                changed, indices, activations = intervene(sae, spec, hidden, source)
                touched = in_scope(spec.get("scope", "all"), where["positions"], where["prompt_lengths"], where["inside"]).flatten()
                if "when" in spec:
                    touched &= where[f"holds{number}"]
                recorder.indices[spec["hookpoint"]] = indices
                recorder.activations[spec["hookpoint"]] = activations
                if spec["mode"] == "splice":
                    recorder.splices[spec["hookpoint"]] = (touched, hidden, changed)
                changed = torch.where(touched[:, None], changed, hidden).view_as(whole)
                return (changed, *output[1:]) if isinstance(output, tuple) else changed

            handles.append(module_at(spec["hookpoint"]).register_forward_hook(hook))

        def place(positions: torch.Tensor, prompt_lengths: torch.Tensor, inside: torch.Tensor | None = None) -> None:
            inside = torch.zeros_like(positions, dtype=torch.bool) if inside is None else inside
            where.update(positions=positions, prompt_lengths=prompt_lengths[:, None], inside=inside)

        yield wrapped, recorder, place
    finally:
        for handle in handles:
            handle.remove()
        if loras:
            wrapped.unload()
            if hasattr(model, "peft_config"):
                del model.peft_config
