"""Runs of a model with adapters in place, collected in the form that the Swift tests read.

Below a model's folder: cases.json and logits.safetensors, with `<case>` [positions, vocab] f32, and for every SAE `<case>:<hookpoint>:latents`
/ `:activations` [tokens, k], strongest first. A case: {"name", "tokens", "adapters", "prompt_length", "positions": "all" | "last"}; adapters
as in interventions.py.
"""

import json
from pathlib import Path

import torch
from interventions import adapted, inside_think
from safetensors.torch import save_file


class Cases:
    """Runs cases on one model and collects what the Swift tests read."""

    def __init__(self, model, adapters: Path) -> None:
        self.model, self.adapters = model, adapters
        self.cases: list[dict] = []
        self.tensors: dict[str, torch.Tensor] = {}

    @torch.inference_mode()
    def run(
        self, name: str, tokens: list[int], adapters: list[dict] = (), positions: str = "all", prompt_length: int | None = None,
        think: list[int] | None = None,
    ):  # fmt: skip
        prompt_length = len(tokens) if prompt_length is None else prompt_length
        inside = inside_think(tokens, think) if think else [False] * len(tokens)
        with adapted(self.model, list(adapters), self.adapters) as (model, recorder, place):
            place(torch.arange(len(tokens))[None], torch.tensor([prompt_length]), torch.tensor([inside]))
            logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0].float()
        self.tensors[name] = logits[-1:].clone() if positions == "last" else logits.contiguous()
        for hookpoint, indices in recorder.indices.items():
            self.tensors[f"{name}:{hookpoint}:latents"] = indices.to(torch.int32).contiguous()
            self.tensors[f"{name}:{hookpoint}:activations"] = recorder.activations[hookpoint].contiguous()
        is_prompt = torch.arange(len(tokens)) < prompt_length
        for hookpoint in recorder.splices:
            self.tensors[f"{name}:{hookpoint}:fvu"] = torch.tensor([[recorder.fvu(hookpoint, is_prompt), recorder.fvu(hookpoint, ~is_prompt)]])
        self.cases.append({
            "name": name, "tokens": tokens, "adapters": list(adapters), "prompt_length": prompt_length, "positions": positions,
            "think": think,
        })  # fmt: skip

    def condition(self, name: str, hookpoint: str) -> dict:
        """`when` for a latent that acts at several tokens of an earlier case, above the widest gap between its activations."""
        latents, activations = self.tensors[f"{name}:{hookpoint}:latents"], self.tensors[f"{name}:{hookpoint}:activations"]
        latent = int(latents[activations > 0].long().bincount().argmax())
        values = activations[(latents == latent) & (activations > 0)].sort().values
        assert len(values) > 2, (name, latent)
        gap = int((values[1:] - values[:-1]).argmax())
        return {"latent": latent, "above": float((values[gap] + values[gap + 1]) / 2)}

    def strongest(self, name: str, hookpoint: str, token: int, rank: int) -> int:
        """A latent that was selected at `token` of an earlier case."""
        return int(self.tensors[f"{name}:{hookpoint}:latents"][token, rank])

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in self.tensors.items()}, folder / "logits.safetensors")
        (folder / "cases.json").write_text(json.dumps(self.cases))
