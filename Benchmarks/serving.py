"""What the whole server adds to the engine: decode over HTTP beside `resa bench model`, time to ready, memory, prefix hits, idle CPU.

usage: serving.py RESA MODEL_FOLDER [--weights int8] [--threads 2] [--rounds 3] [--turns 3] [--clients 16] [--tokens 160] [--prefix 2000]

Needs Python 3 and Linux. Every figure that is compared is taken in turn with the one it is compared with, so that a drift of the machine
meets both; medians count. All clients ask the same short prompt, so that it is read once and what is timed over HTTP is decoding, as in
`bench model`; they all end at --tokens. Prints a table and, with --json, every round.
"""

import argparse
import json
import statistics
import subprocess
import sys
import urllib.request
from pathlib import Path

from resa_server import ResaServer

#: tokens of the prompt that every client asks; `bench model` decodes after as many
CONTEXT = 128


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Server(ResaServer):
    def __init__(self, args: argparse.Namespace):
        super().__init__(
            args.resa, "--model", args.model, "--weights", args.weights, "--threads", args.threads, "--no-store", "--max-batch", args.clients,
            "--context", args.prefix + 256, "--kv-tokens", args.kv_tokens,
        )  # fmt: skip

    def prompt(self) -> str:
        """A text of about CONTEXT tokens."""
        words = 64
        request = urllib.request.Request(
            self.url + "/tokenize", json.dumps({"prompt": "word " * words}).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return "word " * max(round(words * CONTEXT / json.load(response)["count"]), 1)

    def load(self, args: argparse.Namespace, *options: object) -> dict:
        words = [args.resa, "bench", "serve", "--url", self.url, "--endpoint", "completions", "--ignore-eos", "--json", "-", *map(str, options)]
        report = json.loads(subprocess.check_output(words, stderr=subprocess.DEVNULL, text=True))["all"]
        if report["failed"]:
            raise SystemExit(f"{report['failed']} requests failed: {report['errors']}")
        return report


def model_rate(args: argparse.Namespace) -> float:
    """Tokens a second of `bench model` at as many sequences as there are clients."""
    words = [args.resa, "bench", "model", "--model", args.model, "--weights", args.weights, "--threads", args.threads, "--prompt", "0",
             "--batch", str(args.clients), "--tokens", str(args.tokens), "--context", str(CONTEXT), "--rounds", "1", "--json"]  # fmt: skip
    report = json.loads(subprocess.check_output(words, stderr=subprocess.DEVNULL, text=True))
    return report["decode"][0]["tokens_per_second"][0]


def http_rate(args: argparse.Namespace, server: Server) -> float:
    """Tokens a second of all clients together, each streaming one answer, from the first token of each to its last."""
    report = server.load(
        args, "--clients", args.clients, "--requests", args.clients, "--prompt", server.prompt(), "--max-tokens", args.tokens)
    return args.clients * 1000 / report["tpot"]["mean_ms"]


def prefix_times(args: argparse.Namespace, server: Server, seed: int) -> tuple[float, float]:
    """Milliseconds to the first token of a prompt nobody asked before, and of the next with the same first --prefix tokens."""
    report = server.load(
        args, "--clients", 1, "--requests", 2, "--prefix-tokens", args.prefix, "--prefixes", 1, "--prompt-tokens", 16, "--max-tokens", 4,
        "--seed", seed,
    )  # fmt: skip
    return report["ttft"]["max_ms"], report["ttft"]["min_ms"]


def packed_bytes(args: argparse.Namespace) -> tuple[int, int]:
    """Bytes of the packed weights, and of keys and values a token."""
    info = json.loads(subprocess.check_output([args.resa, "info", "--model", args.model, "--json"], text=True))
    kv = info["kv_bytes_per_token"]["f32" if args.weights == "f32" else "bf16"]
    return info["packed_bytes"][args.weights], kv


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("resa")
    parser.add_argument("model", type=Path)
    parser.add_argument("--weights", default="int8", choices=["f32", "bf16", "int8", "int4"])
    parser.add_argument("--threads", default="2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=3, help="turns of decoding over HTTP and in `bench model` a round (default: 3)")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=160, help="of an answer (default: 160)")
    parser.add_argument("--prefix", type=int, default=2000, help="tokens of the shared prompt (default: 2000)")
    parser.add_argument("--kv-tokens", type=int, default=16384)
    parser.add_argument("--json", action="store_true", help="print every round as JSON")
    args = parser.parse_args()

    weights, kv = packed_bytes(args)
    say("the first start packs the weights, unless they are kept already")
    with Server(args) as server:
        http_rate(args, server)
    rounds = []
    for number in range(args.rounds):
        with Server(args) as server:
            entry = {"ready_seconds": server.ready_seconds}
            server.load(args, "--requests", 1, "--prompt", server.prompt(), "--max-tokens", 2)
            turns = [(http_rate(args, server), model_rate(args)) for _ in range(args.turns)]
            entry["http_tokens_per_second"] = statistics.median(http for http, _ in turns)
            entry["model_tokens_per_second"] = statistics.median(model for _, model in turns)
            entry["http_of_model"] = statistics.median(http / model for http, model in turns)
            entry["miss_ms"], entry["hit_ms"] = prefix_times(args, server, seed=number + 1)
            entry["hit_of_miss"] = entry["hit_ms"] / entry["miss_ms"]
            entry["resident_bytes"] = server.resident_bytes
            blocks = server.metric("resa_engine_kv_blocks")
            entry["kv_bytes"] = blocks * server.metric("resa_engine_kv_block_tokens") * kv
            entry["beyond_weights_and_kv_bytes"] = server.resident_bytes - weights - entry["kv_bytes"]
            entry["idle_cpu_percent"] = server.idle_cpu_percent(5)
        rounds.append(entry)
        say(f"round {number + 1} of {args.rounds}: " + ", ".join(f"{name} {value:.4g}" for name, value in entry.items()))
    if args.json:
        print(json.dumps({"packed_bytes": weights, "rounds": rounds}, indent=1))
        return

    def row(name: str, key: str, unit: str, scale: float = 1) -> str:
        values = [entry[key] * scale for entry in rounds]
        return f"| {name} | {statistics.median(values):.4g}{unit} | {min(values):.4g} to {max(values):.4g} |"

    print(f"| {args.weights}, {args.rounds} rounds | median | range |\n|---|---|---|")
    print(row("ready, packed cache in the page cache", "ready_seconds", " s"))
    print(row(f"{args.clients} streaming clients, tokens/s", "http_tokens_per_second", ""))
    print(row(f"`bench model` at batch {args.clients}, tokens/s", "model_tokens_per_second", ""))
    print(row("the one over the other", "http_of_model", ""))
    print(row(f"TTFT of {args.prefix} new tokens", "miss_ms", " ms"))
    print(row("TTFT of the same again", "hit_ms", " ms"))
    print(row("the one over the other", "hit_of_miss", ""))
    print(row("resident memory", "resident_bytes", " GB", 1e-9))
    print(row(f"beyond packed weights ({weights / 1e9:.3f} GB) and all KV blocks", "beyond_weights_and_kv_bytes", " GB", 1e-9))
    print(row("CPU of the idle server", "idle_cpu_percent", " %"))


if __name__ == "__main__":
    main()
