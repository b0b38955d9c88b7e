"""What a contender is: something that gets its own model ready once, then measures the workload whenever it is its turn."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from workload import Workload
from workspace import Workspace

EIGHT_BITS = "8 bits"
FOUR_BITS = "4 bits"
BFLOAT16 = "bf16"


@dataclass
class Turn:
    """What one contender measured in one turn: tokens a second by quantity, and the machine's roof if it probes it."""

    rates: dict[str, float]
    roof: dict[str, float] = field(default_factory=dict)


class Contender(Protocol):
    #: how tables, options and result files call it
    name: str
    #: `BFLOAT16`, `EIGHT_BITS` or `FOUR_BITS`: the width of its weights
    precision: str
    #: is it ResaServe's own, or a peer's?
    own: bool

    def prepare(self, workspace: Workspace, checkpoint: Path) -> None:
        """Builds and converts whatever `measure` needs. Cheap when it is there already. Throws `StepFailed`."""

    def measure(self, workspace: Workspace, workload: Workload) -> Turn:
        """One turn. Throws `StepFailed`."""
