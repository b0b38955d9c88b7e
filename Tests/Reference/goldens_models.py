"""Logits of `transformers` for tiny random checkpoints, plain and with adapters made by PEFT and sparsify.

Below OUT/models:
    index.json         every NAME
    NAME/checkpoint/   a Hugging Face folder          NAME/adapters/*/   adapters of the shape of NAME
    NAME/cases.json, NAME/logits.safetensors          what was run and what came of it, as model_cases.py writes it
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from model_cases import Cases
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from sparsify import SparseCoder, SparseCoderConfig
from tiny_models import VOCAB, Tiny, as_transformers4, tiny_models
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, GemmaConfig, GPT2Config, GPTNeoXConfig, LlamaConfig, MistralConfig, Olmo2Config,
    Phi3Config, PreTrainedTokenizerFast, Qwen2Config, Qwen3Config,
)  # fmt: skip
from transformers.pytorch_utils import Conv1D

SECONDS = 35

# One token; inside a block of the KV cache (32 tokens); just over one, two and four blocks.
LENGTHS = [1, 7, 33, 70, 130]
ALL_PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def randomise(model: torch.nn.Module) -> None:
    """Weights of order 1/sqrt(inputs): the default initialisation is so small that every logit would be near zero. Embeddings are of order 1
    behind their scale, gains of norms about what they begin with, which is 0 where they are stored less 1."""
    embeddings = {id(module.weight): module for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    turned = {id(module.weight) for module in model.modules() if isinstance(module, Conv1D)}
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_(0, 0.3)
        elif parameter.dim() == 1:
            parameter.data.normal_(float(parameter.data[0]), 0.2)
        elif id(parameter) in embeddings:
            parameter.data.normal_(0, 1 / getattr(embeddings[id(parameter)], "scalar_embed_scale", 1.0))
        else:
            parameter.data.normal_(0, 1 / parameter.shape[0 if id(parameter) in turned else 1] ** 0.5)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with a vocabulary of exactly VOCAB."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=["<|begin|>", "<|end|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator([Path(__file__).read_text(encoding="utf-8")], trainer)
    assert tokenizer.get_vocab_size() == VOCAB, tokenizer.get_vocab_size()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|begin|>", eos_token="<|end|>")
    wrapped.chat_template = (
        "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    return wrapped


def save_checkpoint(tiny: Tiny, model, folder: Path) -> None:
    stored = model.to(tiny.dtype)
    stored.config.dtype = tiny.dtype
    stored.save_pretrained(folder, max_shard_size="200KB" if tiny.sharded else "5GB")
    byte_tokenizer().save_pretrained(folder)
    if tiny.old_config:
        path = folder / "config.json"
        path.write_text(json.dumps(as_transformers4(json.loads(path.read_text())), indent=2))


def save_adapters(tiny: Tiny, model, folder: Path) -> None:
    """A LoRA with random B (PEFT starts it at zero), SAEs on a block output and on an MLP output."""
    settings = {"r": 4, "lora_alpha": 8, "target_modules": ALL_PROJECTIONS, **tiny.lora}
    wrapped = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.15)
    wrapped.save_pretrained(folder / "lora")
    wrapped.unload()
    if hasattr(model, "peft_config"):
        del model.peft_config

    # Beside the other draws, which stay what they are.
    with torch.random.fork_rng():
        torch.manual_seed(11)
        wrapped = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", use_dora=True, **{**settings, "r": 3}))
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter.data.normal_(0, 0.15)
            elif "lora_magnitude" in name:
                parameter.data.mul_(1 + 0.3 * torch.randn_like(parameter))
        wrapped.save_pretrained(folder / "dora")
        wrapped.unload()
    if hasattr(model, "peft_config"):
        del model.peft_config

    width = model.config.hidden_size
    for name, hookpoints, latents, extra in [
        ("sae", ["layers.0", "layers.1"], 256, tiny.sae),
        ("mlp-sae", ["layers.1.mlp"], 192, tiny.mlp_sae),
    ]:
        for hookpoint in hookpoints:
            sae = SparseCoder(width, SparseCoderConfig(num_latents=latents, k=8, **extra))
            sae.encoder.weight.data.normal_(0, 1 / width**0.5)
            sae.encoder.bias.data.normal_(0, 0.1)
            sae.W_dec.data.normal_(0, 1)
            sae.set_decoder_norm_to_unit_norm()
            sae.b_dec.data.normal_(0, 0.3)
            if sae.W_skip is not None:
                sae.W_skip.data.normal_(0, 0.5 / width**0.5)
            sae.save_to_disk(folder / name / hookpoint)


def edits_for(cases: Cases, case: str, hookpoint: str, unselected: int) -> list[dict]:
    """All five operations: four on latents that act somewhere in the case, one on a latent that (mostly) does not."""
    pick = [cases.strongest(case, hookpoint, token, rank) for token, rank in [(5, 0), (9, 1), (14, 2), (20, 3)]]
    chosen = list(dict.fromkeys(pick))
    operations = [("set", 3.5), ("scale", -1.5), ("ablate", 0.0), ("clamp", 0.25)]
    edits = [{"latent": latent, "op": op, "value": value} for latent, (op, value) in zip(chosen, operations)]
    if unselected not in chosen:
        edits.append({"latent": unselected, "op": "add", "value": 2.0})
    return edits


def tiny_cases(model, folder: Path) -> None:
    cases = Cases(model, folder / "adapters")
    tokens = {length: torch.randint(0, VOCAB, (length,)).tolist() for length in LENGTHS}
    for length in LENGTHS:
        cases.run(f"base-{length}", tokens[length])
    lora = {"name": "lora"}
    for length in (1, 33, 130):
        cases.run(f"lora-{length}", tokens[length], [lora])
    cases.run("lora-scaled-70", tokens[70], [{**lora, "scale": 0.4}])
    for adapter, hookpoint, unselected in [("sae", "layers.1", 77), ("mlp-sae", "layers.1.mlp", 101)]:
        splice = {"name": adapter, "hookpoint": hookpoint, "mode": "splice"}
        for length in (7, 33, 130):
            cases.run(f"{adapter}-splice-{length}", tokens[length], [splice])
        edit = {"name": adapter, "hookpoint": hookpoint, "mode": "edit", "edits": edits_for(cases, f"{adapter}-splice-33", hookpoint, unselected)}
        for length in (7, 33, 130):
            cases.run(f"{adapter}-edit-{length}", tokens[length], [edit])
        cases.run(f"{adapter}-edit-strength-70", tokens[70], [{**edit, "strength": -0.5}])
        cases.run(f"{adapter}-edit-window-70", tokens[70], [{**edit, "scope": [10, 40]}])
        cases.run(f"{adapter}-edit-prompt-70", tokens[70], [{**edit, "scope": "prompt"}], prompt_length=35)
        cases.run(f"{adapter}-edit-generated-70", tokens[70], [{**edit, "scope": "generated"}], prompt_length=35)
        cases.run(f"{adapter}-splice-lora-33", tokens[33], [lora, splice])
        cases.run(f"{adapter}-edit-lora-130", tokens[130], [lora, edit])
    # The tags are two tokens like others; the first stretch stands in the prompt, the second goes on to the end.
    think = [VOCAB - 2, VOCAB - 1]
    thought = [0 if token in think else token for token in tokens[70]]
    thought[8], thought[20], thought[50] = think[0], think[1], think[0]
    observe = {"name": "sae", "hookpoint": "layers.0", "mode": "observe"}
    cases.run("sae-observe-70", thought, [observe])
    below = {**cases.condition("sae-observe-70", "layers.0"), "name": "sae", "hookpoint": "layers.0"}
    for adapter, hookpoint, unselected in [("sae", "layers.1", 77), ("mlp-sae", "layers.1.mlp", 101)]:
        splice = {"name": adapter, "hookpoint": hookpoint, "mode": "splice"}
        cases.run(f"{adapter}-splice-think-70", thought, [{**splice, "scope": "think"}], prompt_length=35, think=think)
        edit = {**splice, "mode": "edit", "edits": edits_for(cases, f"{adapter}-splice-think-70", hookpoint, unselected)}
        inside = {**edit, "scope": "think+generated"}
        cases.run(f"{adapter}-edit-think-generated-70", thought, [inside], prompt_length=35, think=think)
        when = cases.condition(f"{adapter}-splice-think-70", hookpoint)
        cases.run(f"{adapter}-splice-when-70", thought, [{**splice, "when": when}], prompt_length=35)
        cases.run(f"{adapter}-edit-when-70", thought, [{**edit, "when": when}], prompt_length=35)
        cases.run(f"{adapter}-splice-when-below-70", thought, [observe, {**splice, "when": below}], prompt_length=35)
        cases.run(f"{adapter}-edit-when-below-lora-70", thought, [lora, observe, {**inside, "when": below}], prompt_length=35, think=think)
        cases.run(f"{adapter}-edit-when-window-70", thought, [{**edit, "when": when, "scope": [5, 60]}])
    both = [
        {"name": "sae", "hookpoint": "layers.0", "mode": "edit", "edits": [{"latent": 3, "op": "add", "value": 1.5}]},
        {"name": "mlp-sae", "hookpoint": "layers.1.mlp", "mode": "splice"},
        {"name": "sae", "hookpoint": "layers.1", "mode": "splice", "scope": [3, 60]},
    ]
    cases.run("three-saes-lora-70", tokens[70], [lora, *both])
    dora = {"name": "dora"}
    cases.run("dora-33", tokens[33], [dora])
    cases.run("dora-130", tokens[130], [dora])
    cases.run("dora-scaled-70", tokens[70], [{**dora, "scale": 0.4}])
    cases.run("dora-beyond-33", tokens[33], [{**dora, "scale": 1.5}])
    # Each changes what those before it gave.
    cases.run("lora-dora-33", tokens[33], [lora, dora])
    cases.run("dora-lora-33", tokens[33], [dora, lora])
    cases.run("dora-scaled-lora-33", tokens[33], [{**dora, "scale": 0.6}, lora])
    cases.run("three-saes-dora-70", tokens[70], [dora, *both])
    cases.write(folder)


def brief_cases(model, folder: Path, shortest: int) -> None:
    """What tells one architecture from another: the model alone, LoRAs on every projection, SAEs at both places."""
    cases = Cases(model, folder / "adapters")
    tokens = {length: torch.randint(0, VOCAB, (length,)).tolist() for length in LENGTHS if length >= shortest}
    for length in tokens:
        cases.run(f"base-{length}", tokens[length])
    lora = {"name": "lora"}
    cases.run("lora-33", tokens[33], [lora])
    cases.run("lora-scaled-70", tokens[70], [{**lora, "scale": 0.4}])
    cases.run("dora-33", tokens[33], [{"name": "dora"}])
    cases.run("dora-scaled-70", tokens[70], [{"name": "dora", "scale": 0.4}])
    for adapter, hookpoint, unselected in [("sae", "layers.1", 77), ("mlp-sae", "layers.1.mlp", 101)]:
        splice = {"name": adapter, "hookpoint": hookpoint, "mode": "splice"}
        cases.run(f"{adapter}-splice-33", tokens[33], [splice])
        edit = {"name": adapter, "hookpoint": hookpoint, "mode": "edit", "edits": edits_for(cases, f"{adapter}-splice-33", hookpoint, unselected)}
        cases.run(f"{adapter}-edit-33", tokens[33], [edit])
        cases.run(f"{adapter}-edit-lora-130", tokens[130], [lora, edit])
    cases.write(folder)


def tensors(folder: Path) -> None:
    """tensors.json: {class: {"config": config.json, "tensors": {name: shape}}} of a tiny model of every architecture that is described, as its
    folder has them."""
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 70, "max_position_embeddings": 90}
    grouped = {**sizes, "intermediate_size": 56, "num_key_value_heads": 2, "pad_token_id": 1}
    wide = {**grouped, "head_dim": 16}
    configs = [
        LlamaConfig(**grouped), Qwen2Config(**grouped), Qwen3Config(**wide), GemmaConfig(**wide), Gemma2Config(**wide), Gemma3TextConfig(**wide),
        MistralConfig(**wide), Phi3Config(**grouped), Olmo2Config(**grouped), GPTNeoXConfig(**sizes, intermediate_size=56, rotary_pct=0.5),
        GPT2Config(n_embd=48, n_layer=2, n_head=4, n_inner=56, vocab_size=70, n_positions=90),
    ]  # fmt: skip
    found = {}
    for config in configs:
        with tempfile.TemporaryDirectory() as place:
            AutoModelForCausalLM.from_config(config).save_pretrained(place)
            stored = load_file(Path(place) / "model.safetensors")
            text = (Path(place) / "config.json").read_text()
        name = json.loads(text)["architectures"][0]
        found[name] = {"config": text, "tensors": {name: list(tensor.shape) for name, tensor in stored.items()}}
    (folder / "tensors.json").write_text(json.dumps(found))


def make_tiny(name: str, tiny: Tiny, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(sum(name.encode()))
    model = AutoModelForCausalLM.from_config(tiny.config, dtype=torch.float32).requires_grad_(False).eval()
    randomise(model)
    model.tie_weights()
    save_checkpoint(tiny, model, folder / "checkpoint")
    # The reference runs in f32 on the stored (rounded) weights, read back from the files themselves.
    model = AutoModelForCausalLM.from_pretrained(folder / "checkpoint", dtype=torch.float32).requires_grad_(False).eval()
    save_adapters(tiny, model, folder / "adapters")
    if tiny.brief:
        brief_cases(model, folder, tiny.shortest)
    else:
        tiny_cases(model, folder)


def main(out: Path, cache: Path) -> None:
    folder = out / "models"
    names = tiny_models()
    for name, tiny in names.items():
        print("at", name, flush=True)
        make_tiny(name, tiny, folder / name)
    tensors(folder)
    (folder / "index.json").write_text(json.dumps(list(names)))
