"""`resa probe` on a tiny random model and SAEs: what it reports is what PyTorch and sparsify compute from the formulas."""

import json
import math
import re
import subprocess
from pathlib import Path

import pytest
import random_checkpoint
import torch
from conftest import required
from sparsify import SparseCoder, SparseCoderConfig
from transformers import AutoTokenizer, LlamaForCausalLM

SEED = 20261125
LATENTS, K, LENGTH, TOP, DRAWS = 192, 8, 96, 12, 60
PLACES = ["layers.0", "layers.1.mlp"]
WORDS = ["wait", "but", "let me"]
BEFORE, AFTER = 1, 2
SYSTEM = "The answer is enclosed within <think> and </think> tags, i.e., <think> reasoning </think> and an answer."
LINES = [
    "Wait, that is not so. Let me add 12 and 30, but slowly; the waiter waits.",
    "It is a fine day at the harbour, and nobody counts the lamps that burn along the quay.",
    "BUT let me see: 7 * 6 = 42. wait! Another ferry leaves at six and comes home at nine.",
    "Butter, tribute and letters from home came with the ferry. The sea was rough all night.",
]
WAIT_SECONDS = 600


def resa(*arguments) -> subprocess.CompletedProcess:
    command = [required("RESA_BIN"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WAIT_SECONDS)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("probe")
    random_checkpoint.build(folder / "model")
    torch.manual_seed(SEED)
    for place in PLACES:
        sae = SparseCoder(random_checkpoint.WIDTH, SparseCoderConfig(num_latents=LATENTS, k=K))
        sae.encoder.weight.data.normal_(0, 1 / random_checkpoint.WIDTH**0.5)
        sae.W_dec.data = sae.encoder.weight.data.clone()
        sae.save_to_disk(folder / "sae" / place)
    (folder / "data.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in LINES * 3))
    (folder / "system.txt").write_text(SYSTEM)
    return folder


def probe(shop: Path, *more) -> list:
    return [
        "probe", "--model", shop / "model", "--sae", shop / "sae", "--data", shop / "data.jsonl", "--length", LENGTH, "--system-prompt",
        shop / "system.txt", "--score-draws", 9, "--words", ",".join(WORDS), "--before", BEFORE, "--after", AFTER, "--top", TOP, "--contexts", 3, "--weights",
        "f32", "--threads", 2, "--packed-cache", "off", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def found(shop) -> dict:
    done = resa(*probe(shop, "--json", "--labels", shop / "labels.json", "--score-draws", DRAWS))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Oracle:
    """Activations [tokens, latents] of every sequence at every hookpoint, by transformers and sparsify."""

    def __init__(self, shop: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(shop / "model")
        self.model = LlamaForCausalLM.from_pretrained(shop / "model", dtype=torch.float32).requires_grad_(False)
        self.saes = {place: SparseCoder.load_from_disk(shop / "sae" / place) for place in PLACES}
        run = [token for line in LINES * 3 for token in [*self.encode(line), self.tokenizer.eos_token_id]]
        self.chunks = [run[start : start + LENGTH] for start in range(0, len(run) - LENGTH + 1, LENGTH)]
        self.system = self.encode(SYSTEM)

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)

    @torch.no_grad()
    def activations(self, tokens: list[int], place: str) -> torch.Tensor:
        seen = {}
        layer = self.model.model.layers[int(place.split(".")[1])]
        module = layer.mlp if place.endswith("mlp") else layer
        hook = module.register_forward_hook(lambda _, __, out: seen.update(out=out[0] if isinstance(out, tuple) else out))
        self.model(torch.tensor([tokens]))
        hook.remove()
        acts, indices, _ = self.saes[place].encode(seen["out"].reshape(len(tokens), -1))
        return torch.zeros(len(tokens), LATENTS).scatter_(1, indices, acts)

    def windows(self, tokens: list[int]) -> torch.Tensor:
        """[tokens, words]"""
        pieces = [self.tokenizer.decode([token]) for token in tokens]
        owners = [index for index, piece in enumerate(pieces) for _ in piece]
        marks = torch.zeros(len(tokens), len(WORDS), dtype=torch.bool)
        for number, word in enumerate(WORDS):
            for match in re.finditer(rf"(?<![a-z0-9]){word}(?![a-z0-9])", "".join(pieces).lower()):
                marks[max(0, owners[match.start()] - BEFORE) : owners[match.end() - 1] + AFTER + 1, number] = True
        return marks


@pytest.fixture(scope="module")
def oracle(shop) -> Oracle:
    return Oracle(shop)


@pytest.mark.parametrize("place", PLACES)
def test_reason_score_and_contexts(found, oracle, place):
    [got] = [entry for entry in found["hookpoints"] if entry["hookpoint"] == place]
    acts = [oracle.activations(chunk, place) for chunk in oracle.chunks]
    marks = torch.cat([oracle.windows(chunk) for chunk in oracle.chunks])
    # Beginning and end of texts stand in no window and outside of none.
    ends = {oracle.tokenizer.bos_token_id, oracle.tokenizer.eos_token_id}
    counted = torch.tensor([token not in ends for chunk in oracle.chunks for token in chunk])
    assert 0 < (~counted).sum() < len(counted)
    every = torch.cat(acts).double()
    z, marks = every[counted], marks[counted]
    inside = marks.any(1)
    assert (got["tokens_inside"], got["tokens_outside"]) == (inside.sum(), (~inside).sum()) and inside.sum() > 20
    assert got["seen"] == (every > 0).any(0).sum()
    plus, minus = z[inside].mean(0), z[~inside].mean(0)
    of_words = torch.stack([z[marks[:, word]].mean(0) for word in range(len(WORDS))], 1)
    shares = of_words / of_words.sum(1, keepdim=True)
    entropy = -torch.where(shares > 0, shares * shares.log(), 0).sum(1) / math.log(len(WORDS))
    entropy = torch.where(of_words.sum(1) > 0, entropy, 0)
    score = plus / plus.sum() * entropy**0.7 - minus / minus.sum()
    ranked = got["reported"][:TOP]
    best = score.masked_fill(~(every > 0).any(0), -math.inf).topk(TOP).values
    assert torch.allclose(torch.tensor([entry["reason_score"] for entry in ranked]).double(), best, atol=1e-6)
    for entry in ranked:
        latent = entry["latent"]
        assert abs(entry["reason_score"] - score[latent]) < 1e-6 and abs(entry["entropy"] - entropy[latent]) < 1e-4
        assert entry["firings"] == (every[:, latent] > 0).sum()
        assert 1 / (DRAWS + 1) <= entry["p"] <= entry["p_any"] <= 1
        strongest = every[:, latent].topk(3)
        assert torch.allclose(torch.tensor([c["activation"] for c in entry["contexts"]]).double(), strongest.values, rtol=1e-3)
        for context in entry["contexts"]:
            chunk, at = oracle.chunks[context["chunk"]], context["position"]
            assert abs(acts[context["chunk"]][at, latent] - context["activation"]) < 1e-3 * context["activation"]
            assert context["token"] == oracle.tokenizer.decode([chunk[at]])
            assert context["before"] == oracle.tokenizer.decode(chunk[max(0, at - 10) : at])


@pytest.mark.parametrize("place", PLACES)
def test_score_null(found, oracle, place):
    """Windows moved around their chunks by draws of our own give nearly the same chances and the same highest score."""
    [got] = [entry for entry in found["hookpoints"] if entry["hookpoint"] == place]
    null = got["score_null"]
    assert null["draws"] == DRAWS and 0 <= null["beyond_chance"] <= got["seen"]
    ends = {oracle.tokenizer.bos_token_id, oracle.tokenizer.eos_token_id}
    counted = torch.tensor([token not in ends for chunk in oracle.chunks for token in chunk])
    z = torch.cat([oracle.activations(chunk, place) for chunk in oracle.chunks]).double()[counted]
    marks = [oracle.windows(chunk) for chunk in oracle.chunks]
    generator = torch.Generator().manual_seed(SEED)
    drawn = []
    for _ in range(200):
        moved = [mark.roll(int(torch.randint(1, LENGTH, (), generator=generator)), 0) for mark in marks]
        drawn.append(score_of(z, torch.cat(moved)[counted]))
    drawn = torch.stack(drawn)
    maxima = drawn.amax(1)
    # Standard errors of a mean of 60 and 200 draws.
    assert abs(null["mean_maximum"] - maxima.mean()) < 5 * maxima.std() * (1 / DRAWS + 1 / 200) ** 0.5
    for entry in got["reported"][:TOP]:
        p = (drawn[:, entry["latent"]] >= entry["reason_score"]).double().mean()
        any_p = (maxima >= entry["reason_score"]).double().mean()
        assert abs(entry["p"] - p) < 0.3 and abs(entry["p_any"] - any_p) < 0.35


def score_of(z: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
    inside = marks.any(1)
    plus, minus = z[inside].mean(0), z[~inside].mean(0)
    of_words = torch.stack([z[marks[:, word]].mean(0) for word in range(len(WORDS))], 1)
    shares = of_words / of_words.sum(1, keepdim=True).clamp(min=1e-30)
    entropy = -torch.where(shares > 0, shares * shares.log(), 0).sum(1) / math.log(len(WORDS))
    return plus / plus.sum() * entropy.clamp(min=0) ** 0.7 - minus / minus.sum()


def pair_counts(oracle, place) -> dict:
    """Latents that act at both of two kinds of tokens of the system prompt and at no other, by the two."""
    z = oracle.activations(oracle.system, place) > 0
    kinds = sorted(set(oracle.system))
    ids = torch.tensor(oracle.system)
    at = torch.stack([z[ids == kind].any(0) for kind in kinds])
    return {
        (kinds[a], kinds[b]): int((at[a] & at[b] & (at.sum(0) == 2)).sum()) for a in range(len(kinds)) for b in range(a + 1, len(kinds))
    }


def test_spread_over_layers(shop, oracle):
    """One Gaussian over two layers: its mean and variance by hand. Two hookpoints are too few to go with scores."""
    by_place = [pair_counts(oracle, place) for place in PLACES]
    pair = max(by_place[0], key=lambda pair: by_place[0][pair] + by_place[1][pair])
    opening, closing = oracle.tokenizer.convert_ids_to_tokens(list(pair))
    (shop / "scores.json").write_text(json.dumps({"layers.0": 41.5, "1": 40}))
    more = ["--components", 1, "--permutations", 400, "--score-draws", 0, "--layer-scores", shop / "scores.json"]
    done = resa(*probe(shop, "--json", "--open", opening, "--close", closing, *more))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "score_null" not in found["hookpoints"][0] and "p_any" not in found["hookpoints"][0]["reported"][0]
    counts = [entry["tags"]["count"] for entry in found["hookpoints"]]
    total, spread = sum(counts), found["spread"]
    assert counts == [counted[pair] for counted in by_place]
    assert total > 0 and spread["permutations"] == 400 and "layer_scores" not in spread
    assert spread["chi_square"] == pytest.approx((counts[0] - counts[1]) ** 2 / total)
    [gaussian] = spread["mixture"]["components"]
    share = counts[1] / total
    assert gaussian["weight"] == 1 and gaussian["mean"] == pytest.approx(share)
    deviation = (share * (1 - share) + 1 / 12) ** 0.5
    assert gaussian["deviation"] == pytest.approx(deviation)
    density = [math.exp(-0.5 * ((layer - share) / deviation) ** 2) for layer in (0, 1)]
    expected = [value / sum(density) for value in density]
    assert spread["mixture"]["shares"] == pytest.approx(expected)
    assert spread["mixture"]["overlap"]["observed"] == pytest.approx(sum(min(c / total, e) for c, e in zip(counts, expected)))
    gain = sum(c / total * math.log(2 * e) for c, e in zip(counts, expected))
    assert spread["mixture"]["gain"]["observed"] == pytest.approx(gain, abs=1e-9)

    def gain_of(k: int) -> float:
        s = k / total
        d = (s * (1 - s) + 1 / 12) ** 0.5
        e = [math.exp(-0.5 * ((layer - s) / d) ** 2) for layer in (0, 1)]
        return sum(c / total * math.log(2 * v / sum(e)) for c, v in zip((total - k, k), e))

    # The same for every way in which the latents can fall on two hookpoints.
    p = sum(math.comb(total, k) for k in range(total + 1) if gain_of(k) >= gain - 1e-9) / 2**total
    assert spread["mixture"]["gain"]["p"] == pytest.approx(p, abs=0.12)


@pytest.mark.parametrize("place", PLACES)
def test_think_tags(found, oracle, place):
    [got] = [entry for entry in found["hookpoints"] if entry["hookpoint"] == place]
    counts = pair_counts(oracle, place)
    tags = tuple(sorted(oracle.tokenizer.convert_tokens_to_ids(["<think>", "</think>"])))
    assert got["tags"]["count"] == counts[tags] == len(got["tags"]["latents"])
    assert got["tags"]["pairs"] == len(counts) and got["tags"]["null_maximum"] == max(counts.values())
    assert got["tags"]["null_mean"] == pytest.approx(sum(counts.values()) / len(counts))
    share = sum(count >= counts[tags] for count in counts.values()) / len(counts)
    assert got["tags"]["p"] == pytest.approx(share)
    assert sorted(entry["latent"] for entry in got["reported"] if entry["at_tags"]) == got["tags"]["latents"]


def test_labels_are_the_strongest_tokens(shop, found, oracle):
    labels = json.loads((shop / "labels.json").read_text())
    assert list(labels) == PLACES
    for got in found["hookpoints"]:
        latents = [entry["latent"] for entry in got["reported"]]
        assert sorted(map(int, labels[got["hookpoint"]])) == sorted(latents)
        rows = oracle.saes[got["hookpoint"]].W_dec.data[latents]
        logits = oracle.model.lm_head(oracle.model.model.norm(rows))
        for entry, row in zip(got["reported"], logits):
            names = [oracle.tokenizer.decode([token]).strip() for token in row.topk(5).indices]
            for name, shown in zip(names, entry["lens"], strict=True):
                # What is no text by itself is shown as the tokenizer names it.
                assert shown == name or not name or "\N{REPLACEMENT CHARACTER}" in name
            assert labels[got["hookpoint"]][str(entry["latent"])] == ", ".join(entry["lens"])


def test_table_and_every_label(shop, found, tmp_path):
    """As a table, with more labels, again the same numbers; the adapter reads its labels."""
    done = resa(*probe(shop, "--label-all", "--labels", shop / "sae" / "labels.json"))
    assert done.returncode == 0, done.stderr
    assert "ReasonScore" in done.stdout and "think tags" in done.stdout
    for got in found["hookpoints"]:
        assert f"{got['reported'][0]['reason_score']:.5f}" in done.stdout
        labels = json.loads((shop / "sae" / "labels.json").read_text())[got["hookpoint"]]
        assert got["seen"] <= len(labels) <= LATENTS
    inspected = resa("adapters", "inspect", shop / "sae")
    assert inspected.returncode == 0, inspected.stderr
    (shop / "sae" / "labels.json").unlink()


def test_injection(shop, oracle, tmp_path):
    """What latents do in plain text and which tokens they go with are PyTorch's; the same seed gives the same report."""
    place = "layers.0"
    plain = tmp_path / "plain.jsonl"
    lines = [f"The {kind} stood by the shore in a calm evening sun." for kind in ["ferry", "lamp", "gull", "net", "crane", "boat"]]
    plain.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    more = ["--layer", 0, "--plain", plain, "--plain-length", 40, "--plain-texts", 6, "--permutations", 500, "--json"]
    done = resa(*probe(shop, *more))
    assert done.returncode == 0, done.stderr
    [got] = json.loads(done.stdout)["hookpoints"]
    assert [entry["latent"] for entry in got["injection"]] == [entry["latent"] for entry in got["reported"]]
    run = [token for line in lines for token in [*oracle.encode(line), oracle.tokenizer.eos_token_id]]
    texts = [run[start : start + 40] for start in range(0, len(run) - 39, 40)][:6]
    most = torch.stack([oracle.activations(text, place).amax(0) for text in texts])
    z = torch.cat([oracle.activations(chunk, place) for chunk in oracle.chunks]).double()
    ids = torch.tensor([token for chunk in oracle.chunks for token in chunk])
    for entry in got["injection"]:
        latent = entry["latent"]
        assert entry["mean_plain"] == pytest.approx(most[:, latent].mean().item(), rel=1e-3, abs=1e-6)
        assert 0 < entry["p"] <= 1 and 0 < entry["control_p"] <= 1
        assert entry["verdict"] in {"token-driven", "partly token-driven", "weakly token-driven", "context-dependent"}
        # Tokens seen five times at least, by the mean activation there.
        scores = {token: z[ids == token, latent].mean() for token in set(ids.tolist()) if (ids == token).sum() >= 5}
        best = max(scores, key=scores.get)
        if scores[best] == 0:
            assert entry["tokens"] == []
            continue
        name = oracle.tokenizer.decode([best]).strip()
        assert not name or "\N{REPLACEMENT CHARACTER}" in name or entry["tokens"][0] == name
    assert max(entry["mean_injected"] - entry["mean_plain"] for entry in got["injection"]) > 0
    assert resa(*probe(shop, *more)).stdout == done.stdout


def test_what_is_refused(shop, tmp_path):
    def refused(*more, said: str) -> None:
        done = resa(*probe(shop, *more))
        assert done.returncode == 1 and said in done.stderr and not done.stdout, done.stderr

    refused("--open", "<reason>", said="no token '<reason>'")
    refused("--labels", shop / "system.txt", said="is there already")
    refused("--layer", 7, said="no hookpoint at layer 7")
    refused("--words", "zebra,quagga", said="none of the reasoning words")
    (tmp_path / "scores.json").write_text('{"layers.9": 4}')
    refused("--layer-scores", tmp_path / "scores.json", said="no hookpoint 'layers.9'")
    (tmp_path / "scores.json").write_text('{"layers.0": "high"}')
    refused("--layer-scores", tmp_path / "scores.json", said="wanted a number")
    (tmp_path / "plain.txt").write_text("No marks here.")
    refused("--system-prompt", tmp_path / "plain.txt", said="does not hold both think tags")
    (tmp_path / "empty.jsonl").write_text("")
    refused("--system-prompt", tmp_path / "empty.jsonl", said="does not hold both think tags")
    refused("--plain", tmp_path / "empty.jsonl", said="holds no rows")
    refused("--data", tmp_path / "empty.jsonl", said="holds no rows")
    sae = SparseCoder(32, SparseCoderConfig(num_latents=64, k=4))
    sae.save_to_disk(tmp_path / "narrow" / "layers.0")
    refused("--sae", tmp_path / "narrow", said="wanted [64, 64]")
    random_checkpoint.add_lora(tmp_path / "lora", seed=1)
    refused("--sae", tmp_path / "lora", said="is a lora; only SAEs")
    done = resa(*probe(shop, "--no-tags", "--json"))
    assert done.returncode == 0 and all("tags" not in got for got in json.loads(done.stdout)["hookpoints"]), done.stderr
