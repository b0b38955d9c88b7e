"""Sixteen streaming clients, each with a LoRA of its own: resa beside llama-server with the same LoRAs, in turn.

usage: many_loras.py RESA [--rounds 3] [--clients 16] [--tokens 24] [--prompt 129] [--rank 32] [--threads 2] [--record FILE]

Needs Linux, what `python3 Benchmarks/compare --prepare` makes, and that environment's Python (~/.cache/resa/compare/python/bin/python).
Builds llama-server from the same sources as the other tools there, and writes random LoRAs on all seven projections, both as PEFT folders in
bf16 and as GGUF. Their numbers are such that bf16 and f16 hold them exactly. Weights are int8 here and Q8_0 there, of one random checkpoint;
both are given a vocabulary in which every token has a text, so that every token is streamed.

A round starts both servers, has every client load its LoRA, and takes two passes of each server, the order changing from round to round:

1. prompts nobody asked before: the time from the first request to the last token, reading the prompts included;
2. the same again. Both servers kept the prompts but for one token, so that what is timed is decoding: all tokens after the first of each client
   over the time in which at least one client was between its first token and its last.

Prints medians and, for the ratio, the median of every round's. With --record, rounds of earlier runs in FILE count too, and those of this one
are added to it.
"""

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "compare")]
import llama_cpp  # noqa: E402
from hot_swaps import Shape, say  # noqa: E402
from workspace import Workspace  # noqa: E402

#: last on the command line, and so what cmake goes by
SERVER_OPTIONS = ["-DLLAMA_BUILD_SERVER=ON", "-DLLAMA_BUILD_UI=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF"]
PASSES = ["whole", "decode"]


def build_server(workspace: Workspace) -> Path:
    """llama-server, built in the tree of the comparison's other tools."""
    llama_cpp.build(workspace)
    binaries, ninja = workspace.root / "build", workspace.tool("ninja")

    def compile_server() -> None:
        source = workspace.root / "src" / "vendor" / "llama.cpp"
        workspace.run(
            "llama.cpp-server",
            [workspace.tool("cmake"), "-S", source, "-B", binaries, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}",
             *llama_cpp.CONFIGURATION, *SERVER_OPTIONS],
        )  # fmt: skip
        workspace.run("llama.cpp-server", [ninja, "-C", binaries, "-j", workspace.jobs, "llama-server"], niceness=10)

    workspace.once("llama.cpp-server", [llama_cpp.SDIST, llama_cpp.CONFIGURATION, SERVER_OPTIONS], compile_server)
    return binaries / "bin" / "llama-server"


class Server:
    """A server on a loopback port, ended when the block is left."""

    def __init__(self, command: list, port: int, health: str, log: Path):
        self.url = f"http://127.0.0.1:{port}"
        with open(log, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(list(map(str, command)), stdout=file, stderr=file, env=os.environ | {"RESA_HOME": str(log.parent / "home")})
        deadline = time.monotonic() + 300
        while True:
            try:
                with urllib.request.urlopen(self.url + health, timeout=5):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise SystemExit(f"{command[0]} did not come up: {log.read_text(errors='replace')[-2000:]}") from None
                time.sleep(0.2)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)

    def stream(self, client: int, prompt: list[int], tokens: int) -> list[float]:
        """When each of the answer's tokens came."""
        request = urllib.request.Request(
            self.url + self.path, json.dumps(self.body(client, prompt, tokens)).encode(), {"Content-Type": "application/json"})
        times: list[float] = []
        try:
            with urllib.request.urlopen(request, timeout=300) as response:
                for line in response:
                    if line.startswith(b"data: {"):
                        times += [time.perf_counter()] * self.count(json.loads(line[6:]))
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{self.path}: {error.code} {error.read()[:500].decode(errors='replace')}") from error
        if len(times) != tokens:
            raise RuntimeError(f"client {client} got {len(times)} tokens, not {tokens}")
        return times


class Resa(Server):
    name, path = "resa", "/v1/completions"

    def __init__(self, args: argparse.Namespace, files: Path, logs: Path):
        port = free_port()
        super().__init__(
            [args.resa, "serve", "--model", files / "model", "--weights", "int8", "--threads", args.threads, "--host", "127.0.0.1", "--port", port,
             "--no-store", "--adapters", files / "peft", "--max-batch", args.clients, "--context", cells(args),
             "--kv-tokens", 2 * args.clients * cells(args)],
            port, "/v1/models", logs / "resa.txt",
        )  # fmt: skip

    def body(self, client: int, prompt: list[int], tokens: int) -> dict:
        return {"prompt": prompt, "adapters": [f"lora-{client:02}"], "max_tokens": tokens, "temperature": 0, "ignore_eos": True, "stream": True}

    def count(self, event: dict) -> int:
        if "error" in event:
            raise RuntimeError(f"in a stream: {event}")
        return sum(choice["text"].count("t") for choice in event["choices"])


class LlamaServer(Server):
    name, path = "llama-server", "/completion"

    def __init__(self, args: argparse.Namespace, binary: Path, files: Path, logs: Path):
        port = free_port()
        loras = ",".join(str(path) for path in sorted(files.glob("lora-*.gguf")))
        super().__init__(
            [binary, "-m", files / "model" / "model.gguf", "-t", args.threads, "-tb", args.threads, "--host", "127.0.0.1", "--port", port,
             "-np", args.clients, "-c", args.clients * cells(args), "--no-kv-unified", "--cache-ram", 0, "-fa", "on", "--lora-init-without-apply",
             "--lora", loras, "--no-ui"],
            port, "/health", logs / "llama-server.txt",
        )  # fmt: skip

    def body(self, client: int, prompt: list[int], tokens: int) -> dict:
        return {"prompt": prompt, "lora": [{"id": client, "scale": 1}], "id_slot": client, "cache_prompt": True, "n_predict": tokens,
                "samplers": ["top_k"], "top_k": 1, "ignore_eos": True, "stream": True}  # fmt: skip

    def count(self, event: dict) -> int:
        if "error" in event:
            raise RuntimeError(f"in a stream: {event}")
        return event.get("content", "").count("t")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cells(args: argparse.Namespace) -> int:
    """What a sequence's context is rounded up to by llama-server."""
    return -(-(args.prompt + args.tokens) // 256) * 256


def ask_all(server: Server, prompts: list[list[int]], tokens: int) -> tuple[float, list[list[float]]]:
    """Every client's stream at once: when the first request left, and when the tokens came."""
    times: list = [RuntimeError("no answer")] * len(prompts)

    def run(client: int) -> None:
        try:
            times[client] = server.stream(client, prompts[client], tokens)
        except Exception as error:
            times[client] = error

    threads = [threading.Thread(target=run, args=(client,)) for client in range(len(prompts))]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for entry in times:
        if isinstance(entry, Exception):
            raise SystemExit(f"{server.name}: {entry}")
    return started, times


def covered(intervals: list[tuple[float, float]]) -> float:
    """Seconds that lie in at least one of the intervals."""
    seconds, end = 0.0, float("-inf")
    for first, last in sorted(intervals):
        seconds += max(0.0, last - max(first, end))
        end = max(end, last)
    return seconds


def measure(server: Server, prompts: list[list[int]], tokens: int) -> dict[str, float]:
    """Tokens a second of both passes."""
    started, times = ask_all(server, prompts, tokens)
    whole = len(prompts) * tokens / (max(each[-1] for each in times) - started)
    _, times = ask_all(server, prompts, tokens)
    return {"whole": whole, "decode": len(prompts) * (tokens - 1) / covered([(each[0], each[-1]) for each in times])}


def round_of(args: argparse.Namespace, binary: Path, files: Path, number: int) -> dict:
    generator = random.Random(number)
    vocabulary = json.loads((files / "model" / "config.json").read_text())["vocab_size"]
    prompts = [[generator.randrange(vocabulary) for _ in range(args.prompt)] for _ in range(args.clients)]
    with tempfile.TemporaryDirectory() as logs, Resa(args, files, Path(logs)) as ours, LlamaServer(args, binary, files, Path(logs)) as peer:
        entry = {}
        for server in [ours, peer][:: 1 if number % 2 else -1]:
            ask_all(server, [[1, 2]] * args.clients, 1)
            entry[server.name] = measure(server, prompts, args.tokens)
            say(f"round {number}: {server.name} " + ", ".join(f"{key} {rate:.1f} tokens/s" for key, rate in entry[server.name].items()))
        return entry


def prepare(args: argparse.Namespace) -> tuple[Path, Path]:
    """llama-server, and the folder with the models and the LoRAs."""
    workspace = Workspace(args.cache, args.jobs)
    binary, files = build_server(workspace), workspace.root / "many-loras"
    checkpoint, quantised = workspace.models / "random-1.5b", workspace.models / "Q8_0.gguf"
    if not quantised.exists():
        raise SystemExit(f"{quantised} is not there: python3 Benchmarks/compare --prepare")

    def write() -> None:
        sys.path.insert(0, str(workspace.root / "src" / "vendor" / "llama.cpp" / "gguf-py"))
        from lora_files import write_lora, write_models

        shutil.rmtree(files, ignore_errors=True)
        (files / "model").mkdir(parents=True)
        (files / "peft").mkdir()
        write_models(checkpoint, quantised, files / "model")
        for client in range(args.clients):
            name = f"lora-{client:02}"
            write_lora(files / "peft" / name, files / f"{name}.gguf", args.peer_lora, Shape(checkpoint), args.rank, seed=client)

    workspace.once("many-loras", [quantised.stat().st_mtime, args.clients, args.rank, args.peer_lora], write)
    return binary, files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("resa", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/resa/compare", help="the comparison's folder (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=24, help="of an answer")
    parser.add_argument("--prompt", type=int, default=129, help="tokens of a prompt (default: blocks of 32 and one more)")
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-lora", default="F16", choices=["F16", "Q8_0"], help="format of llama-server's LoRAs")
    parser.add_argument("--jobs", type=int, default=2, help="processes when building")
    parser.add_argument("--record", type=Path, metavar="FILE", help="rounds of earlier runs, one JSON object a line")
    args = parser.parse_args()

    binary, files = prepare(args)
    entries = [json.loads(line) for line in args.record.read_text().splitlines()] if args.record and args.record.exists() else []
    for _ in range(args.rounds):
        entries.append(round_of(args, binary, files, len(entries) + 1))
        if args.record:
            with open(args.record, "a", encoding="utf-8") as file:
                file.write(json.dumps(entries[-1]) + "\n")

    print(f"| {args.clients} clients, as many LoRAs; tokens/s, {len(entries)} rounds | resa | llama-server | ratio (range) |\n|---|---|---|---|")
    for key in PASSES:
        ours, peer = ([entry[name][key] for entry in entries] for name in (Resa.name, LlamaServer.name))
        ratios = [one / other for one, other in zip(ours, peer)]
        print(f"| {key} | {statistics.median(ours):.1f} | {statistics.median(peer):.1f} | "
              f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) |")  # fmt: skip


if __name__ == "__main__":
    main()
