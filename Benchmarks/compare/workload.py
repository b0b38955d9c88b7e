"""What everybody is asked to do: one prompt, and decode steps at several batch widths."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """`prompt` tokens of prefill in one sequence; then, at each of `batches` sequences, `tokens` decode steps after `context` tokens."""

    prompt: int = 512
    context: int = 128
    tokens: int = 24
    batches: tuple[int, ...] = (1, 8, 16, 32)
    threads: int = 2

    @property
    def quantities(self) -> list[str]:
        """Names of what is measured, in the order of the table; every one is tokens a second, all sequences together."""
        return ["prefill"] + [decode(batch) for batch in self.batches]

    def describe(self) -> str:
        widths = ", ".join(map(str, self.batches))
        return (
            f"prefill of {self.prompt} tokens; {self.tokens} decode steps after {self.context} tokens "
            f"at {widths} sequences; {self.threads} threads"
        )


QUICK = Workload(prompt=128, tokens=8, batches=(1, 8))


def decode(batch: int) -> str:
    """The name of the decode rate at `batch` sequences."""
    return f"decode {batch}"
