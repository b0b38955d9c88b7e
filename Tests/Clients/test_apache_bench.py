"""ApacheBench: it speaks HTTP/1.0, keeps connections when it is told to, and counts answers of another length as failures."""

import json
import re
import subprocess

import pytest
from client_programs import program


@pytest.mark.parametrize("keep_alive", [[], ["-k"]])
@pytest.mark.parametrize("path", ["/health", "/v1/models", "/tokenize"])
def test_every_request_is_answered(scripted, tmp_path, keep_alive, path):
    post = []
    if path == "/tokenize":
        body = tmp_path / "body.json"
        body.write_text(json.dumps({"prompt": "Water boils"}))
        post = ["-p", str(body), "-T", "application/json"]
    command = [program("ab"), "-q", "-n", "200", "-c", "8", *keep_alive, *post, f"{scripted.url}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Complete requests:\s+200\n", done.stdout) and re.search(r"Failed requests:\s+0\n", done.stdout), done.stdout
    assert "Non-2xx" not in done.stdout
    if keep_alive:
        assert re.search(r"Keep-Alive requests:\s+200\n", done.stdout), done.stdout
