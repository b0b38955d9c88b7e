"""Runs every example of the pages on adapters, so that one that rots is noticed. A block that nobody knows how to run fails.

What stands after ``` says what a block is:
    sh                  a script, run by bash in a folder that holds what the page says is there; addresses are the test server's
    python              a script of its own, in the same folder
    http                headers of a request
    json                fields of a request's body ("adapters": ...), with or without braces around them
    json POST /PATH     a whole body
    json steering.json  the configuration of steering vectors
    json manifest       a pack's manifest
    text tree           the folders of adapters/
Indented blocks are scripts too.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch
from conftest import ADAPTERS, LORA, ROOT, required
from fake_hub import FakeHub
from safetensors.torch import save_file
from test_check import LAYERS, WIDTH, save_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

PAGES = ["docs/adapters.md", "docs/packs.md", "adapters/README.md"]
# What is not run: by its first line, and why.
LEFT_OUT = {
    "make demo": "builds a release, fetches what is missing and serves until it is stopped",
    "docs/experiments/gsm8k-smollm2.sh DATA OUT": "trains for an hour on data that is not here",
}
ADDRESS = "127.0.0.1:8080"


@dataclass
class Block:
    page: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """Every fenced block, and every indented one that is no part of a list."""
    found, lines = [], (ROOT / page).read_text().splitlines()
    number = 0
    in_list = False
    while number < len(lines):
        line = lines[number]
        if fence := re.match(r"\s*(`{3,}|~{3,})(.*)$", line):
            start = number + 1
            number = next(n for n in range(start, len(lines)) if lines[n].strip() == fence[1])
            found.append(Block(page, start, fence[2].strip(), "\n".join(lines[start:number])))
        elif line.startswith("    ") and not in_list and (number == 0 or not lines[number - 1].strip()):
            start = number
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
                number += 1
            found.append(Block(page, start + 1, "sh", "\n".join(text[4:] for text in lines[start:number]).strip()))
            continue
        elif line.strip():
            in_list = bool(re.match(r"\s*([-*]|\d+\.) ", line)) or (in_list and line.startswith(" "))
        number += 1
    return found


BLOCKS = [block for page in PAGES for block in blocks(page)]

# `resa` as the pages call it. A server is started on a port of its own, asked for its adapters, and ended.
WRAPPER = """#!/usr/bin/env bash
set -euo pipefail
if [ "${1:-}" != serve ]; then exec "$RESA_BIN" "$@"; fi
"$RESA_BIN" "$@" --host 127.0.0.1 --port 0 --context 512 --max-batch 2 --threads 2 > serve.log 2>&1 &
server=$!
trap 'kill -9 $server 2>/dev/null || true' EXIT
until address=$(grep -om1 'http://127.0.0.1:[0-9]*' serve.log); do kill -0 $server || { cat serve.log; exit 1; }; sleep 0.05; done
curl -sSf "$address/v1/adapters" > served.json
kill -TERM $server
wait $server
"""


class Workshop:
    """The folder in which a page's examples run, one after the other."""

    def __init__(self, folder: Path, hub: FakeHub, server) -> None:
        self.folder, self.server = folder, server
        shutil.copytree(ADAPTERS, folder / "adapters")
        model = Path(required("RESA_MODEL"))
        (folder / model.name).symlink_to(model)
        torch.manual_seed(9)
        LlamaForCausalLM(
            LlamaConfig(
                vocab_size=257, hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=LAYERS, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=512, bos_token_id=256, eos_token_id=256,
            )  # fmt: skip
        ).save_pretrained(folder / "my-model")
        save_tokenizer(folder / "my-model")
        programs = folder / "bin"
        programs.mkdir()
        (programs / "resa").write_text(WRAPPER)
        (programs / "resa").chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and not name.startswith("HF_")}
        self.environment = kept | {
            "PATH": f"{programs}:{os.environ['PATH']}", "RESA_BIN": required("RESA_BIN"), "RESA_HOME": str(folder / "home"),
            "HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf"), "HF_TOKEN": "",
        }  # fmt: skip

    def run(self, *command: str) -> str:
        command = [part.replace(ADDRESS, f"127.0.0.1:{self.server.port}") for part in command]
        process = subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
        try:
            output, errors = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            # A server that the script started, too.
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert process.returncode == 0, f"exit status {process.returncode}\n{output}\n{errors}"
        return output

    def ask(self, headers: dict[str, str] | None = None, **fields) -> dict:
        body = {"prompt": "One, two, three, four,", "max_tokens": 4, "temperature": 0, "ignore_eos": True, **fields}
        reply = self.server.post("/v1/completions", body, headers)
        assert reply.status == 200, reply.body.decode()
        return reply.json


@pytest.fixture(scope="module")
def hub():
    hub = FakeHub()
    hub.add("ORG/REPO", {path.name: path.read_bytes() for path in (ADAPTERS / LORA).iterdir()})
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def workshops(hub, smollm2, tmp_path_factory) -> dict[str, Workshop]:
    return {page: Workshop(tmp_path_factory.mktemp("docs"), hub, smollm2) for page in PAGES}


def applied(answer: dict) -> list[str]:
    return [adapter["name"] for adapter in answer["resa"]["applied"]]


def run_shell(shop: Workshop, block: Block) -> None:
    shop.run("bash", "-euo", "pipefail", "-c", block.text)


def run_python(shop: Workshop, block: Block) -> None:
    shop.run(sys.executable, "-c", block.text)


def send_headers(shop: Workshop, block: Block) -> None:
    headers = dict(line.split(": ", 1) for line in block.text.splitlines())
    named = [member.split(";")[0].strip() for member in headers["Resa-Adapters"].split(",")]
    assert set(applied(shop.ask(headers))) == set(named)


def send_fields(shop: Workshop, block: Block) -> None:
    text = block.text.strip()
    fields = json.loads(text if text.startswith("{") else "{" + text + "}")
    assert set(fields) <= {"adapters", "model", "features"}, "say after ```json what this is"
    answer = shop.ask(**fields)
    if "features" in fields:
        assert answer["choices"][0]["resa"]["observations"]
        return
    names = fields["model"].split(":")[-1:] if "model" in fields else [one if isinstance(one, str) else one["name"] for one in fields["adapters"]]
    assert set(applied(answer)) == set(names)
    if any(isinstance(one, dict) and one.get("top") for one in fields.get("adapters", [])):
        assert answer["choices"][0]["resa"]["observations"]


def post(shop: Workshop, block: Block) -> None:
    reply = shop.server.post(block.kind.split()[-1], json.loads(block.text))
    assert reply.status == 200, reply.body.decode()
    assert reply.json.get("data") or reply.json.get("variants")


def read_steering(shop: Workshop, block: Block) -> None:
    folder = shop.folder / f"steering-{block.line}"
    folder.mkdir()
    (folder / "steering.json").write_text(block.text)
    config = json.loads(block.text)
    places = config.get("vectors", {config.get("hookpoint"): "vector"})
    save_file({name: torch.randn(WIDTH) for name in places.values()}, folder / "vector.safetensors")
    told = json.loads(shop.run("resa", "adapters", "inspect", folder.name, "--json"))["adapter"]
    assert told["kind"] == "vector" and sorted(told["hookpoints"]) == sorted(places)


def compare_manifest(shop: Workshop, block: Block) -> None:
    """The members are those of a real pack's, in their order; names and sizes are those of the file."""
    shown = json.loads(block.text)
    shop.run("resa", "adapters", "pack", f"adapters/{LORA}", "-o", f"manifest-{block.line}.resa")
    pack = (shop.folder / f"manifest-{block.line}.resa").read_bytes()
    real = json.loads(pack[64 : 64 + int.from_bytes(pack[16:24], "little")])
    [file] = shown["files"]
    other = next(entry for entry in real["files"] if entry["path"] == file["path"])
    assert list(shown) == list(real) and list(file) == list(other) and file["size"] == other["size"]
    assert [list(frame) for frame in file["frames"]] == [list(frame) for frame in other["frames"][: len(file["frames"])]]
    assert [frame["size"] for frame in file["frames"]] == [frame["size"] for frame in other["frames"][: len(file["frames"])]]
    for frame, real_frame in zip(file["frames"], other["frames"]):
        assert fnmatch(real_frame.get("tensor", ""), frame.get("tensor", "").replace("...", "*"))
    for frame, following in zip(file["frames"], file["frames"][1:]):
        assert following["offset"] == frame["offset"] + frame["stored"]


def find_tree(shop: Workshop, block: Block) -> None:
    """Every name that is shown is there."""
    path: list[str] = []
    for line in block.text.splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        path[depth:] = [line.split()[0].rstrip("/")]
        assert (shop.folder / "adapters").joinpath(*path).exists(), "/".join(path)


RUNNERS = {
    "sh": run_shell, "python": run_python, "http": send_headers, "json": send_fields, "json POST": post,
    "json steering.json": read_steering, "json manifest": compare_manifest, "text tree": find_tree,
}  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_example(workshops, block):
    if block.text.splitlines()[0] in LEFT_OUT:
        assert block.kind == "sh"
        return
    kind = re.sub(r"^json POST /\S+$", "json POST", block.kind)
    assert kind in RUNNERS, f"{block}: nobody knows how to run a block '{block.kind}':\n{block.text}"
    RUNNERS[kind](workshops[block.page], block)


def test_no_page_lost_its_examples():
    """The reader of blocks sees what a plain search sees."""
    for page in PAGES:
        fences = re.findall(r"^\s*(?:```|~~~)", (ROOT / page).read_text(), flags=re.MULTILINE)
        own = [block for block in BLOCKS if block.page == page]
        assert len(fences) % 2 == 0 and len(own) >= len(fences) // 2 > 1


def test_every_exception_is_still_needed():
    firsts = [block.text.splitlines()[0] for block in BLOCKS]
    assert all(first in firsts for first in LEFT_OUT)
