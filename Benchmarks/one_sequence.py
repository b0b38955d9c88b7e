"""What one client gets from `resa serve`: load time, decode speed against the measured read bandwidth, memory, idle CPU.

usage: one_sequence.py RESA MODEL_FOLDER [--weights bf16] [--threads 2] [--rounds 3] [--tokens 48]

Needs Python 3 and Linux; MODEL_FOLDER is a Hugging Face folder. Every round measures the read bandwidth (`resa doctor --json`), then
decodes, in turn, so that a drift of the machine meets both. Decode speed is timed between the first and the last streamed token. It prints
one JSON object a round and the medians.
"""

import argparse
import json
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

from resa_server import ResaServer


def multiplied_bytes(folder: Path, bytes_per_weight: int) -> int:
    """Bytes of the weights that every token is multiplied by: all projections and the output head, not the embedding look-up."""
    config = json.loads((folder / "config.json").read_text())
    hidden, layers, ffn = config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    query, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    layer = hidden * (query + 2 * keys) + query * hidden + 3 * hidden * ffn
    return (layers * layer + config["vocab_size"] * hidden) * bytes_per_weight


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

    with ResaServer(args.resa, "--model", args.model, "--weights", args.weights, "--threads", args.threads) as server:
        print(json.dumps({"ready_seconds": round(server.ready_seconds, 2), "rss_gb": round(server.resident_bytes / 1e9, 3)}))
        per_token = multiplied_bytes(args.model, {"bf16": 2, "f32": 4}[args.weights])
        decode_rate(server.url, 8)
        ratios, rates = [], []
        for _ in range(args.rounds):
            doctor = json.loads(subprocess.check_output([args.resa, "doctor", "--json", "--threads", args.threads], text=True))
            bandwidth = doctor["read_gigabytes_per_second"] * 1e9
            rates.append(decode_rate(server.url, args.tokens))
            ratios.append(rates[-1] * per_token / bandwidth)
            print(json.dumps({
                "read_gb_per_second": round(bandwidth / 1e9, 1), "tokens_per_second": round(rates[-1], 2),
                "used_gb_per_second": round(rates[-1] * per_token / 1e9, 1), "of_bandwidth": round(ratios[-1], 3),
            }))  # fmt: skip
        time.sleep(1)
        print(json.dumps({
            "median_tokens_per_second": round(statistics.median(rates), 2), "median_of_bandwidth": round(statistics.median(ratios), 3),
            "idle_cpu_percent": round(server.idle_cpu_percent(10), 2), "rss_gb": round(server.resident_bytes / 1e9, 3),
            "weights_multiplied_gb": round(per_token / 1e9, 3),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
