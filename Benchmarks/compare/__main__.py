"""ResaServe beside llama.cpp and OpenVINO on one machine, in turn, several rounds. README.md tells the rest."""

import argparse
import platform
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import llama_cpp
import openvino_peer
import resa
import table
from checkpoint import multiplied_weights, prepare_checkpoint
from interference import Interference
from peer import Contender
from record import Record, TurnRecord, latest
from workload import QUICK, Workload
from workspace import StepFailed, Workspace, say

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
#: seconds a turn is reckoned to take until one has been seen
USUAL_TURN = 55.0
#: what decides which kernels everybody runs, the widest first
INSTRUCTIONS = {"avx512_bf16": " with AVX-512, VNNI and BF16", "avx512f": " with AVX-512", "avx2": " with AVX2"}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="compare", description=__doc__)
    parser.add_argument("--resa", type=Path, default=PROJECT / ".build/release/resa", help="default: .build/release/resa")
    parser.add_argument("--checkpoint", type=Path, help="a Qwen2 folder, bf16 (default: random, R1-Distill-Qwen-1.5B's shape)")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/resa/compare", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contenders whose names begin so: resa, llama.cpp-q4 ...")
    parser.add_argument("--quick", action="store_true", help="128-token prompt, batch 1 and 8 only: to see that everything runs")
    parser.add_argument("--prepare", action="store_true", help="build and convert everything, measure nothing")
    parser.add_argument("--resume", action="store_true", help="go on with the latest run instead of starting one")
    parser.add_argument("--report", action="store_true", help="only print (and write) the latest run's tables")
    parser.add_argument("--jobs", type=int, default=2, help="processes when building (default: %(default)s)")
    parser.add_argument("--document", type=Path, default=PROJECT / "docs/performance.md", help="default: docs/performance.md")
    parser.add_argument("--no-document", action="store_true", help="print the tables, write them nowhere")
    return parser.parse_args()


def chosen(args: argparse.Namespace) -> list[Contender]:
    every: list[Contender] = [*resa.contenders(args.resa.absolute()), *llama_cpp.contenders(), *openvino_peer.contenders()]
    if not args.only:
        return every
    wanted = [name.lower().replace(" ", "-") for name in args.only]
    found = [entry for entry in every if any(entry.name.lower().replace(" ", "-").startswith(name) for name in wanted)]
    if not found:
        raise StepFailed(f"--only {' '.join(args.only)}: there are {', '.join(entry.name.replace(' ', '-') for entry in every)}")
    return found


def prepare(contenders: list[Contender], workspace: Workspace, checkpoint: Path) -> list[Contender]:
    """Those that are ready. One that cannot be prepared is named and left out, so that the others still get measured."""
    ready = []
    for contender in contenders:
        try:
            contender.prepare(workspace, checkpoint)
            ready.append(contender)
        except StepFailed as error:
            say(f"left out: {contender.name}: {error}")
    return ready


def measure(record: Record, contenders: list[Contender], workspace: Workspace, rounds: int) -> int:
    """Every contender once a round, each round beginning with another one. Returns how many turns failed."""
    seconds = {turn.contender: turn.seconds for turn in record.turns}
    failed = 0
    todo = [
        (number, contender)
        for number in range(1, rounds + 1)
        for contender in contenders[(number - 1) % len(contenders) :] + contenders[: (number - 1) % len(contenders)]
        if not record.has(number, contender.name)
    ]
    for index, (number, contender) in enumerate(todo):
        left = sum(seconds.get(later.name, USUAL_TURN) for _, later in todo[index:])
        say(f"[{index + 1}/{len(todo)}] round {number}, {contender.name} (about {left / 60:.0f} min left)")
        started, interference = time.monotonic(), Interference()
        try:
            turn = contender.measure(workspace, record.workload)
        except StepFailed as error:
            say(f"    failed: {error}")
            failed += 1
            continue
        seconds[contender.name] = time.monotonic() - started
        record.add(
            TurnRecord(
                number, contender.name, contender.precision, contender.own, turn.rates, turn.roof, round(seconds[contender.name], 1),
                round(interference.share(), 3),
            )
        )  # fmt: skip
        say("    " + ", ".join(f"{quantity} {rate:.1f}" for quantity, rate in turn.rates.items()) + f"; {seconds[contender.name]:.0f} s")
    return failed


def about(workload: Workload, checkpoint: Path) -> dict[str, object]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    widest = next((name for flag, name in INSTRUCTIONS.items() if flag in flags), "")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{len(models)} cores of {models[0] if models else platform.machine()}{widest}",
        "workload": asdict(workload),
        "versions": {"llama.cpp": llama_cpp.SDIST.replace("==", " "), "OpenVINO": openvino_peer.VERSION},
        "multiplied_weights": multiplied_weights(checkpoint),
    }


def main() -> int:
    args = parse()
    workspace = Workspace(args.cache.expanduser().absolute(), args.jobs)
    newest = latest(workspace.results)
    if (args.report or args.resume) and newest is None:
        raise StepFailed(f"there is no earlier run in {workspace.results}")
    failed = 0
    if args.report:
        record = Record.load(newest)
    else:
        workspace.prepare_environment(HERE / "requirements.txt")
        checkpoint = prepare_checkpoint(workspace, args.checkpoint)
        wanted = chosen(args)
        contenders = prepare(wanted, workspace, checkpoint)
        failed = len(wanted) - len(contenders)
        if args.prepare or not contenders:
            return 1 if failed else 0
        if args.resume:
            record = Record.load(newest)
        else:
            workload = replace(QUICK if args.quick else Workload(), threads=args.threads)
            record = Record.create(workspace.results / time.strftime("%Y%m%d-%H%M%S.jsonl"), about(workload, checkpoint))
        failed += measure(record, contenders, workspace, args.rounds)
    if not record.turns:
        return 1
    text = table.markdown(record)
    print(f"\n{text}\n")
    if not (args.no_document or args.only or failed) and record.workload.batches == Workload().batches:
        table.write(args.document, text)
        say(f"written into {args.document}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StepFailed as error:
        sys.exit(f"compare: {error}")
    except KeyboardInterrupt:
        sys.exit("compare: interrupted; --resume goes on with this run")
