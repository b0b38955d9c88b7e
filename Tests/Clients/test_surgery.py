"""Where adapters act inside an answer: scopes, conditions on latents, and what splices lost."""

import json

import pytest
import scripted_checkpoint
import torch
from conftest import LORA, SAE, SAE_LAYER, Server
from safetensors.torch import save_file

PROMPT = "The road to the village is ten miles long, and the boat sailed"


def completion(server, headers=None, **fields) -> dict:
    reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 8, "temperature": 0, "ignore_eos": True, "logprobs": 2, **fields}, headers)
    assert reply.status == 200, reply.body
    return reply.json


def logprobs(answer: dict) -> dict:
    return answer["choices"][0]["logprobs"]


def chunks(reply) -> list[dict]:
    return [json.loads(line[6:]) for line in reply.body.decode().splitlines() if line.startswith("data: {")]


@pytest.fixture(scope="module")
def lone(smollm2) -> tuple[int, int, int]:
    """A latent that acts at exactly one token of the prompt; that token's position; and a latent that acts at none."""
    data = smollm2.post("/v1/features", {"prompt": PROMPT, "top": 1024}).json["data"]
    where: dict[int, list[int]] = {}
    for entry in data:
        for latent in entry["latents"]:
            where.setdefault(latent["latent"], []).append(entry["position"])
    latent, positions = next((latent, found) for latent, found in sorted(where.items()) if len(found) == 1 and 0 < found[0] < len(data) - 1)
    return latent, positions[0], next(latent for latent in range(2048) if latent not in where)


def test_an_edit_acts_where_another_latent_does(server, edit, lone):
    latent, position, silent = lone
    edits = {"name": SAE, "mode": "edit", "edits": [edit]}
    window = completion(server, adapters=[{**edits, "scope": {"from": position, "to": position + 1}}])
    when = {"latent": latent, "above": 0}
    conditional = completion(server, adapters=[{**edits, "scope": "prompt", "when": when}])
    assert logprobs(conditional) == logprobs(window) != logprobs(completion(server))
    [applied] = conditional["resa"]["applied"]
    assert applied["when"]["latent"] == latent and applied["when"]["hookpoint"] == f"layers.{SAE_LAYER}" and applied["scope"] == "prompt"
    assert applied["when"]["digest"] == applied["digest"]
    header = f"{SAE};mode=edit;scope=prompt;latent={edit['latent']};op={edit['op']};value={edit['value']:.1f};when={latent};above=0"
    assert logprobs(completion(server, {"Resa-Adapters": header})) == logprobs(conditional)
    # A latent that acts nowhere in the prompt: nothing is done, and the answer says under which condition.
    never = completion(server, adapters=[{**edits, "scope": "prompt", "when": {"latent": silent, "above": 0}}])
    assert logprobs(never) == logprobs(completion(server))


def test_a_splice_under_a_condition_beside_a_lora(server, lone):
    latent, position, _ = lone
    splice = {"name": SAE, "mode": "splice"}
    window = completion(server, adapters=[LORA, {**splice, "scope": {"from": position, "to": position + 1}}])
    # The LoRA changes what the SAE reads, so the condition is one that holds wherever the splice is in scope.
    beside = completion(server, adapters=[LORA, {**splice, "scope": {"from": position, "to": position + 1}, "when": {"latent": latent, "above": 1e6}}])
    assert logprobs(beside) == logprobs(completion(server, adapters=[LORA])) != logprobs(window)
    assert "fvu" not in beside["resa"]["applied"][1] and "prompt_fvu" not in beside["resa"]["applied"][1]


def test_every_answer_tells_what_a_splice_lost(server):
    fresh = "Whoever reads this for the first time: " + PROMPT
    body = {"prompt": fresh, "max_tokens": 12, "temperature": 0, "ignore_eos": True, "adapters": [LORA, {"name": SAE, "mode": "splice"}]}
    whole = server.post("/v1/completions", body).json
    lora, splice = whole["resa"]["applied"]
    assert "fvu" not in lora and 0 < splice["fvu"] < 2 and 0 < splice["prompt_fvu"]
    assert splice["fvu_tokens"] == 11, "the last token is never read"
    assert splice["prompt_fvu_tokens"] == whole["usage"]["prompt_tokens"] - whole["usage"]["prompt_tokens_details"]["cached_tokens"]
    streamed = chunks(server.post("/v1/completions", {**body, "stream": True}))
    assert "fvu" not in streamed[0]["resa"]["applied"][1]
    last = streamed[-1]["resa"]["applied"][1]
    assert (last["fvu"], last["fvu_tokens"]) == (splice["fvu"], splice["fvu_tokens"]), "whatever the prefix cache had of the prompt"
    # Two choices and two prompts: over all of their tokens.
    several = server.post("/v1/completions", {**body, "prompt": [fresh, PROMPT], "n": 2}).json["resa"]["applied"][1]
    assert several["fvu_tokens"] == 4 * 11
    read = server.post("/v1/features", {"prompt": fresh, "adapters": [{"name": SAE, "mode": "splice"}]}).json["resa"]["applied"]
    assert read[-1]["prompt_fvu_tokens"] == whole["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    "scope, fields, told",
    [
        ("think", {}, "<think>"),
        ("generated", {"max_tokens": 0}, "max_tokens"),
        ("generated", {"max_tokens": 1}, "max_tokens"),
        ({"from": 1000, "to": 1010}, {}, "prompt has"),
        ({"from": 4, "to": 4}, {}, "window is empty"),
        ({"in": "prompt", "from": 100}, {"max_tokens": 200}, "prompt has"),
        ("prompt+generated", {}, "scope"),
        ("everywhere", {}, "scope"),
    ],
)
def test_a_scope_that_holds_no_token_is_an_error_before_any(server, scope, fields, told):
    for adapter in ({"name": SAE, "mode": "splice", "scope": scope}, {"name": SAE, "mode": "observe", "scope": scope}):
        for stream in (False, True):
            reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 8, "stream": stream, **fields, "adapters": [adapter]})
            assert reply.status == 400 and told in reply.error["message"] and reply.error["param"].endswith("scope"), reply.body


@pytest.mark.parametrize(
    "adapter, told",
    [
        ({"when": {"latent": 10**6, "above": 1}}, "out of range"),
        ({"when": {"latent": 3}}, "above"),
        ({"when": {"above": 3}}, "latent"),
        ({"when": {"latent": 3, "above": -1}}, "at least 0"),
        ({"when": {"latent": 3, "above": 1, "adapter": LORA}}, "no SAE"),
        ({"when": {"latent": 3, "above": 1, "adapter": "nobody"}}, "nobody"),
        ({"when": {"latent": 3, "above": 1, "layer": SAE_LAYER + 1}}, "hookpoint"),
        ({"when": {"latent": 3, "above": 1}, "mode": "observe"}, "observe"),
        ({"when": {"latent": 3, "above": 1}, "name": LORA, "mode": None}, "LoRA"),
    ],
)
def test_impossible_conditions_are_refused(server, adapter, told):
    reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 8, "adapters": [{"name": SAE, "mode": "splice", **adapter}]})
    assert reply.status in (400, 404) and told in reply.error["message"], reply.body


@pytest.fixture(scope="module")
def thinking(logs, tmp_path_factory):
    """The scripted checkpoint, whose tokens' logits depend on that token's own residual alone, and a vector that moves them."""
    root = tmp_path_factory.mktemp("thinking")
    folder = scripted_checkpoint.build(root / "scripted")
    vector = root / "adapters" / "nudge"
    vector.mkdir(parents=True)
    (vector / "steering.json").write_text(json.dumps({"hookpoint": "layers.0"}))
    torch.manual_seed(3)
    save_file({"vector": 0.02 * torch.randn(scripted_checkpoint.WIDTH)}, vector / "vector.safetensors")
    server = Server(folder, logs / "thinking.log", "--adapters", str(root / "adapters"), "--threads", "1")
    yield server
    assert server.stop() == 0


def test_think_is_what_stands_between_the_tags(thinking):
    """R1's template leaves `<think>` open at the end of the prompt: inside is its line break and what is generated up to `</think>`."""

    def entries(scope=None) -> list[dict]:
        adapters = [{"name": "nudge", "scope": scope}] if scope else []
        # The script's token is certain either way; the others show what moved.
        body = {"messages": [{"role": "user", "content": "2 + 2?"}], "temperature": 0, "logprobs": True, "top_logprobs": 5, "max_tokens": 40}
        reply = thinking.post("/v1/chat/completions", {**body, "adapters": adapters})
        assert reply.status == 200, reply.body
        return reply.json["choices"][0]["logprobs"]["content"]

    plain, everywhere, think, generated = entries(), entries("all"), entries("think"), entries("think+generated")
    tokens = [entry["token"] for entry in plain]
    assert all([entry["token"] for entry in other] == tokens for other in (everywhere, think, generated)), "too strong a nudge to compare"
    end = tokens.index("</think>")
    assert 2 <= end < len(tokens) - 3
    for index, token in enumerate(tokens):
        assert plain[index] != everywhere[index]
        # A token is predicted at the one before it: the first at the prompt's line break, the one after </think> at </think> itself.
        assert think[index] == (everywhere if index <= end else plain)[index], token
        assert generated[index] == (everywhere if 1 <= index <= end else plain)[index], token


def test_think_needs_a_place(thinking):
    def ask(**fields):
        return thinking.post("/v1/completions", {"prompt": "Let", "adapters": [{"name": "nudge", "scope": "think+prompt"}], **fields})

    assert ask().status == 400 and "inside <think>" in ask().error["message"]
    assert ask(prompt="<think>Let").status == 200
    assert ask(prompt="<think>Let</think> me", max_tokens=0).status == 200
    chat = {"messages": [{"role": "user", "content": "2"}], "adapters": [{"name": "nudge", "scope": "think"}], "max_tokens": 4}
    assert thinking.post("/v1/chat/completions", chat).status == 200
