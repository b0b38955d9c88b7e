"""Starts the built `resa serve` on free loopback ports and hands out clients.

RESA_BIN is the binary, RESA_MODEL the SmolLM2 .gguf; scripts/test.sh sets both.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import openai
import pytest
import scripted_checkpoint

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = ROOT / "adapters"
LORA, SAE = "smollm2-gsm8k-lora", "smollm2-sae"
SAE_LAYER = 14
# Ends for what never happens, no hurry for what does.
START_SECONDS = 600
STOP_SECONDS = 600


def required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.exit(f"set {name}: these tests run the built binary on the default model (see scripts/test.sh)", returncode=2)
    return value


class Reply:
    """A whole HTTP answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        """OpenAI's error object, its shape checked."""
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}, error
        assert error["message"] and error["type"], error
        return error


class Server:
    """One `resa serve` process."""

    def __init__(self, model: str | Path, log: Path, *arguments: str, api_key: str | None = None) -> None:
        self.log, self.api_key = log, api_key
        # What these tests expect of answers was seen with the weights as they are stored.
        weights = [] if "--weights" in arguments else ["--weights", "bf16"]
        # Nor does anything depend on who runs them: the store is theirs.
        store = [] if "--store" in arguments else ["--no-store"]
        command = [required("RESA_BIN"), "serve", *weights, *store, "--model", str(model), "--host", "127.0.0.1", "--port", "0", *arguments]
        if api_key:
            command += ["--api-key", api_key]
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        self.port = self._port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = openai.OpenAI(base_url=f"{self.url}/v1", api_key=api_key or "none", max_retries=0, timeout=600)

    def _port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            text = self.log.read_text(errors="replace")
            if match := re.search(r"http://127\.0\.0\.1:(\d+)", text):
                return int(match[1])
            if self.process.poll() is not None:
                raise RuntimeError(f"resa serve ended with {self.process.returncode}:\n{text}")
            time.sleep(0.05)
        self.process.kill()
        raise RuntimeError(f"resa serve printed no address in {START_SECONDS} s:\n{self.log.read_text(errors='replace')}")

    def request(self, method: str, path: str, body=None, headers: dict | None = None) -> Reply:
        """`body` as bytes goes out untouched, anything else as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        sent = dict(headers or {})
        if self.api_key:
            sent.setdefault("Authorization", f"Bearer {self.api_key}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            try:
                connection.request(method, path, body, sent)
            except (BrokenPipeError, ConnectionResetError):
                # Answered before all was sent. The answer is there all the same.
                pass
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def post(self, path: str, body, headers: dict | None = None) -> Reply:
        return self.request("POST", path, body, headers)

    def get(self, path: str, headers: dict | None = None) -> Reply:
        return self.request("GET", path, headers=headers)

    def metric(self, name: str) -> float:
        """The sum over the samples of one metric of /metrics."""
        text = self.get("/metrics").body.decode()
        samples = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, flags=re.MULTILINE)
        assert samples, f"/metrics has no {name}:\n{text}"
        return sum(map(float, samples))

    def assert_alive(self) -> None:
        assert self.process.poll() is None, f"resa serve died ({self.process.returncode}):\n{self.log.read_text(errors='replace')[-4000:]}"

    def stop(self) -> int:
        """SIGTERM and its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture(scope="session")
def logs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("logs")


def serving(*arguments, **options):
    server = Server(*arguments, **options)
    yield server
    server.assert_alive()
    assert server.stop() == 0, server.log.read_text(errors="replace")[-4000:]


@pytest.fixture(scope="session")
def smollm2(logs):
    """The default model with the repository's adapters."""
    arguments = ["--adapters", str(ADAPTERS), "--allow-adapter-changes", "--context", "2048", "--max-batch", "8", "--threads", "2"]
    yield from serving(required("RESA_MODEL"), logs / "smollm2.log", *arguments)


@pytest.fixture(scope="session")
def scripted(logs, tmp_path_factory):
    """The tiny checkpoint that always says the same."""
    folder = scripted_checkpoint.build(tmp_path_factory.mktemp("scripted") / "scripted")
    yield from serving(folder, logs / "scripted.log", "--threads", "1")


@pytest.fixture(scope="session")
def guarded(logs):
    """One sequence at a time, one waiting, and a key."""
    arguments = ["--context", "1024", "--max-batch", "1", "--max-queue", "1", "--threads", "2"]
    yield from serving(required("RESA_MODEL"), logs / "guarded.log", *arguments, api_key="s3cret")


@pytest.fixture
def server(smollm2):
    """The default model's server, checked to be alive after the test."""
    yield smollm2
    smollm2.assert_alive()


@pytest.fixture
def client(server) -> openai.OpenAI:
    return server.client


@pytest.fixture(scope="session")
def base(smollm2) -> str:
    """The served base model's name."""
    return next(model.id for model in smollm2.client.models.list() if not getattr(model, "parent", None))


@pytest.fixture(scope="session")
def edit() -> dict:
    """The SAE edit that the SAE's manifest names for demonstrations: {"latent", "op", "value"}."""
    shown = json.loads((ADAPTERS / SAE / "manifest.json").read_text())["demo_edit"]
    return {key: shown[key] for key in ("latent", "op", "value")}
