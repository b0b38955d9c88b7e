"""What `soak.py` asks, and what of an answer is the same every time."""

import http.client
import json
import shutil
import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

KEY = "soak"
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
PROMPTS = ["The little boat sailed", "Tom has 5 apples and", "Let me think: first"]
# What may be answered to a request that is in order: it was computed, or there was no place for it.
EXPECTED = {200, 429, 503}


class Failure(Exception):
    """An answer that should not have been."""


class Client:
    """Asks one server, one connection a request."""

    def __init__(self, url: str) -> None:
        self.address = (urlsplit(url).hostname, urlsplit(url).port)

    def ask(self, method: str, path: str, body: dict | None = None, headers: dict | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self.address, timeout=300)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), HEADERS | (headers or {}))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def open(self, sent: bytes, receive_buffer: int | None = None) -> socket.socket:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(60)
        try:
            connection.connect(self.address)
            connection.sendall(sent)
        except OSError:
            connection.close()
            raise
        return connection


def raw(path: str, body: dict, extra: str = "") -> bytes:
    data = json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n{extra}Content-Length: {len(data)}\r\n\r\n".encode() + data


def questions(tokens: int, edit: dict) -> list[tuple[str, dict]]:
    """Paths and bodies whose answers are known once they were given once: every kind of adapter, greedy and drawn."""
    sae = {"name": "smollm2-sae", "layer": edit["layer"]}
    one = {"latent": edit["latent"], "op": edit["op"], "value": edit["value"]}
    adapters = [
        [], ["smollm2-gsm8k-lora"], [{"name": "smollm2-resa-lora", "scale": 0.5}], [sae | {"mode": "splice"}], [sae | {"mode": "observe", "top": 4}],
        [sae | {"mode": "edit", "edits": [one]}], ["soak-vector"], ["smollm2-gsm8k-lora", sae | {"mode": "edit", "edits": [one]}],
    ]  # fmt: skip
    fixed = {"max_tokens": tokens, "ignore_eos": True}
    found: list[tuple[str, dict]] = []
    for number, chosen in enumerate(adapters):
        prompt = PROMPTS[number % len(PROMPTS)]
        drawn = {"temperature": 0} if number % 2 else {"temperature": 0.8, "seed": 1000 + number}
        found.append(("/v1/completions", fixed | drawn | {"prompt": prompt, "adapters": chosen, "logprobs": 2}))
        found.append(("/v1/chat/completions", fixed | drawn | {"messages": [{"role": "user", "content": prompt}], "adapters": chosen, "logprobs": True}))
    found.append(("/v1/completions", fixed | {"prompt": PROMPTS, "n": 2, "temperature": 0.7, "seed": 7, "logprobs": 0}))
    found.append(("/v1/compare", {"prompt": PROMPTS[1], "max_tokens": tokens, "temperature": 0, "variants": adapters[:3]}))
    found.append(("/v1/features", {"prompt": PROMPTS[0], "top": 4}))
    found.append(("/tokenize", {"prompt": " ".join(PROMPTS)}))
    found.append(("/detokenize", {"tokens": list(range(100, 200))}))
    return found


#: differs from request to request: ids, times, and what was found in the cache and so was not computed again
PASSING = {"id", "created", "usage", "prompt_fvu", "prompt_fvu_tokens"}


def essence(value):
    """An answer without what differs from request to request."""
    if isinstance(value, dict):
        return {key: essence(entry) for key, entry in value.items() if key not in PASSING}
    return [essence(entry) for entry in value] if isinstance(value, list) else value


def difference(found, wanted, place: str = "") -> str:
    """The first place at which two answers differ; empty when they do not."""
    if isinstance(found, dict) and isinstance(wanted, dict) and found.keys() == wanted.keys():
        return next(filter(None, (difference(found[key], wanted[key], f"{place}.{key}") for key in wanted)), "")
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return next(filter(None, (difference(*pair, f"{place}[{index}]") for index, pair in enumerate(zip(found, wanted)))), "")
    return "" if found == wanted else f"{place or 'the answer'} is {found!r:.200}, not {wanted!r:.200}"


def streamed(data: bytes) -> dict[int, tuple[str, list]]:
    """Text and log-probabilities of every choice of a stream; a failure when the stream does not end as it should."""
    if not data.endswith(b"data: [DONE]\n\n"):
        raise Failure(f"a stream without its end: ...{data[-200:]!r}")
    choices: dict[int, tuple[str, list]] = {}
    for line in data.split(b"\n"):
        if not line.startswith(b"data: {"):
            continue
        for choice in json.loads(line[6:]).get("choices", []):
            text, numbers = choices.setdefault(choice["index"], ("", []))
            text += choice.get("text") or (choice.get("delta") or {}).get("content") or ""
            choices[choice["index"]] = text, numbers + probabilities(choice)
    return choices


def probabilities(choice: dict) -> list:
    found = choice.get("logprobs") or {}
    return found.get("token_logprobs") or [entry["logprob"] for entry in found.get("content") or []]


def whole(answer: dict) -> dict[int, tuple[str, list]]:
    return {
        choice["index"]: (choice.get("text") or (choice.get("message") or {}).get("content") or "", probabilities(choice)) for choice in answer["choices"]
    }


def swap_question(name: str, number: int) -> dict:
    return {"prompt": PROMPTS[number % len(PROMPTS)], "adapters": [name], "max_tokens": 8, "temperature": 0, "ignore_eos": True, "logprobs": 0}


class Versions:
    """LoRAs of one shape that say different things: one file's numbers with other signs."""

    def __init__(self, source: Path, scratch: Path, count: int = 4) -> None:
        self.folders = []
        data = (source / "adapter_model.safetensors").read_bytes()
        start = 8 + struct.unpack("<Q", data[:8])[0]
        size = 2 if b'"BF16"' in data[:start] or b'"F16"' in data[:start] else 4
        for number in range(count):
            folder = scratch / f"v{number}"
            folder.mkdir(parents=True)
            shutil.copyfile(source / "adapter_config.json", folder / "adapter_config.json")
            numbers = bytearray(data)
            if number:
                # Not all of them: of both factors they would cancel.
                signs = bytes(byte ^ 0x80 for byte in range(256))
                place = slice(start + size - 1, None, size * (number + 1))
                numbers[place] = bytes(numbers[place]).translate(signs)
            (folder / "adapter_model.safetensors").write_bytes(numbers)
            self.folders.append(folder)
