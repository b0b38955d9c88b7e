"""Adapters that take a model's activations out of what numbers can hold: an error that says so, wherever logits or activations are read."""

import json

import pytest
from conftest import LORA, SAE, SAE_LAYER

PROMPT = "What is 12 * 7?"
MESSAGES = [{"role": "user", "content": PROMPT}]
BREAKING = [
    {"name": LORA, "scale": 1e30},
    {"name": SAE, "layer": SAE_LAYER, "mode": "edit", "edits": [{"latent": 5, "op": "add", "value": 1e38}]},
]


def assert_not_finite(error: dict, adapter: str) -> None:
    assert error["code"] == "not_finite" and error["type"] == "invalid_request_error", error
    assert adapter in error["message"] and "infinite or no number" in error["message"], error


@pytest.mark.parametrize("adapter", BREAKING, ids=["lora", "edit"])
def test_whole_answers_are_422(server, adapter):
    for path, body in [
        ("/v1/completions", {"prompt": PROMPT, "max_tokens": 5, "logprobs": 2}),
        ("/v1/completions", {"prompt": [PROMPT, "Hi"], "max_tokens": 5, "n": 2}),
        ("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 5, "temperature": 0}),
        ("/v1/features", {"prompt": PROMPT, "adapter": SAE, "layer": SAE_LAYER}),
    ]:
        reply = server.post(path, {**body, "adapters": [adapter]})
        assert reply.status == 422, (path, reply.body)
        assert_not_finite(reply.error, adapter["name"])
    for variants in ([[], [adapter]], [[adapter], []]):
        reply = server.post("/v1/compare", {"messages": MESSAGES, "max_tokens": 3, "variants": [{"adapters": each} for each in variants]})
        assert reply.status == 422, reply.body
        assert_not_finite(reply.error, adapter["name"])
    # Nothing of it is left.
    assert server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 5}).status == 200


@pytest.mark.parametrize("adapter", BREAKING, ids=["lora", "edit"])
@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_a_stream_ends_with_the_error(server, path, adapter):
    prompt = {"prompt": PROMPT} if path == "/v1/completions" else {"messages": MESSAGES}
    reply = server.post(path, {**prompt, "max_tokens": 5, "stream": True, "adapters": [adapter]})
    events = [line.removeprefix("data: ") for line in reply.body.decode().split("\n\n") if line]
    assert_not_finite(json.loads(events[-1])["error"], adapter["name"])


def test_a_natural_end_has_no_stop_reason(scripted):
    """vLLM's null; a token that the request named is told by its id."""
    model = scripted.get("/v1/models").json["data"][0]["id"]
    body = {"model": model, "messages": MESSAGES, "max_tokens": 50, "temperature": 0}
    choice = scripted.post("/v1/chat/completions", body).json["choices"][0]
    assert choice["finish_reason"] == "stop" and choice["stop_reason"] is None
    (token,) = scripted.post("/tokenize", {"prompt": " 42", "add_special_tokens": False}).json["tokens"]
    choice = scripted.post("/v1/chat/completions", {**body, "stop_token_ids": [token]}).json["choices"][0]
    assert choice["finish_reason"] == "stop" and choice["stop_reason"] == token


def test_stop_strings_and_think_tags(scripted):
    """The scripted answer is `Let me add</think> The answer is ... 42`, after `<think>` in the prompt."""
    body = {"messages": MESSAGES, "max_tokens": 50, "temperature": 0}
    for stop, reasoning, content, reason in [
        ("think", "Let me add", "The answer is\N{GRINNING FACE} 42", None),
        ("<", "Let me add", "The answer is\N{GRINNING FACE} 42", None),
        ("me", "Let ", "", "me"),
        ("</think>", "Let me add", "", "</think>"),
        ("answer", "Let me add", "The ", "answer"),
    ]:
        for stream in (False, True):
            reply = scripted.post("/v1/chat/completions", {**body, "stop": stop, "stream": stream})
            if stream:
                chunks = [json.loads(line[6:])["choices"][0] for line in reply.body.decode().split("\n\n") if line.startswith("data: {")]
                got = ["".join(chunk["delta"].get(key, "") for chunk in chunks) for key in ("reasoning_content", "content")]
                got.append(chunks[-1]["stop_reason"])
            else:
                choice = reply.json["choices"][0]
                got = [choice["message"].get("reasoning_content", ""), choice["message"]["content"], choice["stop_reason"]]
            assert got == [reasoning, content, reason], (stop, stream)
