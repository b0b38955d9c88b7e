"""Writes a Qwen2 checkpoint with random bf16 weights, R1-Distill-Qwen-1.5B's shape unless told otherwise, and a byte-level tokenizer.

usage: random_checkpoint.py FOLDER [--layers 28] [--hidden 1536] [--ffn 8960] [--heads 12] [--kv-heads 2] [--vocabulary 151936] [--seed 0]

Needs numpy only. Matrices are normal with standard deviation 0.02, norms are one, biases zero: activations stay of ordinary size through
all layers. The tokenizer knows the 256 bytes and the two marks of a sequence; the other ids have no text.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy

BLOCK = 1 << 22


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--hidden", type=int, default=1536)
    parser.add_argument("--ffn", type=int, default=8960)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--kv-heads", type=int, default=2)
    parser.add_argument("--vocabulary", type=int, default=151936)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def shapes(args: argparse.Namespace) -> dict[str, list[int]]:
    """Every tensor's name and shape, as `transformers` names them."""
    kv = args.hidden // args.heads * args.kv_heads
    named = {"model.embed_tokens.weight": [args.vocabulary, args.hidden]}
    for layer in range(args.layers):
        prefix = f"model.layers.{layer}."
        for part, rows in (("q", args.hidden), ("k", kv), ("v", kv)):
            named[f"{prefix}self_attn.{part}_proj.weight"] = [rows, args.hidden]
            named[f"{prefix}self_attn.{part}_proj.bias"] = [rows]
        named[f"{prefix}self_attn.o_proj.weight"] = [args.hidden, args.hidden]
        named[f"{prefix}mlp.gate_proj.weight"] = [args.ffn, args.hidden]
        named[f"{prefix}mlp.up_proj.weight"] = [args.ffn, args.hidden]
        named[f"{prefix}mlp.down_proj.weight"] = [args.hidden, args.ffn]
        named[f"{prefix}input_layernorm.weight"] = [args.hidden]
        named[f"{prefix}post_attention_layernorm.weight"] = [args.hidden]
    named["model.norm.weight"] = [args.hidden]
    named["lm_head.weight"] = [args.vocabulary, args.hidden]
    return named


def bfloat16(values: numpy.ndarray) -> numpy.ndarray:
    """The upper halves of the f32 values, rounded to nearest, ties to even."""
    bits = values.astype("<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def write_weights(path: Path, named: dict[str, list[int]], seed: int) -> None:
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in named.items():
        size = 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = numpy.random.default_rng(seed)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in named.items():
            count = int(numpy.prod(shape))
            for start in range(0, count, BLOCK):
                length = min(BLOCK, count - start)
                if len(shape) == 2:
                    values = random.standard_normal(length, dtype=numpy.float32) * numpy.float32(0.02)
                else:
                    values = numpy.full(length, 0 if name.endswith("bias") else 1, numpy.float32)
                file.write(bfloat16(values).tobytes())


def byte_alphabet() -> list[str]:
    """The printable character that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    characters = {byte: chr(byte) for byte in printable}
    for number, byte in enumerate(sorted(set(range(256)) - set(printable))):
        characters[byte] = chr(256 + number)
    return [characters[byte] for byte in range(256)]


def tokenizer() -> dict[str, object]:
    marks = ["<|begin|>", "<|end|>"]
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": [
            {
                "id": 256 + index, "content": mark, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True,
            }
            for index, mark in enumerate(marks)
        ],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {character: byte for byte, character in enumerate(byte_alphabet())}, "merges": [],
        },
    }  # fmt: skip


def main() -> None:
    args = parse()
    args.folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "torch_dtype": "bfloat16", "vocab_size": args.vocabulary,
        "hidden_size": args.hidden, "intermediate_size": args.ffn, "num_hidden_layers": args.layers, "num_attention_heads": args.heads,
        "num_key_value_heads": args.kv_heads, "max_position_embeddings": 131072, "rope_theta": 10000.0, "rms_norm_eps": 1e-6,
        "hidden_act": "silu", "attention_dropout": 0.0, "initializer_range": 0.02, "tie_word_embeddings": False, "use_cache": True,
        "use_sliding_window": False, "bos_token_id": 256, "eos_token_id": 257,
    }  # fmt: skip
    write_weights(args.folder / "model.safetensors", shapes(args), args.seed)
    (args.folder / "tokenizer.json").write_text(json.dumps(tokenizer(), ensure_ascii=False), encoding="utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin|>", "eos_token": "<|end|>", "model_max_length": 131072}
    (args.folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    (args.folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
