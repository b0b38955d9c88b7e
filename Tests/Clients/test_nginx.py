"""Behind nginx as a reverse proxy: with connections that it keeps, and as it comes."""

import json
import socket

import httpx2 as httpx
import openai
import pytest
from client_programs import Nginx
from test_connections import wait_for

QUESTION = {"messages": [{"role": "user", "content": "What is 40 + 2?"}]}


@pytest.fixture(scope="module")
def nginx(scripted, tmp_path_factory):
    proxy = Nginx(scripted, tmp_path_factory.mktemp("nginx"))
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("prefix", ["", "/plain"])
def test_the_openai_client_through_nginx(scripted, nginx, prefix):
    direct = scripted.client.chat.completions.create(model="scripted", **QUESTION).choices[0].message
    client = openai.OpenAI(base_url=f"{nginx.url}{prefix}/v1", api_key="none", max_retries=0, timeout=600)
    for _ in range(5):
        assert client.chat.completions.create(model="scripted", **QUESTION).choices[0].message.content == direct.content
        parts = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(model="scripted", stream=True, **QUESTION) if chunk.choices]
        assert "".join(parts) == direct.content
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="nobody", **QUESTION)
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="scripted", messages=[])


@pytest.mark.parametrize("prefix", ["", "/plain"])
def test_nginx_gives_each_its_own_answer(scripted, nginx, prefix):
    """What one answer leaves on a connection that nginx keeps would stand before the next one, of whichever client."""
    kinds = [("HEAD", "/nothing", 404), ("HEAD", "/health", None), ("GET", "/nothing", 404), ("PUT", "/v1/completions", 405), ("GET", "/health", 200)]
    with httpx.Client(base_url=nginx.url + prefix, timeout=600) as first, httpx.Client(base_url=nginx.url + prefix, timeout=600) as second:
        for number, (method, path, status) in enumerate(kinds * 6):
            request_id = f"proxied-{prefix}-{number}"
            response = (first, second)[number % 2].request(method, path, headers={"x-request-id": request_id})
            assert response.headers["x-request-id"] == request_id, (method, path)
            assert status is None or response.status_code == status, response.text
            assert method != "HEAD" or response.content == b""
            assert scripted.get("/health").status == 200


def test_large_and_chunked_bodies_through_nginx(scripted, nginx):
    text = "Let me add " * 20_000
    body = json.dumps({"prompt": text}).encode()
    pieces = (body[start : start + 5000] for start in range(0, len(body), 5000))
    with httpx.Client(base_url=nginx.url, timeout=600) as client:
        direct = scripted.post("/tokenize", body).json["count"]
        assert client.post("/tokenize", content=body).json()["count"] == direct
        assert client.post("/tokenize", content=pieces).json()["count"] == direct
        assert client.post("/tokenize", content=b" " * (17 << 20)).status_code == 413
        assert client.get("/health").status_code == 200


def test_who_leaves_nginx_leaves_the_server(scripted, nginx):
    """nginx hangs up when its client does; the server stops computing."""
    cancelled = scripted.metric("resa_engine_cancelled_sequences_total")
    body = json.dumps({"prompt": "Let me add", "max_tokens": 400, "ignore_eos": True, "stream": True, "n": 4}).encode()
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", nginx.port), timeout=600) as connection:
            connection.sendall(f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            assert connection.recv(12) == b"HTTP/1.1 200"
    assert wait_for(lambda: scripted.metric("resa_generations_in_flight") == 0 and scripted.metric("resa_engine_running_sequences") == 0)
    assert scripted.metric("resa_engine_cancelled_sequences_total") > cancelled
