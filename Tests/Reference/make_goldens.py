"""Makes the reference answers the Swift tests compare with: `make_goldens.py OUT [NAME ...]`.

Every module `goldens_NAME.py` here has `main(out: Path, cache: Path)` and writes below `out`; `cache` is for what it wants to keep
between runs. A module is skipped when nothing it was made from has changed: its own source and what it imports from this folder, the
requirements, and what its optional `DEPENDS` (files or folders, relative to the repository) names. Each runs in its own process, so none
can disturb another, as many at a time as there are cores and memory for; `SECONDS`, what it takes on one core, says which begin first.
A module that takes long prints what it is "at".
"""

import ast
import fcntl
import hashlib
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The largest of them takes 1.6 GB.
GIGABYTES = 2


def module_value(source: Path, name: str, default):
    """A constant of a module, read without importing it (its imports may take seconds)."""
    for statement in ast.parse(source.read_text(encoding="utf-8"), str(source)).body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [name]:
            return ast.literal_eval(statement.value)
    return default


def with_imports(source: Path) -> list[Path]:
    """The module and what it imports from this folder, directly or not."""
    found = [source]
    for path in found:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) else []
            found += [HERE / f"{name}.py" for name in names if (HERE / f"{name}.py").exists() and HERE / f"{name}.py" not in found]
    return found


def key(source: Path) -> str:
    digest = hashlib.sha256()
    depends = [ROOT / path for path in module_value(source, "DEPENDS", [])]
    for path in [*with_imports(source), HERE / "requirements.txt", *depends]:
        if not path.exists():
            raise SystemExit(f"{source.name}: DEPENDS names {path}, which does not exist")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def workers() -> int:
    """How many run at a time."""
    available = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
    return max(1, min(len(os.sched_getaffinity(0)), available // (GIGABYTES << 20)))


class Run:
    """A module at work in a process of its own, on one thread: threads that wait for one another take ten times as long on a busy machine."""

    def __init__(self, name: str, source: Path, out: Path, cache: Path) -> None:
        self.name, self.key, self.started, self.said = name, key(source), time.monotonic(), 0
        self.stamp = out / ".stamps" / name
        self.stamp.unlink(missing_ok=True)
        self.output, self.errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        quiet = {
            **os.environ, "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore", "TRANSFORMERS_VERBOSITY": "error", "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false",
        }  # fmt: skip
        command = [sys.executable, __file__, "--run", str(source), str(out), str(cache)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.errors, env=quiet)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def latest(self) -> str:
        """What the module is at: the rest of the last line that it began with "at "."""
        lines = [line[3:] for line in self._text(self.output).splitlines() if line.startswith("at ")]
        return f"at {lines[-1]}, " if lines else ""

    def fail(self) -> None:
        sys.stderr.write(self._text(self.output) + self._text(self.errors))
        sys.stderr.flush()

    @staticmethod
    def _text(file) -> str:
        # The child writes at the position that both share, so nothing here moves it.
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


class Progress:
    """Says what is done, of how many, after how long; what runs is said again when nothing was done for a while."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.started, self.spoken = total, 0, time.monotonic(), 0.0

    def say(self, text: str) -> None:
        self.spoken = time.monotonic()
        print(f"goldens [{self.done} of {self.total}, {self.spoken - self.started:.0f} s] {text}", flush=True)

    def remind(self, running: list[Run]) -> None:
        if time.monotonic() - self.spoken > 15:
            self.say("making " + ", ".join(f"{run.name} ({run.latest()}{run.seconds:.0f} s)" for run in running))


def make(sources: dict[str, Path], out: Path, cache: Path) -> None:
    waiting = sorted(sources, key=lambda name: -module_value(sources[name], "SECONDS", 5))
    at_once = min(workers(), len(waiting))
    progress, running, failed = Progress(len(waiting)), [], []
    progress.say(f"making {', '.join(waiting)}: {at_once} at a time")
    try:
        while waiting or running:
            while waiting and len(running) < at_once and not failed:
                name = waiting.pop(0)
                running.append(Run(name, sources[name], out, cache))
            for run in [run for run in running if run.process.poll() is not None]:
                running.remove(run)
                progress.done += 1
                if run.process.returncode == 0:
                    run.stamp.write_text(run.key)
                    progress.say(f"made {run.name} in {run.seconds:.0f} s")
                else:
                    failed.append(run.name)
                    run.fail()
                    progress.say(f"FAILED: {run.name}, with status {run.process.returncode}")
            if failed and not running:
                raise SystemExit(f"error: these reference answers could not be made: {', '.join(failed)}")
            progress.remind(running)
            time.sleep(0.1)
    finally:
        for run in running:
            run.process.kill()


def main() -> None:
    if len(sys.argv) > 3 and sys.argv[1] == "--run":
        # The child: one module.
        sys.path.insert(0, str(HERE))
        runpy.run_path(sys.argv[2])["main"](Path(sys.argv[3]), Path(sys.argv[4]))
        return
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    out = Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    cache = Path(os.environ.get("RESA_CACHE") or Path.home() / ".cache" / "resa")
    stamps = out / ".stamps"
    stamps.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    # Ends what was started, as an exception does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sources = {source.stem.removeprefix("goldens_"): source for source in sorted(HERE.glob("goldens_*.py"))}
    unknown = set(wanted) - set(sources)
    if unknown:
        raise SystemExit(f"no such goldens: {', '.join(sorted(unknown))}; there are {', '.join(sources)}")
    with (stamps / ".lock").open("w") as lock:
        # Another run into the same folder ends first.
        fcntl.flock(lock, fcntl.LOCK_EX)

        def is_made(name: str) -> bool:
            stamp = stamps / name
            return stamp.exists() and stamp.read_text() == key(sources[name])

        changed = {name: source for name, source in sources.items() if (not wanted or name in wanted) and not is_made(name)}
        if changed:
            make(changed, out, cache)
        print(f"goldens: {len(changed)} made, {len(wanted or sources) - len(changed)} up to date", flush=True)


if __name__ == "__main__":
    main()
