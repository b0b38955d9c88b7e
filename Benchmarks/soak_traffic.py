"""What clients of `soak.py` do: ask and compare, leave in the middle, dawdle, send what nobody should, change adapters under everybody's feet."""

import http.client
import json
import os
import random
import socket
import struct
import threading
import time
from collections import Counter
from pathlib import Path

from soak_answers import EXPECTED, KEY, PROMPTS, Client, Failure, Versions, difference, essence, raw, streamed, swap_question, whole


#: Seconds after which nobody may still send a body that was answered, more than the --body-timeout of `soak.py`.
PATIENCE = 30


class Traffic:
    """Threads that do one thing after the other until they are told to stop."""

    def __init__(self, url: str, known: dict, seed: int, swapped: dict, versions: Versions, folder: Path) -> None:
        self.client, self.known, self.seed, self.swapped, self.versions, self.folder = Client(url), known, seed, swapped, versions, folder
        self.stopped, self.lock = threading.Event(), threading.Lock()
        self.done: Counter = Counter()
        self.problems: list[str] = []
        self.threads: list[threading.Thread] = []

    # MARK: Running

    def start(self, clients: int, leaving: int, slow: int) -> None:
        asking = [(self.same, 6), (self.stream, 6), (self.swap_asked, 3), (self.folder_asked, 1), (self.hang_up, 5), (self.early, 2), (self.junk, 1)]
        for number in range(clients):
            self.run(number, asking)
        for number in range(leaving):
            self.run(100 + number, [(self.hang_up, 1)], pause=0.01)
        for number in range(slow):
            self.run(200 + number, [(self.slow_reader, 2), (self.never_reads, 1), (self.slow_body, 1), (self.trickle, 1)])
        self.run(300, [(self.swap, 4), (self.load_and_unload, 1)], pause=0.2)
        self.run(301, [(self.replace_folder, 1)], pause=1.5)

    def run(self, number: int, actions: list, pause: float = 0) -> None:
        generator = random.Random(self.seed * 1000 + number)

        def work() -> None:
            while not self.stopped.is_set():
                [action] = generator.choices([action for action, _ in actions], [weight for _, weight in actions])
                try:
                    outcome = action(generator)
                except Failure as failure:
                    outcome = "wrong"
                    with self.lock:
                        self.problems.append(f"{action.__name__}: {failure}")
                except (OSError, http.client.HTTPException) as error:
                    outcome = type(error).__name__
                    # Whoever behaves is never cut off.
                    if action.__name__ in ("same", "stream", "swap_asked", "folder_asked", "swap", "load_and_unload"):
                        with self.lock:
                            self.problems.append(f"{action.__name__}: {type(error).__name__}: {error}")
                with self.lock:
                    self.done[f"{action.__name__} {outcome}"] += 1
                if pause:
                    self.stopped.wait(pause)

        thread = threading.Thread(target=work, daemon=True)
        self.threads.append(thread)
        thread.start()

    def end(self, seconds: float) -> None:
        self.stopped.set()
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        if left := sum(thread.is_alive() for thread in self.threads):
            self.problems.append(f"{left} clients still wait {seconds:.0f} s after the end")

    def refuse(self, status: int, data: bytes, allowed: set[int] = EXPECTED) -> None:
        if status not in allowed:
            raise Failure(f"{status} {data[:300]!r}")

    # MARK: Answers that are known

    def same(self, generator: random.Random) -> object:
        path, body, wanted = generator.choice(list(self.known.values()))
        status, data = self.client.ask("POST", path, body | {"user": f"u{generator.randrange(8)}"} if path.startswith("/v1/c") else body)
        self.refuse(status, data)
        if status == 200 and (found := difference(essence(json.loads(data)), wanted)):
            raise Failure(f"{path} {json.dumps(body)[:300]}: {found}")
        return status

    def stream(self, generator: random.Random) -> object:
        path, body, wanted = generator.choice([entry for entry in self.known.values() if "completions" in entry[0]])
        status, data = self.client.ask("POST", path, body | {"stream": True, "user": f"u{generator.randrange(8)}"})
        self.refuse(status, data)
        if status == 200 and streamed(data) != whole(wanted):
            raise Failure(f"{path} {json.dumps(body)[:200]} streams another answer: {data[:300]!r}")
        return status

    def swap_asked(self, generator: random.Random) -> object:
        """Each version's name is its digest: whichever it was, the answer is that version's."""
        number = generator.randrange(len(PROMPTS))
        status, data = self.client.ask("POST", "/v1/completions", swap_question("swap", number))
        self.refuse(status, data)
        if status == 200:
            answer = json.loads(data)
            digest = answer["resa"]["applied"][0]["digest"]
            if self.swapped.get((digest, number)) != whole(answer):
                raise Failure(f"an answer that no version of swap gives ({digest}): {data[:300]!r}")
        return status

    def folder_asked(self, generator: random.Random) -> object:
        """While its files are written it may be refused, or be what stood there at one moment: only what is whole is compared."""
        number = generator.randrange(len(PROMPTS))
        status, data = self.client.ask("POST", "/v1/completions", swap_question("soak-folder", number))
        self.refuse(status, data, EXPECTED | {422, 404})
        if status != 200:
            return status
        answer = json.loads(data)
        wanted = self.swapped.get((answer["resa"]["applied"][0]["digest"], number))
        if wanted is None:
            return "of a moment"
        if wanted != whole(answer):
            raise Failure(f"soak-folder answers otherwise: {data[:300]!r}")
        return status

    # MARK: Changing adapters

    def swap(self, generator: random.Random) -> object:
        status, data = self.client.ask("POST", "/v1/adapters", {"source": str(generator.choice(self.versions.folders)), "name": "swap"})
        self.refuse(status, data)
        return status

    def load_and_unload(self, generator: random.Random) -> object:
        name = generator.choice(["swap", "smollm2-resa-lora", "smollm2-sae", "soak-vector"])
        verb = generator.choice(["load", "unload", "pin", "unpin"])
        status, data = self.client.ask("POST", f"/v1/adapters/{name}/{verb}")
        self.refuse(status, data)
        self.client.ask("POST", f"/v1/adapters/{name}/unpin")
        return status

    def replace_folder(self, generator: random.Random) -> object:
        """`cp new old`, in portions; or a new file moved into the old one's place."""
        new = (generator.choice(self.versions.folders) / "adapter_model.safetensors").read_bytes()
        target = self.folder / "adapter_model.safetensors"
        if generator.random() < 0.5:
            with target.open("wb") as file:
                for start in range(0, len(new), 1 << 18):
                    file.write(new[start : start + (1 << 18)])
                    time.sleep(generator.random() * 0.01)
            return "written over"
        beside = target.with_suffix(".new")
        beside.write_bytes(new)
        os.replace(beside, target)
        return "moved"

    # MARK: Leaving, dawdling, and worse

    def hang_up(self, generator: random.Random) -> object:
        """At any stage: in the header, in the body, while it waits, in the answer; with and without a reset."""
        path, body, _ = generator.choice(list(self.known.values()))
        if "completions" in path:
            body = body | {"stream": generator.random() < 0.7, "max_tokens": 200, "n": generator.choice([1, 1, 3])}
            if generator.random() < 0.3 and path == "/v1/completions":
                body["prompt"] = PROMPTS * generator.choice([2, 8])
        sent = raw(path, body)
        stage = generator.choice(["header", "body", "waiting", "answer"])
        if stage in ("header", "body"):
            head = sent.index(b"\r\n\r\n") + 4
            sent = sent[: generator.randrange(1, head) if stage == "header" else generator.randrange(head, len(sent))]
        connection = self.client.open(sent)
        with connection:
            if generator.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if stage == "waiting":
                time.sleep(generator.random() * 0.1)
            if stage == "answer":
                for _ in range(generator.randrange(1, 6)):
                    if not connection.recv(512):
                        break
        return stage

    def early(self, generator: random.Random) -> object:
        """Answers that are ready before the body is: no key, no such path, too large, no such method."""
        kind = generator.choice(["401", "404", "413", "405", "400"])
        key = f"Authorization: Bearer {KEY if kind != '401' else 'wrong'}\r\n"
        line = {"404": "POST /v1/nothing", "405": "PUT /v1/completions"}.get(kind, "POST /v1/completions")
        if kind == "413":
            head, body = f"{line} HTTP/1.1\r\nHost: localhost\r\n{key}Content-Length: 40000000\r\n\r\n", b" " * 65536
        elif kind == "400":
            head, body = f"{line} HTTP/1.1\r\nHost: localhost\r\n{key}Content-Length: 9\r\n\r\n", b'{"prompt"'
        else:
            head, body = f"{line} HTTP/1.1\r\nHost: localhost\r\n{key}Transfer-Encoding: chunked\r\n\r\n", b"4\r\nabcd\r\n" * generator.randrange(1, 100)
        connection = self.client.open(head.encode())
        with connection:
            try:
                connection.sendall(body)
            except OSError:
                return f"{kind} closed"
            start = connection.recv(64)
        if start and not start.startswith(f"HTTP/1.1 {kind}".encode()):
            raise Failure(f"{kind} wanted: {start!r}")
        return kind

    def junk(self, generator: random.Random) -> object:
        sent = generator.choice([
            generator.randbytes(generator.randrange(1, 2000)), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + generator.randbytes(100),
            b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/completions HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"\r\n" * 50,
        ])  # fmt: skip
        connection = self.client.open(sent)
        with connection:
            connection.settimeout(2)
            try:
                connection.recv(1024)
            except TimeoutError:
                return "nothing said"
        return "answered"

    def slow_reader(self, generator: random.Random) -> object:
        """A few bytes at a time, of a stream that is longer than the buffers between."""
        body = {"prompt": PROMPTS[0], "max_tokens": 300, "ignore_eos": True, "stream": True, "logprobs": 5}
        connection = self.client.open(raw("/v1/completions", body), receive_buffer=2048)
        until = time.monotonic() + 20
        with connection:
            while not self.stopped.is_set() and time.monotonic() < until:
                if not connection.recv(16):
                    return "ended"
                time.sleep(0.2)
        return "left"

    def never_reads(self, generator: random.Random) -> object:
        body = {"prompt": PROMPTS, "max_tokens": 300, "ignore_eos": True, "stream": generator.random() < 0.7, "logprobs": 20}
        connection = self.client.open(raw("/v1/completions", body), receive_buffer=2048)
        with connection:
            self.stopped.wait(25)
        return "left"

    def slow_body(self, generator: random.Random) -> object:
        sent = raw("/v1/completions", {"prompt": "a" * 200, "max_tokens": 1})
        connection = self.client.open(sent[:150])
        with connection:
            for byte in sent[150:]:
                if self.stopped.wait(0.3):
                    return "left"
                connection.sendall(bytes([byte]))
            return connection.recv(12).decode(errors="replace")[-3:]

    def trickle(self, generator: random.Random) -> object:
        """A body that goes on for ever behind an answer that was ready before it: the server closes the connection."""
        key = generator.choice([KEY, "wrong"])
        path = "/v1/nothing" if key == KEY else "/v1/completions"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
        until = time.monotonic() + PATIENCE
        with self.client.open(head.encode()) as connection:
            while time.monotonic() < until:
                try:
                    connection.sendall(b"1\r\na\r\n")
                except OSError:
                    return "closed"
                if self.stopped.wait(0.5):
                    return "left"
        raise Failure(f"{path} still takes a body {PATIENCE} s after it was answered")
