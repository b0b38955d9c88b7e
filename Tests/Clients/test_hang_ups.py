"""Clients that hang up, hundreds of them, at every moment of an answer: nothing of theirs stays behind."""

import json
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import scripted_checkpoint
from conftest import ADAPTERS, LORA, Server, required
from test_connections import wait_for

SEED = 4101
MESSAGES = [{"role": "user", "content": "Count from one to a hundred."}]
LIST = {"prompt": ["abc def"] * 40, "max_tokens": 50, "ignore_eos": True}
# Waiting, reading prompts, decoding, between choices, comparing: whatever a request can be at.
BODIES = [
    ("/v1/completions", LIST),
    ("/v1/completions", {**LIST, "stream": True}),
    ("/v1/completions", {"prompt": "abc " * 400, "max_tokens": 5, "logprobs": 1, "echo": True}),
    ("/v1/chat/completions", {"messages": MESSAGES, "n": 4, "max_tokens": 200, "stream": True}),
    ("/v1/compare", {"messages": MESSAGES, "max_tokens": 20, "variants": [{}, {"adapters": [{"name": LORA}]}]}),
]


def send(server, path: str, body: dict) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=600)
    data = json.dumps(body).encode()
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    return connection


def hang_up(server, bodies: list, count: int, seed: int) -> None:
    """Six clients at a time; each leaves after some 20 ms."""

    def leave(index: int) -> None:
        chosen = random.Random(seed + index)
        path, body = chosen.choice(bodies)
        connection = send(server, path, body)
        time.sleep(0.02)
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(leave, range(count)))


def assert_idle(server) -> None:
    gauges = ["waiting_requests", "clients", "running_sequences", "preempted_sequences", "kv_blocks_used"]
    left = {}

    def empty() -> bool:
        left.update({gauge: server.metric(f"resa_engine_{gauge}") for gauge in gauges})
        return not any(left.values()) and server.metric("resa_generations_in_flight") == 0

    assert wait_for(empty), left
    steps = server.metric("resa_engine_steps_total")
    time.sleep(1)
    # An engine that finds no rest makes thousands of steps a second.
    assert server.metric("resa_engine_steps_total") - steps <= 2


@pytest.fixture(params=["tiny", "smollm2"])
def crowded(request, logs, tmp_path_factory):
    """The tiny model makes thousands of steps a second, so that clients leave at every moment of one; the other one works at every stage."""
    options = ["--max-queue", "256", "--threads", "2"]
    if request.param == "tiny":
        server = Server(scripted_checkpoint.build(tmp_path_factory.mktemp("tiny") / "tiny"), logs / "tiny.log", *options)
        server.bodies = [BODIES[0]]
    else:
        options += ["--adapters", str(ADAPTERS), "--context", "1024", "--max-batch", "8"]
        server = Server(required("RESA_MODEL"), logs / "crowded.log", *options)
        server.bodies = BODIES
    yield server
    server.process.kill()
    server.process.wait()


def test_hang_ups_leave_nothing(crowded):
    print(f"seed {SEED}")
    hang_up(crowded, crowded.bodies, 900, SEED)
    crowded.assert_alive()
    assert_idle(crowded)
    # All places are there: a list that takes most of the queue is taken in.
    assert crowded.post("/v1/completions", {"prompt": ["abc def"] * 200, "max_tokens": 1}).status == 200
    # An engine that waits for a lost request never ends.
    assert crowded.stop() == 0
