"""The file of one run: a first line that says what was measured, then a line for every turn, written as soon as it is over."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workload import Workload


@dataclass
class TurnRecord:
    round: int
    contender: str
    precision: str
    own: bool
    rates: dict[str, float]
    roof: dict[str, float] = field(default_factory=dict)
    seconds: float = 0
    #: share of the processors' time that others had during the turn
    others: float = 0


class Record:
    def __init__(self, path: Path, about: dict[str, object], turns: list[TurnRecord]):
        self.path = path
        self.about = about
        self.turns = turns

    @classmethod
    def create(cls, path: Path, about: dict[str, object]) -> "Record":
        path.write_text(json.dumps(about) + "\n", encoding="utf-8")
        return cls(path, about, [])

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Reads a run back. A last line that an interruption cut short is taken out of the file."""
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        first, *rest = whole.splitlines()
        return cls(path, json.loads(first), [TurnRecord(**json.loads(line)) for line in rest])

    @property
    def workload(self) -> Workload:
        stored = dict(self.about["workload"])
        return Workload(**{**stored, "batches": tuple(stored["batches"])})

    def add(self, turn: TurnRecord) -> None:
        self.turns.append(turn)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(turn)) + "\n")

    def has(self, round_number: int, contender: str) -> bool:
        return any(turn.round == round_number and turn.contender == contender for turn in self.turns)

    def series(self, contender: str, quantity: str) -> list[float]:
        """The contender's rates, one a round, in the order measured."""
        return [turn.rates[quantity] for turn in self.turns if turn.contender == contender and quantity in turn.rates]

    def roofs(self, name: str) -> list[float]:
        return [turn.roof[name] for turn in self.turns if name in turn.roof]


def latest(folder: Path) -> Path | None:
    return max(folder.glob("*.jsonl"), default=None, key=lambda path: path.name)
