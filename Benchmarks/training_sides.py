"""What `tuning.py` and `extraction.py` share: sides that run in processes of their own, so that memory and threads of one leave nothing
behind for the next, and a record of rounds that later runs add to."""

import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "Tests" / "Reference"))

GIB = 1 << 30


def model_path(folder: str | None) -> str:
    """The model that resa opens: a folder, or the default model that RESA_MODEL names."""
    path = folder or os.environ.get("RESA_MODEL")
    if not path:
        raise SystemExit("set RESA_MODEL: RESA_MODEL=$(scripts/fetch-model.sh), or give --model FOLDER")
    return path


def torch_model(folder: str | None, dtype_name: str):
    """The same model for PyTorch, frozen."""
    import torch

    dtype = getattr(torch, dtype_name)
    if folder is None:
        import smollm2

        return smollm2.load_model(dtype).requires_grad_(False)
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").requires_grad_(False).eval()


def make_random_sae(folder: Path, width: int, latents: int, k: int) -> None:
    """A sparsify SAE as its trainer begins one, where there is none yet."""
    if (folder / "cfg.json").exists():
        return
    import torch
    from sparsify import SaeConfig, SparseCoder

    torch.manual_seed(1)
    SparseCoder(width, SaeConfig(num_latents=latents, k=k)).save_to_disk(folder)


def _report(connection, side: Callable, arguments: tuple) -> None:
    found = side(*arguments)
    status = Path("/proc/self/status").read_text()
    connection.send((found, int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / GIB))


def in_child(side: Callable, *arguments: object):
    """What `side` gives in a fresh process, and the most memory that process held, in GiB."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_report, args=(there, side, arguments))
    child.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        child.join()
        raise SystemExit(f"the PyTorch side ended with {child.exitcode} (-9: out of memory)") from None
    finally:
        child.join()


def run_resa(verb: str, *options: object) -> tuple[list[dict], float, float]:
    """The log's lines, the most memory the process held, and the bound it stated before it began, in GiB."""
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder) / "errors"
        binary, *rest = map(str, options)
        with errors.open("wb") as file:
            process = subprocess.Popen([binary, verb, *rest, "--out", f"{folder}/out"], stdout=subprocess.DEVNULL, stderr=file)
            _, status, usage = os.wait4(process.pid, 0)
        text = errors.read_text(errors="replace")
        if status != 0:
            raise SystemExit(f"resa {verb} failed:\n{text}")
        number, unit = re.search(r"takes at most ([\d.]+) (\w+) of memory", text).groups()
        bound = float(number) * {"kB": 1e3, "MB": 1e6, "GB": 1e9}[unit] / GIB
        lines = [json.loads(line) for line in (Path(folder) / "out" / "log.jsonl").read_text().splitlines()]
        return lines, usage.ru_maxrss * 1024 / GIB, bound


class Record:
    """Tokens a second by name, from all rounds in the file when one is given."""

    def __init__(self, path: str | None) -> None:
        self.path = Path(path) if path else None
        self.entries: list[dict] = []
        if self.path and self.path.exists():
            self.entries = [json.loads(line) for line in self.path.read_text().splitlines()]

    def add(self, name: str, rates: list[float], **facts: float) -> None:
        entry = {"name": name, "rates": rates, **facts}
        self.entries.append(entry)
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps(entry) + "\n")
        notes = ", ".join(f"{key.replace('_', ' ')} {value:.2f}" for key, value in facts.items())
        print(f"{name}: {', '.join(f'{rate:.1f}' for rate in rates)} tokens/s{'; ' if notes else ''}{notes}", flush=True)

    def medians(self) -> dict[str, list[float]]:
        names = dict.fromkeys(entry["name"] for entry in self.entries)
        return {name: sorted(rate for entry in self.entries if entry["name"] == name for rate in entry["rates"]) for name in names}

    def show(self, what: str) -> None:
        """Medians and ranges of everything whose name ends in `what`, with the ratio to the best of PyTorch."""
        rates = {name: values for name, values in self.medians().items() if name.endswith(what)}
        best = max((statistics.median(values) for name, values in rates.items() if name.startswith("PyTorch")), default=None)
        for name, values in rates.items():
            middle = statistics.median(values)
            ratio = f"  {middle / best:.2f} x PyTorch's best" if best else ""
            print(f"{name:26} {middle:8.1f} tokens/s  ({values[0]:.1f}-{values[-1]:.1f}, {len(values)} steps){ratio}")
