"""What one client gets from `resa serve`: load time, decode speed against the measured read bandwidth, memory, idle CPU.

usage: one_sequence.py RESA MODEL_FOLDER [--weights bf16] [--threads 2] [--rounds 3] [--tokens 48]

Needs Python 3 and Linux; MODEL_FOLDER is a Hugging Face folder. Every round measures the read bandwidth (`resa doctor --json`), then
decodes, in turn, so that a drift of the machine meets both. Decode speed is timed between the first and the last streamed token. It prints
one JSON object a round and the medians.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path


def multiplied_bytes(folder: Path, bytes_per_weight: int) -> int:
    """Bytes of the weights that every token is multiplied by: all projections and the output head, not the embedding look-up."""
    config = json.loads((folder / "config.json").read_text())
    hidden, layers, ffn = config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    query, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    layer = hidden * (query + 2 * keys) + query * hidden + 3 * hidden * ffn
    return (layers * layer + config["vocab_size"] * hidden) * bytes_per_weight


def resident_bytes(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def decode_rate(url: str, tokens: int) -> float:
    """Tokens a second of one streamed completion, first to last."""
    body = {"prompt": "The quick brown fox", "max_tokens": tokens, "temperature": 0, "ignore_eos": True, "stream": True, "logprobs": 0}
    request = urllib.request.Request(url + "/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    times = []
    with urllib.request.urlopen(request, timeout=300) as response:
        for line in response:
            if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["logprobs"]:
                times.append(time.perf_counter())
    return (len(times) - 1) / (times[-1] - times[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("resa")
    parser.add_argument("model", type=Path)
    parser.add_argument("--weights", default="bf16", choices=["bf16", "f32"])
    parser.add_argument("--threads", default="2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=48)
    args = parser.parse_args()

    started = time.perf_counter()
    server = subprocess.Popen(
        [args.resa, "serve", "--model", args.model, "--weights", args.weights, "--threads", args.threads, "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        for line in server.stdout:
            if match := re.search(r"listening on (http://\S+)", line):
                url = match[1]
                break
        else:
            raise SystemExit("the server ended before it listened")
        print(json.dumps({"ready_seconds": round(time.perf_counter() - started, 2), "rss_gb": round(resident_bytes(server.pid) / 1e9, 3)}))
        per_token = multiplied_bytes(args.model, {"bf16": 2, "f32": 4}[args.weights])
        decode_rate(url, 8)
        ratios, rates = [], []
        for _ in range(args.rounds):
            doctor = json.loads(subprocess.check_output([args.resa, "doctor", "--json", "--threads", args.threads], text=True))
            bandwidth = doctor["read_gigabytes_per_second"] * 1e9
            rates.append(decode_rate(url, args.tokens))
            ratios.append(rates[-1] * per_token / bandwidth)
            print(json.dumps({
                "read_gb_per_second": round(bandwidth / 1e9, 1), "tokens_per_second": round(rates[-1], 2),
                "used_gb_per_second": round(rates[-1] * per_token / 1e9, 1), "of_bandwidth": round(ratios[-1], 3),
            }))  # fmt: skip
        time.sleep(1)
        before = cpu_seconds(server.pid)
        time.sleep(10)
        print(json.dumps({
            "median_tokens_per_second": round(statistics.median(rates), 2), "median_of_bandwidth": round(statistics.median(ratios), 3),
            "idle_cpu_percent": round((cpu_seconds(server.pid) - before) * 10, 2),
            "rss_gb": round(resident_bytes(server.pid) / 1e9, 3), "weights_multiplied_gb": round(per_token / 1e9, 3),
        }))  # fmt: skip
    finally:
        server.terminate()
        server.wait(timeout=60)


if __name__ == "__main__":
    main()
