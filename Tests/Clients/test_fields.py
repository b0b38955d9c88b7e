"""Fields that other servers know, through the official client: what would change an answer is done or refused, never dropped."""

import openai
import pytest
from conftest import LORA, SAE

QUESTION = [{"role": "user", "content": "Name a colour."}]
PROMPT = "The road to the village"


def refused(ask, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask()
    assert caught.value.code == "unsupported_value" and caught.value.param == param, caught.value


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": "required"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
        {"verbosity": "low"}, {"web_search_options": {}}, {"function_call": {"name": "f"}},
    ],
)  # fmt: skip
def test_what_openai_knows(client, base, fields):
    refused(lambda: client.chat.completions.create(model=base, messages=QUESTION, max_tokens=1, **fields), next(iter(fields)))


@pytest.mark.parametrize(
    "fields",
    [
        {"guided_json": {"type": "object"}}, {"structured_outputs": {"regex": "a+"}}, {"min_tokens": 5}, {"allowed_token_ids": [5]},
        {"bad_words": ["road"]}, {"prompt_logprobs": 1}, {"truncate_prompt_tokens": 2}, {"return_token_ids": True},
        {"grammar": 'root ::= "a"'}, {"json_schema": {}}, {"mirostat": 2}, {"n_predict": 5}, {"lora": [{"id": 0, "scale": 1.0}]},
    ],
)  # fmt: skip
def test_what_vllm_and_llama_server_know(client, base, fields):
    param = next(iter(fields))
    refused(lambda: client.chat.completions.create(model=base, messages=QUESTION, max_tokens=1, extra_body=fields), param)
    refused(lambda: client.completions.create(model=base, prompt=PROMPT, max_tokens=1, extra_body=fields), param)


def test_values_that_change_nothing(client, base):
    neutral = {
        "min_tokens": 0, "guided_json": None, "bad_words": [], "return_token_ids": False, "mirostat": 0, "cache_prompt": True,
        "skip_special_tokens": True, "typical_p": 1.0, "repeat_penalty": 1.0, "repeat_last_n": 64, "lora": [],
    }  # fmt: skip
    plain = client.chat.completions.create(model=base, messages=QUESTION, max_tokens=8, temperature=0)
    same = client.chat.completions.create(
        model=base, messages=QUESTION, max_tokens=8, temperature=0, tool_choice="auto", response_format={"type": "text"},
        metadata={"a": "b"}, store=False, service_tier="auto", parallel_tool_calls=False, extra_body=neutral,
    )  # fmt: skip
    assert same.choices[0].message.content == plain.choices[0].message.content


def test_special_tokens_are_shown_on_request(scripted):
    """The template primes `<think>`, which is not special; what ends the answer is."""
    body = {"prompt": " 42", "max_tokens": 3, "temperature": 0, "ignore_eos": True}
    hidden = scripted.post("/v1/completions", body).json["choices"][0]["text"]
    shown = scripted.post("/v1/completions", {**body, "skip_special_tokens": False}).json["choices"][0]["text"]
    assert "<|end|>" in shown and "<|end|>" not in hidden


def test_a_trailing_assistant_message_is_continued(client, base):
    """As vLLM and llama-server do when they are asked to: what was begun is part of the prompt."""
    begun = [*QUESTION, {"role": "assistant", "content": "The colour I name is bl"}]
    rendered = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nName a colour.<|im_end|>\n<|im_start|>assistant\nThe colour I name is bl"
    messages = [{"role": "system", "content": "Be brief."}, *begun]
    plain = client.completions.create(model=base, prompt=rendered, max_tokens=6, temperature=0).choices[0].text
    for extra in ({"continue_final_message": True, "add_generation_prompt": False}, {"continue_final_message": True}):
        chat = client.chat.completions.create(model=base, messages=messages, max_tokens=6, temperature=0, extra_body=extra)
        assert chat.choices[0].message.content == plain
    closed = client.chat.completions.create(model=base, messages=messages, max_tokens=6, temperature=0)
    assert closed.usage.prompt_tokens > chat.usage.prompt_tokens, "without being asked for, a turn that was sent has ended"


def test_errors_name_the_field_that_was_sent(client, base):
    for name in ("max_tokens", "max_completion_tokens"):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=base, messages=QUESTION, **{name: 5000})
        assert caught.value.param == name and caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize(("one", "other"), [(-1, 2**64 - 1), (7, 7 + 2**64), (-(2**63), 2**63), (3, 3 + 2**80)])
def test_seeds_are_taken_modulo_64_bits(client, base, one, other):
    def answer(seed: int) -> str:
        return client.completions.create(model=base, prompt=PROMPT, max_tokens=12, temperature=1, seed=seed).choices[0].text

    assert answer(one) == answer(other)


@pytest.mark.parametrize("way", [{"model": LORA}, {"model": "{base}:" + LORA}, {"adapters": [LORA]}, {"header": LORA}])
def test_features_are_read_under_the_adapter_that_is_named(server, base, way):
    """They are what a completion with that adapter observes, and not what the base model's would."""
    fields = {key: value.format(base=base) if isinstance(value, str) else value for key, value in way.items() if key != "header"}
    headers = {"Resa-Adapters": way["header"]} if "header" in way else {}
    read = server.post("/v1/features", {"prompt": PROMPT, "top": 4, **fields}, headers)
    assert read.status == 200 and f"{LORA};" in read.headers["resa-applied"], read.body
    observing = [{"name": SAE, "mode": "observe", "top": 4}, LORA]
    wanted = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1, "observe_prompt": True, "adapters": observing}).json
    assert read.json["data"] == wanted["choices"][0]["resa"]["prompt_observations"]
    assert read.json["data"] != server.post("/v1/features", {"prompt": PROMPT, "top": 4}).json["data"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/features", {"prompt": PROMPT}), ("/v1/compare", {"prompt": PROMPT, "variants": [[], [LORA]]}), ("/tokenize", {"prompt": PROMPT}),
        ("/detokenize", {"tokens": [5]}),
    ],
)  # fmt: skip
def test_models_that_nobody_serves(server, path, body):
    reply = server.post(path, {**body, "model": "nope"})
    assert reply.status == 404 and reply.error["param"] == "model"
    assert server.post(path, body, {"Resa-Adapters": "nope"}).status in (400, 404)


@pytest.mark.parametrize(("scale", "shown"), [("0.8", "0.8"), ('"0.0004"', '"0.0004"'), ('"1e-20"', '"1e-20"')])
def test_the_scale_that_was_applied_is_told_exactly(server, scale, shown):
    body = {"prompt": PROMPT, "max_tokens": 1}
    reply = server.post("/v1/completions", body, {"Resa-Adapters": f"{LORA};scale={scale}"})
    assert f";scale={shown}" in reply.headers["resa-applied"]
    assert reply.json["resa"]["applied"][0]["scale"] == float(scale.strip('"'))


def test_adapters_that_are_gone_leave_no_series(server):
    def counted() -> set[str]:
        lines = server.get("/metrics").body.decode().splitlines()
        return {line.split('"')[1] for line in lines if line.startswith("resa_adapter_requests_total{")}

    names = [f"passing-{number}" for number in range(3)]
    for name in names:
        assert server.post("/v1/adapters", {"source": LORA, "name": name}).status == 200
        assert server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1, "model": name}).status == 200
        assert server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1, "model": f"never-{name}"}).status == 404
    assert set(names) <= counted()
    for name in names:
        assert server.request("DELETE", f"/v1/adapters/{name}").status == 200
    assert not any("passing" in name or "never" in name for name in counted())
