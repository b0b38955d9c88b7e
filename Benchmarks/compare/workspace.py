"""The folder where everything lies that is made once: sources, builds, environments, converted models, measurements.

A step that ended well leaves a stamp holding what it was made from; a later run whose inputs are the same skips it, so an interrupted
preparation goes on where it stopped.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


class StepFailed(Exception):
    """A command of the preparation or of a measurement failed; the message names its log."""


def say(text: str) -> None:
    print(text, flush=True)


class Workspace:
    def __init__(self, root: Path, jobs: int):
        self.root = root
        self.jobs = jobs
        self.models = root / "models"
        self.logs = root / "logs"
        self.results = root / "results"
        for folder in (root, self.models, self.logs, self.results):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def python(self) -> Path:
        return self.root / "python" / "bin" / "python"

    def tool(self, name: str) -> Path:
        """A command that the environment's packages brought along."""
        return self.root / "python" / "bin" / name

    def once(self, name: str, made_from: object, make: Callable[[], None]) -> None:
        """Runs `make` unless it ended well before from equal `made_from` (anything JSON can write)."""
        stamp = self.root / f"{name}.stamp"
        key = json.dumps(made_from, sort_keys=True, default=str)
        if stamp.exists() and stamp.read_text() == key:
            return
        stamp.unlink(missing_ok=True)
        say(f"preparing: {name}")
        started = time.monotonic()
        make()
        stamp.write_text(key)
        say(f"    done in {time.monotonic() - started:.0f} s")

    def run(self, log: str, command: list, *, seconds: float = 7200, niceness: int = 0, environment: dict | None = None) -> str:
        """Standard output of `command`; everything it says also lands in `logs/LOG.txt`. Throws `StepFailed`."""
        path = self.logs / f"{log}.txt"
        words = [str(word) for word in command]
        if niceness:
            words = ["nice", "-n", str(niceness)] + words
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(words)}\n")
            file.flush()
            try:
                done = subprocess.run(
                    words, stdout=subprocess.PIPE, stderr=file, stdin=subprocess.DEVNULL, text=True, timeout=seconds,
                    env={**os.environ, **(environment or {})}, check=False,
                )  # fmt: skip
            except FileNotFoundError as error:
                raise StepFailed(f"{words[0]}: no such command") from error
            except subprocess.TimeoutExpired as error:
                raise StepFailed(f"{words[0]} took more than {seconds:.0f} s; see {path}") from error
            file.write(done.stdout)
        if done.returncode != 0:
            raise StepFailed(f"{words[0]} ended with status {done.returncode}; see {path}")
        return done.stdout

    def prepare_environment(self, requirements: Path) -> None:
        """A virtual environment with the pinned packages."""

        def make() -> None:
            self.run("environment", [sys.executable, "-m", "venv", "--clear", self.root / "python"])
            pip = [self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
            self.run("environment", [*pip, "install", "-r", requirements])
            # optimum-intel asks for torchvision, whose wheel fits only one build of torch and which, not fitting, breaks the import of
            # transformers; a text model needs none of it.
            self.run("environment", [*pip, "uninstall", "--yes", "torchvision"])

        self.once("environment", requirements.read_text(), make)
