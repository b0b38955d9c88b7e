"""`resa serve` as the benchmarks start it."""

import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path


class ResaServer:
    """A server on a free loopback port, ended when the block is left.

    `options` follow `resa serve --port 0 --host 127.0.0.1`; `environment` is added to this process's; `log` takes its standard error.
    """

    def __init__(self, resa: str, *options: object, environment: dict[str, str] | None = None, log: Path | None = None) -> None:
        started = time.perf_counter()
        with open(log or os.devnull, "wb") as errors:
            self.process = subprocess.Popen(
                [str(resa), "serve", "--port", "0", "--host", "127.0.0.1", *map(str, options)],
                stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | (environment or {}),
            )  # fmt: skip
        for line in self.process.stdout:
            if match := re.search(r"listening on (http://\S+)", line):
                self.url = match[1]
                break
        else:
            raise SystemExit("the server ended before it listened")
        self.ready_seconds = time.perf_counter() - started

    def __enter__(self) -> "ResaServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)

    @property
    def resident_bytes(self) -> int:
        [line] = [line for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) * 1024

    def idle_cpu_percent(self, seconds: float) -> float:
        """Of one processor, over a time in which nobody asks anything."""

        def used() -> float:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        before = used()
        time.sleep(seconds)
        return 100 * (used() - before) / seconds

    def metric(self, name: str) -> float:
        """A value of the server's page of metrics."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=60) as response:
            [line] = [line for line in response.read().decode().splitlines() if line.startswith(name + " ")]
        return float(line.split()[1])
