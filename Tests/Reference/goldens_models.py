"""Logits of `transformers` for tiny random checkpoints and for SmolLM2, plain and with adapters made by PEFT and sparsify.

Below OUT/models:
    NAME/checkpoint/   a Hugging Face folder          NAME/adapters/*/   adapters of the shape of NAME
    NAME/cases.json    what was run                   NAME/logits.safetensors   `<case>` [positions, vocab] f32, and for every SAE
                                                      `<case>:<hookpoint>:latents` / `:activations` [tokens, k], strongest first
    smollm2/           the same for the default model (its adapters are the repository's), and greedy.json
A case: {"name", "tokens", "adapters", "prompt_length", "positions": "all" | "last"}; adapters as in interventions.py.
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import smollm2
import torch
from interventions import adapted, inside_think
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from sparsify import SparseCoder, SparseCoderConfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

DEPENDS = [
    "Tests/Reference/interventions.py",
    "Tests/Reference/smollm2.py",
    "adapters/smollm2-gsm8k-lora/adapter_model.safetensors",
    "adapters/smollm2-sae/layers.14",
]

VOCAB = 512
# One token; inside a block of the KV cache (32 tokens); just over one, two and four blocks.
LENGTHS = [1, 7, 33, 70, 130]
ALL_PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
GREEDY_TOKENS = 64


@dataclass
class Tiny:
    """One random checkpoint: what `transformers` builds, how it is stored, and what its adapters look like."""

    config: LlamaConfig | Qwen2Config
    dtype: torch.dtype = torch.float32
    sharded: bool = False
    old_config: bool = False
    lora: dict = field(default_factory=dict)
    sae: dict = field(default_factory=dict)
    mlp_sae: dict = field(default_factory=dict)


def tiny_models() -> dict[str, Tiny]:
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    llama3 = {
        "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }  # fmt: skip
    shared = {"vocab_size": VOCAB, "max_position_embeddings": 1024, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    return {
        "qwen2": Tiny(
            Qwen2Config(
                hidden_size=64, intermediate_size=160, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-6,
                rope_parameters=rope, tie_word_embeddings=False, **shared,
            ),
            dtype=torch.bfloat16, sharded=True,
        ),
        "llama-tied": Tiny(
            LlamaConfig(
                hidden_size=96, intermediate_size=224, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=3, rms_norm_eps=1e-5,
                rope_parameters={**rope, "rope_theta": 100000.0}, tie_word_embeddings=True, **shared,
            ),
            old_config=True,
            lora={"use_rslora": True, "rank_pattern": {"q_proj": 2, "mlp.down_proj": 6}, "alpha_pattern": {"v_proj": 3}},
            sae={"activation": "groupmax"},
            mlp_sae={"transcode": True, "skip_connection": True},
        ),
        "llama3-rope": Tiny(
            LlamaConfig(
                hidden_size=128, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=1, head_dim=48,
                rms_norm_eps=1e-5, rope_parameters=llama3, tie_word_embeddings=False, **shared,
            ),
            dtype=torch.float16,
            lora={"target_modules": r".*\.(layers\.[12]\.self_attn\.(q|v)_proj|mlp\.up_proj)"},
        ),
        "llama-bias": Tiny(
            LlamaConfig(
                hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2, rms_norm_eps=1e-5,
                rope_parameters=rope, attention_bias=True, mlp_bias=True, tie_word_embeddings=False, **shared,
            ),
            lora={"target_modules": ["v_proj", "down_proj"], "layers_to_transform": [1, 2]},
        ),
    }  # fmt: skip


def randomise(model: torch.nn.Module) -> None:
    """Weights of order 1/sqrt(inputs): the default initialisation is so small that every logit would be near zero."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_(0, 0.3)
        elif parameter.dim() == 1:
            parameter.data.normal_(1, 0.2)
        elif "embed_tokens" in name:
            parameter.data.normal_(0, 1)
        else:
            parameter.data.normal_(0, 1 / parameter.shape[1] ** 0.5)


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
        # As transformers 4 wrote it.
        path = folder / "config.json"
        config = json.loads(path.read_text())
        config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
        config["rope_scaling"] = None
        config["torch_dtype"] = config.pop("dtype")
        path.write_text(json.dumps(config, indent=2))


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


class Cases:
    """Runs cases on one model and collects what the Swift tests read."""

    def __init__(self, model, adapters: Path) -> None:
        self.model, self.adapters = model, adapters
        self.cases: list[dict] = []
        self.tensors: dict[str, torch.Tensor] = {}

    @torch.inference_mode()
    def run(
        self, name: str, tokens: list[int], adapters: list[dict] = (), positions: str = "all", prompt_length: int | None = None,
        think: list[int] | None = None,
    ):  # fmt: skip
        prompt_length = len(tokens) if prompt_length is None else prompt_length
        inside = inside_think(tokens, think) if think else [False] * len(tokens)
        with adapted(self.model, list(adapters), self.adapters) as (model, recorder, place):
            place(torch.arange(len(tokens))[None], torch.tensor([prompt_length]), torch.tensor([inside]))
            logits = model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0].float()
        self.tensors[name] = logits[-1:].clone() if positions == "last" else logits.contiguous()
        for hookpoint, indices in recorder.indices.items():
            self.tensors[f"{name}:{hookpoint}:latents"] = indices.to(torch.int32).contiguous()
            self.tensors[f"{name}:{hookpoint}:activations"] = recorder.activations[hookpoint].contiguous()
        is_prompt = torch.arange(len(tokens)) < prompt_length
        for hookpoint in recorder.splices:
            self.tensors[f"{name}:{hookpoint}:fvu"] = torch.tensor([[recorder.fvu(hookpoint, is_prompt), recorder.fvu(hookpoint, ~is_prompt)]])
        self.cases.append({
            "name": name, "tokens": tokens, "adapters": list(adapters), "prompt_length": prompt_length, "positions": positions,
            "think": think,
        })  # fmt: skip

    def condition(self, name: str, hookpoint: str) -> dict:
        """`when` for a latent that acts at several tokens of an earlier case, above the widest gap between its activations."""
        latents, activations = self.tensors[f"{name}:{hookpoint}:latents"], self.tensors[f"{name}:{hookpoint}:activations"]
        latent = int(latents[activations > 0].long().bincount().argmax())
        values = activations[(latents == latent) & (activations > 0)].sort().values
        assert len(values) > 2, (name, latent)
        gap = int((values[1:] - values[:-1]).argmax())
        return {"latent": latent, "above": float((values[gap] + values[gap + 1]) / 2)}

    def strongest(self, name: str, hookpoint: str, token: int, rank: int) -> int:
        """A latent that was selected at `token` of an earlier case."""
        return int(self.tensors[f"{name}:{hookpoint}:latents"][token, rank])

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in self.tensors.items()}, folder / "logits.safetensors")
        (folder / "cases.json").write_text(json.dumps(self.cases))


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


def make_tiny(name: str, tiny: Tiny, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(sum(name.encode()))
    kind = Qwen2ForCausalLM if isinstance(tiny.config, Qwen2Config) else LlamaForCausalLM
    model = kind(tiny.config).requires_grad_(False).eval()
    randomise(model)
    model.tie_weights()
    save_checkpoint(tiny, model, folder / "checkpoint")
    # The reference runs in f32 on the stored (rounded) weights, read back from the files themselves.
    model = kind.from_pretrained(folder / "checkpoint", dtype=torch.float32).requires_grad_(False).eval()
    save_adapters(tiny, model, folder / "adapters")
    tiny_cases(model, folder)


LONG_TEXT = (
    "The mill stood at the bend of the river, where the water ran deep and slow. Every spring the miller's daughter counted the sacks "
    "of grain twice: once when the carts came in, and once when the flour went out. In a good year there were four hundred and twelve; in "
    "a bad year, fewer than ninety. She wrote the numbers in a ledger with a red cover, and beside each number she wrote a word: rain, "
    "frost, locusts, peace. One winter the ledger was lost. Some said that it had fallen into the race and been ground up with the rye; "
    "others, that the tax collector had taken it. The daughter said nothing. She sat down by the fire with a new book and began, from "
    "memory, at the first page. "
)

CHAT_PROMPTS = [
    "What is the capital of France?",
    "Janet has 3 boxes with 12 pencils each and gives away 7 pencils. How many pencils does she have left?",
    "Write a haiku about the sea.",
    "Explain photosynthesis to a child.",
    "List three uses for a brick.",
    "Translate 'good morning' into Spanish, French and German.",
    "Who wrote Pride and Prejudice?",
    "What is 17 + 26?",
    "Give me a short recipe for pancakes.",
    "Why is the sky blue? Answer in one sentence.",
    "What is the largest planet in our solar system?",
    "How many legs does a spider have?",
    "Name the three primary colours.",
    "What is the opposite of hot?",
    "Who painted the Mona Lisa?",
    "What does a bee make?",
    "How many minutes are in an hour?",
    "What is the chemical formula of water?",
    "Which ocean is the largest?",
    "In which year did the Second World War end?",
]

TEXT_PROMPTS = [
    "Once upon a time",
    "def fibonacci(n):\n    ",
    "The three laws of thermodynamics are",
    "1, 1, 2, 3, 5, 8, 13,",
    "Roses are red,",
    "#include <stdio.h>\n\nint main(void) {\n",
    "Das Wetter in Berlin ist heute",
    "Q: What do plants need to grow?\nA:",
    LONG_TEXT,
    LONG_TEXT + LONG_TEXT + "The moral of the story is",
]


@torch.inference_mode()
def greedy(model, prompts: list[list[int]], adapters: list[dict], folder: Path) -> list[dict]:
    """64 tokens by argmax for every prompt, in one left-padded batch, cut off before end-of-sequence.

    The smallest margin between the two strongest tokens says how near the nearest tie was.
    """
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    longest = int(lengths.max())
    step = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    positions = torch.arange(longest)[None] - (longest - lengths)[:, None]
    mask = (positions >= 0).long()
    chosen, margins, cache = [], [], None
    with adapted(model, adapters, folder) as (wrapped, _, place):
        for _ in range(GREEDY_TOKENS):
            place(positions, lengths)
            out = wrapped(
                input_ids=step, attention_mask=mask, position_ids=positions.clamp(min=0), past_key_values=cache, use_cache=True,
                logits_to_keep=1,
            )  # fmt: skip
            cache = out.past_key_values
            best = out.logits[:, -1].topk(2)
            margins.append(best.values[:, 0] - best.values[:, 1])
            step, positions = best.indices[:, :1], positions[:, -1:] + 1
            mask = torch.cat([mask, torch.ones_like(step)], dim=1)
            chosen.append(step)
    runs, end = [], smollm2.value("tokenizer.ggml.eos_token_id")
    for prompt, tokens, margins in zip(prompts, torch.cat(chosen, dim=1).tolist(), torch.stack(margins, dim=1).tolist()):
        made = tokens.index(end) if end in tokens else len(tokens)
        runs.append({"prompt": prompt, "adapters": adapters, "tokens": tokens[:made], "smallest_margin": min(margins[: made + 1])})
    return runs


def smollm2_adapters(folder: Path) -> dict[str, list[dict]]:
    """The repository's two adapters in the settings that are compared."""
    lora = {"name": "smollm2-gsm8k-lora"}
    [hookpoint] = [path.name for path in (folder / "smollm2-sae").iterdir() if path.is_dir()]
    splice = {"name": "smollm2-sae", "hookpoint": hookpoint, "mode": "splice"}
    edits = [
        {"latent": 11, "op": "add", "value": 40.0},
        {"latent": 500, "op": "set", "value": 25.0},
        {"latent": 1200, "op": "ablate"},
    ]
    edit = {**splice, "mode": "edit", "edits": edits}
    return {"lora": [lora], "sae-splice": [splice], "sae-edit": [edit], "lora-sae-edit": [lora, edit]}


def make_smollm2(folder: Path) -> None:
    adapters = Path(__file__).resolve().parents[2] / "adapters"
    model, tokenizer = smollm2.load_model(), smollm2.load_tokenizer()
    prompts = [smollm2.chat_ids(tokenizer, text) for text in CHAT_PROMPTS]
    prompts += [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXT_PROMPTS]

    cases = Cases(model, adapters)
    variants = smollm2_adapters(adapters)
    for number, prompt in enumerate(prompts[16:28]):
        cases.run(f"base-{number}", prompt, positions="last")
        for name, specs in variants.items():
            if number % 3 == 0 or name == "lora":
                cases.run(f"{name}-{number}", prompt, specs, positions="last")
    # Every position of a beginning, so that bf16 is compared as far as it selects the latents that f32 does.
    for name in ("sae-splice", "sae-edit", "lora-sae-edit"):
        for number in (3, 20, 24):
            cases.run(f"{name}-beginning-{number}", prompts[number][:16], variants[name])
    cases.write(folder)

    runs = []
    for name, specs in {"base": [], **variants}.items():
        for number, run in enumerate(greedy(model, prompts[:20], specs, adapters)):
            # Two tokens nearer than the rounding of f32 would make "equal text" a matter of luck: choose another prompt.
            assert name != "base" or run["smallest_margin"] > 1e-3, f"{name}-{number}: margin {run['smallest_margin']}"
            runs.append({"name": f"{name}-{number}", "variant": name, **run})
    (folder / "greedy.json").write_text(json.dumps(runs))


def main(out: Path, cache: Path) -> None:
    folder = out / "models"
    names = tiny_models()
    for name, tiny in names.items():
        print(f"  {name}", flush=True)
        make_tiny(name, tiny, folder / name)
    (folder / "index.json").write_text(json.dumps(list(names)))
    print("  smollm2", flush=True)
    make_smollm2(folder / "smollm2")
