"""Tokens a second of a step of `resa extract` beside sparsify on PyTorch, in turn, on one model.

    RESA_MODEL=$(scripts/fetch-model.sh) $(scripts/python-env.sh) Benchmarks/extraction.py RESA_BIN DATA [--latents 8192] [--batch 4]

A step is the model's pass up to the hookpoint (no higher on either side) and the SAE's own step: encode, select, decode, losses, backward,
decoder constraints, optimiser. Both parts and the whole are told, and the greatest resident memory of each side's process; with
`--record FILE` the medians are those of all rounds in the file.
"""

import argparse
import time

from training_sides import Record, in_child, model_path, run_resa, torch_model


def torch_seconds(dtype_name: str, arguments: argparse.Namespace) -> list[tuple[float, float]]:
    """Seconds of the model and of the SAE, by step."""
    import torch
    from schedulefree import ScheduleFreeWrapper
    from sparsify import SaeConfig, SparseCoder
    from sparsify.sign_sgd import SignSGD

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    model = torch_model(arguments.model, dtype_name).model
    model.layers = model.layers[: int(arguments.hookpoint.split(".")[1]) + 1]
    model.norm = torch.nn.Identity()
    config = SaeConfig(num_latents=arguments.latents, k=arguments.k, multi_topk=arguments.multi_topk)
    sae = SparseCoder(model.config.hidden_size, config, dtype=getattr(torch, dtype_name))
    optimiser = ScheduleFreeWrapper(SignSGD(sae.parameters(), lr=5e-3 / (arguments.latents / 16384) ** 0.5), momentum=0.95)
    optimiser.train()
    seconds = []
    for _ in range(arguments.steps + arguments.warm_up):
        tokens = torch.randint(100, 40000, (arguments.batch, arguments.length))
        start = time.perf_counter()
        with torch.no_grad():
            x = model(input_ids=tokens, use_cache=False).last_hidden_state.flatten(0, 1)
        read = time.perf_counter()
        sae.set_decoder_norm_to_unit_norm()
        out = sae(x)
        (out.fvu + out.multi_topk_fvu / 8).backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        optimiser.step()
        optimiser.zero_grad()
        seconds.append((read - start, time.perf_counter() - read))
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("data", help="JSON lines")
    parser.add_argument("--model", help="a folder; the default model when left out")
    parser.add_argument("--hookpoint", default="layers.14", help="a block's output")
    parser.add_argument("--latents", type=int, default=8192)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--multi-topk", action="store_true")
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--warm-up", type=int, default=1, help="steps before those")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resa", nargs="*", default=["int8"], help="formats of the model's weights")
    parser.add_argument("--torch", nargs="*", default=["float32", "bfloat16"], help="bfloat16 is very slow on processors without AVX-512")
    parser.add_argument("--record", metavar="FILE")
    arguments = parser.parse_args()
    record = Record(arguments.record)
    tokens = arguments.batch * arguments.length

    def add(name: str, seconds: list[tuple[float, float]], **memory: float) -> None:
        later = seconds[arguments.warm_up :]
        record.add(f"{name}, step", [tokens / (model + sae) for model, sae in later], **memory)
        record.add(f"{name}, model", [tokens / model for model, _ in later])
        record.add(f"{name}, SAE", [tokens / sae for _, sae in later])

    for _ in range(arguments.rounds):
        for weights in arguments.resa:
            lines, peak, bound = run_resa(
                "extract", arguments.binary, "--model", model_path(arguments.model), "--data", arguments.data,
                "--hookpoint", arguments.hookpoint, "--latents", arguments.latents, "--k", arguments.k, "--length", arguments.length,
                "--batch", arguments.batch, "--max-steps", arguments.steps + arguments.warm_up, "--epochs", 1,
                "--threads", arguments.threads, "--template", "raw", "--weights", weights,
                *(["--multi-topk"] if arguments.multi_topk else []),
            )  # fmt: skip
            seconds = [(line["model_seconds"], line["sae_seconds"]) for line in lines]
            add(f"resa {weights}", seconds, peak_GiB=peak, stated_GiB=bound)
        for dtype in arguments.torch:
            seconds, peak = in_child(torch_seconds, dtype, arguments)
            add(f"PyTorch {dtype}", seconds, peak_GiB=peak)
    for part in ["step", "model", "SAE"]:
        record.show(part)


if __name__ == "__main__":
    main()
