"""Keeping and shipping adapters: the store's verbs, packs and signatures, and stored adapters in use."""

import hashlib
import json
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest
from conftest import ADAPTERS, LORA, SAE, Server, required

MAGIC = b"\x89RESA\r\n\x1a"
# A public key as text: 32 bytes in base64.
KEY = re.compile(r"resa-public-key-1:[A-Za-z0-9+/]{43}=")


class Machine:
    """Runs `resa adapters` with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "resa"
        self.environment = os.environ | {"RESA_HOME": str(self.home)}

    def run(self, *arguments: object) -> subprocess.CompletedProcess:
        command = [required("RESA_BIN"), "adapters", *map(str, arguments)]
        return subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=600)

    def good(self, *arguments: object) -> str:
        result = self.run(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def bad(self, hint: str, *arguments: object, status: int = 1) -> None:
        result = self.run(*arguments)
        assert result.returncode == status and hint in result.stderr, (result.returncode, result.stdout, result.stderr)

    def listed(self, *arguments: object) -> dict[str, dict]:
        return {entry["name"]: entry for entry in json.loads(self.good("list", "--json", *arguments))}


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def digest(content: dict[str, bytes]) -> str:
    """docs/packs.md: the digest of a set of files."""
    lines = "".join(f"{hashlib.sha256(content[path]).hexdigest()}  {path}\n" for path in sorted(content))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def test_the_store_keeps_adapters_by_content(machine):
    assert machine.listed() == {}
    assert machine.good("add", ADAPTERS / LORA) == f"{LORA} {digest(files(ADAPTERS / LORA))}\n"
    machine.good("add", ADAPTERS / LORA, "--name", "sums:v2")
    machine.good("add", ADAPTERS / SAE)
    stored, direct = machine.listed(), machine.listed("--adapters", ADAPTERS)
    assert stored == {LORA: direct[LORA], SAE: direct[SAE], "sums:v2": direct[LORA] | {"name": "sums:v2"}}
    blobs = {path.name for path in (machine.home / "blobs").iterdir()}
    content = [*files(ADAPTERS / LORA).values(), *files(ADAPTERS / SAE).values()]
    assert blobs == {"sha256-" + hashlib.sha256(data).hexdigest() for data in content}
    assert json.loads(machine.good("inspect", "sums:v2", "--json"))["adapter"] == stored["sums:v2"]

    assert "removed 0 files" in machine.run("remove", LORA).stderr
    assert set(machine.listed()) == {"sums:v2", SAE}
    machine.good("verify")
    machine.good("remove", "sums:v2", SAE)
    assert list((machine.home / "blobs").iterdir()) == []
    machine.bad("holds no adapter 'sums'", "remove", "sums")
    machine.bad("cannot be the name", "add", ADAPTERS / LORA, "--name", "../x")
    machine.bad("neither adapter_config.json", "add", machine.home)


def test_damage_is_found_and_repaired(machine):
    machine.good("add", ADAPTERS / LORA, "--name", "sums")
    blob = next(path for path in (machine.home / "blobs").iterdir() if path.stat().st_size > 10_000)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(data)
    result = machine.run("verify", "sums")
    assert result.returncode == 1 and blob.name in result.stdout
    machine.good("add", ADAPTERS / LORA, "--name", "sums")
    machine.good("verify", "sums")


@pytest.mark.parametrize("adapter", [LORA, SAE])
def test_packs_bring_every_byte(machine, adapter):
    content = files(ADAPTERS / adapter)
    assert machine.good("pack", ADAPTERS / adapter, "-o", "a.resa") == f"a.resa {digest(content)}\n"
    machine.good("add", "a.resa", "--name", "from-pack")
    machine.good("pack", "from-pack", "-o", "b.resa")
    pack = (machine.folder / "a.resa").read_bytes()
    assert (machine.folder / "b.resa").read_bytes() == pack
    machine.bad("exists", "pack", "from-pack", "-o", "b.resa")
    machine.good("unpack", "a.resa", "-o", "out")
    assert files(machine.folder / "out") == content
    machine.bad("exists", "unpack", "a.resa", "-o", "out")

    # As docs/packs.md has it.
    magic, version, flags, manifest_bytes, body_bytes, manifest_hash = struct.unpack("<8sIIQQ32s", pack[:64])
    assert (magic, version, flags) == (MAGIC, 1, 0) and len(pack) == 64 + manifest_bytes + body_bytes
    text = pack[64 : 64 + manifest_bytes]
    assert hashlib.sha256(text).digest() == manifest_hash
    manifest = json.loads(text)
    assert json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode() == text
    assert [file["path"] for file in manifest["files"]] == sorted(content)
    end = 0
    for file in manifest["files"]:
        data = content[file["path"]]
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert file["size"] == len(data) == sum(frame["size"] for frame in file["frames"])
        if file["path"].endswith(".safetensors"):
            header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
            assert {frame["tensor"] for frame in file["frames"] if "tensor" in frame} == set(header) - {"__metadata__"}
        for frame in file["frames"]:
            assert frame["offset"] == end
            place = 64 + manifest_bytes + end
            assert pack[place : place + 4] == b"\x28\xb5\x2f\xfd"
            end += frame["stored"]
    assert end == body_bytes


def test_signatures_say_who_packed(machine):
    key = machine.good("keygen", "key").strip()
    assert KEY.fullmatch(key) and (machine.folder / "key.pub").read_text().strip() == key
    assert (machine.folder / "key").stat().st_mode & 0o777 == 0o600
    machine.good("keygen", "other")
    machine.bad("exists", "keygen", "key")
    machine.good("pack", ADAPTERS / LORA, "-o", "signed.resa", "--sign", "key")
    machine.good("pack", ADAPTERS / LORA, "-o", "plain.resa")
    assert key in machine.good("verify", "signed.resa", "--trust", key)
    assert "nobody" in machine.good("verify", "plain.resa")
    machine.good("add", "signed.resa", "--trust", "other.pub", "--trust", "key.pub")
    assert set(machine.listed()) == {"signed"}
    machine.bad("not trusted", "verify", "signed.resa", "--trust", "other.pub")
    machine.bad("not signed", "unpack", "plain.resa", "--trust", key)
    assert not (machine.folder / "plain").exists()
    for command in (["add", "plain.resa"], ["unpack", "plain.resa"]):
        machine.bad("missing.pub", *command, "--trust", "missing.pub")


def test_broken_packs_leave_nothing(machine):
    machine.good("pack", ADAPTERS / LORA, "-o", "good.resa")
    good = (machine.folder / "good.resa").read_bytes()
    for bad, hint in [(good[:-1], "cut short"), (good + b"x", "appended"), (good[:40], "cut short"), (b"PK\x03\x04" + good[4:], "a pack")]:
        (machine.folder / "bad.resa").write_bytes(bad)
        for verb in ("add", "unpack", "verify"):
            machine.bad(hint, verb, "bad.resa")
    changed = bytearray(good)
    changed[-40] ^= 0xFF
    (machine.folder / "bad.resa").write_bytes(changed)
    for verb in ("add", "unpack", "verify"):
        machine.bad("bad.resa", verb, "bad.resa")
    machine.bad("the limit is 1000", "unpack", "good.resa", "--max-bytes", "1000")
    assert machine.listed() == {}
    assert sorted(path.name for path in machine.folder.iterdir() if path != machine.home) == ["bad.resa", "good.resa"]


def test_stored_adapters_are_served(machine, monkeypatch):
    monkeypatch.setenv("RESA_HOME", str(machine.home))
    machine.good("add", ADAPTERS / LORA, "--name", "sums:v2")
    direct = machine.listed("--adapters", ADAPTERS)
    arguments = ["--context", "512", "--max-batch", "2", "--threads", "2", "--store"]
    server = Server(required("RESA_MODEL"), machine.folder / "server.log", *arguments)
    try:
        listed = server.get("/v1/adapters").json["data"]
        assert [(entry["name"], entry["digest"]) for entry in listed] == [("sums:v2", direct[LORA]["digest"])]
        question = {"prompt": "One, two,", "max_tokens": 4, "temperature": 0}
        reply = server.post("/v1/completions", question, {"Resa-Adapters": '"sums:v2"'})
        assert reply.status == 200, reply.body
        assert reply.json["resa"]["applied"][0]["digest"] == direct[LORA]["digest"]
        # A name that comes to mean something else is noticed without a restart; so is a new one.
        machine.good("add", ADAPTERS / SAE, "--name", "sums:v2")
        machine.good("add", ADAPTERS / LORA, "--name", "sums")
        for name, adapter in [("sums:v2", SAE), ("sums", LORA), ("sums:latest", LORA)]:
            reply = server.post("/v1/completions", question | {"adapters": [name]})
            assert reply.status == 200, reply.body
            assert reply.json["resa"]["applied"][0]["digest"] == direct[adapter]["digest"]
    finally:
        assert server.stop() == 0
