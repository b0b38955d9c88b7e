"""The files of many_loras.py: one model and its LoRAs as each of the two servers reads them. Needs numpy and llama.cpp's `gguf` package."""

import json
import shutil
from pathlib import Path

import gguf
import numpy
from hot_swaps import Shape, config_text
from random_checkpoint import tokenizer

MODULES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip


def write_models(checkpoint: Path, quantised: Path, folder: Path) -> None:
    """Both servers' models once more, token `i` being called `t<i>`: a checkpoint folder and `model.gguf`."""
    config = json.loads((checkpoint / "config.json").read_text())
    names = [f"t{number}" for number in range(config["vocab_size"])]
    shutil.copy(checkpoint / "config.json", folder / "config.json")
    for path in checkpoint.glob("*.safetensors"):
        (folder / path.name).symlink_to(path.resolve())
    description = tokenizer()
    description["added_tokens"] = []
    description["model"]["vocab"] = {name: number for number, name in enumerate(names)}
    (folder / "tokenizer.json").write_text(json.dumps(description))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": names[config["eos_token_id"]]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))

    reader, writer = gguf.GGUFReader(quantised), gguf.GGUFWriter(folder / "model.gguf", config["model_type"])
    for field in reader.fields.values():
        if field.name != "general.architecture" and not field.name.startswith(("GGUF.", "tokenizer.")):
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=field.types[-1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(names)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(names))
    writer.add_token_merges(["t 0"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    finish(writer)


def finish(writer) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_lora(folder: Path, gguf_path: Path, gguf_type: str, shape: Shape, rank: int, seed: int) -> None:
    """One LoRA in both formats: random signs and fractions of 7 bits, exponents -10 to -7, alpha = rank."""
    generator = numpy.random.default_rng(seed)
    writer = gguf.GGUFWriter(gguf_path, "qwen2")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, rank)
    dtype = gguf.GGMLQuantizationType[gguf_type]
    header, parts, offset = {}, [], 0
    for layer in range(shape.layers):
        for module, (outputs, inputs) in shape.projections.items():
            for factor, dimensions in (("A", (rank, inputs)), ("B", (outputs, rank))):
                signs, exponents = generator.integers(0, 2, dimensions, "<u2") << 15, generator.integers(117, 121, dimensions, "<u2") << 7
                bits = signs | exponents | generator.integers(0, 128, dimensions, "<u2")
                header[f"base_model.model.model.layers.{layer}.{module}.lora_{factor}.weight"] = {
                    "dtype": "BF16", "shape": dimensions, "data_offsets": [offset, offset + bits.nbytes]}  # fmt: skip
                parts.append(bits)
                offset += bits.nbytes
                values = (bits.astype("<u4") << 16).view("<f4")
                name = f"blk.{layer}.{MODULES[module]}.weight.lora_{factor.lower()}"
                writer.add_tensor(name, gguf.quants.quantize(values, dtype), raw_dtype=dtype)
    finish(writer)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    folder.mkdir()
    (folder / "adapter_config.json").write_bytes(config_text(rank, rank))
    with open(folder / "adapter_model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for bits in parts:
            file.write(bits.tobytes())
