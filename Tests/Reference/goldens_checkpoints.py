"""Files of every format the readers take, written by the formats' own tools, with what those tools read back.

Below OUT/checkpoints:
    types.safetensors, types-expected.safetensors     one tensor per dtype by `safetensors`, and the same as f32
    types.gguf, types-gguf-expected.safetensors       one tensor per block type by `gguf`, and its dequantised values
    smollm2-expected.safetensors                      first and last row of every tensor of the default model: `NAME:first`, `NAME:last`
    llama/, llama.gguf                                one tiny Llama with all biases, as a folder and as GGUF (Q and K permuted)
    configs/NAME.json, configs.json                   config.json by transformers, and what it means, with the rotary frequencies
"""

import json
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, dequantize, quantize
from safetensors.torch import save_file
from smollm2 import reader
from transformers import LlamaConfig, LlamaForCausalLM, Phi3Config, Qwen2Config
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

SECONDS = 12


def safetensors_types(out: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(5, 7, generator=generator)
    values[0, :6] = torch.tensor([0.0, -0.0, 1e-7, 65504.0, 6e-8, -3e-6])
    special = torch.tensor([float("inf"), float("-inf"), 1.0, 2.0 ** -24])
    stored = {
        "f32": values, "f16": values.half(), "bf16": values.bfloat16(), "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3), "cube": torch.randn(2, 3, 4, generator=generator).half(), "special.f16": special.half(),
        "special.bf16": special.bfloat16(),
    }
    expected = {name: tensor.float() for name, tensor in stored.items()}
    others = {"i64": torch.arange(4), "u8": torch.arange(3, dtype=torch.uint8), "bool": torch.tensor([True, False])}
    save_file(stored | others, out / "types.safetensors", metadata={"format": "pt"})
    save_file(expected, out / "types-expected.safetensors")


def random_blocks(random: np.random.Generator, kind: GGMLQuantizationType, rows: int, size: int) -> np.ndarray:
    """Random quants of a K type under sane f16 scales, which lie where the type's block has them."""
    scales = {GGMLQuantizationType.Q4_K: [0, 2], GGMLQuantizationType.Q5_K: [0, 2], GGMLQuantizationType.Q6_K: [208]}[kind]
    blocks = random.integers(0, 256, (rows, size), dtype=np.uint8)
    for offset in scales:
        half = (random.standard_normal(rows) / 16).astype(np.float16)
        blocks[:, offset : offset + 2] = half.view(np.uint8).reshape(rows, 2)
    return blocks


def gguf_types(out: Path) -> None:
    random = np.random.default_rng(2)
    writer = GGUFWriter(str(out / "types.gguf"), "llama")
    writer.add_uint8("test.uint8", 200)
    writer.add_int8("test.int8", -100)
    writer.add_uint16("test.uint16", 60000)
    writer.add_int16("test.int16", -30000)
    writer.add_uint32("test.uint32", 4_000_000_000)
    writer.add_int32("test.int32", -2_000_000_000)
    writer.add_uint64("test.uint64", 2**64 - 1)
    writer.add_int64("test.int64", -(2**63))
    writer.add_float32("test.float32", 0.1)
    writer.add_float64("test.float64", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "Größe 大 🙂")
    writer.add_array("test.strings", ["a", "", "ß"])
    writer.add_array("test.ints", [1, -2, 3])
    writer.add_array("test.floats", [0.5, -1.25])
    writer.add_array("test.bools", [True, False])
    writer.add_custom_alignment(64)
    kinds = GGMLQuantizationType
    expected = {}
    values = random.standard_normal((3, 512)).astype(np.float32)
    for kind in [kinds.F32, kinds.F16, kinds.BF16, kinds.Q8_0, kinds.Q4_0, kinds.Q4_1, kinds.Q5_0, kinds.Q5_1]:
        stored = quantize(values, kind)
        writer.add_tensor(kind.name, stored, raw_dtype=kind)
        expected[kind.name] = dequantize(stored, kind).astype(np.float32)
    for kind, size in [(kinds.Q4_K, 144), (kinds.Q5_K, 176), (kinds.Q6_K, 210)]:
        stored = random_blocks(random, kind, 6, size).reshape(3, 2 * size)
        writer.add_tensor(kind.name, stored, raw_dtype=kind)
        expected[kind.name] = dequantize(stored, kind)
    # Q3_K can be listed but not read.
    writer.add_tensor("Q3_K", np.zeros((2, 110), dtype=np.uint8), raw_dtype=kinds.Q3_K)
    write(writer)
    save_file({name: torch.from_numpy(np.ascontiguousarray(tensor)) for name, tensor in expected.items()}, out / "types-gguf-expected.safetensors")


def write(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def smollm2_rows(out: Path) -> None:
    rows = {}
    for tensor in reader().tensors:
        full = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        for end, row in [("first", full.reshape(full.shape[0], -1)[0]), ("last", full.reshape(full.shape[0], -1)[-1])]:
            rows[f"{tensor.name}:{end}"] = torch.from_numpy(row.copy())
    save_file(rows, out / "smollm2-expected.safetensors")


def permute(weight: np.ndarray, heads: int) -> np.ndarray:
    """What llama.cpp's converter does to the rows of Q and K (weights and biases)."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def llama_twice(out: Path) -> None:
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=48, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=16, max_position_embeddings=256, attention_bias=True, mlp_bias=True, tie_word_embeddings=False, bos_token_id=1,
        eos_token_id=[2, 3],
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
    model.save_pretrained(out / "llama")
    writer = GGUFWriter(str(out / "llama.gguf"), "llama")
    writer.add_type("model")
    writer.add_context_length(256)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(40)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_key_length(16)
    writer.add_value_length(16)
    writer.add_rope_dimension_count(16)
    writer.add_rope_freq_base(500000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_eot_token_id(3)
    names = {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }
    for name, tensor in model.state_dict().items():
        stem, kind = name.rsplit(".", 1)
        array = tensor.detach().numpy()
        if stem.startswith("model.layers."):
            layer, part = stem.removeprefix("model.layers.").split(".", 1)
            stem = f"blk.{layer}.{names[part]}"
            if part == "self_attn.q_proj":
                array = permute(array, 4)
            if part == "self_attn.k_proj":
                array = permute(array, 2)
        else:
            stem = names[stem]
        writer.add_tensor(f"{stem}.{kind}", np.ascontiguousarray(array))
    scaled, plain = frequencies(config)["frequencies"], 500000.0 ** -(np.arange(0, 16, 2, dtype=np.float32) / 16)
    writer.add_tensor("rope_freqs.weight", (plain / np.array(scaled)).astype(np.float32))
    write(writer)


def frequencies(config) -> dict:
    """The rotary frequencies as `transformers` computes them, in f32, and what sines and cosines are multiplied with. Where long sequences have
    frequencies of their own, `frequencies` are those of short ones."""
    parameters = config.rope_parameters
    kind = parameters["rope_type"]
    if kind == "default":
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        found = 1.0 / (parameters["rope_theta"] ** (torch.arange(0, size, 2, dtype=torch.int64).float() / size))
        return {"frequencies": found.tolist(), "attention_factor": 1.0}
    found, factor = ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))
    answer = {"frequencies": found.tolist(), "attention_factor": factor}
    if kind == "longrope":
        length = parameters["original_max_position_embeddings"] + 1
        answer["long_frequencies"] = ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"), seq_len=length)[0].tolist()
    return answer


def configs(out: Path) -> None:
    folder = out / "configs"
    folder.mkdir()
    shape = dict(hidden_size=96, intermediate_size=200, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2, vocab_size=320)
    llama3 = {
        "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    plain = {"rope_type": "default", "rope_theta": 1000000.0}
    # As the model card of Qwen2.5 says; and with all that may be set.
    yarn = {"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 4.0, "original_max_position_embeddings": 32768}
    fine = {"beta_fast": 24.0, "beta_slow": 1.5, "mscale": 0.707, "mscale_all_dim": 1.0, "truncate": False}
    # As in Phi-4-mini: 24 of 32 elements of a head are rotated.
    longrope = {
        "rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.75, "short_factor": [1 + pair / 40 for pair in range(12)],
        "long_factor": [1 + pair * pair / 4 for pair in range(12)],
    }
    made = {
        "qwen2": Qwen2Config(**shape, rope_parameters=plain, tie_word_embeddings=True, bos_token_id=5, eos_token_id=7),
        "llama": LlamaConfig(**shape, rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, bos_token_id=1, eos_token_id=2),
        "llama3": LlamaConfig(**shape | dict(hidden_size=192), head_dim=64, rope_parameters=llama3, eos_token_id=[2, 3], attention_bias=True, mlp_bias=True),
        "linear": LlamaConfig(**shape, rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
        "yarn": Qwen2Config(**shape | dict(hidden_size=384), rope_parameters=yarn, max_position_embeddings=131072),
        "yarn-fine": LlamaConfig(
            **shape | dict(hidden_size=384), rope_parameters={**yarn, **fine, "rope_theta": 10000.0}, max_position_embeddings=131072,
        ),
        "longrope": Phi3Config(
            **shape | dict(hidden_size=192), rope_parameters=longrope, original_max_position_embeddings=4096, max_position_embeddings=131072,
            pad_token_id=0,
        ),
        "big-head": LlamaConfig(**shape | dict(hidden_size=768), head_dim=128, rope_parameters={"rope_type": "default", "rope_theta": 100000.0}),
    }
    meaning = {}
    for name, config in made.items():
        # What save_pretrained of a model adds.
        config.architectures = [type(config).__name__.replace("Config", "ForCausalLM")]
        new = json.loads(config.to_json_string(use_diff=True))
        (folder / f"{name}.json").write_text(json.dumps(new, indent=2))
        (folder / f"{name}-old.json").write_text(json.dumps(in_old_keys(new), indent=2))
        eos = config.eos_token_id
        meaning[name] = {
            "hidden": config.hidden_size, "layers": config.num_hidden_layers, "heads": config.num_attention_heads,
            "kv_heads": config.num_key_value_heads, "head_dim": getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
            "ffn": config.intermediate_size, "vocab": config.vocab_size, "context": config.max_position_embeddings,
            "theta": config.rope_parameters["rope_theta"], "epsilon": config.rms_norm_eps, "tied": config.tie_word_embeddings,
            "eos": eos if isinstance(eos, list) else [] if eos is None else [eos], "bos": config.bos_token_id,
            **frequencies(config),
        }
    (out / "configs.json").write_text(json.dumps(meaning))


def in_old_keys(config: dict) -> dict:
    """The same configuration as transformers 4 wrote it."""
    old = {key: value for key, value in config.items() if key not in ("rope_parameters", "layer_types", "dtype")}
    rope = dict(config["rope_parameters"])
    old["rope_theta"] = rope.pop("rope_theta")
    if "partial_rotary_factor" in rope:
        old["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
    if "original_max_position_embeddings" in old:
        rope.pop("original_max_position_embeddings", None)
    old["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    if rope["rope_type"] == "linear":
        old["rope_scaling"] = {"type": "linear", "factor": rope["factor"]}
    old["torch_dtype"] = "bfloat16"
    return old


def main(out: Path, cache: Path) -> None:
    import shutil

    out = out / "checkpoints"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    safetensors_types(out)
    gguf_types(out)
    smollm2_rows(out)
    llama_twice(out)
    configs(out)
