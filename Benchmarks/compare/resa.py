"""ResaServe itself, through `resa bench model`, which also probes the machine's roof in the same breath."""

import json
import statistics
from pathlib import Path

from peer import BFLOAT16, EIGHT_BITS, FOUR_BITS, Turn
from workload import Workload, decode
from workspace import StepFailed, Workspace

ROOFS = ["read_gigabytes_per_second", "f32_gigaflops_per_second", "bf16_gigaflops_per_second", "int8_gigaops_per_second"]


class ResaServe:
    own = True

    def __init__(self, binary: Path, weights: str, precision: str):
        self.binary = binary
        self.weights = weights
        self.name = f"resa {weights}"
        self.precision = precision
        self.checkpoint: Path | None = None

    def prepare(self, workspace: Workspace, checkpoint: Path) -> None:
        if not self.binary.exists():
            raise StepFailed(f"{self.binary} is not there: `make build`, or name another with --resa")
        self.checkpoint = checkpoint
        # the first load packs the weights and keeps them; that must not happen inside a measured turn
        stat = self.binary.stat()
        workspace.once(
            f"resa-{self.weights}", [str(checkpoint), stat.st_size, int(stat.st_mtime)],
            lambda: self.bench(workspace, Workload(prompt=8, context=8, tokens=1, batches=(1,))) and None,
        )  # fmt: skip

    def measure(self, workspace: Workspace, workload: Workload) -> Turn:
        return turn(self.bench(workspace, workload), workload)

    def bench(self, workspace: Workspace, workload: Workload) -> str:
        return workspace.run(
            "resa-measure",
            [self.binary, "bench", "model", "--model", self.checkpoint, "--weights", self.weights, "--threads", workload.threads,
             "--prompt", workload.prompt, "--batch", ",".join(map(str, workload.batches)), "--tokens", workload.tokens,
             "--context", workload.context, "--rounds", 1, "--json"],
            seconds=900,
        )  # fmt: skip


def turn(output: str, workload: Workload) -> Turn:
    """Reads what `resa bench model --json` prints; a missing figure is a `StepFailed`."""
    try:
        report = json.loads(output)
        [prefill] = [entry for entry in report["prefill"] if entry["tokens"] == workload.prompt]
        rates = {"prefill": statistics.median(prefill["tokens_per_second"])}
        for entry in report["decode"]:
            rates[decode(entry["batch"])] = statistics.median(entry["tokens_per_second"])
        # one figure a round, and a turn is one round
        roof = {name: statistics.median(report["probe"][name]) for name in ROOFS}
        roof["weight_bytes_per_token"] = float(report["weight_bytes_per_token"])
        return Turn({quantity: rates[quantity] for quantity in workload.quantities}, roof)
    except (KeyError, TypeError, ValueError, statistics.StatisticsError) as error:
        raise StepFailed(f"`resa bench model --json` printed something else than expected ({error!r}): {output[:300]!r}") from error


def contenders(binary: Path) -> list[ResaServe]:
    return [ResaServe(binary, "bf16", BFLOAT16), ResaServe(binary, "int8", EIGHT_BITS), ResaServe(binary, "int4", FOUR_BITS)]
