"""Small random adapters, written by the reference tools, with what those tools compute from them.

    adapters/lora/NAME/            a PEFT folder on a three-layer Llama; PEFT's own delta of every module in `expected.safetensors`
    adapters/sae/NAME/HOOKPOINT/   a sparsify folder; inputs, latents, reconstruction and FVU in `expected.safetensors` beside it

`adapters/cases.json` lists the names and what else a test must know. The deltas are computed in f64 from the stored weights.
"""

import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from sparsify import SparseCoder, SparseCoderConfig
from transformers import LlamaConfig, LlamaForCausalLM

HIDDEN, LAYERS, HEADS, KV_HEADS, FFN, VOCAB = 48, 3, 4, 2, 80, 64
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ROWS = 40


def base() -> LlamaForCausalLM:
    torch.manual_seed(1)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=FFN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
            num_key_value_heads=KV_HEADS, max_position_embeddings=64,
        )
    )


LORAS: dict[str, dict] = {
    "plain": {"r": 4, "lora_alpha": 8, "target_modules": PROJECTIONS},
    "odd-rank": {"r": 5, "lora_alpha": 3, "target_modules": ["q_proj", "down_proj"]},
    "wide-rank": {"r": 70, "lora_alpha": 16, "target_modules": ["o_proj", "gate_proj"]},
    "rslora": {"r": 8, "lora_alpha": 4, "use_rslora": True, "target_modules": ["v_proj", "up_proj"]},
    "patterns": {
        "r": 4, "lora_alpha": 8, "target_modules": PROJECTIONS,
        "rank_pattern": {"q_proj": 2, r"layers\.1\.mlp\.down_proj": 6, "mlp.up_proj": 3, "proj": 9},
        "alpha_pattern": {r"model\.layers\.[02]\..*_proj": 5, "self_attn.v_proj": 3, r"layers\.1\.self_attn\.v_proj": 11},
    },
    "patterns-rslora": {
        "r": 4, "lora_alpha": 8, "use_rslora": True, "target_modules": ["q_proj", "k_proj"],
        "rank_pattern": {"k_proj": 7}, "alpha_pattern": {"k_proj": 2.5},
    },
    "regex": {"r": 4, "lora_alpha": 8, "target_modules": r".*\.(layers\.[12]\.self_attn\.(?:q|v)_proj|mlp\.(?P<name>up)_proj)"},
    "lookahead": {"r": 2, "lora_alpha": 8, "target_modules": r"(?!.*\.mlp\.).*\.\d+\..*(?:q|o)_proj$"},
    "layers": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"], "layers_to_transform": [0, 2]},
    "one-layer-pattern": {
        "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "mlp.gate_proj"], "layers_to_transform": 1, "layers_pattern": "layers",
    },
    "layers-and-whole-name": {
        "r": 4, "lora_alpha": 8, "target_modules": ["model.layers.1.self_attn.q_proj", "v_proj"], "layers_to_transform": [0],
    },
    # The file's order of patterns counts; PEFT itself sorts them when it writes.
    "patterns-unsorted": {
        "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "alpha_pattern": {"self_attn.v_proj": 3, ".*proj": 11},
    },
    "excluded": {"r": 4, "lora_alpha": 8, "target_modules": PROJECTIONS, "exclude_modules": r".*layers\.0\..*|.*k_proj"},
    "excluded-names": {"r": 4, "lora_alpha": 8, "target_modules": PROJECTIONS, "exclude_modules": ["o_proj", "model.layers.1.mlp.up_proj"]},
    "all-linear": {"r": 3, "lora_alpha": 8, "target_modules": "all-linear"},
    "fan-in-fan-out": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"], "fan_in_fan_out": True},
    "no-alpha": {"r": 4, "lora_alpha": 0, "target_modules": ["q_proj"]},
    "dropout-gaussian": {
        "r": 4, "lora_alpha": 8, "lora_dropout": 0.3, "init_lora_weights": "gaussian", "target_modules": ["q_proj"], "task_type": "CAUSAL_LM",
    },
}
# Stored in bf16 instead of f32.
BF16 = {"odd-rank"}


def make_lora(name: str, settings: dict, folder: Path) -> None:
    torch.manual_seed(sum(name.encode()))
    model = get_peft_model(base(), LoraConfig(**settings))
    for key, parameter in model.named_parameters():
        if "lora_" in key:
            parameter.data.normal_(0, 0.2)
            if name in BF16:
                parameter.data = parameter.data.to(torch.bfloat16).float()
    model.save_pretrained(folder)
    if settings.get("fan_in_fan_out"):
        # PEFT turns the switch off for nn.Linear; a config written for another layer type still carries it.
        config = json.loads((folder / "adapter_config.json").read_text())
        config["fan_in_fan_out"] = True
        (folder / "adapter_config.json").write_text(json.dumps(config))
    if name == "patterns-unsorted":
        config = json.loads((folder / "adapter_config.json").read_text())
        config["alpha_pattern"] = settings["alpha_pattern"]
        (folder / "adapter_config.json").write_text(json.dumps(config))
    if name in BF16:
        tensors = load_file(folder / "adapter_model.safetensors")
        save_file({key: value.to(torch.bfloat16) for key, value in tensors.items()}, folder / "adapter_model.safetensors")

    # A fresh model that reads the folder back is what a user of PEFT gets.
    loaded = PeftModel.from_pretrained(base(), folder).eval()
    expected, inputs = {}, {}
    for path, module in loaded.named_modules():
        if not isinstance(module, LoraLayer):
            continue
        x = torch.randn(ROWS, module.in_features, generator=torch.Generator().manual_seed(len(expected)), dtype=torch.float32)
        a = module.lora_A["default"].weight.double()
        b = module.lora_B["default"].weight.double()
        delta = x.double() @ a.T @ b.T * module.scaling["default"]
        # Against PEFT's own forward pass: the adapted layer minus the base layer.
        own = module(x) - module.base_layer(x)
        assert torch.allclose(delta.float(), own, atol=1e-4, rtol=1e-3), (name, path)
        short = path.removeprefix("base_model.model.")
        inputs[f"{short}.input"], expected[f"{short}.delta"] = x, delta.float().contiguous()
    assert expected, name
    save_file(expected | inputs, folder / "expected.safetensors")


@dataclass
class Coder:
    hookpoint: str
    latents: int = 256
    k: int = 8
    settings: dict = field(default_factory=dict)
    expansion: int = 0
    dtype: torch.dtype = torch.float32


SAES = {
    "topk": Coder("layers.1"),
    "topk-one": Coder("layers.2", latents=96, k=1),
    "topk-all": Coder("model.layers.0", latents=40, k=40),
    "expansion": Coder("layers.0.mlp", latents=0, expansion=4, k=16),
    "groupmax": Coder("layers.1", latents=192, k=12, settings={"activation": "groupmax"}),
    "skip": Coder("layers.1.mlp", latents=130, settings={"skip_connection": True}),
    "transcoder": Coder("layers.2.mlp", settings={"transcode": True}),
    "transcoder-skip": Coder("model.layers.2.mlp", latents=144, settings={"transcode": True, "skip_connection": True}),
    "groupmax-transcoder": Coder("layers.0.mlp", latents=128, k=16, settings={"activation": "groupmax", "transcode": True}),
    "bf16": Coder("layers.1", latents=200, dtype=torch.bfloat16),
}


@torch.no_grad()
def make_sae(name: str, coder: Coder, folder: Path) -> None:
    torch.manual_seed(sum(name.encode()) + 1)
    settings = dict(coder.settings, k=coder.k, num_latents=coder.latents)
    if coder.expansion:
        settings["expansion_factor"] = coder.expansion
    sae = SparseCoder(HIDDEN, SparseCoderConfig(**settings))
    sae.encoder.weight.data.normal_(0, 1 / math.sqrt(HIDDEN))
    # Rarely positive for one of the cases, so that slots with activation 0 occur.
    sae.encoder.bias.data.normal_(-2.0 if name == "topk" else 0.0, 0.2)
    sae.W_dec.data.normal_(0, 1)
    sae.set_decoder_norm_to_unit_norm()
    sae.b_dec.data.normal_(0, 0.5)
    if sae.W_skip is not None:
        sae.W_skip.data.normal_(0, 0.5 / math.sqrt(HIDDEN))
    sae = sae.to(coder.dtype)
    sae.save_to_disk(folder / coder.hookpoint)

    # The reference computes in f32 from the stored weights.
    loaded = SparseCoder.load_from_disk(folder / coder.hookpoint).float()
    x = torch.randn(ROWS, HIDDEN)
    y = torch.randn(ROWS, HIDDEN) if coder.settings.get("transcode") else x
    encoded = loaded.encode(x)
    result = loaded(x, y)
    activations, order = encoded.top_acts.sort(dim=-1, descending=True)
    save_file(
        {
            "input": x,
            "target": y.contiguous().clone(),
            "activations": activations.contiguous(),
            "indices": encoded.top_indices.gather(-1, order).to(torch.int32).float().contiguous(),
            "output": result.sae_out.contiguous(),
            "fvu": result.fvu.reshape(1),
        },
        folder / "expected.safetensors",
    )


def main(out: Path, cache: Path) -> None:
    root = out / "adapters"
    shutil.rmtree(root, ignore_errors=True)
    for name, settings in LORAS.items():
        folder = root / "lora" / name
        folder.mkdir(parents=True)
        make_lora(name, settings, folder)
    for name, coder in SAES.items():
        folder = root / "sae" / name
        folder.mkdir(parents=True)
        make_sae(name, coder, folder)
    shape = {
        "layers": LAYERS, "hiddenSize": HIDDEN, "queryWidth": HIDDEN, "keyValueWidth": HIDDEN // HEADS * KV_HEADS, "ffnSize": FFN,
        "vocabSize": VOCAB,
    }
    saes = {name: {"hookpoint": coder.hookpoint, "transcode": coder.settings.get("transcode", False)} for name, coder in SAES.items()}
    (root / "cases.json").write_text(json.dumps({"shape": shape, "loras": list(LORAS), "saes": saes}, indent=1))
