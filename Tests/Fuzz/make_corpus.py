"""Writes the well-formed seeds of the corpus (`good-*`), a few hundred bytes to a few kilobytes each: `make_corpus.py [CORPUS]`.

needs: Tests/Reference/requirements.txt
Run it again when a reader learns to read something new; the other files of the corpus are damaged ones that fuzzing found.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from safetensors.numpy import save

random = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


CONFIG = {
    "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 300, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
    "bos_token_id": 1, "eos_token_id": [2, 3], "hidden_act": "silu",
}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}


def alphabet() -> list[str]:
    """The 256 letters that byte-level BPE writes bytes as (GPT-2)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain} | {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]


def tokenizer(pairs: bool) -> dict:
    merges = [("1", "2"), ("l", "l"), ("h", "ll"), ("w", "r"), ("ll", "o"), ("Ġ", "w")]
    merges = [merge for merge in merges if merge[0] != "h"]
    tokens = alphabet() + ["".join(merge) for merge in merges]
    specials = [
        dict(id=len(tokens) + index, content=text, single_word=False, lstrip=False, rstrip=False, normalized=False, special=special)
        for index, (text, special) in enumerate([("<s>", True), ("<think>", False)])
    ]
    split = dict(type="Split", pattern=dict(Regex=r"\p{N}| ?\p{L}+|\s+(?!\S)|\s+|."), behavior="Isolated", invert=False)
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)
    bos = dict(SpecialToken=dict(id="<s>", type_id=0))
    return dict(
        version="1.0", added_tokens=specials, normalizer=dict(type="NFC"),
        pre_tokenizer=dict(type="Sequence", pretokenizers=[split, level]),
        post_processor=dict(
            type="TemplateProcessing", single=[bos, dict(Sequence=dict(id="A", type_id=0))], pair=[],
            special_tokens={"<s>": dict(id="<s>", ids=[len(tokens)], tokens=["<s>"])}),
        decoder=level,
        model=dict(
            type="BPE", dropout=None, unk_token=None, fuse_unk=False, byte_fallback=False, ignore_merges=False,
            vocab={token: index for index, token in enumerate(tokens)},
            merges=[list(merge) if pairs else " ".join(merge) for merge in merges]))


def gguf(path: Path) -> None:
    kinds = GGMLQuantizationType
    made = tokenizer(False)
    tokens = list(made["model"]["vocab"]) + [token["content"] for token in made["added_tokens"]]
    writer = GGUFWriter(str(path), "llama")
    writer.add_type("model")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(16)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(made["model"]["vocab"]) + [3, 4])
    writer.add_token_merges(made["model"]["merges"])
    writer.add_bos_token_id(len(tokens) - 2)
    writer.add_eos_token_id(len(tokens) - 2)
    writer.add_custom_alignment(16)
    writer.add_array("test.nested", [1.5, -2.5])
    tensors = {
        "token_embd.weight": (len(tokens), 32, kinds.Q4_0), "blk.0.attn_q.weight": (32, 32, kinds.Q5_0),
        "blk.0.attn_k.weight": (16, 32, kinds.Q8_0), "blk.0.attn_v.weight": (16, 32, kinds.Q5_1),
        "blk.0.attn_output.weight": (32, 32, kinds.Q4_1), "blk.0.ffn_gate.weight": (32, 32, kinds.F16),
        "blk.0.ffn_up.weight": (32, 32, kinds.BF16), "blk.0.ffn_down.weight": (32, 32, kinds.Q4_0),
    }
    for name, (rows, columns, kind) in tensors.items():
        writer.add_tensor(name, quantize(floats(rows, columns), kind), raw_dtype=kind)
    for name in ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"]:
        writer.add_tensor(name, floats(32))
    writer.add_tensor("rope_freqs.weight", np.ones(8, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def two_files(config: dict, tensors: dict[str, np.ndarray]) -> bytes:
    text = json.dumps(config).encode()
    return struct.pack("<I", len(text)) + text + save(tensors)


def adapters(corpus: Path) -> None:
    peft = dict(
        peft_type="LORA", task_type="CAUSAL_LM", r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"], use_rslora=False, use_dora=False,
        rank_pattern={}, alpha_pattern={"down_proj": 8}, bias="none", fan_in_fan_out=False, layers_to_transform=None, modules_to_save=None)
    tensors = {}
    for layer in range(2):
        for name, outputs, inputs in [("self_attn.q_proj", 8, 8), ("mlp.down_proj", 8, 12)]:
            stem = f"base_model.model.model.layers.{layer}.{name}"
            tensors |= {f"{stem}.lora_A.weight": floats(2, inputs), f"{stem}.lora_B.weight": floats(outputs, 2)}
    (corpus / "lora/good-peft").write_bytes(two_files(peft, tensors))
    regex = peft | dict(target_modules=r".*\.layers\.1\..*(q_proj|down_proj)", use_rslora=True, layers_to_transform=[1])
    (corpus / "lora/good-regex").write_bytes(two_files(regex, {name: value for name, value in tensors.items() if ".1." in name}))
    for name, extra in [("good-topk", dict(activation="topk")), ("good-groupmax", dict(activation="groupmax", skip_connection=True))]:
        cfg = dict(expansion_factor=2, normalize_decoder=True, num_latents=16, k=4, multi_topk=False, skip_connection=False, transcode=False, d_in=8) | extra
        tensors = {"encoder.weight": floats(16, 8), "encoder.bias": floats(16), "W_dec": floats(16, 8), "b_dec": floats(8)}
        if cfg["skip_connection"]:
            tensors["W_skip"] = floats(8, 8)
        (corpus / f"sae/{name}").write_bytes(two_files(cfg, tensors))


def more_adapters(corpus: Path) -> None:
    """Readers that came later: after the others, so that their seeds stay as they are."""
    common = dict(d_in=8, d_sae=16, dtype="float32", normalize_activations="layer_norm", reshape_activations="none")
    tensors = {"W_enc": floats(8, 16), "W_dec": floats(16, 8), "b_dec": floats(8), "b_enc": floats(16), "threshold": floats(16)}
    new = common | dict(architecture="jumprelu", apply_b_dec_to_input=True, metadata=dict(sae_lens_version="6.54.12", hook_name="blocks.1.hook_mlp_out"))
    (corpus / "saelens/good-jumprelu").write_bytes(two_files(new, tensors))
    flat = dict(d_in=8, d_sae=16, hook_point="blocks.1.hook_resid_pre", activation_fn_str="topk", activation_fn_kwargs=dict(k=4), normalize_activations=False)
    del tensors["threshold"]
    (corpus / "saelens/good-flat").write_bytes(two_files(flat, tensors))
    (corpus / "steering/good-two").write_bytes(
        two_files(dict(vectors={"layers.0": "a", "layers.1.mlp": "b"}, scale=2.5), {"a": floats(8), "b": floats(8)}))
    for name, architecture in [("good-lora", "llama"), ("good-control", "controlvector")]:
        writer = GGUFWriter(str(corpus / "gguf-adapter" / name), architecture)
        if architecture == "llama":
            writer.add_type("adapter")
            writer.add_string("adapter.type", "lora")
            writer.add_float32("adapter.lora.alpha", 4.0)
            writer.add_tensor("blk.0.attn_q.weight.lora_a", floats(2, 8))
            writer.add_tensor("blk.0.attn_q.weight.lora_b", floats(8, 2))
        else:
            writer.add_tensor("direction.1", floats(8))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


TEMPLATE = """{%- macro say(role, text) -%}<|{{ role }}|>{{ text | trim }}{%- endmacro -%}
{%- set ns = namespace(n=0) -%}
{%- for message in messages if message.content is string -%}
{%- set ns.n = ns.n + 1 -%}{{ say(message['role'], message.content[::-1] ~ '!') }}{% if not loop.last %}, {% endif %}
{%- else -%}{{ raise_exception('none') }}
{%- endfor -%}
{{ {'a': [1, 2.5, none, true], "b": "é\\n"} | tojson(indent=2) }}{{ '%05.2f' | format(ns.n) }}
{% if add_generation_prompt and messages | length > 0 %}{{ '<think>' + '\\n' }}{% endif %}"""


def main() -> None:
    corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "Corpus"
    for name in ["json", "safetensors", "gguf", "config", "tokenizer", "template", "lora", "sae", "saelens", "steering", "gguf-adapter"]:
        (corpus / name).mkdir(parents=True, exist_ok=True)
    (corpus / "json/good-mixed").write_text('{"a": [1, -2.5e3, true, null, "x\\u00e9\\ud83d\\ude42\\n"], "": {"b": 9223372036854775807, "c": [[], {}]}, "ß": NaN}')
    (corpus / "safetensors/good-types").write_bytes(
        save({"a": floats(2, 3), "b": floats(4).astype(np.float16), "c": np.arange(3), "d": floats(0, 2)}, metadata={"format": "pt"}))
    gguf(corpus / "gguf/good-llama")
    (corpus / "config/good-new").write_text(json.dumps(CONFIG | dict(rope_parameters=LLAMA3 | dict(rope_theta=1e4), layer_types=["full_attention"])))
    (corpus / "config/good-old").write_text(json.dumps(
        CONFIG | dict(architectures=["Qwen2ForCausalLM"], rope_theta=1e6, rope_scaling=dict(type="linear", factor=2.0), sliding_window=32,
                      use_sliding_window=False, chat_template=[dict(name="default", template="{{ messages }}")])))
    (corpus / "tokenizer/good-strings").write_text(json.dumps(tokenizer(False)))
    (corpus / "tokenizer/good-pairs").write_text(json.dumps(tokenizer(True), ensure_ascii=False))
    (corpus / "template/good-chat").write_text(TEMPLATE)
    adapters(corpus)
    more_adapters(corpus)


if __name__ == "__main__":
    main()
