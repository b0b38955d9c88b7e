"""Clients that keep connections in a pool, as httpx does under the openai client: every answer is that of its own request.

An answer with a byte too many or too few shifts all later ones of its connection, so each request carries an id that must come back.
"""

import asyncio
import itertools
import json
import random

import httpx2 as httpx
import pytest

SEED = 2612
CLIENTS = 8
REQUESTS = 40
QUESTION = {"messages": [{"role": "user", "content": "What is 40 + 2?"}]}


@pytest.fixture(scope="module")
def wanted(scripted) -> str:
    return scripted.post("/v1/chat/completions", QUESTION).json["choices"][0]["message"]["content"]


async def answer(client: httpx.AsyncClient, wanted: str, ids: itertools.count, kind: str) -> None:
    request_id = f"request-{next(ids)}"
    headers = {"x-request-id": request_id}

    async def ask(method: str, path: str, **body) -> httpx.Response:
        response = await client.request(method, path, headers=headers, **body)
        assert response.headers["x-request-id"] == request_id, f"{method} {path} got the answer of {response.headers['x-request-id']}"
        return response

    if kind == "chat":
        assert (await ask("POST", "/v1/chat/completions", json=QUESTION)).json()["choices"][0]["message"]["content"] == wanted
    elif kind == "stream":
        async with client.stream("POST", "/v1/chat/completions", json=QUESTION | {"stream": True}, headers=headers) as response:
            assert response.headers["x-request-id"] == request_id
            lines = [line[6:] async for line in response.aiter_lines() if line.startswith("data: ")]
        assert lines[-1] == "[DONE]"
        parts = [choice["delta"].get("content") or "" for line in lines[:-1] for choice in json.loads(line)["choices"]]
        assert "".join(parts) == wanted
    elif kind == "left stream":
        async with client.stream("POST", "/v1/chat/completions", json=QUESTION | {"stream": True, "n": 4}, headers=headers) as response:
            assert response.headers["x-request-id"] == request_id
    elif kind.startswith("HEAD"):
        response = await ask("HEAD", kind.split()[1])
        assert response.status_code in (200, 404, 405) and response.content == b""
    else:
        method, path, status = kind.split()
        body = {"content": b'{"messages": '} if status == "400" else {"content": b" " * 4096} if method in ("PUT", "PATCH") else {}
        response = await ask(method, path, **body)
        assert response.status_code == int(status), response.text
        assert response.json()["error"]["message"] if status != "200" else response.content


KINDS = [
    "chat", "stream", "left stream", "HEAD /health", "HEAD /nothing", "HEAD /v1/completions", "GET /health 200", "GET /v1/models 200", "GET /nothing 404",
    "GET /v1/completions 405", "POST /health 405", "PUT /v1/completions 405", "POST /v1/chat/completions 400", "OPTIONS /nothing 404",
]  # fmt: skip


@pytest.mark.parametrize("connections", [1, 3])
def test_every_answer_of_a_pool_is_that_of_its_request(scripted, wanted, connections):
    """Fewer connections than clients, so that each is used again and again, by whoever comes next."""
    print(f"seed {SEED}")

    async def run() -> None:
        ids = itertools.count()
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        async with httpx.AsyncClient(base_url=scripted.url, limits=limits, timeout=600) as client:

            async def work(number: int) -> None:
                chosen = random.Random(SEED + number)
                for _ in range(REQUESTS):
                    await answer(client, wanted, ids, chosen.choice(KINDS))

            await asyncio.gather(*(work(number) for number in range(CLIENTS)))

    asyncio.run(run())
    scripted.assert_alive()


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_answer_of_a_connection_is_not_shifted(scripted, wanted, kind):
    async def run() -> None:
        ids = itertools.count()
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        async with httpx.AsyncClient(base_url=scripted.url, limits=limits, timeout=600) as client:
            for next_kind in (kind, "chat", kind, "GET /health 200"):
                await answer(client, wanted, ids, next_kind)

    asyncio.run(run())
