"""The default model for PyTorch: SmolLM2-135M-Instruct, dequantised from its GGUF into a transformers Llama.

The weights are exactly the ones `resa` reads (every block expanded to f32), so logits can be compared number by number.
Rows of Q and K are permuted in a llama GGUF for interleaved RoPE; transformers rotates halves, so they are put back here.
"""

import os
from functools import cache
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

BASE_NAME = "SmolLM2-135M-Instruct"


def gguf_path() -> Path:
    """RESA_MODEL as the Makefile sets it; scripts/fetch-model.sh prints the path."""
    path = os.environ.get("RESA_MODEL")
    if not path:
        raise SystemExit("set RESA_MODEL to the SmolLM2 .gguf: RESA_MODEL=$(scripts/fetch-model.sh)")
    return Path(path)


@cache
def reader() -> GGUFReader:
    return GGUFReader(str(gguf_path()))


def value(key: str):
    return reader().fields[key].contents()


def unpermute(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undo llama.cpp's interleaving of one head's two halves of rows."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def config() -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(value("tokenizer.ggml.tokens")),
        hidden_size=value("llama.embedding_length"),
        intermediate_size=value("llama.feed_forward_length"),
        num_hidden_layers=value("llama.block_count"),
        num_attention_heads=value("llama.attention.head_count"),
        num_key_value_heads=value("llama.attention.head_count_kv"),
        max_position_embeddings=value("llama.context_length"),
        rms_norm_eps=value("llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": value("llama.rope.freq_base")},
        tie_word_embeddings=True,
        bos_token_id=value("tokenizer.ggml.bos_token_id"),
        eos_token_id=value("tokenizer.ggml.eos_token_id"),
        pad_token_id=value("tokenizer.ggml.padding_token_id"),
    )


def load_model(dtype: torch.dtype = torch.float32) -> LlamaForCausalLM:
    """The whole model, in evaluation mode, gradients off."""
    settings = config()
    names = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
    }
    for layer in range(settings.num_hidden_layers):
        source, target = f"blk.{layer}", f"model.layers.{layer}"
        for short, long in {
            "attn_norm": "input_layernorm",
            "attn_q": "self_attn.q_proj",
            "attn_k": "self_attn.k_proj",
            "attn_v": "self_attn.v_proj",
            "attn_output": "self_attn.o_proj",
            "ffn_norm": "post_attention_layernorm",
            "ffn_gate": "mlp.gate_proj",
            "ffn_up": "mlp.up_proj",
            "ffn_down": "mlp.down_proj",
        }.items():
            names[f"{source}.{short}.weight"] = f"{target}.{long}.weight"

    state = {}
    for tensor in reader().tensors:
        if tensor.name == "output.weight":
            raise SystemExit("this GGUF has its own output.weight; the loader expects tied embeddings")
        weight = dequantize(tensor.data, tensor.tensor_type)
        if ".attn_q." in tensor.name:
            weight = unpermute(weight, settings.num_attention_heads)
        elif ".attn_k." in tensor.name:
            weight = unpermute(weight, settings.num_key_value_heads)
        state[names.pop(tensor.name)] = torch.tensor(weight).to(dtype)
    if names:
        raise SystemExit(f"tensors missing from the GGUF: {sorted(names)}")
    with torch.device("meta"):
        model = LlamaForCausalLM(settings)
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    # `assign` keeps the tensors as they are; the rotary table is not in the state and has to be made again.
    model.load_state_dict(state, assign=True)
    model.model.rotary_emb = type(model.model.rotary_emb)(config=settings)
    model.tie_weights()
    model.config.name_or_path = BASE_NAME
    model.config._attn_implementation = "sdpa"
    return model.requires_grad_(False).eval()


def load_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE from the GGUF's own tokens and merges; SmolLM2 splits digits one at a time."""
    tokens, types = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in value("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    control, user_defined = 3, 4
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, types) if k == control])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t, k in zip(tokens, types) if k == user_defined])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=tokens[value("tokenizer.ggml.bos_token_id")],
        eos_token=tokens[value("tokenizer.ggml.eos_token_id")],
        pad_token=tokens[value("tokenizer.ggml.padding_token_id")],
    )
    wrapped.chat_template = value("tokenizer.chat_template")
    return wrapped


def chat_ids(tokenizer: PreTrainedTokenizerFast, question: str, answer: str | None = None) -> list[int]:
    """Token ids of a one-question conversation: up to the assistant's turn, or with its answer."""
    messages = [{"role": "user", "content": question}]
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer is None)
    return tokenizer(text, add_special_tokens=False)["input_ids"]
