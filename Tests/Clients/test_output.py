"""Output that cannot be written, or that a terminal would obey: what verbs and the server do then.

Nothing here depends on how long anything takes.
"""

import json
import os
import pty
import re
import signal
import subprocess
import urllib.request

import pytest
import random_checkpoint
import scripted_checkpoint
from conftest import ADAPTERS, Server, required

ESCAPES = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202egnp.exe\x7f\r\nfake line"


def start(*arguments, **options) -> subprocess.Popen:
    return subprocess.Popen([required("RESA_BIN"), *map(str, arguments)], stdin=subprocess.DEVNULL, **options)


def run(*arguments, **options) -> subprocess.CompletedProcess:
    options = {"capture_output": True, "timeout": 120, **options}
    return subprocess.run([required("RESA_BIN"), *map(str, arguments)], stdin=subprocess.DEVNULL, **options)


LIST = ["adapters", "list", "--adapters", ADAPTERS]


@pytest.mark.parametrize("arguments", [LIST, [*LIST, "--json"], ["--help"], ["adapters", "inspect", ADAPTERS / "smollm2-gsm8k-lora"]])
def test_a_full_disk_is_an_error_with_a_message(arguments):
    with open("/dev/full", "wb") as full:
        result = run(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 1, result
    assert result.stderr.decode() == "resa: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("arguments", [LIST, [*LIST, "--json"], ["--help"]])
def test_a_reader_that_has_gone_ends_it_quietly(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    result = run(*arguments, capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (result.returncode, result.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize("closed", ["0", "1", "2", "012"])
def test_closed_descriptors_are_nobody_elses(closed, tmp_path):
    """What is printed must not go into a file that got the number."""
    shell = " ".join(f"{number}>&-" for number in closed)
    command = f'exec "$RESA_BIN" "$@" {shell}'
    result = subprocess.run(
        ["sh", "-c", command, "sh", *map(str, LIST)], capture_output=True, timeout=600, env={**os.environ, "RESA_BIN": required("RESA_BIN")}
    )
    assert result.returncode == 0, result.stderr
    assert (b"smollm2-sae" in result.stdout) == ("1" not in closed)


def test_a_failure_is_told_even_where_nothing_can_be_told():
    with open("/dev/full", "wb") as full:
        assert run("adapters", "inspect", "/nowhere", capture_output=False, stdout=full, stderr=full).returncode == 1


def test_input_that_cannot_be_read():
    descriptor = os.open("/", os.O_RDONLY)
    result = subprocess.run(
        [required("RESA_BIN"), "tokenize", "--model", required("RESA_MODEL")], stdin=descriptor, capture_output=True, timeout=600
    )
    os.close(descriptor)
    assert result.returncode == 1 and b"standard input cannot be read" in result.stderr


def test_reports_go_into_devices_without_replacing_them(tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    data = tmp_path / "sums.jsonl"
    data.write_text(json.dumps({"problem": "1+1?", "answer": "2"}) + "\n")
    folder = scripted_checkpoint.build(tmp_path / "scripted")
    process = start(
        "eval", "--model", folder, "--data", data, "--max-tokens", 4, "--output", tmp_path / "run", "--json", fifo, "--threads", 1,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    report = json.loads(fifo.read_text())
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert report and fifo.is_fifo() and b"pass@1" in out


# What others wrote


@pytest.fixture
def hostile(tmp_path):
    folder = random_checkpoint.add_lora(tmp_path / "adapters" / "lora", 1)
    (folder / "manifest.json").write_text(json.dumps({"description": ESCAPES, "base_model": ESCAPES, "labels": {ESCAPES: ESCAPES}}))
    return folder


def harmless(text: str) -> None:
    bad = [c for c in text if c != "\n" and (ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E)]
    assert not bad, bad
    assert not re.search(r"^fake line", text, flags=re.MULTILINE)


def test_what_a_stranger_wrote_is_shown_harmless(hostile):
    for arguments in (["inspect", hostile], ["list", "--adapters", hostile.parent]):
        result = run("adapters", *arguments)
        assert result.returncode == 0, result.stderr
        harmless(result.stdout.decode())
    shown = run("adapters", "inspect", hostile).stdout.decode()
    assert r"\u001b]0;owned\u0007" in shown and r"\u009b31m" in shown and r"\u202egnp.exe\u007f\r\nfake line" in shown


def test_names_of_files_and_errors_too(hostile):
    (hostile / "adapter_config.json").write_text(json.dumps({"peft_type": ESCAPES, "r": 4}))
    result = run("adapters", "list", "--adapters", hostile.parent)
    harmless(result.stdout.decode())
    assert r"\u001b" in result.stdout.decode()
    result = run("adapters", "add", hostile)
    assert result.returncode == 1
    harmless(result.stderr.decode().replace("\nfake line", ""))
    assert b"\x1b" not in result.stderr and "\u202e" not in result.stderr.decode()
    result = run("adapters", "inspect", f"/nowhere/{ESCAPES}")
    assert result.returncode == 1 and b"\x1b" not in result.stderr


def test_json_stays_what_it_is(hostile):
    report = json.loads(run("adapters", "inspect", hostile, "--json").stdout)
    assert report["adapter"]["description"] == ESCAPES and report["adapter"]["labels"] == {ESCAPES: ESCAPES}


def test_on_a_terminal_json_and_text_are_harmless_too(hostile):
    shown, screen = pty.openpty()
    process = start("adapters", "inspect", hostile, "--json", stdout=screen, stderr=subprocess.DEVNULL)
    os.close(screen)
    text = b""
    while True:
        try:
            part = os.read(shown, 1 << 16)
        except OSError:
            break
        if not part:
            break
        text += part
    os.close(shown)
    assert process.wait(timeout=600) == 0
    text = text.replace(b"\r\n", b"\n").decode()
    harmless(text)
    assert json.loads(text)["adapter"]["description"] == ESCAPES


# The server


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return scripted_checkpoint.build(tmp_path_factory.mktemp("output") / "scripted")


SERVE = ["serve", "--no-store", "--host", "127.0.0.1", "--port", "0", "--threads", "1", "--weights", "bf16"]


def get(port: int, path: str = "/health") -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=600) as response:
        return response.status


def listening_port(process: subprocess.Popen) -> int:
    """Where it listens, when it cannot say so."""
    inodes = set()
    while process.poll() is None:
        for name in os.listdir(f"/proc/{process.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{process.pid}/fd/{name}")
            except OSError:
                continue
            if match := re.match(r"socket:\[(\d+)\]", target):
                inodes.add(match[1])
        with open(f"/proc/{process.pid}/net/tcp") as table:
            for line in list(table)[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    return int(fields[1].split(":")[1], 16)
    raise AssertionError(f"it ended with {process.returncode}")


def stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(timeout=600) == 0
    finally:
        process.kill()


@pytest.mark.parametrize("where", ["closed", "full", "gone"])
def test_a_server_whose_output_cannot_be_written_serves(model, where):
    arguments = [*SERVE, "--model", model]
    if where == "closed":
        command = ["sh", "-c", 'exec "$RESA_BIN" "$@" 0>&- 1>&- 2>&-', "sh", *map(str, arguments)]
        process = subprocess.Popen(command, env={**os.environ, "RESA_BIN": required("RESA_BIN")})
    elif where == "full":
        with open("/dev/full", "wb") as full:
            process = start(*arguments, stdout=full, stderr=full)
    else:
        reader, writer = os.pipe()
        os.close(reader)
        process = start(*arguments, stdout=writer, stderr=writer)
        os.close(writer)
    port = listening_port(process)
    for _ in range(5):
        assert get(port) == 200
    stop(process)


def test_nobody_reads_the_log_and_it_serves_on(model):
    """A pipe takes 64 KiB, some 400 lines. What did not fit is counted, and the count told once somebody reads."""
    process = start(*SERVE, "--model", model, "--log-buffer", 4096, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    port = int(re.search(rb":(\d+)\n", process.stdout.readline())[1])
    requests = 1500
    for _ in range(requests):
        assert get(port) == 200
    process.send_signal(signal.SIGTERM)
    log = process.stderr.read().decode()
    assert process.wait(timeout=600) == 0
    dropped = sum(int(number) for number in re.findall(r"resa: (\d+) lines were dropped here", log))
    shown = log.count("GET /health 200")
    assert dropped > 0 and shown > 100 and shown + dropped >= requests, (dropped, shown)


def test_requests_write_no_lines_of_their_own_into_the_log(model, tmp_path):
    with (tmp_path / "log").open("wb") as log:
        process = start(*SERVE, "--model", model, stdout=subprocess.PIPE, stderr=log)
        port = int(re.search(rb":(\d+)\n", process.stdout.readline())[1])
        import socket

        for path in (b"/\xc2\x9b31m", b"/\xe2\x80\xae", b"/%0aforged"):
            with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
                connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                while connection.recv(1 << 16):
                    pass
        stop(process)
    harmless((tmp_path / "log").read_text())


def test_a_terminal_that_hangs_up_ends_no_answer(model, logs):
    server = Server(model, logs / "hangup.log", "--threads", "1")
    try:
        server.process.send_signal(signal.SIGHUP)
        assert server.get("/health").status == 200
        server.process.send_signal(signal.SIGPIPE)
        assert server.get("/health").status == 200
    finally:
        assert server.stop() == 0
