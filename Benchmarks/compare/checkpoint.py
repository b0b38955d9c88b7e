"""The checkpoint that everybody converts: a given one, or random weights in the shape of R1-Distill-Qwen-1.5B.

The time of a dense model depends neither on the values of its weights nor on the ids of its tokens, so random ones do.
"""

import json
from pathlib import Path

from workspace import StepFailed, Workspace

HERE = Path(__file__).parent


def prepare_checkpoint(workspace: Workspace, given: Path | None) -> Path:
    """The folder with `config.json` and bf16 safetensors. Throws `StepFailed` when a given folder has none."""
    if given is not None:
        if not (given / "config.json").exists() or not list(given.glob("*.safetensors")):
            raise StepFailed(f"--checkpoint {given}: wanted a folder with config.json and *.safetensors")
        return given.resolve()
    folder = workspace.models / "random-1.5b"
    workspace.once(
        "checkpoint", (HERE / "random_checkpoint.py").read_text(),
        lambda: workspace.run("checkpoint", [workspace.python, HERE / "random_checkpoint.py", folder]) and None,
    )  # fmt: skip
    return folder


def identity(checkpoint: Path) -> dict[str, object]:
    """What a conversion depends on: the folder, and size and time of its files."""
    files = sorted([checkpoint / "config.json", *checkpoint.glob("*.safetensors")])
    return {"folder": str(checkpoint), "files": [[file.name, file.stat().st_size, int(file.stat().st_mtime)] for file in files]}


def multiplied_weights(checkpoint: Path) -> int:
    """Weights that every token is multiplied by: all projections and the output head, not the embedding look-up."""
    config = json.loads((checkpoint / "config.json").read_text())
    hidden, ffn = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    query, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    layer = hidden * (query + 2 * keys) + query * hidden + 3 * hidden * ffn
    return config["num_hidden_layers"] * layer + config["vocab_size"] * hidden
