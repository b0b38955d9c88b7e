"""From rates to verdicts: medians, spreads, the best peer of a class, ratios against what is wanted."""

import statistics
from dataclasses import dataclass

from peer import BFLOAT16, EIGHT_BITS, FOUR_BITS
from record import Record
from workload import decode

#: a series whose quartiles lie further apart than this part of its median is called noisy
NOISY = 0.15
#: a turn in which others had more of the processors than this is called disturbed
DISTURBED = 0.10

EIGHT_OR_MORE = (BFLOAT16, EIGHT_BITS)
ANY = (BFLOAT16, EIGHT_BITS, FOUR_BITS)


@dataclass(frozen=True)
class Series:
    """One contender's rates of one quantity, one a round."""

    contender: str
    values: tuple[float, ...]
    #: share of the processors that others had, one a round
    others: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self.values) == 1:
            return self.values[0], self.values[0]
        first, _, third = statistics.quantiles(self.values, n=4, method="inclusive")
        return first, third

    @property
    def spread(self) -> float:
        """The distance of the quartiles over the median."""
        first, third = self.quartiles
        return (third - first) / self.median

    @property
    def noisy(self) -> bool:
        """Rates that differ too much from round to round, or more than half of them taken while others computed."""
        return self.spread > NOISY or 2 * sum(share > DISTURBED for share in self.others) > len(self.values)


def series_of(record: Record, contender: str, quantity: str) -> Series:
    turns = [turn for turn in record.turns if turn.contender == contender and quantity in turn.rates]
    return Series(contender, tuple(turn.rates[quantity] for turn in turns), tuple(turn.others for turn in turns))


@dataclass(frozen=True)
class Goal:
    """`contender` shall have at least `factor` times the best peer among `against`; without a factor it is only compared."""

    contender: str
    quantity: str
    against: tuple[str, ...]
    factor: float | None


@dataclass(frozen=True)
class Comparison:
    goal: Goal
    ours: Series
    best: Series

    @property
    def ratio(self) -> float:
        return self.ours.median / self.best.median

    @property
    def noisy(self) -> bool:
        return self.ours.noisy or self.best.noisy

    @property
    def verdict(self) -> str:
        """`pass` or `miss` by the medians; when either series is noisy only if its quartiles say the same."""
        wanted = self.goal.factor
        if wanted is None:
            return ""
        if self.noisy:
            worst = self.ours.quartiles[0] / self.best.quartiles[1]
            best = self.ours.quartiles[1] / self.best.quartiles[0]
            if worst < wanted <= best:
                return "too noisy to tell"
        return "pass" if self.ratio >= wanted else "miss"


def goals(batches: tuple[int, ...]) -> list[Goal]:
    """What is compared with whom; a batch width that has no target is compared all the same."""
    wide = [batch for batch in batches if batch > 1]
    listed = [Goal("resa int8", "prefill", EIGHT_OR_MORE, 1.4), Goal("resa int8", decode(1), EIGHT_OR_MORE, 1.0)]
    # at 8, 16 and 32 the best peer is the best of all, whatever its precision
    listed += [Goal("resa int8", decode(batch), ANY, 1.4) for batch in wide]
    listed += [Goal("resa int4", "prefill", (FOUR_BITS,), None), Goal("resa int4", decode(1), (FOUR_BITS,), 1.1)]
    listed += [Goal("resa int4", decode(batch), (FOUR_BITS,), None) for batch in wide]
    listed += [Goal("resa bf16", quantity, (BFLOAT16,), 1.1) for quantity in ["prefill", *map(decode, batches)]]
    return listed


def series(record: Record, quantity: str, *, own: bool, precisions: tuple[str, ...] = ANY) -> list[Series]:
    names = {turn.contender: None for turn in record.turns if turn.own == own and turn.precision in precisions}
    found = [series_of(record, name, quantity) for name in names]
    return [entry for entry in found if entry.values]


def compare(record: Record) -> list[Comparison]:
    """Every goal for which both sides were measured."""
    comparisons = []
    for goal in goals(record.workload.batches):
        ours = [entry for entry in series(record, goal.quantity, own=True) if entry.contender == goal.contender]
        peers = series(record, goal.quantity, own=False, precisions=goal.against)
        if ours and peers:
            comparisons.append(Comparison(goal, ours[0], max(peers, key=lambda entry: entry.median)))
    return comparisons


@dataclass(frozen=True)
class RoofShare:
    """What part of a measured roof a quantity reached; roof and rate come from the same turn."""

    contender: str
    quantity: str
    roof: str
    share: float
    wanted: float | None
    noisy: bool


def roof_shares(record: Record) -> list[RoofShare]:
    """Decode of one sequence over read bandwidth; prefill over the dot products that its weights use.

    A token multiplies `multiplied_weights` weights, two operations each."""
    weights = record.about.get("multiplied_weights")
    shares = []
    for contender, wanted, peak in [
        ("resa int8", 0.90, "int8_gigaops_per_second"),
        ("resa int4", 0.85, "int8_gigaops_per_second"),
        ("resa bf16", None, "bf16_gigaflops_per_second"),
    ]:
        turns = [turn for turn in record.turns if turn.contender == contender and turn.roof]
        if not turns:
            continue
        noisy = 2 * sum(turn.others > DISTURBED for turn in turns) > len(turns)
        bandwidth = [
            turn.rates[decode(1)] * turn.roof["weight_bytes_per_token"] / (turn.roof["read_gigabytes_per_second"] * 1e9) for turn in turns
        ]
        shares.append(RoofShare(contender, decode(1), "read bandwidth", statistics.median(bandwidth), wanted, noisy))
        if weights:
            arithmetic = [turn.rates["prefill"] * 2 * weights / (turn.roof[peak] * 1e9) for turn in turns]
            title = f"{peak.split('_')[0]} dot products"
            shares.append(RoofShare(contender, "prefill", title, statistics.median(arithmetic), None, noisy))
    return shares
