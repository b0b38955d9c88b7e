"""OpenVINO, exported and compressed by optimum-intel, as its documentation recommends for processors.

int8 is per-channel and asymmetric (its default), int4 symmetric in groups of 128; both quantise activations on the fly in groups. The
KV cache and everything else keep the plugin's own defaults (u8 KV, bf16 arithmetic on processors that have it).
"""

import json
from pathlib import Path

from checkpoint import identity
from peer import EIGHT_BITS, FOUR_BITS, Turn
from workload import Workload, decode
from workspace import StepFailed, Workspace

HERE = Path(__file__).parent
VERSION = next(line.split("==")[1] for line in (HERE / "requirements.txt").read_text().splitlines() if line.startswith("openvino=="))
EXPORTS = {
    "int8": ["--weight-format", "int8"],
    "int4": ["--weight-format", "int4", "--sym", "--group-size", "128", "--ratio", "1.0"],
}


class OpenVINO:
    own = False

    def __init__(self, weights: str, precision: str):
        self.weights = weights
        self.name = f"OpenVINO {weights}"
        self.precision = precision

    def model(self, workspace: Workspace) -> Path:
        return workspace.models / f"openvino-{self.weights}"

    def prepare(self, workspace: Workspace, checkpoint: Path) -> None:
        export = [workspace.tool("optimum-cli"), "export", "openvino", "--model", checkpoint, "--task", "text-generation-with-past"]
        workspace.once(
            f"openvino-{self.weights}", [EXPORTS[self.weights], identity(checkpoint)],
            lambda: workspace.run("openvino-convert", [*export, *EXPORTS[self.weights], self.model(workspace)]) and None,
        )  # fmt: skip

    def measure(self, workspace: Workspace, workload: Workload) -> Turn:
        output = workspace.run(
            "openvino-measure",
            [workspace.python, HERE / "openvino_bench.py", self.model(workspace), "--threads", workload.threads,
             "--prompt", workload.prompt, "--context", workload.context, "--tokens", workload.tokens,
             "--batches", ",".join(map(str, workload.batches))],
            seconds=900,
        )  # fmt: skip
        try:
            report = json.loads(output.splitlines()[-1])
            rates = {"prefill": report["prefill"], **{decode(batch): report["decode"][str(batch)] for batch in workload.batches}}
        except (IndexError, KeyError, ValueError) as error:
            raise StepFailed(f"openvino_bench.py printed something else than expected ({error!r}): {output[-300:]!r}") from error
        return Turn(rates)


def contenders() -> list[OpenVINO]:
    return [OpenVINO("int8", EIGHT_BITS), OpenVINO("int4", FOUR_BITS)]
