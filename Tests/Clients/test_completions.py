"""/v1/completions through the official client."""

import math

import pytest

PROMPT = "The capital of France is"


def token_ids(server, text: str) -> list[int]:
    return server.post("/tokenize", {"prompt": text}).json["tokens"]


def test_completion(client, base):
    answer = client.completions.create(model=base, prompt=PROMPT, max_tokens=8, temperature=0)
    assert answer.object == "text_completion"
    assert answer.model
    choice = answer.choices[0]
    assert choice.index == 0 and choice.finish_reason == "length" and choice.text
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_model_may_be_left_out(server):
    reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 2})
    assert reply.status == 200 and reply.json["choices"][0]["text"]


def test_default_is_sixteen_tokens(client, base):
    answer = client.completions.create(model=base, prompt=PROMPT, temperature=0, extra_body={"ignore_eos": True})
    assert answer.usage.completion_tokens == 16


def test_prompt_forms_agree(server, client, base):
    ids = token_ids(server, PROMPT)

    def ask(prompt) -> list[str]:
        answer = client.completions.create(model=base, prompt=prompt, max_tokens=6, temperature=0)
        assert [choice.index for choice in answer.choices] == list(range(len(answer.choices)))
        return [choice.text for choice in answer.choices]

    [text] = ask(PROMPT)
    assert ask([PROMPT]) == [text]
    assert ask(ids) == [text]
    assert ask([ids]) == [text]
    other = ask("Roses are red,")
    assert ask([PROMPT, "Roses are red,"]) == [text, *other]
    assert ask([ids, token_ids(server, "Roses are red,")]) == [text, *other]


def test_several_prompts_with_n_come_prompt_by_prompt(client, base):
    answer = client.completions.create(model=base, prompt=[PROMPT, "1, 2, 3,"], n=2, max_tokens=4, temperature=0)
    texts = [choice.text for choice in sorted(answer.choices, key=lambda choice: choice.index)]
    assert len(texts) == 4
    assert texts[0] == texts[1] and texts[2] == texts[3] and texts[0] != texts[2]


def test_streaming_gives_the_same_text(client, base):
    whole = client.completions.create(model=base, prompt=PROMPT, max_tokens=12, temperature=0)
    chunks = list(
        client.completions.create(
            model=base, prompt=PROMPT, max_tokens=12, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["length"]
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 12
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert len({chunk.id for chunk in chunks}) == 1


def test_streaming_many_choices(client, base):
    prompts = [PROMPT, "Roses are red,"]
    whole = client.completions.create(model=base, prompt=prompts, n=2, max_tokens=5, temperature=0)
    texts = [""] * 4
    for chunk in client.completions.create(model=base, prompt=prompts, n=2, max_tokens=5, temperature=0, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in whole.choices]


def test_the_wire_of_a_stream(server, base):
    reply = server.post("/v1/completions", {"model": base, "prompt": PROMPT, "max_tokens": 3, "stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = reply.body.decode().split("\n\n")
    assert events[-1] == "" and events[-2] == "data: [DONE]"
    assert all(event.startswith("data: ") for event in events[:-1])


def test_logprobs(client, base):
    answer = client.completions.create(model=base, prompt=PROMPT, max_tokens=5, temperature=0, logprobs=3)
    logprobs = answer.choices[0].logprobs
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.top_logprobs) == 5
    assert "".join(logprobs.tokens) == answer.choices[0].text
    for token, value, top in zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs):
        # Greedy: the chosen token is the likeliest.
        assert value <= 0 and math.isclose(max(top.values()), value, abs_tol=1e-6) and token in top
        assert 1 <= len(top) <= 4
    assert logprobs.text_offset[0] == 0 and logprobs.text_offset == sorted(logprobs.text_offset)


def test_echo_with_no_new_tokens_scores_the_prompt(server, client, base):
    """What lm-evaluation-harness sends."""
    ids = token_ids(server, PROMPT)
    answer = client.completions.create(model=base, prompt=PROMPT, max_tokens=0, echo=True, logprobs=1, temperature=0)
    choice = answer.choices[0]
    assert choice.text == PROMPT
    assert len(choice.logprobs.tokens) == len(ids)
    assert choice.logprobs.token_logprobs[0] is None
    assert all(value is not None and value <= 0 for value in choice.logprobs.token_logprobs[1:])
    assert answer.usage.completion_tokens == 0
    assert PROMPT[choice.logprobs.text_offset[2] :].startswith(choice.logprobs.tokens[2])


def test_echoed_scores_equal_generated_ones(client, base):
    made = client.completions.create(model=base, prompt=PROMPT, max_tokens=6, temperature=0, logprobs=0)
    text = made.choices[0].text
    echoed = client.completions.create(model=base, prompt=PROMPT + text, max_tokens=0, echo=True, logprobs=0)
    assert echoed.choices[0].logprobs.tokens[-6:] == made.choices[0].logprobs.tokens
    # Prefill and decode do the same arithmetic, so the numbers are the same ones, not merely near.
    assert echoed.choices[0].logprobs.token_logprobs[-6:] == made.choices[0].logprobs.token_logprobs


def test_echo_with_new_tokens(client, base):
    plain = client.completions.create(model=base, prompt=PROMPT, max_tokens=4, temperature=0)
    answer = client.completions.create(model=base, prompt=PROMPT, max_tokens=4, temperature=0, echo=True, logprobs=2)
    assert answer.choices[0].text == PROMPT + plain.choices[0].text
    assert len(answer.choices[0].logprobs.tokens) == answer.usage.prompt_tokens + 4


def test_stop_string_ends_and_is_left_out(client, base):
    free = client.completions.create(model=base, prompt="1, 2, 3,", max_tokens=24, temperature=0).choices[0].text
    stop = free[6:9]
    answer = client.completions.create(model=base, prompt="1, 2, 3,", max_tokens=24, temperature=0, stop=[stop, "never said"])
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].text == free[: free.index(stop)]
    streamed = client.completions.create(model=base, prompt="1, 2, 3,", max_tokens=24, temperature=0, stop=stop, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == free[: free.index(stop)]


def test_stop_token_ids(server, base):
    body = {"model": base, "prompt": PROMPT, "max_tokens": 20, "temperature": 0, "logprobs": 0}
    free = server.post("/v1/completions", body).json["choices"][0]
    third = free["logprobs"]["tokens"][2]
    [stop] = token_ids(server, third)
    reply = server.post("/v1/completions", {**body, "stop_token_ids": [stop]}).json["choices"][0]
    assert reply["finish_reason"] == "stop"
    assert reply["text"] == "".join(free["logprobs"]["tokens"][: free["logprobs"]["tokens"].index(third)])


def test_seeds_make_answers_repeat(client, base):
    def ask(seed: int) -> str:
        return client.completions.create(model=base, prompt="Once", max_tokens=16, temperature=1.2, seed=seed).choices[0].text

    assert ask(11) == ask(11)
    assert len({ask(seed) for seed in range(4)}) > 1


def test_choices_of_one_request_differ(client, base):
    answer = client.completions.create(model=base, prompt="Once", max_tokens=16, temperature=1.2, n=3, seed=5)
    assert len({choice.text for choice in answer.choices}) > 1
    again = client.completions.create(model=base, prompt="Once", max_tokens=16, temperature=1.2, n=3, seed=5)
    assert [choice.text for choice in again.choices] == [choice.text for choice in answer.choices]


def test_logit_bias(server, client, base):
    [word] = token_ids(server, " Rome")
    answer = client.completions.create(model=base, prompt=PROMPT, max_tokens=2, temperature=0, logit_bias={str(word): 100})
    assert answer.choices[0].text == " Rome Rome"
    free = client.completions.create(model=base, prompt=PROMPT, max_tokens=1, temperature=0).choices[0].text
    [first] = token_ids(server, free)
    banned = client.completions.create(model=base, prompt=PROMPT, max_tokens=1, temperature=0, logit_bias={str(first): -100})
    assert banned.choices[0].text != free


@pytest.mark.parametrize("extra", [{"top_k": 1}, {"min_p": 1.0}, {"top_p": 1e-6}])
def test_narrow_sampling_is_greedy(client, base, extra):
    greedy = client.completions.create(model=base, prompt=PROMPT, max_tokens=8, temperature=0).choices[0].text
    answer = client.completions.create(model=base, prompt=PROMPT, max_tokens=8, temperature=1.5, extra_body=extra)
    assert answer.choices[0].text == greedy


@pytest.mark.parametrize("extra", [{"repetition_penalty": 1.8}, {"frequency_penalty": 2.0}, {"presence_penalty": 2.0}])
def test_penalties_change_a_repetitive_answer(client, base, extra):
    prompt = "ha ha ha ha ha ha"
    plain = client.completions.create(model=base, prompt=prompt, max_tokens=24, temperature=0).choices[0].text
    assert client.completions.create(model=base, prompt=prompt, max_tokens=24, temperature=0, extra_body=extra).choices[0].text != plain


def test_ignore_eos(scripted):
    body = {"prompt": "\n", "max_tokens": 60, "temperature": 0}
    short = scripted.post("/v1/completions", body).json
    assert short["choices"][0]["finish_reason"] == "stop"
    long = scripted.post("/v1/completions", {**body, "ignore_eos": True}).json
    assert long["usage"]["completion_tokens"] == 60 and long["choices"][0]["finish_reason"] == "length"


def test_unknown_fields_are_ignored(client, base):
    answer = client.completions.create(model=base, prompt=PROMPT, max_tokens=1, user="me", extra_body={"frobnicate": {"a": [1]}})
    assert answer.choices[0].text


def test_cached_tokens_are_counted(client, base):
    usage = client.completions.create(model=base, prompt=PROMPT, max_tokens=1).usage
    assert usage.prompt_tokens_details.cached_tokens >= 0
