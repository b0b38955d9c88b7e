"""/v1/chat/completions through the official client."""

import json

import pytest
import scripted_checkpoint

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def test_chat(client, base):
    answer = client.chat.completions.create(model=base, messages=QUESTION, max_tokens=24, temperature=0)
    assert answer.object == "chat.completion"
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and "Paris" in choice.message.content
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens >= 0


def test_the_template_is_the_models_own(server, client, base):
    """A chat answer equals the completion of the rendered prompt."""
    rendered = (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nName a colour.<|im_end|>\n<|im_start|>assistant\n"
    )
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a colour."}]
    chat = client.chat.completions.create(model=base, messages=messages, max_tokens=12, temperature=0)
    plain = client.completions.create(model=base, prompt=rendered, max_tokens=12, temperature=0)
    assert chat.choices[0].message.content == plain.choices[0].text
    assert chat.usage.prompt_tokens == plain.usage.prompt_tokens == len(server.post("/tokenize", {"prompt": rendered}).json["tokens"])


def test_content_parts(client, base):
    parts = [{"role": "user", "content": [{"type": "text", "text": "What is the capital "}, {"type": "text", "text": "of France?"}]}]
    whole = client.chat.completions.create(model=base, messages=QUESTION, max_tokens=8, temperature=0)
    answer = client.chat.completions.create(model=base, messages=parts, max_tokens=8, temperature=0)
    # Servers join parts with nothing or a newline; either way the model has to see both.
    assert abs(answer.usage.prompt_tokens - whole.usage.prompt_tokens) <= 2
    assert answer.choices[0].message.content


def test_images_are_refused(server):
    body = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]}
    reply = server.post("/v1/chat/completions", body)
    assert reply.status == 400 and "image_url" in reply.error["message"]


def test_streaming(client, base):
    whole = client.chat.completions.create(model=base, messages=QUESTION, max_tokens=16, temperature=0)
    chunks = list(
        client.chat.completions.create(
            model=base, messages=QUESTION, max_tokens=16, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].object == "chat.completion.chunk"
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    finishes = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert finishes == [whole.choices[0].finish_reason]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_the_clients_stream_helper(client, base):
    with client.chat.completions.stream(model=base, messages=QUESTION, max_tokens=8, temperature=0) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content


def test_no_usage_unless_asked(client, base):
    chunks = list(client.chat.completions.create(model=base, messages=QUESTION, max_tokens=3, stream=True))
    assert all(chunk.usage is None for chunk in chunks)


def test_max_completion_tokens(client, base):
    answer = client.chat.completions.create(
        model=base, messages=QUESTION, max_completion_tokens=5, temperature=0, extra_body={"ignore_eos": True}
    )
    assert answer.usage.completion_tokens == 5 and answer.choices[0].finish_reason == "length"


def test_n(client, base):
    answer = client.chat.completions.create(model=base, messages=QUESTION, n=3, max_tokens=12, temperature=1.0, seed=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage.completion_tokens > 12


def test_streamed_choices_are_told_apart(client, base):
    texts = ["", ""]
    for chunk in client.chat.completions.create(model=base, messages=QUESTION, n=2, max_tokens=6, temperature=0, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts[0] == texts[1] != ""


def test_logprobs(client, base):
    answer = client.chat.completions.create(
        model=base, messages=QUESTION, max_tokens=4, temperature=0, logprobs=True, top_logprobs=3, extra_body={"ignore_eos": True}
    )
    content = answer.choices[0].logprobs.content
    assert len(content) == 4
    for token in content:
        assert bytes(token.bytes).decode(errors="replace") == token.token
        assert len(token.top_logprobs) == 3
        values = [alternative.logprob for alternative in token.top_logprobs]
        assert values == sorted(values, reverse=True) and token.logprob == values[0] and token.token == token.top_logprobs[0].token
    plain = client.chat.completions.create(model=base, messages=QUESTION, max_tokens=2)
    assert plain.choices[0].logprobs is None


def test_streamed_logprobs(client, base):
    chunks = client.chat.completions.create(
        model=base, messages=QUESTION, max_tokens=4, temperature=0, logprobs=True, top_logprobs=1, stream=True, extra_body={"ignore_eos": True}
    )
    tokens = [token for chunk in chunks for choice in chunk.choices if choice.logprobs for token in choice.logprobs.content]
    assert len(tokens) == 4


def test_stop(client, base):
    answer = client.chat.completions.create(model=base, messages=QUESTION, max_tokens=40, temperature=0, stop="Paris")
    assert answer.choices[0].finish_reason == "stop" and "Paris" not in answer.choices[0].message.content


def test_reasoning_is_split_off(scripted):
    messages = [{"role": "user", "content": "20 + 22?"}]
    answer = scripted.client.chat.completions.create(model="scripted", messages=messages, temperature=0)
    message = answer.choices[0].message
    assert message.content.strip() == scripted_checkpoint.ANSWER.strip()
    assert message.model_extra["reasoning_content"].strip() == scripted_checkpoint.REASONING
    assert message.model_extra["reasoning"] == message.model_extra["reasoning_content"]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens_details.reasoning_tokens >= 3
    scripted.assert_alive()


def test_streamed_reasoning_is_split_off(scripted):
    messages = [{"role": "user", "content": "20 + 22?"}]
    reasoning = content = ""
    for chunk in scripted.client.chat.completions.create(model="scripted", messages=messages, temperature=0, stream=True):
        delta = chunk.choices[0].delta
        extra = delta.model_extra or {}
        assert not (delta.content and extra.get("reasoning_content")), "one delta holds both"
        # Four single-byte tokens spell the emoji: no delta may hold a part of it.
        assert "\N{REPLACEMENT CHARACTER}" not in (delta.content or "")
        if extra.get("reasoning_content"):
            assert not content, "reasoning after content"
            assert extra["reasoning"] == extra["reasoning_content"]
            reasoning += extra["reasoning_content"]
        content += delta.content or ""
    assert reasoning.strip() == scripted_checkpoint.REASONING
    assert content.strip() == scripted_checkpoint.ANSWER.strip()


def test_unfinished_reasoning_leaves_no_content(scripted):
    messages = [{"role": "user", "content": "20 + 22?"}]
    answer = scripted.client.chat.completions.create(model="scripted", messages=messages, temperature=0, max_tokens=2)
    assert not answer.choices[0].message.content
    assert answer.choices[0].message.model_extra["reasoning_content"].strip() == "Let me"
    assert answer.choices[0].finish_reason == "length"


def test_earlier_turns_reach_the_model(client, base):
    messages = [
        {"role": "user", "content": "My name is Zebulon."},
        {"role": "assistant", "content": "Nice to meet you, Zebulon."},
        {"role": "user", "content": "What is my name?"},
    ]
    answer = client.chat.completions.create(model=base, messages=messages, max_tokens=24, temperature=0)
    assert "Zebulon" in answer.choices[0].message.content


@pytest.mark.parametrize("body", [{"messages": QUESTION, "max_tokens": 2, "stream": False, "stream_options": None, "stop": None, "seed": None}])
def test_nulls_are_as_good_as_absent(server, body):
    assert server.post("/v1/chat/completions", body).status == 200


def test_streams_end_with_done(server):
    reply = server.post("/v1/chat/completions", {"messages": QUESTION, "max_tokens": 2, "stream": True})
    events = [line.removeprefix("data: ") for line in reply.body.decode().split("\n\n") if line]
    assert events[-1] == "[DONE]"
    assert all(json.loads(event)["object"] == "chat.completion.chunk" for event in events[:-1])
