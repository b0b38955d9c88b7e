"""Measures one OpenVINO model: prefill and decode steps through its stateful graph. Prints one JSON object as its last line.

usage: openvino_bench.py MODEL_FOLDER --threads 2 --prompt 512 --context 128 --tokens 24 --batches 1,8,16,32

Runs in the comparison's own Python environment. The graph is driven directly, all sequences as the rows of one batch: nothing but the
model is timed, as in the tools of llama.cpp, and openvino_genai's continuous batching was as fast (README.md). As in openvino_genai, only
the last position goes through the output head. No token is chosen, as in llama.cpp's tools: to the peers' advantage, if to anyone's.
"""

import argparse
import ctypes
import json
import statistics
import time
from pathlib import Path

import numpy
import openvino
from openvino import opset15

#: activations are quantised on the fly in groups of this many
ACTIVATION_GROUP = 64


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--batches", type=lambda text: [int(word) for word in text.split(",")], default=[1, 8, 16, 32])
    return parser.parse_args()


class Sequences:
    """A compiled model and the sequences in its KV cache, all of one length."""

    def __init__(self, folder: Path, threads: int):
        core = openvino.Core()
        model = core.read_model(folder / "openvino_model.xml")
        keep_last_position(model)
        settings = {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": ACTIVATION_GROUP,
        }  # fmt: skip
        self.request = core.compile_model(model, "CPU", settings).create_infer_request()
        self.vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
        self.random = ctypes.CDLL(None).rand
        self.length = 0

    def reset(self) -> None:
        self.request.reset_state()
        self.length = 0

    def append(self, batch: int, tokens: int) -> float:
        """Runs `tokens` new tokens of each of `batch` sequences; seconds taken. The ids are rand()'s, as in llama.cpp's tools."""
        ids = numpy.array([self.random() % self.vocabulary for _ in range(batch * tokens)], numpy.int64).reshape(batch, tokens)
        positions = numpy.tile(numpy.arange(self.length, self.length + tokens), (batch, 1))
        self.length += tokens
        inputs = {
            "input_ids": ids, "position_ids": positions, "attention_mask": numpy.ones((batch, self.length), numpy.int64),
            "beam_idx": numpy.arange(batch, dtype=numpy.int32),
        }  # fmt: skip
        started = time.perf_counter()
        self.request.infer(inputs, share_inputs=True, share_outputs=True)
        return time.perf_counter() - started


def keep_last_position(model: openvino.Model) -> None:
    """Cuts the output head's input `[batch, tokens, hidden]` down to its last token."""
    node = model.output("logits").get_node().input_value(0).get_node()
    while node.get_type_name() != "MatMul":
        node = node.input_value(0).get_node()
    begin, end, one = (opset15.constant(numpy.array([value])) for value in (-1, numpy.iinfo(numpy.int64).max, 1))
    node.input(0).replace_source_output(opset15.slice(node.input_value(0), begin, end, one, one).output(0))


def main() -> None:
    args = parse()
    sequences = Sequences(args.model, args.threads)
    prefill = []
    for _ in range(3):
        sequences.reset()
        prefill.append(args.prompt / sequences.append(1, args.prompt))
    decode = {}
    for batch in args.batches:
        sequences.reset()
        sequences.append(batch, args.context)
        # the first step of a new shape prepares its kernels
        sequences.append(batch, 1)
        decode[batch] = batch * args.tokens / sum(sequences.append(batch, 1) for _ in range(args.tokens))
    # the first prefill is the warm-up
    print(json.dumps({"prefill": statistics.median(prefill[1:]), "decode": decode}))


if __name__ == "__main__":
    main()
