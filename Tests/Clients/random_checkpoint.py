"""A tiny Llama checkpoint of random weights and LoRAs for it, so unlike each other that every one gives every prompt another answer."""

import json
from pathlib import Path

import scripted_checkpoint
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

WIDTH, HEADS, LAYERS, FFN = 64, 4, 2, 96
RANK = 32


def build(folder: Path, seed: int = 11) -> Path:
    """With the scripted checkpoint's tokenizer."""
    scripted_checkpoint.build(folder)
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=size, hidden_size=WIDTH, intermediate_size=FFN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=HEADS, max_position_embeddings=2048, tie_word_embeddings=False, initializer_range=0.3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def add_lora(folder: Path, seed: int, size: float = 0.3, dora: bool = False) -> Path:
    """A PEFT folder with two projections of every layer; `seed` says which. DoRA's magnitudes are around the lengths of the weights' rows."""
    torch.manual_seed(1000 + seed)
    tensors = {}
    for layer in range(LAYERS):
        for module in ("self_attn.q_proj", "self_attn.o_proj"):
            name = f"base_model.model.model.layers.{layer}.{module}"
            tensors[f"{name}.lora_A.weight"] = torch.randn(RANK, WIDTH) * size
            tensors[f"{name}.lora_B.weight"] = torch.randn(WIDTH, RANK) * size
            if dora:
                tensors[f"{name}.lora_magnitude_vector"] = 0.3 * WIDTH**0.5 * (1 + 0.3 * torch.randn(WIDTH))
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": RANK, "target_modules": ["q_proj", "o_proj"], "use_dora": dora}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder
