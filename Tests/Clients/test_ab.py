"""`ab`, which speaks HTTP/1.0: without connections that are kept, and with them."""

import json
import re
import subprocess

import pytest
from client_programs import program

QUESTION = {"messages": [{"role": "user", "content": "What is 40 + 2?"}]}


def ab(*arguments: object) -> dict[str, int]:
    """Runs `ab` and gives its counts by their names."""
    done = subprocess.run([program("ab"), "-q", "-s", "600", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr + done.stdout
    return {name: int(count) for name, count in re.findall(r"^([A-Z][\w -]+):\s+(\d+)\s*(?:bytes)?$", done.stdout, flags=re.MULTILINE)}


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_ab_is_answered(scripted, tmp_path, keeps, stream):
    """200 answers, 16 at a time, none failed or of another status; ids are of one length, so all are equally long. It speaks HTTP/1.0."""
    path = tmp_path / "body.json"
    path.write_text(json.dumps(QUESTION | {"stream": stream}))
    counts = ab("-n", 200, "-c", 16, *(["-k"] if keeps else []), "-p", path, "-T", "application/json", f"{scripted.url}/v1/chat/completions")
    assert counts["Complete requests"] == 200 and counts["Failed requests"] == 0, counts
    assert "Non-2xx responses" not in counts, counts
    # Asked to keep a connection, the server does where it can say how long the answer is.
    assert (counts.get("Keep-Alive requests", 0) > 0) == (keeps and not stream), counts


def test_ab_reads_small_answers(scripted):
    for path, refused in (("/health", 0), ("/metrics", 0), ("/v1/models", 0), ("/nothing", 300)):
        counts = ab("-n", 300, "-c", 8, "-k", "-l", f"{scripted.url}{path}")
        assert counts["Complete requests"] == 300 and counts["Failed requests"] == 0, counts
        assert counts.get("Non-2xx responses", 0) == refused, counts
