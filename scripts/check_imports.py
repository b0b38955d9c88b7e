"""Imports follow the list of rooms in docs/architecture.md: an arrow only ever points down it, and only `Tensors` knows `Kernels`.

    python3 scripts/check_imports.py
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = "docs/architecture.md"
# Who may import `Kernels`, by folder.
KERNELS_FROM = {"Sources/Tensors", "Tests/KernelsTests", "Tests/TensorsTests"}
IMPORT = re.compile(
    r"\s*(?:@\w+\s+|(?:public|package|internal|private|fileprivate)\s+)*import\s+"
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)"
)


def rooms(text: str) -> list[str]:
    """The targets in the first column of the table under "Rooms", from the top down."""
    table = text.split("## Rooms", 1)[1].split("\n## ", 1)[0]
    return [
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", line.split("|")[1]))
    ]


def imports(path: pathlib.Path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if match := IMPORT.match(line):
            yield number, match[1]


def problems():
    order = rooms((ROOT / LIST).read_text(encoding="utf-8"))
    level = {name: index for index, name in enumerate(order)}
    folders = sorted(path.name for path in (ROOT / "Sources").iterdir() if path.is_dir() and path.name != "System")
    yield from (f"Sources/{name} is not in the list of rooms in {LIST}" for name in folders if name not in level)
    yield from (f"{LIST} lists {name}, which is no folder of Sources" for name in order if name not in folders)
    for path in sorted(path for top in ("Sources", "Tests") for path in (ROOT / top).rglob("*.swift")):
        place = path.relative_to(ROOT)
        folder, own = "/".join(place.parts[:2]), place.parts[1]
        # Under Tests/Fuzz the sources are links to the ones that are looked at anyway.
        if folder == "Tests/Fuzz":
            continue
        for number, name in imports(path):
            if name == "Kernels" and folder not in KERNELS_FROM:
                yield f"{place}:{number}: imports Kernels, which only Tensors does: give Tensors what is needed here"
            elif place.parts[0] == "Sources" and name in level and own in level and level[name] <= level[own]:
                yield f"{place}:{number}: {own} imports {name}, which stands above it in {LIST}"


found = list(problems())
if found:
    sys.exit("error: imports that the plan of the house does not have:\n" + "\n".join(found))
