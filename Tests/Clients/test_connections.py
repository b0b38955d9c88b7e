"""Clients that hang up, dawdle or come in crowds; shutting down."""

import http.client
import json
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ADAPTERS, Server, required

LONG = {"prompt": "Count: 1, 2, 3,", "max_tokens": 900, "temperature": 0, "ignore_eos": True, "stream": True}
GENERATED = "resa_engine_generated_tokens_total"


def open_stream(server, body: dict) -> socket.socket:
    """Sends a streaming request and returns once the answer has begun."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=600)
    data = json.dumps(body).encode()
    key = f"Authorization: Bearer {server.api_key}\r\n" if server.api_key else ""
    connection.sendall(
        f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n{key}Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
    )
    received = b""
    while b"data: " not in received:
        more = connection.recv(4096)
        assert more, f"the stream ended early: {received!r}"
        received += more
    assert received.startswith(b"HTTP/1.1 200"), received
    return connection


def wait_for(condition, seconds: float = 600.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def answers(server) -> bool:
    return server.post("/v1/completions", {"prompt": "Hi", "max_tokens": 1}).status == 200


def test_hanging_up_frees_the_slot(guarded):
    """One sequence at a time: when the client of a long answer goes, the next one must not wait for 900 tokens."""
    assert wait_for(lambda: answers(guarded))
    before = guarded.metric(GENERATED)
    for _ in range(3):
        open_stream(guarded, LONG).close()
        assert wait_for(lambda: answers(guarded))
    # Counted, not timed: without the cancelling, 2700 tokens would have been made.
    assert guarded.metric(GENERATED) - before < 900
    guarded.assert_alive()


def test_a_full_queue_says_429_and_when_to_come_back(guarded):
    assert wait_for(lambda: answers(guarded))
    running = open_stream(guarded, LONG)
    waiting: list = []
    second = threading.Thread(target=lambda: waiting.append(guarded.post("/v1/completions", {"prompt": "Hi", "max_tokens": 1})))
    try:
        second.start()
        # Only once the second waits is the queue full; otherwise the third would take its place.
        assert wait_for(lambda: guarded.metric("resa_engine_waiting_requests") == 1)

        def full() -> bool:
            reply = guarded.post("/v1/completions", {"prompt": "Hi", "max_tokens": 1, "stream": True})
            if reply.status != 429:
                return False
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.error["type"]
            return True

        assert wait_for(full)
    finally:
        running.close()
    second.join(600)
    assert waiting and waiting[0].status == 200, "the waiting request is served when the slot is free"
    guarded.assert_alive()


@pytest.mark.parametrize(("arguments", "status"), [((), 429), (("--trust-user",), 200)])
def test_whoever_writes_another_user_is_the_same_client(logs, arguments, status):
    """The limit on what one client may have waiting holds, unless a gateway is trusted to tell users apart."""
    limits = ["--context", "1024", "--max-batch", "1", "--max-queue", "8", "--max-queue-per-client", "1", "--threads", "2"]
    server = Server(required("RESA_MODEL"), logs / f"users-{status}.log", *limits, *arguments)
    one = {"prompt": "Hi", "max_tokens": 1}
    try:
        with ThreadPoolExecutor(2) as pool:
            running = open_stream(server, {**LONG, "user": "a"})
            try:
                second = pool.submit(server.post, "/v1/completions", {**one, "user": "b"})
                assert wait_for(lambda: server.metric("resa_engine_waiting_requests") == 1)
                third = pool.submit(server.post, "/v1/completions", {**one, "user": "c"})
                assert wait_for(lambda: third.done() or server.metric("resa_engine_waiting_requests") == 2)
            finally:
                running.close()
            assert third.result().status == status and second.result().status == 200
    finally:
        assert server.stop() == 0


def test_a_half_sent_request_harms_nobody(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as connection:
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"prompt\": ")
        assert answers(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as connection:
        connection.sendall(b"POST /v1/comp")
        assert answers(server)
    assert answers(server)


def test_many_idle_connections_harm_nobody(server):
    connections = [socket.create_connection(("127.0.0.1", server.port), timeout=600) for _ in range(200)]
    try:
        assert answers(server)
    finally:
        for connection in connections:
            connection.close()


def test_a_slow_sender_is_served(server):
    body = json.dumps({"prompt": "Hi", "max_tokens": 1}).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as connection:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        for byte in head.encode() + body:
            connection.sendall(bytes([byte]))
            time.sleep(0.002)
        answer = b""
        while data := connection.recv(4096):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200"), answer


def test_a_slow_reader_does_not_hold_up_others(server):
    """It takes its first bytes and then nothing for a while; others are answered meanwhile, and it gets the rest when it wants."""
    slow = open_stream(server, {**LONG, "max_tokens": 200})
    try:
        assert answers(server)
        received = b""
        while b"data: [DONE]" not in received:
            more = slow.recv(65536)
            assert more, "cut off"
            received += more
    finally:
        slow.close()


def test_a_crowd(server):
    """More requests at once than the batch holds: all are answered, none differently from the first."""
    body = {"prompt": "Water boils at", "max_tokens": 6, "temperature": 0}
    with ThreadPoolExecutor(24) as pool:
        replies = list(pool.map(lambda _: server.post("/v1/completions", body), range(24)))
    assert [reply.status for reply in replies] == [200] * 24
    assert len({reply.json["choices"][0]["text"] for reply in replies}) == 1


def test_keep_alive_serves_several_requests_on_one_connection(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    try:
        for path in ("/health", "/v1/models", "/nothing", "/health"):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert response.status == (404 if path == "/nothing" else 200)
        connection.request("POST", "/v1/completions", b"{", {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 400 and response.read()
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def test_terminating_lets_answers_in_flight_end(logs):
    server = Server(required("RESA_MODEL"), logs / "ending.log", "--adapters", str(ADAPTERS), "--context", "512", "--threads", "2")
    stream = open_stream(server, {**LONG, "max_tokens": 20})
    stopped: list[int] = []
    stopping = threading.Thread(target=lambda: stopped.append(server.stop()))
    stopping.start()
    received = b""
    while more := stream.recv(65536):
        received += more
    stream.close()
    stopping.join(600)
    assert b"data: [DONE]" in received
    assert stopped == [0], server.log.read_text(errors="replace")[-2000:]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "/nonexistent"], ["--model", __file__], ["--model", "MODEL", "--port", "99999"], ["--model", "MODEL", "--weights", "int3"],
        ["--model", "MODEL", "--threads", "0"], ["--model", "MODEL", "--context", "0"], ["--model", "MODEL", "--adapters", "/nonexistent"],
    ],
)  # fmt: skip
def test_serve_refuses_what_it_cannot_do_and_says_why(arguments):
    arguments = [required("RESA_MODEL") if argument == "MODEL" else argument for argument in arguments]
    done = subprocess.run([required("RESA_BIN"), "serve", "--port", "0", *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    assert 0 < done.returncode < 128, done
    assert done.stderr.strip(), "no reason given"
