"""The tiny random models of goldens_models.py: what `transformers` builds, how it is stored, and what its adapters look like."""

from dataclasses import dataclass, field

import torch
from transformers import (
    Gemma2Config, Gemma3TextConfig, GemmaConfig, GPT2Config, GPTNeoXConfig, LlamaConfig, MistralConfig, Olmo2Config, Phi3Config,
    PreTrainedConfig, Qwen2Config, Qwen3Config,
)  # fmt: skip

VOCAB = 512
PHI3_LORA = {"target_modules": ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]}
SHARED = {"vocab_size": VOCAB, "max_position_embeddings": 1024, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}


@dataclass
class Tiny:
    """One random checkpoint."""

    config: PreTrainedConfig
    dtype: torch.dtype = torch.float32
    sharded: bool = False
    # config.json as transformers 4 wrote it.
    old_config: bool = False
    # A dozen cases instead of all of them.
    brief: bool = False
    # Shorter prompts are left out.
    shortest: int = 1
    lora: dict = field(default_factory=dict)
    sae: dict = field(default_factory=dict)
    mlp_sae: dict = field(default_factory=dict)


def rope(theta: float = 10000.0, **others) -> dict:
    return {"rope_type": "default", "rope_theta": theta, **others}


def tiny_models() -> dict[str, Tiny]:
    return plain_models() | gemmas() | windows() | layer_norms() | fused_and_reordered() | stretched()


def plain_models() -> dict[str, Tiny]:
    """Llama and what differs from it by a bias or a norm."""
    llama3 = rope(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
    return {
        "qwen2": Tiny(
            Qwen2Config(
                hidden_size=64, intermediate_size=160, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-6,
                rope_parameters=rope(), tie_word_embeddings=False, **SHARED,
            ),
            dtype=torch.bfloat16, sharded=True,
        ),
        "llama-tied": Tiny(
            LlamaConfig(
                hidden_size=96, intermediate_size=224, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=3, rms_norm_eps=1e-5,
                rope_parameters=rope(100000.0), tie_word_embeddings=True, **SHARED,
            ),
            old_config=True,
            lora={"use_rslora": True, "rank_pattern": {"q_proj": 2, "mlp.down_proj": 6}, "alpha_pattern": {"v_proj": 3}},
            sae={"activation": "groupmax"},
            mlp_sae={"transcode": True, "skip_connection": True},
        ),
        "llama3-rope": Tiny(
            LlamaConfig(
                hidden_size=128, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=1, head_dim=48,
                rms_norm_eps=1e-5, rope_parameters=llama3, tie_word_embeddings=False, **SHARED,
            ),
            dtype=torch.float16,
            lora={"target_modules": r".*\.(layers\.[12]\.self_attn\.(q|v)_proj|mlp\.up_proj)"},
        ),
        "llama-bias": Tiny(
            LlamaConfig(
                hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2, rms_norm_eps=1e-5,
                rope_parameters=rope(), attention_bias=True, mlp_bias=True, tie_word_embeddings=False, **SHARED,
            ),
            lora={"target_modules": ["v_proj", "down_proj"], "layers_to_transform": [1, 2]},
        ),
        # Heads wider than their share of the hidden size, as in Qwen3-0.6B.
        "qwen3": Tiny(
            Qwen3Config(
                hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
                rms_norm_eps=1e-6, rope_parameters=rope(), tie_word_embeddings=True, **SHARED,
            ),
            dtype=torch.bfloat16,
        ),
    }  # fmt: skip


def gemmas() -> dict[str, Tiny]:
    """Soft caps so low that they bend, scales of scores that no head's width gives, windows that every longer prompt exceeds."""
    transcoder = {"transcode": True, "skip_connection": True}
    return {
        "gemma": Tiny(
            GemmaConfig(
                hidden_size=96, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=1, head_dim=32,
                rope_parameters=rope(), **SHARED,
            ),
            dtype=torch.bfloat16, brief=True,
        ),
        "gemma2": Tiny(
            Gemma2Config(
                hidden_size=96, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
                rope_parameters=rope(), query_pre_attn_scalar=48, sliding_window=8, attn_logit_softcapping=1.0, final_logit_softcapping=2.0,
                **SHARED,
            ),
            old_config=True, brief=True, mlp_sae=transcoder,
        ),
        # As the larger ones are: only the rotary frequencies of layers that see everything are stretched.
        "gemma3": Tiny(
            Gemma3TextConfig(
                hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=1, head_dim=32,
                rope_parameters={"full_attention": rope(100000.0, rope_type="linear", factor=8.0), "sliding_attention": rope()},
                query_pre_attn_scalar=48, sliding_window=8, sliding_window_pattern=3, **SHARED,
            ),
            dtype=torch.bfloat16, brief=True,
        ),
        "gemma3-old": Tiny(
            Gemma3TextConfig(
                hidden_size=96, intermediate_size=128, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2, head_dim=48,
                rope_parameters={"full_attention": rope(50000.0, rope_type="linear", factor=4.0), "sliding_attention": rope(500.0)},
                query_pre_attn_scalar=96, sliding_window=5, sliding_window_pattern=2, final_logit_softcapping=2.5, **SHARED,
            ),
            old_config=True, brief=True, mlp_sae=transcoder,
        ),
    }  # fmt: skip


def windows() -> dict[str, Tiny]:
    """Llama's arithmetic in all layers, or in the last ones, over windows."""
    mistral = {
        "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32,
        "rms_norm_eps": 1e-5, **SHARED,
    }  # fmt: skip
    return {
        "mistral": Tiny(MistralConfig(rope_parameters=rope(), sliding_window=12, **mistral), brief=True),
        "mistral-full": Tiny(
            MistralConfig(rope_parameters=rope(1000000.0), sliding_window=None, **mistral), dtype=torch.float16, old_config=True, brief=True,
        ),
        "qwen2-window": Tiny(
            Qwen2Config(
                hidden_size=64, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-6,
                rope_parameters=rope(), use_sliding_window=True, sliding_window=8, max_window_layers=2, **SHARED,
            ),
            dtype=torch.bfloat16, old_config=True, brief=True,
        ),
    }  # fmt: skip


def layer_norms() -> dict[str, Tiny]:
    """LayerNorms, plain MLPs, Q, K and V in one tensor."""
    gpt2 = {name: value for name, value in SHARED.items() if name != "max_position_embeddings"}
    neox = {"target_modules": ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]}
    return {
        "gpt2": Tiny(
            GPT2Config(n_embd=64, n_layer=3, n_head=4, n_positions=160, **gpt2), brief=True,
            lora={"target_modules": ["c_attn", "c_proj", "c_fc"], "fan_in_fan_out": True},
        ),
        "gpt-neox": Tiny(
            GPTNeoXConfig(
                hidden_size=128, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4,
                rope_parameters=rope(partial_rotary_factor=0.25), **SHARED,
            ),
            dtype=torch.float16, brief=True, lora=neox, mlp_sae={"transcode": True, "skip_connection": True},
        ),
        "gpt-neox-serial": Tiny(
            GPTNeoXConfig(
                hidden_size=96, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4, use_parallel_residual=False,
                attention_bias=False, rope_parameters=rope(5000.0, partial_rotary_factor=0.5), **SHARED,
            ),
            old_config=True, brief=True, lora=neox,
        ),
    }  # fmt: skip


def fused_and_reordered() -> dict[str, Tiny]:
    """Fused projections; norms behind attention and MLP alone."""
    return {
        "phi3": Tiny(
            Phi3Config(
                hidden_size=128, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
                rope_parameters=rope(partial_rotary_factor=0.75), **SHARED,
            ),
            dtype=torch.bfloat16, brief=True, lora=PHI3_LORA,
        ),
        "olmo2": Tiny(
            Olmo2Config(
                hidden_size=96, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-6,
                rope_parameters=rope(500000.0), **SHARED,
            ),
            brief=True, mlp_sae={"transcode": True},
        ),
    }  # fmt: skip


def stretched() -> dict[str, Tiny]:
    """Rotary frequencies for longer contexts than those of training."""
    llama = {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32,
        "rms_norm_eps": 1e-5, **SHARED,
    }  # fmt: skip
    yarn = {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 128}
    short = [1 + 0.1 * pair for pair in range(16)]
    long = [1.5 + 0.8 * pair for pair in range(16)]
    longrope = {"rope_type": "longrope", "short_factor": short, "long_factor": long}
    return {
        "llama-linear": Tiny(LlamaConfig(rope_parameters=rope(rope_type="linear", factor=4.0), **llama), old_config=True, brief=True),
        "llama-yarn": Tiny(LlamaConfig(rope_parameters=rope(**yarn), **llama), brief=True),
        # The passage between kept and stretched frequencies begins between two pairs and ends beyond the last one.
        "llama-yarn-mscale": Tiny(
            LlamaConfig(
                rope_parameters=rope(8.0, **yarn, beta_fast=8.0, beta_slow=2.0, mscale=1.0, mscale_all_dim=0.5, truncate=False), **llama,
            ),
            old_config=True, brief=True,
        ),
        # Every prompt within the original context.
        "llama-longrope": Tiny(LlamaConfig(rope_parameters=rope(**longrope, original_max_position_embeddings=256), **llama), brief=True),
        # Every prompt beyond it.
        "phi3-longrope": Tiny(
            Phi3Config(
                hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2,
                rope_parameters=rope(**longrope), original_max_position_embeddings=32, sliding_window=48,
                **{**SHARED, "max_position_embeddings": 256},
            ),
            old_config=True, brief=True, shortest=33, lora=PHI3_LORA,
        ),
    }  # fmt: skip


def as_transformers4(config: dict) -> dict:
    """`config.json` in the keys that transformers 4 wrote; the Hub's models have these."""
    config = dict(config)
    parameters = config.pop("rope_parameters", None)
    if parameters:
        whole = dict(parameters.get("full_attention", parameters))
        names = {"rope_theta": "rope_theta", "partial_rotary_factor": "partial_rotary_factor"}
        if config["model_type"] == "gpt_neox":
            names = {"rope_theta": "rotary_emb_base", "partial_rotary_factor": "rotary_pct"}
        for key, name in names.items():
            if key in whole:
                config[name] = whole.pop(key)
        if "sliding_attention" in parameters:
            config["rope_local_base_freq"] = parameters["sliding_attention"]["rope_theta"]
        kind = whole.pop("rope_type")
        if "original_max_position_embeddings" in config:
            whole.pop("original_max_position_embeddings", None)
        # Gemma 3 is younger than the key's new name, and its reader knows no other.
        key = "rope_type" if "sliding_attention" in parameters else "type"
        config["rope_scaling"] = None if kind == "default" else {key: kind, **whole}
    config.pop("layer_types", None)
    if "_sliding_window_pattern" in config:
        config["sliding_window_pattern"] = config.pop("_sliding_window_pattern")
    config["torch_dtype"] = config.pop("dtype")
    return config
