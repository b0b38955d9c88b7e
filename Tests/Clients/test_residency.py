"""Adapters that come, change and go while serving: hot swaps under streaming clients, a memory budget, pins, vLLM's routes, a watched folder.

Nothing here depends on how long anything takes.
"""

import json
import os
import shutil
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import random_checkpoint
from conftest import Server, serving
from fake_hub import LARGE, FakeHub

VERSIONS = 3
SWAPS, CLIENTS, TOKENS = 60, 8, 24
#: of a LoRA of `random_checkpoint` in bf16: A and B of two projections in two layers
LORA_BYTES = 2 * 2 * 2 * random_checkpoint.RANK * random_checkpoint.WIDTH * 2
PROMPTS = ["Let", " The answer is", " me add 42"]


class Place:
    """A checkpoint, a served folder, and a folder that requests may name."""

    def __init__(self, root: Path) -> None:
        self.model = random_checkpoint.build(root / "model")
        self.served, self.allowed, self.home = root / "served", root / "allowed", root / "home"
        self.served.mkdir()
        for version in range(VERSIONS):
            random_checkpoint.add_lora(self.allowed / f"v{version}", version)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    return Place(tmp_path_factory.mktemp("residency"))


@pytest.fixture(scope="module")
def server(place, logs):
    arguments = ["--adapters", place.served, "--allow-adapter-changes", "--allow-adapters-from", place.allowed, "--adapter-memory", "64"]
    timing = ["--adapter-watch", "0.05", "--adapter-settle", "0.2", "--max-batch", str(CLIENTS), "--context", "512", "--threads", "2"]
    yield from serving(place.model, logs / "residency.log", *map(str, arguments), *timing)


def add(server: Server, source: str, name: str, **fields) -> dict:
    reply = server.post("/v1/adapters", {"source": source, "name": name, **fields})
    assert reply.status == 200, reply.body
    return reply.json


def completion(prompt: str, *adapters: str) -> dict:
    return {"prompt": prompt, "adapters": list(adapters), "max_tokens": TOKENS, "temperature": 0, "ignore_eos": True, "logprobs": 0}


def numbers(choice: dict) -> tuple:
    """What an answer's tokens are, and how likely: two versions never agree in it."""
    return tuple(choice["logprobs"]["tokens"]), tuple(choice["logprobs"]["token_logprobs"])


def answer(server: Server, prompt: str, *adapters: str) -> tuple[str, tuple]:
    """The digest of the version that answered, and its numbers."""
    reply = server.post("/v1/completions", completion(prompt, *adapters))
    assert reply.status == 200, reply.body
    [applied] = reply.json["resa"]["applied"]
    return applied["digest"], numbers(reply.json["choices"][0])


def stream(server: Server, prompt: str, *adapters: str) -> tuple[str, tuple]:
    """The same of a streamed answer, put together from its chunks."""
    body = json.dumps({**completion(prompt, *adapters), "stream": True}).encode()
    request = urllib.request.Request(server.url + "/v1/completions", body, {"Content-Type": "application/json"})
    digests, tokens, logprobs, ended = [], [], [], False
    with urllib.request.urlopen(request, timeout=600) as response:
        for line in response:
            if not line.startswith(b"data: "):
                continue
            if line.startswith(b"data: [DONE]"):
                ended = True
                continue
            chunk = json.loads(line[6:])
            assert "error" not in chunk, chunk
            digests += [entry["digest"] for entry in chunk.get("resa", {}).get("applied", [])]
            for choice in chunk["choices"]:
                if choice.get("logprobs"):
                    tokens += choice["logprobs"]["tokens"]
                    logprobs += choice["logprobs"]["token_logprobs"]
    assert ended and len(set(digests)) == 1 and len(tokens) == TOKENS
    return digests[0], (tuple(tokens), tuple(logprobs))


def adapter(server: Server, name: str) -> dict | None:
    reply = server.get(f"/v1/adapters/{name}")
    return reply.json if reply.status == 200 else None


def until(is_true) -> None:
    while not is_true():
        time.sleep(0.01)


def test_hot_swaps_under_streaming_clients_give_whole_answers(server):
    wanted = {}
    for version in range(VERSIONS):
        digest = add(server, f"v{version}", "swap")["digest"]
        for prompt in PROMPTS:
            found, wanted[digest, prompt] = answer(server, prompt, "swap")
            assert found == digest
    assert len(set(wanted.values())) == VERSIONS * len(PROMPTS)
    done, begun, seen, failures = threading.Event(), threading.Semaphore(0), set(), []

    def client(number: int) -> int:
        answers = 0
        while not done.is_set():
            prompt = PROMPTS[(number + answers) % len(PROMPTS)]
            begun.release()
            try:
                digest, got = stream(server, prompt, "swap")
                assert got == wanted[digest, prompt], f"an answer of no version: {got}"
                seen.add(digest)
            except Exception as error:
                failures.append(error)
                begun.release()
                return answers
            answers += 1
        return answers

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        for swap in range(SWAPS):
            # Between two swaps at least one request begins.
            begun.acquire()
            if failures:
                break
            add(server, f"v{swap % VERSIONS}", "swap")
        done.set()
        answers = sum(future.result() for future in clients)
    assert not failures, failures[0]
    assert answers >= CLIENTS and len(seen) == VERSIONS
    # Versions that nobody uses are gone.
    until(lambda: server.metric("resa_adapter_uses") == 0)
    assert adapter(server, "swap")["resident_bytes"] == LORA_BYTES
    assert server.metric("resa_adapter_loads_total") >= VERSIONS
    assert server.request("DELETE", "/v1/adapters/swap").status == 200
    until(lambda: server.metric("resa_adapter_memory_bytes") == 0)


def test_vllms_routes(server, place):
    digests = {}
    for version in range(2):
        body = {"lora_name": "math", "lora_path": str(place.allowed / f"v{version}")}
        if version:
            assert server.post("/v1/load_lora_adapter", body).error["code"] == "adapter_exists"
            body["load_inplace"] = True
        reply = server.post("/v1/load_lora_adapter", body)
        assert reply.status == 200 and b"'math' added successfully" in reply.body
        digests[version], _ = answer(server, PROMPTS[0], "math")
        assert "math" in [model.id for model in server.client.models.list()]
        # vLLM's way to choose a LoRA.
        assert server.client.completions.create(model="math", prompt="Let", max_tokens=1).model == "math"
    assert digests[0] != digests[1]
    assert server.post("/v1/unload_lora_adapter", {"lora_name": "math"}).status == 200
    assert server.post("/v1/completions", completion("Let", "math")).error["code"] == "adapter_not_found"
    assert server.post("/v1/unload_lora_adapter", {"lora_name": "math"}).status == 404
    assert server.post("/v1/load_lora_adapter", {"lora_name": "math", "lora_path": "/etc"}).status == 403


def test_a_watched_folder_needs_no_request_that_misses(server, place):
    shutil.copytree(place.allowed / "v0", place.served / "late")
    until(lambda: adapter(server, "late") is not None)
    digest, old = answer(server, "Let", "late")
    # Another version over it: whoever asks meanwhile gets the one or the other.
    random_checkpoint.add_lora(place.served.parent / "next", 1)
    (place.served.parent / "next" / "adapter_model.safetensors").replace(place.served / "late" / "adapter_model.safetensors")
    got = {digest: old}
    while len(got) < 2:
        found, tokens = answer(server, "Let", "late")
        assert got.setdefault(found, tokens) == tokens
    assert len(set(got.values())) == 2 and adapter(server, "late")["digest"] != digest
    shutil.rmtree(place.served / "late")
    until(lambda: adapter(server, "late") is None)


def test_a_folder_that_is_asked_for_at_once_is_there(server, place):
    shutil.copytree(place.allowed / "v2", place.served / "now")
    assert answer(server, "Let", "now")[0].startswith("sha256:")
    shutil.rmtree(place.served / "now")


def test_memory_is_bounded(place, logs):
    """One MiB holds 32 of these LoRAs; pins and requests in flight keep their places."""
    names = [f"l{number}" for number in range(40)]
    folder = place.served.parent / "many"
    for name in names:
        shutil.copytree(place.allowed / "v0", folder / name)
    arguments = ["--adapters", str(folder), "--allow-adapter-changes", "--adapter-memory", "1", "--context", "128", "--threads", "1"]
    server = Server(place.model, logs / "memory.log", *arguments)
    try:
        fits = (1 << 20) // LORA_BYTES
        assert server.post("/v1/adapters/l0/pin", {}).json["state"] == "pinned"
        for name in names:
            assert answer(server, "Let", name)[0] == adapter(server, name)["digest"]
            assert server.metric("resa_adapter_memory_bytes") <= 1 << 20
        states = {entry["name"]: entry["state"] for entry in server.get("/v1/adapters").json["data"]}
        assert states == {name: "cold" for name in names} | {name: "loaded" for name in names[-(fits - 1) :]} | {"l0": "pinned"}
        assert server.metric("resa_adapter_evictions_total") == len(names) - fits
        assert all(adapter(server, name)["uses"] == 1 for name in names)
        for name in names[1:fits]:
            assert server.post(f"/v1/adapters/{name}/pin", {}).status == 200
        full = server.post("/v1/completions", completion("Let", names[-1]))
        assert full.status == 503 and full.error["code"] == "adapter_memory_full" and full.headers["retry-after"] == "1"
        assert server.post("/v1/adapters/l1/unpin", {}).json["state"] == "loaded"
        assert server.post("/v1/adapters/l2/unload", {}).json["state"] == "cold"
        assert answer(server, "Let", names[-1])[0]
        server.assert_alive()
    finally:
        assert server.stop() == 0


def test_changes_need_the_operators_word(scripted):
    for method, path in [("POST", "/v1/adapters"), ("DELETE", "/v1/adapters/x"), ("POST", "/v1/load_lora_adapter"), ("POST", "/v1/adapters/x/load")]:
        reply = scripted.request(method, path, {"source": "x", "name": "y"})
        assert reply.status == 403 and reply.error["code"] == "adapter_changes_off"


def test_pulls_go_to_named_hosts_at_public_addresses_only(place, logs, monkeypatch):
    monkeypatch.setenv("RESA_HOME", str(place.home))
    allowed = ["--allow-adapter-changes", "--allow-pulls", "127.0.0.1", "--allow-pulls", "localhost", "--store", "--threads", "1"]
    server = Server(place.model, logs / "pulls.log", *allowed, "--context", "128")
    try:
        for source in ("https://127.0.0.1/x.resa", "https://localhost/x.resa", "https://example.com/x.resa", "http://127.0.0.1/x.resa", "hf:org/repo"):
            reply = server.post("/v1/adapters", {"source": source, "name": "x"})
            assert reply.status == 403 and reply.error["code"] == "pull_not_allowed", (source, reply.body)
        assert server.get("/v1/adapters").json["data"] == []
        server.assert_alive()
    finally:
        assert server.stop() == 0


def test_pulls_from_a_server_that_the_operator_names(place, logs, tmp_path, monkeypatch):
    """A Hub of one's own, at a private address and without TLS: its exact address on the list is enough, and allows nothing beside it."""
    hub, elsewhere = FakeHub(), FakeHub()
    files = {path.name: path.read_bytes() for path in (place.allowed / "v0").iterdir()}
    weights = "adapter_model.safetensors"
    assert len(files[weights]) >= LARGE, "the Hub redirects to another name for large files only"
    for one in (hub, elsewhere):
        one.add("org/lora", files)
    for variable in [name for name in os.environ if "proxy" in name.lower() or name.startswith("HF_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("RESA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server = None

    def start(*allowed: str) -> Server:
        options = [option for place in allowed for option in ("--allow-pulls", place)]
        folder = ["--allow-adapters-from", str(place.allowed)]
        return Server(place.model, logs / "own_hub.log", "--allow-adapter-changes", *folder, *options, "--store", "--threads", "1", "--context", "128")

    try:
        server = start(hub.url)
        for source, where in (("hf:org/lora", hub.store_url), (f"{elsewhere.url}/web/x.resa", elsewhere.url), (hub.store_url + "/x.resa", hub.store_url)):
            reply = server.post("/v1/adapters", {"source": source, "name": "x"})
            assert reply.status == 403 and reply.error["code"] == "pull_not_allowed" and where in reply.error["message"], (source, reply.body)
        assert not hub.requests(server="store") and not elsewhere.requests() and server.get("/v1/adapters").json["data"] == []
        assert server.stop() == 0

        server = start(hub.url, hub.store_url + "/")
        served = server.post("/v1/adapters", {"source": "hf:org/lora", "name": "pulled"})
        assert served.status == 200 and served.json["state"] == "loaded", served.body
        [fetched] = hub.requests(weights, server="store")
        assert fetched.sent == len(files[weights]) and "authorization" not in fetched.headers
        assert {seen.headers.get("authorization") for seen in hub.requests(server="hub")} == {"Bearer hf_secret"}
        digest, pulled = answer(server, "Let", "pulled")
        assert digest == served.json["digest"]
        assert add(server, "v0", "local")["digest"] == digest
        assert answer(server, "Let", "local") == (digest, pulled)
        server.assert_alive()
        assert server.stop() == 0
        server = None
    finally:
        for one in (hub, elsewhere):
            one.close()
        if server:
            server.stop()
