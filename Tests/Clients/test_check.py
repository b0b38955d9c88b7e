"""`resa adapters check` on a tiny random model: what it measures is what PyTorch, PEFT and sparsify measure, and what is wrong is told."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import ADAPTERS, LORA, ROOT, SAE, required
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from sparsify import SparseCoder, SparseCoderConfig
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

sys.path.insert(0, str(ROOT / "Tests" / "Reference"))
from interventions import adapted  # noqa: E402

SEED = 20261125
WIDTH, LATENTS, LAYERS = 64, 256, 3
CONTEXT = 48
TEXT = "The ferry left the harbour a little after six. Nobody counted, but 12 * 7 = 84 lamps were burning; the sea was rough.\n"
TEMPLATE = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"


def save_tokenizer(folder: Path, template: str = TEMPLATE, swap: bool = False) -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if swap:
        alphabet[65:67] = reversed(alphabet[65:67])
    tokenizer = Tokenizer(models.BPE(vocab={symbol: index for index, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True, normalized=False)])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|end|>", eos_token="<|end|>")
    wrapped.chat_template = template
    wrapped.save_pretrained(folder)


def save_sae(folder: Path, change=lambda sae: None, **settings) -> None:
    sae = SparseCoder(WIDTH, SparseCoderConfig(num_latents=LATENTS, **{"k": 8, **settings}))
    sae.encoder.weight.data.normal_(0, 1 / WIDTH**0.5)
    sae.encoder.bias.data.zero_()
    if sae.W_dec is not None:
        sae.W_dec.data = sae.encoder.weight.data.clone()
        sae.set_decoder_norm_to_unit_norm()
    change(sae)
    sae.save_to_disk(folder)


def mirror(sae) -> None:
    """Both signs of every coordinate: any vector comes back as it was."""
    sae.encoder.weight.data.zero_()
    sae.encoder.weight.data[:WIDTH] = torch.eye(WIDTH)
    sae.encoder.weight.data[WIDTH : 2 * WIDTH] = -torch.eye(WIDTH)
    sae.W_dec.data = sae.encoder.weight.data.clone()


def far_off(sae) -> None:
    sae.b_dec.data.fill_(30.0)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """`model`, and `adapters` for it."""
    root = tmp_path_factory.mktemp("check")
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=257, hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=LAYERS, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=512, tie_word_embeddings=False, bos_token_id=256, eos_token_id=256,
    )  # fmt: skip
    model = LlamaForCausalLM(config).requires_grad_(False).eval()
    model.model.embed_tokens.weight.normal_(0, 1)
    model.lm_head.weight.normal_(0, 0.3)
    model.save_pretrained(root / "model")
    save_tokenizer(root / "model")
    save_sae(root / "adapters/sae/layers.1")
    save_sae(root / "adapters/transcoder/layers.0.mlp", transcode=True)
    save_sae(root / "adapters/mirror/layers.1", mirror, k=2 * WIDTH)
    save_sae(root / "adapters/far-off/layers.1", far_off)
    wrapped = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM"))
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name and "layers.0" not in name:
            parameter.data.normal_(0, 0.3)
    wrapped.peft_config["default"].base_model_name_or_path = str(root / "model")
    wrapped.save_pretrained(root / "adapters/lora")
    wrapped.unload()
    wrapped = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"], use_dora=True, task_type="CAUSAL_LM"))
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.1)
        elif "lora_magnitude" in name:
            parameter.data.mul_(1 + 0.3 * torch.randn_like(parameter))
    wrapped.save_pretrained(root / "adapters/dora")
    steering = root / "adapters/steering"
    steering.mkdir()
    save_file({"vector": torch.randn(WIDTH)}, steering / "vector.safetensors")
    (steering / "steering.json").write_text('{"hookpoint": "layers.2", "scale": 0.5}')
    (root / "text.txt").write_text(TEXT)
    return root


def check(place: Path, adapter, *arguments, model=None, text="text.txt", environment=None) -> subprocess.CompletedProcess:
    """On the tiny model in f32, unless the arguments say otherwise."""
    command = [required("RESA_BIN"), "adapters", "check", str(adapter), "--model", str(model or place / "model"), "--packed-cache", "off"]
    command += ["--text", str(text)] if text else []
    if "--weights" not in arguments:
        command += ["--weights", "f32", "--context", str(CONTEXT)]
    variables = os.environ | {"RESA_HOME": str(place / "home"), "HF_HOME": str(place / "hf")} | (environment or {})
    return subprocess.run([*command, *map(str, arguments)], cwd=place, env=variables, capture_output=True, text=True, timeout=600)


def report(place: Path, adapter, *arguments, status: int = 0, **options) -> dict:
    result = check(place, adapter, *arguments, "--json", **options)
    assert result.returncode == status, (result.returncode, result.stdout, result.stderr)
    return json.loads(result.stdout)


def contexts() -> torch.Tensor:
    """The text as `--context` cuts it: one token a byte, a shorter end left out unless it has half the length."""
    alphabet = {symbol: index for index, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    ids = [alphabet[symbol] for symbol in level.pre_tokenize_str(TEXT)[0][0]]
    whole = len(ids) // CONTEXT
    assert (len(ids) - whole * CONTEXT) * 2 < CONTEXT and whole > 1, "the text's end would be one more context"
    return torch.tensor(ids[: whole * CONTEXT]).view(whole, CONTEXT)


def reference(place: Path, adapters: list[dict], fvu_at: str | None = None) -> dict:
    """KL of each position and FVU, by PyTorch."""
    model = LlamaForCausalLM.from_pretrained(place / "model", dtype=torch.float32).requires_grad_(False).eval()
    tokens = contexts()
    seen = {}

    def watch(_module, inputs, output):
        seen["input"], seen["output"] = inputs[0], output[0] if isinstance(output, tuple) else output

    handle = None
    if fvu_at:
        parts = fvu_at.split(".")
        block = model.model.layers[int(parts[1])]
        handle = (block.mlp if parts[2:] else block).register_forward_hook(watch)
    base = model(tokens).logits.double().log_softmax(-1)
    answer = {}
    if handle:
        handle.remove()
        sae = SparseCoder.load_from_disk(place / "adapters" / adapters[0]["name"] / fvu_at).float()
        target = seen["output"].flatten(0, 1)
        source = seen["input"].flatten(0, 1) if sae.cfg.transcode else target
        encoded = sae.encode(source)
        error = (target - sae.decode(encoded.top_acts, encoded.top_indices)).double()
        later = torch.arange(len(target)) % CONTEXT > 0

        def fvu(rows) -> float:
            y = target.double()[rows]
            return (error[rows].square().sum() / (y - y.mean(0)).square().sum()).item()

        answer |= {"fvu": fvu(later | True), "fvu_without_first": fvu(later)}
        acting = encoded.top_acts > 0
        answer |= {"mean_active": acting.sum(-1).double().mean().item(), "seen": len(encoded.top_indices[acting].unique())}
    with adapted(model, adapters, place / "adapters") as (wrapped, _, where):
        where(torch.arange(CONTEXT).expand(tokens.shape), torch.full((len(tokens),), CONTEXT))
        other = wrapped(tokens).logits.double().log_softmax(-1)
    kl = (base.exp() * (base - other)).sum(-1)
    loss = -other[:, :-1].gather(-1, tokens[:, 1:, None]).mean()
    return answer | {
        "mean_kl": kl.mean().item(),
        "same_top": (base.argmax(-1) == other.argmax(-1)).double().mean().item(),
        "perplexity": loss.exp().item(),
    }


def agrees(measured: dict, wanted: dict) -> None:
    assert measured["mean_kl"] == pytest.approx(wanted["mean_kl"], rel=2e-3, abs=1e-9)
    assert measured["perplexity"] == pytest.approx(wanted["perplexity"], rel=1e-3)
    assert measured["same_top_share"] == pytest.approx(wanted["same_top"], abs=0.03)


def test_a_lora_is_measured_as_peft_does(place):
    told = report(place, place / "adapters/lora")
    [measured] = told["measurements"]
    agrees(measured, reference(place, [{"name": "lora"}]))
    assert measured["mean_kl"] > 1e-4, "the adapter does something"
    assert told["verdict"] == "fits" and told["reasons"] == []
    assert told["base"]["name"] == str(place / "model") == told["base"]["path"] and told["base"]["differences"] == []
    assert told["layers"] == [0, 1, 2] and told["modules"] == ["q_proj", "down_proj"]
    lora = told["lora"]
    assert (lora["updates"], lora["idle_updates"], lora["untouched_blocks"]) == (6, 2, 1)
    tensors = load_file(place / "adapters/lora/adapter_model.safetensors")
    weights = load_file(place / "model/model.safetensors")
    ratios, added, stored = {}, 0.0, 0.0
    for name, a in tensors.items():
        if "lora_A" in name and "layers.0" not in name:
            change = (2 * tensors[name.replace("lora_A", "lora_B")] @ a).norm().item()
            path = name.removeprefix("base_model.model.").replace("lora_A.weight", "weight")
            weight = weights[path].norm().item()
            ratios[path] = change / weight
            added, stored = added + change**2, stored + weight**2
    assert lora["relative_norm"] == pytest.approx((added / stored) ** 0.5, rel=1e-4)
    assert lora["largest_relative_norm"] == pytest.approx(max(ratios.values()), rel=1e-4)
    parts = max(ratios, key=ratios.get).split(".")
    assert lora["largest_at"] == f"layers.{parts[2]}.{parts[4]}"


def test_a_dora_is_measured_as_peft_does(place):
    told = report(place, place / "adapters/dora")
    [measured] = told["measurements"]
    agrees(measured, reference(place, [{"name": "dora"}]))
    base = LlamaForCausalLM.from_pretrained(place / "model", dtype=torch.float32)
    weights = {name: weight.detach().clone() for name, weight in base.named_parameters()}
    merged = dict(PeftModel.from_pretrained(base, place / "adapters/dora").merge_and_unload().named_parameters())
    touched = [name for name in weights if "q_proj" in name or "down_proj" in name]
    change, size = (sum(part(name).square().sum() for name in touched) for part in (lambda n: merged[n] - weights[n], weights.get))
    assert told["lora"]["relative_norm"] == pytest.approx(float((change / size) ** 0.5), rel=1e-4)
    assert told["lora"]["idle_updates"] == 0


@pytest.mark.parametrize(("adapter", "hookpoint"), [("sae", "layers.1"), ("transcoder", "layers.0.mlp"), ("mirror", "layers.1")])
def test_an_sae_is_measured_as_sparsify_does(place, adapter, hookpoint):
    wanted = reference(place, [{"name": adapter, "hookpoint": hookpoint, "mode": "splice"}], fvu_at=hookpoint)
    useless = wanted["fvu_without_first"] >= 1
    told = report(place, place / "adapters" / adapter, status={"sae": 2, "transcoder": 3, "mirror": 0}[adapter])
    assert useless == (adapter == "transcoder"), wanted
    [measured] = told["measurements"]
    agrees(measured, wanted)
    assert measured["hookpoint"] == hookpoint
    assert measured["fvu"] == pytest.approx(wanted["fvu"], rel=1e-3, abs=1e-9)
    assert measured["fvu_without_first"] == pytest.approx(wanted["fvu_without_first"], rel=1e-3, abs=1e-9)
    assert measured["mean_active_latents"] == pytest.approx(wanted["mean_active"], abs=0.01)
    assert measured["latents_seen"] == wanted["seen"]
    if adapter == "mirror":
        assert measured["fvu"] < 1e-6 and measured["mean_kl"] < 1e-6


def test_a_bad_reconstruction_does_not_fit(place):
    told = report(place, place / "adapters/far-off", status=3)
    assert told["verdict"] == "does not fit"
    assert any("no better than the mean" in reason["text"] and reason["level"] == "error" for reason in told["reasons"])


def test_a_steering_vector_is_added(place):
    told = report(place, place / "adapters/steering")
    model = LlamaForCausalLM.from_pretrained(place / "model", dtype=torch.float32).requires_grad_(False).eval()
    tokens = contexts()
    base = model(tokens).logits.double().log_softmax(-1)
    vector = 0.5 * load_file(place / "adapters/steering/vector.safetensors")["vector"]

    def add(_module, _inputs, output):
        return (output[0] + vector, *output[1:]) if isinstance(output, tuple) else output + vector

    model.model.layers[2].register_forward_hook(add)
    other = model(tokens).logits.double().log_softmax(-1)
    [measured] = told["measurements"]
    assert measured["mean_kl"] == pytest.approx((base.exp() * (base - other)).sum(-1).mean().item(), rel=2e-3)
    assert "name" not in told["base"] and measured["hookpoint"] == "layers.2"


def another_base(place: Path, folder: Path, theta: float = 10000.0, **tokenizer) -> Path:
    shutil.copytree(place / "model", folder)
    (folder / "model.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text())
    config.pop("rope_parameters", None)
    (folder / "config.json").write_text(json.dumps(config | {"rope_theta": theta}))
    save_tokenizer(folder, **tokenizer)
    return folder


def rebased(place: Path, folder: Path, base: str) -> Path:
    """The LoRA, made for another base."""
    shutil.copytree(place / "adapters/lora", folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": base}))
    return folder


@pytest.mark.parametrize(
    ("changes", "subject", "hint"),
    [
        ({"theta": 500000.0}, "rope", "theta 10000.0"),
        ({"swap": True}, "tokenizer", "2 token ids stand for something else"),
        ({"template": "{{ messages[0]['content'] }}"}, "template", "is another"),
    ],
)
def test_another_base_is_a_warning(place, tmp_path, changes, subject, hint):
    base = another_base(place, tmp_path / "base", **changes)
    told = report(place, rebased(place, tmp_path / "lora", str(base)), status=2)
    assert told["verdict"] == "fits with warnings" and told["base"]["path"] == str(base)
    [difference] = [difference for difference in told["base"]["differences"] if difference["matters"]]
    assert difference["subject"] == subject and hint in difference["text"]
    assert [reason["text"] for reason in told["reasons"]] == [difference["text"]]


def test_a_template_that_says_the_same_is_no_warning(place, tmp_path):
    base = another_base(place, tmp_path / "base", template=TEMPLATE + "{# the end #}")
    told = report(place, rebased(place, tmp_path / "lora", str(base)))
    [difference] = told["base"]["differences"]
    assert difference["subject"] == "template" and not difference["matters"]


def test_the_base_is_found_where_the_hub_keeps_it(place, tmp_path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "hf/hub/models--org--tiny"
    another_base(place, repository / "snapshots" / commit, theta=2500.0)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)
    adapter = rebased(place, tmp_path / "lora", "org/tiny")
    told = report(place, adapter, status=2, environment={"HF_HOME": str(tmp_path / "hf")})
    assert told["base"]["path"] == str(repository / "snapshots" / commit)
    assert [difference["subject"] for difference in told["base"]["differences"]] == ["rope"]
    # A folder beside the adapter, by the last part of the name.
    (repository / "snapshots" / commit).rename(tmp_path / "tiny")
    assert report(place, adapter, status=2)["base"]["path"] == str(tmp_path / "tiny")
    # None at all: what the adapter's own folder keeps is compared.
    shutil.rmtree(tmp_path / "tiny")
    assert report(place, adapter)["base"] == {"name": "org/tiny", "differences": [], "unread": []}
    save_tokenizer(adapter, swap=True)
    told = report(place, adapter, status=2)
    assert "path" not in told["base"] and told["base"]["differences"][0]["subject"] == "tokenizer"
    shown = check(place, adapter).stdout
    assert "org/tiny, not found on this machine" in shown and "fits with warnings" in shown


def test_what_cannot_be_attached_does_not_fit(place, tmp_path):
    wrong = tmp_path / "wrong"
    shutil.copytree(place / "adapters/lora", wrong)
    tensors = load_file(wrong / "adapter_model.safetensors")
    name = next(name for name in tensors if "q_proj.lora_A" in name)
    tensors[name] = tensors[name][:, : WIDTH // 2].contiguous()
    save_file(tensors, wrong / "adapter_model.safetensors")
    told = report(place, wrong, status=3)
    assert "has shape [4, 32], wanted [4, 64]" in told["reasons"][0]["text"] and told["measurements"] == []
    cut = tmp_path / "cut"
    shutil.copytree(place / "adapters/sae", cut)
    weights = cut / "layers.1/sae.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "sae.safetensors" in report(place, cut, status=3)["reasons"][0]["text"]
    wide = tmp_path / "nan"
    shutil.copytree(place / "adapters/lora", wide)
    tensors = load_file(place / "adapters/lora/adapter_model.safetensors")
    save_file({name: tensor.fill_(1e30) for name, tensor in tensors.items()}, wide / "adapter_model.safetensors")
    told = report(place, wide, status=3)
    assert any("no numbers" in reason["text"] for reason in told["reasons"]) and "mean_kl" not in told["measurements"][0]


def test_an_adapter_that_does_nothing_is_a_warning(place, tmp_path):
    idle = tmp_path / "idle"
    shutil.copytree(place / "adapters/lora", idle)
    tensors = load_file(idle / "adapter_model.safetensors")
    save_file({name: tensor if "lora_A" in name else torch.zeros_like(tensor) for name, tensor in tensors.items()}, idle / "adapter_model.safetensors")
    told = report(place, idle, status=2)
    assert "changes nothing" in told["reasons"][0]["text"]
    assert told["lora"]["idle_updates"] == 6 and told["lora"]["untouched_blocks"] == LAYERS and "relative_norm" not in told["lora"]


def test_bad_calls(place, tmp_path):
    def fails(hint: str, adapter, *arguments, status: int = 1, **options) -> None:
        result = check(place, adapter, *arguments, **options)
        assert result.returncode == status and hint in result.stderr, (result.returncode, result.stdout, result.stderr)

    lora = place / "adapters/lora"
    fails("cannot read no.txt", lora, text="no.txt")
    (tmp_path / "short.txt").write_text("a")
    fails("too few", lora, text=tmp_path / "short.txt")
    (tmp_path / "keys.jsonl").write_text('{"words": "a"}\n')
    fails("none of", lora, text=tmp_path / "keys.jsonl")
    fails("--tokens is 0", lora, "--tokens", 0, status=64)
    fails("no adapter folder 'lorra', neither here nor in adapters; did you mean lora", "lorra", "--adapters", "adapters")
    fails("no such file", lora, model=tmp_path / "nowhere")
    fails("there is no model at 'nowhere'", lora, "--base", "nowhere")
    fails("no hookpoint at layer 2; it has layers.1", place / "adapters/sae", "--layer", 2)


def test_rows_and_tokens_bound_the_text(place, tmp_path):
    rows = [{"text": TEXT}, {"question": TEXT, "answer": TEXT}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    def count(*arguments) -> int:
        return report(place, place / "adapters/mirror", *arguments, text=tmp_path / "rows.jsonl")["text"]["tokens"]

    assert count("--rows", 1) < count() and count("--tokens", CONTEXT) == CONTEXT


def test_the_adapters_that_come_along(place):
    """With the weights, the text and the limits that are the default, but fewer tokens."""
    model = required("RESA_MODEL")
    told = report(place, LORA, "--adapters", ADAPTERS, "--weights", "int8", "--tokens", 96, model=model, text=None)
    assert told["verdict"] == "fits" and 0.01 < told["measurements"][0]["mean_kl"] < 1 and told["text"]["tokens"] == 96
    # It was trained on GSM8K alone: of an ordinary page it loses more than it should, and says so.
    told = report(place, SAE, "--adapters", ADAPTERS, "--weights", "int8", "--tokens", 96, status=2, model=model, text=None)
    assert told["verdict"] == "fits with warnings"
    [measured] = told["measurements"]
    assert measured["fvu"] < 0.01 < measured["fvu_without_first"] and 0 < measured["mean_active_latents"] <= 32
