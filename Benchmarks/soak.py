"""One server for as long as you like under everything at once; then everybody leaves, and it must be as it was.

usage: soak.py RESA MODEL.gguf [--minutes 60] [--clients 12] [--leaving 4] [--slow 6] [--adapters adapters] [--seed 1] [--csv FILE] [--json FILE]

Needs Python 3, Linux, the default model and this repository's adapters. Beside whole answers and streams with every kind of adapter come hang-ups
at any stage, readers that dawdle or never read, bodies that trickle, answers given before their bodies, junk, and adapters that are swapped, loaded,
unloaded and overwritten. Every complete answer is compared with the first one that was given to its question, alone.

Prints a line every --every seconds: requests, memory, descriptors, threads, what waits and runs (--csv keeps them). At the end, with nobody connected:

- nothing waits or runs, no block of the KV cache is in use, descriptors and threads are those of the beginning,
- memory has not grown over the second half by more than --growth MiB (its slope is shown),
- an idle server takes less than --idle per cent of a processor, all questions are answered as at first, and SIGTERM ends it.

Ends with 1 when any of that does not hold, or an answer was wrong. Ends with 2 when the server died.
"""

import argparse
import csv
import json
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from resa_server import ResaServer
from soak_answers import KEY, PROMPTS, Client, Versions, difference, essence, questions, swap_question, whole
from soak_traffic import Traffic

#: Of /metrics; all of them are 0 when nobody asks anything.
IDLE = [
    "resa_engine_waiting_requests", "resa_engine_running_sequences", "resa_engine_clients", "resa_engine_kv_blocks_used", "resa_generations_in_flight",
]  # fmt: skip
HIDDEN = 576


def write_vector(folder: Path) -> None:
    """A steering vector of random numbers."""
    folder.mkdir()
    generator = random.Random(3)
    header = json.dumps({"vector": {"dtype": "F32", "shape": [HIDDEN], "data_offsets": [0, 4 * HIDDEN]}}).encode()
    numbers = struct.pack(f"<{HIDDEN}f", *(generator.gauss(0, 0.2) for _ in range(HIDDEN)))
    (folder / "vector.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + numbers)
    (folder / "steering.json").write_text(json.dumps({"hookpoint": "layers.12", "scale": 2.0}))


class Server(ResaServer):
    def __init__(self, args: argparse.Namespace, scratch: Path) -> None:
        options = [
            "--model", args.model, "--no-store", "--adapters", scratch / "adapters", "--allow-adapter-changes", "--allow-adapters-from", scratch / "versions",
            "--threads", args.threads, "--context", 512, "--max-batch", 8, "--kv-tokens", 3072, "--max-queue", 64, "--max-connections", 256,
            "--adapter-memory", 64, "--adapter-watch", 0.5, "--adapter-settle", 0.2, "--body-timeout", 10, "--idle-timeout", 15, "--residual-cache", 32,
            "--api-key", KEY, "--log-level", "error",
        ]  # fmt: skip
        known = subprocess.run([args.resa, "serve", "--help"], capture_output=True, text=True, check=True).stdout
        if "--write-timeout" in known:
            options += ["--write-timeout", 5]
        self.log = scratch / "log"
        super().__init__(args.resa, *options, log=self.log)
        self.client = Client(self.url)

    def sample(self) -> dict:
        asked = time.monotonic()
        status, data = self.client.ask("GET", "/metrics")
        answered = 1000 * (time.monotonic() - asked)
        if status != 200:
            raise SystemExit(f"/metrics: {status}")
        values = dict(line.rsplit(" ", 1) for line in data.decode().splitlines() if line.startswith("resa_") and "{" not in line)
        process = Path(f"/proc/{self.process.pid}")
        found = {"rss_mib": round(self.resident_bytes / 2**20, 1), "descriptors": len(list((process / "fd").iterdir())), "threads": len(list((process / "task").iterdir())), "metrics_ms": round(answered)}
        return found | {name.removeprefix("resa_"): float(values.get(name, "nan")) for name in IDLE}


def first_answers(server: Server, args: argparse.Namespace, edit: dict, versions: Versions) -> tuple[dict, dict]:
    """Every question once, with nobody else there."""
    known, swapped = {}, {}
    for number, (path, body) in enumerate(questions(args.tokens, edit)):
        status, data = server.client.ask("POST", path, body)
        if status != 200:
            raise SystemExit(f"{path} {json.dumps(body)}: {status} {data[:500]!r}")
        known[number] = path, body, essence(json.loads(data))
    for version in versions.folders:
        status, data = server.client.ask("POST", "/v1/adapters", {"source": str(version), "name": "swap"})
        if status != 200:
            raise SystemExit(f"swap: {status} {data[:500]!r}")
        for number in range(len(PROMPTS)):
            status, data = server.client.ask("POST", "/v1/completions", swap_question("swap", number))
            answer = json.loads(data)
            swapped[answer["resa"]["applied"][0]["digest"], number] = whole(answer)
    if len(swapped) != len(versions.folders) * len(PROMPTS) or len({str(answer) for answer in swapped.values()}) < len(swapped):
        raise SystemExit("two versions answer alike: nobody could tell a mixture of them")
    return known, swapped


def slope(samples: list[tuple[float, float]]) -> float:
    """MiB an hour, by least squares."""
    if len(samples) < 3:
        return 0.0
    times, sizes = [time for time, _ in samples], [size for _, size in samples]
    middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
    below = sum((time - middle) ** 2 for time in times)
    return 3600 * sum((time - middle) * (size - mean) for time, size in samples) / below if below else 0.0


def settled(server: Server, before: dict, args: argparse.Namespace) -> tuple[dict, float]:
    """The first sample in which everything is as it was before, or the last one that was waited for."""
    started = time.monotonic()
    while True:
        now = server.sample()
        idle = all(now[name.removeprefix("resa_")] == 0 for name in IDLE)
        done = idle and now["descriptors"] <= before["descriptors"] + 2 and now["threads"] <= before["threads"] + args.spare_threads
        if done or time.monotonic() - started > args.settle:
            return now, time.monotonic() - started
        time.sleep(0.5)


def run(args: argparse.Namespace, scratch: Path) -> dict:
    source = Path(args.adapters)
    versions = Versions(source / "smollm2-gsm8k-lora", scratch / "versions")
    shutil.copytree(source, scratch / "adapters", ignore=shutil.ignore_patterns("*.md"))
    write_vector(scratch / "adapters" / "soak-vector")
    shutil.copytree(versions.folders[0], scratch / "adapters" / "soak-folder")
    edit = json.loads((source / "smollm2-sae" / "manifest.json").read_text())["demo_edit"]
    wrong: list[str] = []
    server = Server(args, scratch)
    try:
        known, swapped = first_answers(server, args, edit, versions)
        before = server.sample()
        print(f"alone: {before}", flush=True)
        traffic = Traffic(server.url, known, args.seed, swapped, versions, scratch / "adapters" / "soak-folder")
        samples, started = [], time.monotonic()
        traffic.start(args.clients, args.leaving, args.slow)
        while (elapsed := time.monotonic() - started) < 60 * args.minutes:
            time.sleep(min(args.every, 60 * args.minutes - elapsed + 0.01))
            if server.process.poll() is not None:
                print("\n".join([f"the server died: {server.process.returncode}", *traffic.problems[:20], server.log.read_text(errors="replace")[-8000:]]))
                raise SystemExit(2)
            row = {"seconds": round(time.monotonic() - started), "requests": sum(traffic.done.values()), "wrong": len(traffic.problems)} | server.sample()
            samples.append(row)
            print(", ".join(f"{name.removeprefix('engine_')} {value:g}" for name, value in row.items()), flush=True)
        traffic.end(args.settle)
        after, waited = settled(server, before, args)
        wrong += [f"{name} {after[name]:g} with nobody there" for name in (name.removeprefix("resa_") for name in IDLE) if after[name] != 0]
        if after["descriptors"] > before["descriptors"] + 2:
            wrong.append(f"{after['descriptors']} descriptors, {before['descriptors']} at the beginning")
        if after["threads"] > before["threads"] + args.spare_threads:
            wrong.append(f"{after['threads']} threads, {before['threads']} at the beginning")
        half = [(row["seconds"], row["rss_mib"]) for row in samples[len(samples) // 2 :]]
        growth = slope(half)
        grown = growth * (half[-1][0] - half[0][0]) / 3600
        if grown > args.growth:
            wrong.append(f"memory grew by {grown:.1f} MiB over the second half")
        idle = server.idle_cpu_percent(args.idle_seconds)
        if idle > args.idle:
            wrong.append(f"{idle:.1f} % of a processor with nobody there")
        for path, body, wanted in known.values():
            status, data = server.client.ask("POST", path, body)
            found = difference(essence(json.loads(data)), wanted) if status == 200 else f"{status} {data[:300]!r}"
            if found:
                wrong.append(f"at the end, {path} {json.dumps(body)[:300]}: {found}")
        asked = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(args.settle)
        ended = time.monotonic() - asked
        if status != 0:
            wrong.append(f"exit status {status}")
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
    return {
        "requests": dict(sorted(traffic.done.items())), "samples": samples, "before": before, "after": after, "settled_seconds": waited,
        "slope_mib_per_hour": growth, "grown_mib": grown, "idle_cpu_percent": idle, "end_seconds": ended, "problems": traffic.problems[:20] + wrong,
        "problem_count": len(traffic.problems) + len(wrong),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("resa")
    parser.add_argument("model", help="SmolLM2-135M-Instruct.Q4_1.gguf, which the adapters are made for")
    parser.add_argument("--adapters", default=Path(__file__).resolve().parents[1] / "adapters")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--leaving", type=int, default=4, help="clients that only hang up, one time after the other")
    parser.add_argument("--slow", type=int, default=6, help="clients that dawdle")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=12, help="of an answer that is compared")
    parser.add_argument("--every", type=float, default=10, help="seconds between samples")
    parser.add_argument("--settle", type=float, default=60, help="seconds that what is left of the load may take to go")
    parser.add_argument("--growth", type=float, default=24, help="MiB that memory may grow by over the second half")
    parser.add_argument("--spare-threads", type=int, default=8, help="threads of pools that begin when they are first needed")
    parser.add_argument("--idle", type=float, default=5, help="per cent of a processor that an idle server may take")
    parser.add_argument("--idle-seconds", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", metavar="FILE", help="write the samples there")
    parser.add_argument("--json", metavar="FILE", help="write everything there")
    args = parser.parse_args()

    scratch = Path(tempfile.mkdtemp(prefix="resa-soak-"))
    try:
        result = run(args, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if args.csv and result["samples"]:
        with open(args.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, list(result["samples"][0]))
            writer.writeheader()
            writer.writerows(result["samples"])
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=2) + "\n")
    for name, count in result["requests"].items():
        print(f"{count:8} {name}")
    print(
        f"after {result['settled_seconds']:.1f} s: {result['after']}\nmemory {result['slope_mib_per_hour']:+.1f} MiB an hour over the second half "
        f"({result['grown_mib']:+.1f} MiB), idle {result['idle_cpu_percent']:.1f} % of a processor, ended in {result['end_seconds']:.1f} s"
    )
    for problem in result["problems"]:
        print(f"wrong: {problem}")
    print(f"{result['problem_count']} wrong")
    if result["problem_count"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
