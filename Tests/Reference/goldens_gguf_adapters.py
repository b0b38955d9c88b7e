"""LoRAs and a control vector as GGUF files, each beside the same numbers in a form that is tested elsewhere.

    gguf-adapters/ARCHITECTURE/packed/adapter.gguf    as llama.cpp's convert_lora_to_gguf.py writes it, by the `gguf` package
    gguf-adapters/ARCHITECTURE/peft/                  the same LoRA as a PEFT folder
    gguf-adapters/control/control.gguf                a control vector; its directions in `expected.safetensors` beside it

The permutation of Q and K is written here as llama.cpp's conversion does it to the base weights (`LlamaModel.permute`).
"""

import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, FFN = 48, 3, 4, 2, 12, 64
RANK, ALPHA = 4, 10.0
MODULES = {
    "attn_q": ("self_attn.q_proj", HIDDEN, HEADS * HEAD_DIM, HEADS),
    "attn_k": ("self_attn.k_proj", HIDDEN, KV_HEADS * HEAD_DIM, KV_HEADS),
    "attn_v": ("self_attn.v_proj", HIDDEN, KV_HEADS * HEAD_DIM, 0),
    "attn_output": ("self_attn.o_proj", HEADS * HEAD_DIM, HIDDEN, 0),
    "ffn_gate": ("mlp.gate_proj", HIDDEN, FFN, 0),
    "ffn_up": ("mlp.up_proj", HIDDEN, FFN, 0),
    "ffn_down": ("mlp.down_proj", FFN, HIDDEN, 0),
}


def permute(weights: np.ndarray, heads: int) -> np.ndarray:
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def lora(architecture: str, folder: Path) -> None:
    (folder / "packed").mkdir(parents=True)
    (folder / "peft").mkdir()
    writer = gguf.GGUFWriter(folder / "packed" / "adapter.gguf", architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    tensors = {}
    for layer in range(LAYERS):
        for name, (module, inputs, outputs, heads) in MODULES.items():
            a = np.random.default_rng(len(tensors)).normal(size=(RANK, inputs)).astype(np.float32)
            b = np.random.default_rng(len(tensors) + 1000).normal(size=(outputs, RANK)).astype(np.float32)
            path = f"base_model.model.model.layers.{layer}.{module}"
            tensors[f"{path}.lora_A.weight"], tensors[f"{path}.lora_B.weight"] = torch.from_numpy(a), torch.from_numpy(b.copy())
            stored = permute(b, heads) if heads and architecture == "llama" else b
            writer.add_tensor(f"blk.{layer}.{name}.weight.lora_a", a)
            writer.add_tensor(f"blk.{layer}.{name}.weight.lora_b", np.ascontiguousarray(stored))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(tensors, folder / "peft" / "adapter_model.safetensors")
    names = sorted({module.split(".")[-1] for module, *_ in MODULES.values()})
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": names}
    (folder / "peft" / "adapter_config.json").write_text(json.dumps(config))


def control(folder: Path) -> None:
    folder.mkdir(parents=True)
    writer = gguf.GGUFWriter(folder / "control.gguf", "controlvector")
    writer.add_string("controlvector.model_hint", "llama")
    writer.add_uint32("controlvector.layer_count", LAYERS - 1)
    directions = {}
    for layer in range(1, LAYERS):
        direction = np.random.default_rng(layer).normal(size=HIDDEN).astype(np.float32)
        directions[f"layers.{layer}"] = torch.from_numpy(direction)
        writer.add_tensor(f"direction.{layer}", direction)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(directions, folder / "expected.safetensors")


def main(out: Path, cache: Path) -> None:
    root = out / "gguf-adapters"
    shutil.rmtree(root, ignore_errors=True)
    for architecture in ["llama", "qwen2"]:
        lora(architecture, root / architecture)
    control(root / "control")
    shape = {
        "layers": LAYERS, "hiddenSize": HIDDEN, "queryWidth": HEADS * HEAD_DIM, "keyValueWidth": KV_HEADS * HEAD_DIM, "ffnSize": FFN,
        "headDim": HEAD_DIM,
    }
    (root / "shape.json").write_text(json.dumps(shape))
