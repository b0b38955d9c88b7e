"""Bad requests get a clear error in OpenAI's shape, and the server answers the next one."""

import socket

import pytest
from conftest import SAE

CHAT = "/v1/chat/completions"
PLAIN = "/v1/completions"
MESSAGES = [{"role": "user", "content": "Hi"}]


def refused(reply, *statuses: int) -> dict:
    assert reply.status in (statuses or (400,)), (reply.status, reply.body)
    error = reply.error
    assert error["message"].lower() not in ("invalid", "bad request"), "says nothing"
    return error


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1, 2", b"null", b"[]", b'"text"', b"{\"prompt\": \"a\"", b"\x00\x01\x02", b'{"prompt": "\xff\xfe"}', b'{"prompt": "\\ud800"}x',
     b"[" * 100_000, b'{"a":' * 50_000, b'{"prompt": 1e999}'],
)  # fmt: skip
@pytest.mark.parametrize("path", [CHAT, PLAIN, "/tokenize", "/detokenize"])
def test_broken_json(server, path, body):
    refused(server.post(path, body, {"Content-Type": "application/json"}))


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b'"hot"', b"-1", b"{}", b"[]", b"true"])
def test_temperatures_that_are_none(server, value):
    body = b'{"prompt": "a", "max_tokens": 1, "temperature": ' + value + b"}"
    error = refused(server.post(PLAIN, body, {"Content-Type": "application/json"}))
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": -1}, {"max_tokens": "ten"}, {"max_tokens": 1.5}, {"max_tokens": 10**12}, {"max_tokens": 10**40},
        {"top_p": 0}, {"top_p": 1.5}, {"top_p": "x"}, {"top_k": "x"}, {"top_k": 1.5}, {"min_p": -0.1}, {"min_p": 2},
        {"presence_penalty": 3}, {"frequency_penalty": -3}, {"repetition_penalty": 0}, {"repetition_penalty": -1},
        {"n": 0}, {"n": -1}, {"n": 100_000}, {"n": "two"}, {"seed": "x"}, {"seed": 1.5},
        {"stop": 5}, {"stop": [5]}, {"stop": [""]}, {"stop": ["x"] * 1000},
        {"logit_bias": []}, {"logit_bias": {"x": 1}}, {"logit_bias": {"99999999": 1}}, {"logit_bias": {"5": "x"}}, {"logit_bias": {"-1": 1}},
        {"stream": "yes"}, {"stream": 1}, {"stream": True, "stream_options": 5}, {"model": 5}, {"adapters": "x"}, {"adapters": {}},
        {"ignore_eos": "x"}, {"stop_token_ids": [-1]}, {"stop_token_ids": "x"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [CHAT, PLAIN])
def test_values_out_of_range_or_of_the_wrong_type(server, path, fields):
    request = {"messages": MESSAGES} if path == CHAT else {"prompt": "Hi"}
    error = refused(server.post(path, {**request, "max_tokens": 1, **fields}), 400, 422)
    field = next(key for key in fields if key not in ("stream",) or len(fields) == 1)
    assert field in (error["param"] or "") or field in error["message"], error


@pytest.mark.parametrize("value", [-1, 1000, "x", 1.5, True])
def test_completion_logprobs_out_of_range(server, value):
    refused(server.post(PLAIN, {"prompt": "a", "max_tokens": 1, "logprobs": value}))


@pytest.mark.parametrize("fields", [{"logprobs": True, "top_logprobs": 1000}, {"top_logprobs": -1, "logprobs": True}, {"logprobs": "x"}])
def test_chat_logprobs_out_of_range(server, fields):
    refused(server.post(CHAT, {"messages": MESSAGES, "max_tokens": 1, **fields}))


@pytest.mark.parametrize(
    "messages",
    [None, [], "Hi", {}, [5], [None], [{}], [{"content": "Hi"}], [{"role": 5, "content": "Hi"}], [{"role": "user", "content": 5}],
     [{"role": "user", "content": [5]}], [{"role": "user", "content": [{"type": "text"}]}]],
)  # fmt: skip
def test_messages_that_are_none(server, messages):
    error = refused(server.post(CHAT, {"messages": messages, "max_tokens": 1}), 400, 422)
    assert "messages" in error["message"] or "messages" in (error["param"] or "")


def test_missing_messages_and_prompt(server):
    refused(server.post(CHAT, {"max_tokens": 1}))
    refused(server.post(PLAIN, {"max_tokens": 1}))


@pytest.mark.parametrize("prompt", [5, None, {}, [], [[]], [5, "a"], ["a", 5], [[1], "a"], [-1], [10**9], [1.5], [True], [[1, 10**9]], [None]])
def test_prompts_that_are_none(server, prompt):
    refused(server.post(PLAIN, {"prompt": prompt, "max_tokens": 1}), 400, 422)


def test_over_long_prompts(server):
    words = "word " * 5000
    error = refused(server.post(PLAIN, {"prompt": words, "max_tokens": 1}), 400, 422)
    assert "2048" in error["message"] and error["code"] == "context_length_exceeded"
    refused(server.post(CHAT, {"messages": [{"role": "user", "content": words}], "max_tokens": 1}), 400, 422)
    refused(server.post(PLAIN, {"prompt": list(range(100, 3000)), "max_tokens": 1}), 400, 422)


def test_an_empty_prompt_is_answered_or_refused_with_reason(server):
    reply = server.post(PLAIN, {"prompt": "", "max_tokens": 1})
    assert reply.status == 200 or refused(reply, 400, 422)


def test_a_body_too_large(server):
    reply = server.post(PLAIN, b'{"prompt": "' + b"a" * (40 << 20) + b'"}', {"Content-Type": "application/json"})
    refused(reply, 413)
    assert server.get("/health").status == 200


def test_a_declared_length_too_large_is_refused_before_it_arrives(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as connection:
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{")
        assert connection.recv(64).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("request_line", [b"GARBAGE\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http(server, request_line):
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as connection:
        connection.sendall(request_line)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(4096):
            answer += data
    assert not answer or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 505")


def test_very_many_adapters(server):
    reply = server.post(PLAIN, {"prompt": "a", "max_tokens": 1, "adapters": [{"name": SAE, "mode": "observe"}] * 500})
    refused(reply, 400, 422)


def test_other_content_types_are_read_as_json_or_refused(server):
    reply = server.post(PLAIN, b'{"prompt": "a", "max_tokens": 1}', {"Content-Type": "text/plain"})
    assert reply.status == 200 or refused(reply, 400, 415)
