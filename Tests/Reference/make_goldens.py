"""Makes the reference answers the Swift tests compare with: `make_goldens.py OUT [NAME ...]`.

Every module `goldens_NAME.py` here has `main(out: Path, cache: Path)` and writes below `out`; `cache` is for what it wants to keep
between runs. A module is skipped when nothing it was made from has changed: its own source, the requirements, and what its optional
`DEPENDS` (files or folders, relative to the repository) names. Each runs in its own process, so none can disturb another.
"""

import ast
import hashlib
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def depends(source: Path) -> list[Path]:
    """The module's `DEPENDS`, read without importing the module (its imports may take seconds)."""
    for statement in ast.parse(source.read_text(encoding="utf-8"), str(source)).body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["DEPENDS"]:
            return [ROOT / path for path in ast.literal_eval(statement.value)]
    return []


def key(source: Path) -> str:
    digest = hashlib.sha256()
    for path in [source, HERE / "requirements.txt", *depends(source)]:
        if not path.exists():
            raise SystemExit(f"{source.name}: DEPENDS names {path}, which does not exist")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


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
    sources = sorted(HERE.glob("goldens_*.py"))
    unknown = set(wanted) - {source.stem.removeprefix("goldens_") for source in sources}
    if unknown:
        raise SystemExit(f"no such goldens: {', '.join(sorted(unknown))}")
    for source in sources:
        name = source.stem.removeprefix("goldens_")
        if wanted and name not in wanted:
            continue
        stamp, wanted_key = stamps / name, key(source)
        if stamp.exists() and stamp.read_text() == wanted_key:
            print(f"goldens {name}: up to date", flush=True)
            continue
        stamp.unlink(missing_ok=True)
        print(f"goldens {name}: making ...", flush=True)
        started = time.time()
        child = [sys.executable, __file__, "--run", str(source), str(out), str(cache)]
        quiet = {**os.environ, "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore", "TRANSFORMERS_VERBOSITY": "error"}
        subprocess.run(child, check=True, stdin=subprocess.DEVNULL, env=quiet)
        stamp.write_text(wanted_key)
        print(f"goldens {name}: made in {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
