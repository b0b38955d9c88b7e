"""Writes a Qwen2 checkpoint folder (safetensors, bf16) as one bf16 GGUF file, without a tokenizer.

usage: gguf_from_checkpoint.py CHECKPOINT OUTPUT.gguf

Runs in the comparison's own Python environment, with the `gguf` package. llama.cpp's converter insists on a tokenizer it knows by hash; the
benchmark tools feed token ids and need none, so the file says `tokenizer.ggml.model = none` and gives the size of the vocabulary.
Matrices stay bf16 bit for bit; norms and biases become f32, as llama.cpp's own converter writes them.
"""

import json
import struct
import sys
from pathlib import Path

import gguf
import numpy

LAYER_NAMES = {
    "input_layernorm.weight": "attn_norm.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
MODEL_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def gguf_name(name: str) -> str:
    """`model.layers.3.mlp.up_proj.weight` is `blk.3.ffn_up.weight`."""
    if name in MODEL_NAMES:
        return MODEL_NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{LAYER_NAMES[rest]}"


def tensors(folder: Path):
    """Every tensor of every safetensors file as (name, shape, raw bf16 bits), mapped rather than read."""
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as file:
            [length] = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] != "BF16":
                raise SystemExit(f"{path}: {name} is {entry['dtype']}; the comparison starts from a bf16 checkpoint")
            begin, end = entry["data_offsets"]
            bits = numpy.memmap(path, dtype="<u2", mode="r", offset=8 + length + begin, shape=((end - begin) // 2,))
            yield name, entry["shape"], bits.reshape(entry["shape"])


def main() -> None:
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    config = json.loads((folder / "config.json").read_text())
    if config["architectures"] != ["Qwen2ForCausalLM"]:
        raise SystemExit(f"{folder}: the architecture is {config['architectures']}; only Qwen2ForCausalLM is mapped here")
    heads = config["num_attention_heads"]
    theta = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]

    writer = gguf.GGUFWriter(output, "qwen2")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(theta)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    writer.add_tokenizer_model("none")
    for name, shape, bits in tensors(folder):
        if len(shape) == 1:
            writer.add_tensor(gguf_name(name), (bits.astype("<u4") << 16).view("<f4"))
        else:
            # gguf wants the bytes of a bf16 matrix, two to a column
            writer.add_tensor(gguf_name(name), bits.view(numpy.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
