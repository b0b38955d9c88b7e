"""llama.cpp, from the sources inside the `llama-cpp-python` source distribution, built for this very machine.

Prefill is llama-bench's `pp` test (which warms up by itself), decode llama-batched-bench's, one prompt shared out to all sequences
so that only the decode steps take long. KV is f16, no huge pages, weights memory-mapped and repacked at load where it has a layout for it.
"""

import json
import shutil
import statistics
import tarfile
from pathlib import Path

from checkpoint import identity
from peer import BFLOAT16, EIGHT_BITS, FOUR_BITS, Turn
from workload import Workload, decode
from workspace import StepFailed, Workspace

SDIST = "llama-cpp-python==0.3.36"
TARGETS = ["llama-bench", "llama-batched-bench", "llama-quantize"]
CONFIGURATION = [
    "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_SERVER=OFF", "-DLLAMA_BUILD_APP=OFF", "-DLLAMA_OPENSSL=OFF",
]  # fmt: skip


def build(workspace: Workspace) -> None:
    """Fetches the sources and builds the three tools."""
    source, sdist, binaries = workspace.root / "src", workspace.root / "sdist", workspace.root / "build"
    vendored = source / "vendor" / "llama.cpp"

    def fetch() -> None:
        name = SDIST.split("==", maxsplit=1)[0]
        workspace.run(
            "llama.cpp-fetch",
            [workspace.python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
             "--no-binary", name, "--dest", sdist, SDIST],
        )  # fmt: skip
        shutil.rmtree(source, ignore_errors=True)
        [archive] = sdist.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(source, members=without_first_folder(tar), filter="data")

    def compile_tools() -> None:
        ninja = workspace.tool("ninja")
        workspace.run(
            "llama.cpp-build",
            [workspace.tool("cmake"), "-S", vendored, "-B", binaries, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", *CONFIGURATION],
        )
        workspace.run("llama.cpp-build", [ninja, "-C", binaries, "-j", workspace.jobs, *TARGETS], niceness=10)

    workspace.once("llama.cpp-source", SDIST, fetch)
    workspace.once("llama.cpp-build", [SDIST, CONFIGURATION, TARGETS], compile_tools)


def without_first_folder(tar: tarfile.TarFile):
    """The members of an archive, each without the folder that holds them all."""
    for member in tar.getmembers():
        if "/" in member.name:
            member.name = member.name.split("/", maxsplit=1)[1]
            yield member


class LlamaCpp:
    own = False

    def __init__(self, quantisation: str, precision: str):
        self.quantisation = quantisation
        self.name = f"llama.cpp {quantisation}"
        self.precision = precision

    def model(self, workspace: Workspace) -> Path:
        return workspace.models / f"{self.quantisation}.gguf"

    def prepare(self, workspace: Workspace, checkpoint: Path) -> None:
        build(workspace)
        bf16 = workspace.models / "BF16.gguf"
        script = Path(__file__).parent / "gguf_from_checkpoint.py"
        package = workspace.root / "src" / "vendor" / "llama.cpp" / "gguf-py"
        workspace.once(
            "llama.cpp-BF16", identity(checkpoint),
            lambda: workspace.run(
                "llama.cpp-convert", [workspace.python, script, checkpoint, bf16], environment={"PYTHONPATH": str(package)}
            ),
        )  # fmt: skip
        if self.quantisation != "BF16":
            quantize = workspace.root / "build" / "bin" / "llama-quantize"
            workspace.once(
                f"llama.cpp-{self.quantisation}", identity(checkpoint),
                lambda: workspace.run("llama.cpp-convert", [quantize, bf16, self.model(workspace), self.quantisation, workspace.jobs]),
            )  # fmt: skip

    def measure(self, workspace: Workspace, workload: Workload) -> Turn:
        tools, model = workspace.root / "build" / "bin", self.model(workspace)
        threads = ["-t", workload.threads]
        prefill = workspace.run(
            "llama.cpp-measure",
            [tools / "llama-bench", "-m", model, *threads, "-p", workload.prompt, "-n", 0, "-r", 2, "-fa", "on", "-o", "json"],
            seconds=600,
        )
        # every sequence gets its own copy of the prompt's KV, and llama.cpp rounds a sequence's share of the context up
        cells = max(workload.batches) * -(-(workload.context + workload.tokens) // 256) * 256
        widths = ",".join(map(str, workload.batches))
        steps = workspace.run(
            "llama.cpp-measure",
            [tools / "llama-batched-bench", "-m", model, *threads, "-c", cells, "-b", 2048, "-ub", 512, "-npp", workload.context,
             "-ntg", workload.tokens, "-npl", widths, "-pps", "-fa", "on", "--output-format", "jsonl"],
            seconds=600,
        )  # fmt: skip
        return Turn({"prefill": prefill_rate(prefill), **decode_rates(steps, workload)})


def prefill_rate(output: str) -> float:
    """The median of llama-bench's repetitions."""
    [test] = json.loads(output)
    return statistics.median(test["samples_ts"])


def decode_rates(output: str, workload: Workload) -> dict[str, float]:
    """`speed_tg` of every line of llama-batched-bench's, by batch width."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    rates = {decode(line["pl"]): line["speed_tg"] for line in lines}
    if missing := [batch for batch in workload.batches if decode(batch) not in rates]:
        raise StepFailed(f"llama-batched-bench said nothing about batch {missing}; its output: {output[-400:]!r}")
    return rates


def contenders() -> list[LlamaCpp]:
    return [
        LlamaCpp("BF16", BFLOAT16),
        LlamaCpp("Q8_0", EIGHT_BITS),
        LlamaCpp("Q4_0", FOUR_BITS),
        LlamaCpp("Q4_K_M", FOUR_BITS),
    ]
