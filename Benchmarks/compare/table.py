"""The summary as Markdown, and its place between two marks in a document."""

import statistics
from pathlib import Path

from record import Record
from summary import DISTURBED, NOISY, Series, compare, roof_shares, series_of

BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"

ROOF_UNITS = {
    "read_gigabytes_per_second": ("read bandwidth", "GB/s"),
    "f32_gigaflops_per_second": ("f32", "GFLOP/s"),
    "bf16_gigaflops_per_second": ("bf16 dot products", "GFLOP/s"),
    "int8_gigaops_per_second": ("int8 dot products", "GOP/s"),
}


def markdown(record: Record) -> str:
    parts = [introduction(record), rates(record), comparisons(record), roof(record), noise(record)]
    return "\n\n".join(part for part in parts if part)


def introduction(record: Record) -> str:
    about = record.about
    rounds = len({turn.round for turn in record.turns})
    versions = "; ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"{about['date']}, {about['machine']}, rounds: {rounds}, everyone in turn in each; {record.workload.describe()}.\n"
        f"{versions}.\nMedians of tokens a second, all sequences together; * is noisy: quartiles further apart than {NOISY:.0%} of the "
        f"median, or\nmostly measured while others had more than {DISTURBED:.0%} of the processors."
    )


def rates(record: Record) -> str:
    quantities = record.workload.quantities
    lines = [row(["", *quantities]), row(["---"] * (len(quantities) + 1))]
    for name in {turn.contender: None for turn in record.turns}:
        cells = []
        for quantity in quantities:
            entry = series_of(record, name, quantity)
            cells.append(rate(entry) if entry.values else "-")
        lines.append(row([name, *cells]))
    return "\n".join(lines)


def comparisons(record: Record) -> str:
    found = compare(record)
    if not found:
        return ""
    lines = [row(["", "ours", "best peer", "ratio", "wanted", ""]), row(["---"] * 6)]
    for entry in found:
        wanted = f"{entry.goal.factor:.1f}" if entry.goal.factor else "-"
        verdict = entry.verdict + (" (noisy)" if entry.noisy and "noisy" not in entry.verdict else "")
        lines.append(
            row([
                f"{entry.goal.contender.removeprefix('resa ')} {entry.goal.quantity}", rate(entry.ours),
                f"{rate(entry.best)} {entry.best.contender}", f"**{entry.ratio:.2f}**", wanted, verdict.strip() or "-",
            ])
        )  # fmt: skip
    return "\n".join(lines)


def roof(record: Record) -> str:
    measured = []
    for name, (title, unit) in ROOF_UNITS.items():
        if values := record.roofs(name):
            star = "*" if Series(name, tuple(values)).noisy else ""
            measured.append(f"{title} {statistics.median(values):.0f}{star} {unit} ({min(values):.0f}-{max(values):.0f})")
    if not measured:
        return ""
    text = f"Roof, probed in every turn of `resa`: {'; '.join(measured)}."
    for entry in roof_shares(record):
        verdict = ""
        if entry.wanted:
            noisy = ", noisy" if entry.noisy else ""
            verdict = f" (wanted {entry.wanted:.0%}: {'pass' if entry.share >= entry.wanted else 'miss'}{noisy})"
        text += f"\n{entry.contender} {entry.quantity}: {entry.share:.0%} of {entry.roof}{verdict}."
    return text


def noise(record: Record) -> str:
    """Says plainly whether the machine was quiet enough."""
    every = [
        series_of(record, name, quantity)
        for name in {turn.contender: None for turn in record.turns}
        for quantity in record.workload.quantities
        if record.series(name, quantity)
    ]
    noisy = [entry for entry in every if entry.spread > NOISY]
    disturbed = [turn for turn in record.turns if turn.others > DISTURBED]
    text = f"Noise: {len(noisy)} of {len(every)} series spread over more than {NOISY:.0%}"
    text += f"; in {len(disturbed)} of {len(record.turns)} turns others had more than {DISTURBED:.0%} of the processors"
    if disturbed:
        text += f" (at most {max(turn.others for turn in disturbed):.0%})"
    text += "."
    if 2 * len(noisy) > len(every) or 2 * len(disturbed) > len(record.turns):
        text += " **The machine was too noisy to tell.**"
    return text


def rate(entry: Series) -> str:
    star = "*" if entry.noisy else ""
    return f"{entry.median:.1f}{star}" if entry.median < 100 else f"{entry.median:.0f}{star}"


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(document: Path, text: str) -> None:
    """Puts `text` between the marks; at the end of the document, under a heading of its own, when it has none yet."""
    present = document.read_text(encoding="utf-8") if document.exists() else "# Performance\n"
    block = f"{BEGIN}\n{text}\n{END}"
    if BEGIN in present and END in present:
        before, rest = present.split(BEGIN, maxsplit=1)
        _, after = rest.split(END, maxsplit=1)
        document.write_text(before + block + after, encoding="utf-8")
    else:
        document.write_text(f"{present.rstrip()}\n\n## Side by side\n\n    python3 Benchmarks/compare\n\n{block}\n", encoding="utf-8")
