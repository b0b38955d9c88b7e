"""Adapters that come and go under load: hot swaps beside streaming clients, a store of hundreds, cold adapters beside warm ones.

usage: hot_swaps.py RESA MODEL_FOLDER [--weights int8] [--threads 2] [--clients 16] [--swaps 1000] [--rate 10] [--stored 500] [--resident 8]

Needs Python 3 and Linux, and disk for four LoRAs of rank --rank (and four times that in --scratch, when it is not on the same disk).

1. --clients stream answers from one adapter's name, first without swaps and then while its name is made to mean another of four LoRAs --swaps
   times, --rate a second. Every answer is compared with what its version answers alone; the times between tokens of both phases are compared.
2. A store of --stored adapters, of which --resident fit into memory: the time to list them, to the first request of a server with and
   without them, and what a server with them does while nobody asks anything.
3. The first token of adapters that are on disk beside that of the same adapters once they are in memory.

Prints a table and, with --json, everything measured. Ends with 1 when an answer was wrong; times only show.
"""

import argparse
import hashlib
import json
import math
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from resa_server import ResaServer

VERSIONS = 4
PROMPTS = ["The little boat sailed", "Tom has 5 apples and", "In a town by the sea", "Let me think: first"]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Shape:
    """The projections of a checkpoint, [outputs, inputs] each."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        hidden, heads, ffn = config["hidden_size"], config["num_attention_heads"], config["intermediate_size"]
        head = config.get("head_dim") or hidden // heads
        queries, keys = heads * head, config.get("num_key_value_heads", heads) * head
        self.layers = config["num_hidden_layers"]
        self.projections = {
            "self_attn.q_proj": (queries, hidden), "self_attn.k_proj": (keys, hidden), "self_attn.v_proj": (keys, hidden),
            "self_attn.o_proj": (hidden, queries), "mlp.gate_proj": (ffn, hidden), "mlp.up_proj": (ffn, hidden), "mlp.down_proj": (hidden, ffn),
        }  # fmt: skip


def write_lora(path: Path, shape: Shape, rank: int, seed: int, dtype: str) -> None:
    """Random factors of magnitude 2^-9 to 2^-7: enough to change what is said."""
    size = {"bf16": 2, "f32": 4}[dtype]
    entries, start = {}, 0
    for layer in range(shape.layers):
        for module, (outputs, inputs) in shape.projections.items():
            for factor, dimensions in (("A", [rank, inputs]), ("B", [outputs, rank])):
                end = start + size * math.prod(dimensions)
                entries[f"base_model.model.model.layers.{layer}.{module}.lora_{factor}.weight"] = {
                    "dtype": dtype.upper(), "shape": dimensions, "data_offsets": [start, end]}  # fmt: skip
                start = end
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    generator, signs = random.Random(seed), bytes(0x3B if value < 128 else 0xBB for value in range(256))
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        while start > 0:
            portion = bytearray(generator.randbytes(min(start, 4 << 20)))
            portion[size - 1 :: size] = bytes(portion[size - 1 :: size]).translate(signs)
            file.write(portion)
            start -= len(portion)


def config_text(rank: int, alpha: float) -> bytes:
    modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return json.dumps({"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": modules}).encode()


class Server(ResaServer):
    def __init__(self, args: argparse.Namespace, home: Path, *options: object) -> None:
        super().__init__(
            args.resa, "--model", args.model, "--weights", args.weights, "--threads", args.threads, "--max-batch", args.clients,
            "--context", 512, "--kv-tokens", args.clients * (args.tokens + 128), *options, environment={"RESA_HOME": str(home)},
        )  # fmt: skip

    def open(self, path: str, body: dict | None = None, method: str | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            return urllib.request.urlopen(request, timeout=300)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.code} {error.read()[:500].decode(errors='replace')}") from error

    def add(self, source: Path, name: str) -> str:
        with self.open("/v1/adapters", {"source": str(source), "name": name}) as response:
            return json.load(response)["digest"]

    def stream(self, prompt: str, adapter: str, tokens: int) -> "Stream":
        body = {"prompt": prompt, "adapters": [adapter], "max_tokens": tokens, "temperature": 0, "ignore_eos": True, "stream": True, "logprobs": 0}
        sent = time.perf_counter()
        result = Stream()
        with self.open("/v1/completions", body) as response:
            for line in response:
                if not line.startswith(b"data: {"):
                    continue
                chunk = json.loads(line[6:])
                if "error" in chunk:
                    raise RuntimeError(f"in a stream: {chunk}")
                for applied in chunk.get("resa", {}).get("applied", []):
                    result.digest = applied["digest"]
                for choice in chunk["choices"]:
                    if choice.get("logprobs"):
                        result.numbers.append((choice["logprobs"]["tokens"], choice["logprobs"]["token_logprobs"]))
                        result.times.append(time.perf_counter())
        if not result.times:
            raise RuntimeError("a stream without tokens")
        result.first = result.times[0] - sent
        return result


class Stream:
    """One streamed answer: what it said and when."""

    def __init__(self) -> None:
        self.digest, self.first = "", 0.0
        self.numbers: list = []
        self.times: list[float] = []

    @property
    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.times, self.times[1:])]


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Load:
    """Clients that stream one answer after the other until they are told to stop."""

    def __init__(self, server: Server, args: argparse.Namespace, wanted: dict) -> None:
        self.server, self.args, self.wanted = server, args, wanted
        self.stopped, self.lock = threading.Event(), threading.Lock()
        self.streams: list[Stream] = []
        self.problems: list[str] = []
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(args.clients)]
        for thread in self.threads:
            thread.start()

    def run(self, number: int) -> None:
        count = number
        while not self.stopped.is_set():
            prompt = PROMPTS[count % len(PROMPTS)]
            count += 1
            try:
                stream = self.server.stream(prompt, "swap", self.args.tokens)
                problem = "" if self.wanted.get((stream.digest, prompt)) == stream.numbers else f"an answer that no version gives ({stream.digest})"
            except Exception as error:
                stream, problem = None, f"{type(error).__name__}: {error}"
            with self.lock:
                if stream:
                    self.streams.append(stream)
                if problem:
                    self.problems.append(problem)

    def end(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def report(self, seconds: float) -> dict:
        gaps = [gap for stream in self.streams for gap in stream.gaps]
        return {
            "seconds": seconds, "answers": len(self.streams), "versions": len({stream.digest for stream in self.streams}),
            "problems": self.problems[:5], "problem_count": len(self.problems), "tokens_per_second": len(gaps) / seconds,
            "gap_p50_ms": 1000 * quantile(gaps, 0.5), "gap_p99_ms": 1000 * quantile(gaps, 0.99), "gap_max_ms": 1000 * max(gaps),
            "first_p50_ms": 1000 * quantile([stream.first for stream in self.streams], 0.5),
        }  # fmt: skip


def swaps(args: argparse.Namespace, versions: list[Path], home: Path) -> dict:
    options = ["--no-store", "--allow-adapter-changes", "--allow-adapters-from", versions[0].parent]
    with Server(args, home, *options) as server:
        wanted = {}
        for version in versions:
            digest = server.add(version, "swap")
            for prompt in PROMPTS:
                wanted[digest, prompt] = server.stream(prompt, "swap", args.tokens).numbers
        if len({str(numbers) for numbers in wanted.values()}) < len(wanted):
            raise SystemExit("two versions answer alike: nobody could tell a mixture of them")
        planned = args.swaps / args.rate

        say(f"hot_swaps: {args.clients} clients without swaps, {planned:.0f} s")
        started = time.perf_counter()
        load = Load(server, args, wanted)
        time.sleep(min(planned, args.limit))
        load.end()
        calm = load.report(time.perf_counter() - started)

        say(f"hot_swaps: the same with {args.swaps} swaps, {args.rate} a second")
        started, times = time.perf_counter(), []
        load = Load(server, args, wanted)
        for swap in range(args.swaps):
            wait = started + swap / args.rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            if time.perf_counter() - started > args.limit:
                break
            asked = time.perf_counter()
            server.add(versions[swap % len(versions)], "swap")
            times.append(time.perf_counter() - asked)
        load.end()
        busy = load.report(time.perf_counter() - started)
        return {
            "without": calm, "with": busy, "swaps": len(times), "swap_p50_ms": 1000 * quantile(times, 0.5), "swap_p99_ms": 1000 * quantile(times, 0.99),
            "p99_ratio": busy["gap_p99_ms"] / calm["gap_p99_ms"], "load_failures": server.metric("resa_adapter_load_failures_total"),
        }  # fmt: skip


def fill_store(args: argparse.Namespace, versions: list[Path], home: Path) -> list[str]:
    """Adds one adapter for each file of tensors, then further names with configs of their own over the same tensors."""
    names, manifests = [], []
    for version in versions:
        name = f"stored-{len(names):03}"
        subprocess.run([args.resa, "adapters", "add", str(version), "--name", name], check=True, stdout=subprocess.DEVNULL, env=os.environ | {"RESA_HOME": str(home)})
        manifests.append(json.loads((home / "manifests" / name / "latest.json").read_text()))
        names.append(name)
    while len(names) < args.stored:
        manifest = json.loads(json.dumps(manifests[len(names) % len(manifests)]))
        config = config_text(args.rank, args.rank * (1 + len(names) / 1000))
        digest = hashlib.sha256(config).hexdigest()
        (home / "blobs" / f"sha256-{digest}").write_bytes(config)
        for file in manifest["files"]:
            if file["path"] == "adapter_config.json":
                file["sha256"], file["size"] = digest, len(config)
        name = f"stored-{len(names):03}"
        (home / "manifests" / name).mkdir()
        (home / "manifests" / name / "latest.json").write_text(json.dumps(manifest, separators=(",", ":")))
        names.append(name)
    return names


def store(args: argparse.Namespace, versions: list[Path], home: Path) -> dict:
    names = fill_store(args, versions, home)
    listing = []
    for _ in range(args.rounds + 1):
        started = time.perf_counter()
        shown = subprocess.run(
            [args.resa, "adapters", "list", "--json"], check=True, capture_output=True, env=os.environ | {"RESA_HOME": str(home)})  # fmt: skip
        listing.append(time.perf_counter() - started)
    usable = sum(entry.get("error") is None for entry in json.loads(shown.stdout))
    if usable != args.stored:
        raise SystemExit(f"{usable} of {args.stored} stored adapters can be used")
    ready, idle = {"--no-store": [], "--store": []}, []
    for _ in range(args.rounds):
        for option, seconds in ready.items():
            with Server(args, home, option) as server:
                seconds.append(server.ready_seconds)
                if option == "--store":
                    idle.append(server.idle_cpu_percent(10))

    with Server(args, home, "--adapter-memory", 1 << 20) as server:
        server.stream(PROMPTS[0], names[0], 2)
        size = server.metric("resa_adapter_memory_bytes")
    memory = math.ceil(args.resident * size / (1 << 20))
    cold, warm = [], []
    with Server(args, home, "--adapter-memory", memory) as server:
        # Two prompts of equal length: neither finds the other's in the prefix cache.
        for name in random.Random(5).sample(names, min(args.cold, len(names))):
            cold.append(server.stream(PROMPTS[0], name, 2).first)
            warm.append(server.stream(PROMPTS[0] + " on", name, 2).first)
        loads, seconds = server.metric("resa_adapter_loads_total"), server.metric("resa_adapter_load_seconds_total")
        evictions, taken = server.metric("resa_adapter_evictions_total"), server.metric("resa_adapter_memory_bytes")
    return {
        "stored": len(names), "list_first_seconds": listing[0], "list_seconds": statistics.median(listing[1:]),
        "ready_without_seconds": statistics.median(ready["--no-store"]), "ready_with_seconds": statistics.median(ready["--store"]),
        "idle_cpu_percent": statistics.median(idle), "adapter_bytes": size, "memory_limit_mib": memory, "memory_taken_mib": taken / (1 << 20), "evictions": evictions,
        "cold_first_ms": 1000 * statistics.median(cold), "warm_first_ms": 1000 * statistics.median(warm),
        "cold_minus_warm_p50_ms": 1000 * statistics.median(c - w for c, w in zip(cold, warm)),
        "cold_minus_warm_max_ms": 1000 * max(c - w for c, w in zip(cold, warm)), "mean_load_ms": 1000 * seconds / max(loads, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("resa")
    parser.add_argument("model", help="a Hugging Face folder")
    parser.add_argument("--weights", default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=32, help="of an answer")
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--dtype", choices=["bf16", "f32"], default="bf16", help="of the files' numbers")
    parser.add_argument("--swaps", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=10, help="swaps a second")
    parser.add_argument("--stored", type=int, default=500)
    parser.add_argument("--resident", type=int, default=8, help="adapters that fit into memory")
    parser.add_argument("--cold", type=int, default=24, help="cold adapters asked")
    parser.add_argument("--rounds", type=int, default=3, help="starts of each kind")
    parser.add_argument("--limit", type=float, default=240, help="seconds that each phase of the swaps may take")
    parser.add_argument("--scratch", help="where to make files (default: the system's place for temporary ones)")
    parser.add_argument("--only", choices=["swaps", "store"])
    parser.add_argument("--json", metavar="FILE", help="write everything measured there")
    args = parser.parse_args()

    scratch = Path(tempfile.mkdtemp(prefix="resa-swaps-", dir=args.scratch))
    result: dict = {"arguments": vars(args)}
    try:
        shape, versions = Shape(Path(args.model)), []
        for version in range(VERSIONS):
            folder = scratch / "versions" / f"v{version}"
            folder.mkdir(parents=True)
            (folder / "adapter_config.json").write_bytes(config_text(args.rank, args.rank))
            write_lora(folder / "adapter_model.safetensors", shape, args.rank, version, args.dtype)
            versions.append(folder)
        result["file_bytes"] = (versions[0] / "adapter_model.safetensors").stat().st_size
        if args.only != "store":
            result["swaps"] = swaps(args, versions, scratch / "none")
        if args.only != "swaps":
            result["store"] = store(args, versions, scratch / "home")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

    print(f"adapters of {result['file_bytes'] / 1e6:.1f} MB, rank {args.rank}, {args.dtype}")
    wrong = 0
    if found := result.get("swaps"):
        wrong = found["without"]["problem_count"] + found["with"]["problem_count"]
        for phase in ("without", "with"):
            row = found[phase]
            print(
                f"{phase:>8} swaps: {row['answers']} answers of {row['versions']} versions, {row['problem_count']} wrong, {row['tokens_per_second']:.1f} tokens/s, "
                f"between tokens p50 {row['gap_p50_ms']:.0f}, p99 {row['gap_p99_ms']:.0f}, most {row['gap_max_ms']:.0f} ms, first token {row['first_p50_ms']:.0f} ms"
            )
        print(f"{found['swaps']} swaps, each {found['swap_p50_ms']:.0f} ms (p99 {found['swap_p99_ms']:.0f}); p99 between tokens x {found['p99_ratio']:.2f} (wanted <= 2)")
        for problem in found["without"]["problems"] + found["with"]["problems"]:
            print(f"  {problem}")
    if found := result.get("store"):
        print(
            f"{found['stored']} stored: listed in {found['list_seconds']:.2f} s (first time {found['list_first_seconds']:.2f}); ready in "
            f"{found['ready_with_seconds']:.2f} s, without them {found['ready_without_seconds']:.2f} (wanted: less than 1 s more); idle "
            f"{found['idle_cpu_percent']:.1f} % of a processor"
        )
        print(
            f"first token of a cold one {found['cold_first_ms']:.0f} ms, of a warm one {found['warm_first_ms']:.0f}; difference p50 "
            f"{found['cold_minus_warm_p50_ms']:.0f}, most {found['cold_minus_warm_max_ms']:.0f} ms (wanted <= 200); a load {found['mean_load_ms']:.0f} ms "
            f"(wanted <= 50); {found['memory_taken_mib']:.0f} of {found['memory_limit_mib']} MiB, {found['evictions']:.0f} evictions"
        )
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
