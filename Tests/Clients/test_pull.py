"""`resa adapters pull` and `resa models pull` against a Hub on loopback that drops, stalls, lies, corrupts, redirects and rate-limits.

Nothing here depends on how long anything takes: the Hub holds back what a test waits for.
"""

import gzip
import json
import os
import random
import signal
import subprocess
import threading
import zlib
from pathlib import Path

import pytest
from conftest import ADAPTERS, LORA as ADAPTER, required
from fake_hub import LARGE, FakeHub, Fault, git_name, sha256

TOKEN = "hf_secret"
BIG = random.Random(4).randbytes(600_000)
LORA = {
    "README.md": b"# A LoRA\n",
    ".gitattributes": b"*.safetensors filter=lfs\n",
    "adapter_config.json": b'{"peft_type": "LORA", "r": 4}',
    "adapter_model.safetensors": BIG,
    "optimizer.pt": b"pickled",
    "checkpoint-5/adapter_model.safetensors": b"older",
}
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def hub():
    hub = FakeHub()
    hub.add("org/lora", LORA)
    yield hub
    hub.close()


class Machine:
    """Runs `resa` with a home of its own."""

    def __init__(self, hub: FakeHub, home: Path) -> None:
        self.hub, self.home, self.to = hub, home, home / "adapters"
        self.environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and not name.startswith("HF_")}
        self.environment |= {"HOME": str(home), "RESA_HOME": str(home / "resa"), "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}

    def command(self, *arguments: str, verb: str = "adapters", to: Path | None = None, stall: int = 600) -> list[str]:
        settings = ["--retry-wait", "0.01", "--retries", "3", "--stall", str(stall)]
        return [required("RESA_BIN"), verb, "pull", *arguments, *settings, "--to", str(to or self.to)]

    def pull(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(*arguments, **options), env=self.environment, capture_output=True, timeout=600)

    def start(self, *arguments: str) -> subprocess.Popen:
        # Whoever runs the tests in the background of a shell ignores SIGINT, and so would what they start.
        heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        return subprocess.Popen(
            self.command(*arguments), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed
        )

    def files(self, folder: str = "lora") -> dict[str, bytes]:
        root = self.to / folder
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def weights(self) -> bytes:
        return (self.to / "lora" / WEIGHTS).read_bytes()


@pytest.fixture
def machine(hub, tmp_path) -> Machine:
    return Machine(hub, tmp_path)


def good(result: subprocess.CompletedProcess) -> str:
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def bad(result: subprocess.CompletedProcess, *words: str) -> str:
    message = result.stderr.decode()
    assert result.returncode == 1, (result.returncode, message)
    assert result.stdout == b""
    for word in words:
        assert word in message, message
    return message


def partial(machine: Machine, name: str = WEIGHTS, folder: str = "lora") -> Path:
    return machine.to / f".pull-{folder}" / f"{name}.part"


def test_an_adapter_arrives_whole(hub, machine):
    report = json.loads(good(machine.pull("hf:org/lora", "--json")))
    assert report["path"] == str(machine.to / "lora") and report["commit"] == hub.commits["org/lora"]
    wanted = {name: LORA[name] for name in ("README.md", "adapter_config.json", WEIGHTS)}
    assert {file["path"]: file["sha256"] for file in report["files"]} == {name: sha256(content) for name, content in wanted.items()}
    files = machine.files()
    record = json.loads(files.pop(".resa-pull.json"))
    assert files == wanted and record["source"] == "hf:org/lora"
    assert sorted(path.name for path in machine.to.iterdir()) == ["lora"]
    assert good(machine.pull("hf:org/lora@v1", "--name", "other")).strip() == str(machine.to / "other")


def test_the_token_goes_to_the_hub_only(hub, machine):
    good(machine.pull("hf:org/lora"))
    assert hub.requests(server="hub") and all(seen.headers.get("authorization") == f"Bearer {TOKEN}" for seen in hub.requests(server="hub"))
    assert hub.requests(server="store") and all("authorization" not in seen.headers for seen in hub.requests(server="store"))
    # The same name on another port is another origin; a redirect back to the Hub gets it again.
    hub.faults[f"hub:{WEIGHTS}"] = [Fault(redirect=f"http://127.0.0.1:{hub.servers['store'].server_port}/store/org/lora/{WEIGHTS}")]
    good(machine.pull("hf:org/lora", "--name", "again"))
    assert all("authorization" not in seen.headers for seen in hub.requests(server="store"))
    hub.web["file.bin"] = b"x" * 10
    good(machine.pull(f"{hub.store_url}/web/file.bin"))
    assert "authorization" not in hub.requests("file.bin")[0].headers


def test_token_from_the_files_of_the_hub(hub, machine):
    del machine.environment["HF_TOKEN"]
    good(machine.pull("hf:org/lora", "--name", "none"))
    assert "authorization" not in hub.seen[0].headers
    home = machine.home / "hf"
    home.mkdir()
    (home / "token").write_text("from-file\n")
    machine.environment["HF_HOME"] = str(home)
    hub.seen.clear()
    good(machine.pull("hf:org/lora", "--name", "file"))
    assert hub.seen[0].headers["authorization"] == "Bearer from-file"


def test_a_dropped_connection_is_resumed(hub, machine):
    hub.faults[f"store:{WEIGHTS}"] = [Fault(cut_at=200_000), Fault(cut_at=100_000)]
    good(machine.pull("hf:org/lora"))
    assert machine.weights() == BIG
    first, second, third = hub.requests(WEIGHTS, "store")
    assert (first.range_start, second.range_start, third.range_start) == (None, 200_000, 300_000)
    assert second.headers["if-range"] == f'"{sha256(BIG)[:20]}"' and third.status == 206


def test_a_stalled_connection_is_given_up_and_resumed(hub, machine):
    hub.faults[f"store:{WEIGHTS}"] = [Fault(hold_at=250_000)]
    good(machine.pull("hf:org/lora", stall=3))
    assert machine.weights() == BIG
    assert [seen.range_start for seen in hub.requests(WEIGHTS, "store")] == [None, 250_000]


def test_a_hub_that_never_keeps_its_word_fails_in_the_end(hub, machine):
    hub.always[f"store:{WEIGHTS}"] = Fault(cut_at=1000)
    bad(machine.pull("hf:org/lora"), WEIGHTS)
    assert len(hub.requests(WEIGHTS, "store")) == 4 and not (machine.to / "lora").exists()
    assert partial(machine).stat().st_size == 4000


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_pull_goes_on_later(hub, machine, end):
    hub.faults[f"store:{WEIGHTS}"] = [Fault(hold_at=300_000)]
    process = machine.start("hf:org/lora")
    assert hub.holding.wait(600)
    while not partial(machine).exists() or partial(machine).stat().st_size < 300_000:
        assert process.poll() is None
    process.send_signal(end)
    assert process.wait(600) != 0
    process.communicate()
    hub.go_on.set()
    assert not (machine.to / "lora").exists()
    good(machine.pull("hf:org/lora"))
    assert machine.weights() == BIG
    assert hub.requests(WEIGHTS, "store")[-1].range_start == 300_000


def test_progress_is_told(hub, machine):
    hub.faults[f"store:{WEIGHTS}"] = [Fault(hold_at=300_000)]
    process = subprocess.Popen(
        machine.command("hf:org/lora"), env=machine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stderr.readline()
    assert line.startswith("resa: pulling hf:org/lora: ") and " %, 300.0 kB of 600.0 kB, " in line and "/s, " in line and " s left" in line, line
    hub.go_on.set()
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0 and out.strip() == str(machine.to / "lora")


def test_one_pull_at_a_time(hub, machine):
    hub.faults[f"store:{WEIGHTS}"] = [Fault(hold_at=300_000)]
    first = subprocess.Popen(machine.command("hf:org/lora"), env=machine.environment, stdout=subprocess.DEVNULL)
    assert hub.holding.wait(600)
    bad(machine.pull("hf:org/lora"), "another pull")
    hub.go_on.set()
    assert first.wait(600) == 0 and machine.weights() == BIG


def test_damage_is_found_and_mended(hub, machine):
    hub.faults[f"store:{WEIGHTS}"] = [Fault(flip=5)]
    hub.faults["hub:adapter_config.json"] = [Fault(flip=3)]
    good(machine.pull("hf:org/lora"))
    assert machine.weights() == BIG and machine.files()["adapter_config.json"] == LORA["adapter_config.json"]
    assert [seen.range_start for seen in hub.requests(WEIGHTS, "store")] == [None, None]


def test_damage_that_stays_is_an_error(hub, machine):
    hub.always[f"store:{WEIGHTS}"] = Fault(flip=5)
    bad(machine.pull("hf:org/lora"), WEIGHTS, "sha256", sha256(BIG))
    assert not (machine.to / "lora").exists() and partial(machine).stat().st_size == 0


def test_damage_in_what_was_kept_is_mended(hub, machine):
    hub.faults[f"store:{WEIGHTS}"] = [Fault(cut_at=1000, flip=7)] + [Fault(status=404)]
    bad(machine.pull("hf:org/lora"), "404")
    good(machine.pull("hf:org/lora"))
    assert machine.weights() == BIG
    assert [seen.range_start for seen in hub.requests(WEIGHTS, "store")] == [None, 1000, 1000, None]


@pytest.mark.parametrize("said", [599_000, 601_000])
def test_a_length_that_contradicts_the_listing(hub, machine, said):
    hub.always[f"store:{WEIGHTS}"] = Fault(say_length=said)
    bad(machine.pull("hf:org/lora"), WEIGHTS, f"got {said} bytes, wanted 600000")
    assert len(hub.requests(WEIGHTS, "store")) == 1


@pytest.mark.parametrize("content", [BIG + b"more", BIG[:-4]])
def test_more_or_less_than_was_said(hub, machine, content):
    hub.always[f"store:{WEIGHTS}"] = Fault(body=content, chunked=True)
    bad(machine.pull("hf:org/lora"), WEIGHTS, "wanted 600000")
    assert not (machine.to / "lora").exists()


def test_the_hub_contradicts_itself(hub, machine):
    hub.always[f"hub:{WEIGHTS}"] = Fault(headers={"X-Linked-Size": "12"})
    bad(machine.pull("hf:org/lora"), WEIGHTS, "got 12 bytes")
    hub.always[f"hub:{WEIGHTS}"] = Fault(headers={"X-Linked-Etag": '"' + "0" * 64 + '"'})
    bad(machine.pull("hf:org/lora"), WEIGHTS, "0" * 64)
    hub.always[f"hub:{WEIGHTS}"] = Fault(headers={"X-Repo-Commit": "1" * 40})
    bad(machine.pull("hf:org/lora"), WEIGHTS, "1" * 40)


def test_a_web_page_is_no_file(hub, machine):
    page = Fault(body=b"<html>Log in</html>", headers={"Content-Type": "text/html; charset=utf-8"})
    hub.always[f"store:{WEIGHTS}"] = page
    bad(machine.pull("hf:org/lora"), WEIGHTS, "web page")
    hub.web["file.bin"] = b"x"
    hub.always["store:file.bin"] = page
    bad(machine.pull(f"{hub.store_url}/web/file.bin"), "file.bin", "web page")


def test_retry_after(hub, machine):
    hub.faults[f"store:{WEIGHTS}"] = [Fault(status=429, headers={"Retry-After": "1"}), Fault(status=503)]
    hub.faults["hub:main"] = [Fault(status=500)]
    good(machine.pull("hf:org/lora"))
    assert [seen.status for seen in hub.requests(WEIGHTS, "store")] == [429, 503, 200]
    hub.faults[f"store:{WEIGHTS}"] = [Fault(status=429, headers={"Retry-After": "9999"})]
    bad(machine.pull("hf:org/lora", "--name", "other"), "9999 s", "300 s")
    assert len(hub.requests(WEIGHTS, "store")) == 4


def test_another_version_is_never_mixed_in(hub, machine):
    old, new = BIG, BIG[::-1]
    hub.web["file.bin"], hub.tags["file.bin"] = old, '"old"'
    hub.faults["store:file.bin"] = [Fault(cut_at=1000), Fault(status=404)]
    bad(machine.pull(f"{hub.store_url}/web/file.bin"), "404")
    hub.web["file.bin"], hub.tags["file.bin"] = new, '"new"'
    good(machine.pull(f"{hub.store_url}/web/file.bin"))
    assert machine.files("file.bin")["file.bin"] == new
    last = hub.requests("file.bin")[-1]
    assert (last.range_start, last.headers["if-range"], last.status) == (1000, '"old"', 200)

    # A server that does not know If-Range.
    hub.web["file.bin"], hub.tags["file.bin"] = old, '"old"'
    hub.faults["store:file.bin"] = [Fault(cut_at=1000), Fault(tag='"new"', ignores_if_range=True, body=new)]
    good(machine.pull(f"{hub.store_url}/web/file.bin", "--name", "second"))
    assert machine.files("second")["file.bin"] == old

    # No ETag, or one that promises little: nothing to resume by.
    for tag in ("", 'W/"weak"'):
        hub.faults["store:file.bin"] = [Fault(cut_at=1000, headers={"ETag": tag})]
        good(machine.pull(f"{hub.store_url}/web/file.bin", "--name", f"third{len(tag)}"))
        assert hub.requests("file.bin")[-1].range_start is None


def test_a_web_file_with_a_digest(hub, machine):
    hub.web["sae.gguf"] = BIG
    good(machine.pull(f"{hub.store_url}/web/sae.gguf?key=1", "--sha256", sha256(BIG)))
    assert machine.files("sae")["sae.gguf"] == BIG
    bad(machine.pull(f"{hub.store_url}/web/sae.gguf?key=1", "--sha256", "0" * 64, "--name", "x"), "sae.gguf", sha256(BIG), "0" * 64)


def test_redirects_that_lead_nowhere(hub, machine):
    hub.always[f"hub:{WEIGHTS}"] = Fault(redirect=f"{hub.url}/org/lora/resolve/{hub.commits['org/lora']}/{WEIGHTS}")
    bad(machine.pull("hf:org/lora"), "more than 8 hops")
    for target, word in [("file:///etc/passwd", "neither http nor https"), ("http://user:pw@127.0.0.1/", "user or password")]:
        hub.always[f"hub:{WEIGHTS}"] = Fault(redirect=target)
        message = bad(machine.pull("hf:org/lora"), WEIGHTS, word)
        assert "pw@" not in message


def test_signatures_are_not_told(hub, machine):
    hub.always[f"store:{WEIGHTS}"] = Fault(status=403)
    assert "secret" not in bad(machine.pull("hf:org/lora"), WEIGHTS, "403")


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil", "a\\evil", "a\x00evil", "a//evil", "./evil", "evil.part", "README.md"])
def test_paths_that_lead_astray(hub, machine, path):
    entry = {"rfilename": path, "size": 9, "blobId": "0" * 40}
    plain = {"rfilename": "README.md", "size": 9, "blobId": "0" * 40}
    hub.listing["org/lora"] = {"sha": hub.commits["org/lora"], "siblings": [plain, entry]}
    bad(machine.pull("hf:org/lora", "--include", "*"), "listing's path")
    assert not [path for path in machine.home.rglob("*") if path.is_file()]
    assert not hub.requests("resolve")


@pytest.mark.parametrize(
    "listing", [b"", b"<html>", b"[]", b"{}", b'{"sha": "x", "siblings": []}', b'{"sha": "%s", "siblings": [{"size": 1}]}' % (b"0" * 40)]
)
def test_listings_that_are_none(hub, machine, listing):
    hub.listing["org/lora"] = listing
    bad(machine.pull("hf:org/lora"), "the listing", "wanted")


def test_what_is_not_there(hub, machine):
    bad(machine.pull("hf:org/nothing"), "404", "Repository not found")
    bad(machine.pull("hf:org/lora@v9"), "404", "Invalid rev id")
    bad(machine.pull("hf:org/lora/sub"), "holds no file there")
    hub.add("org/pickles", {"model.bin": b"x", "other.pt": b"y"})
    bad(machine.pull("hf:org/pickles"), "no .safetensors", "model.bin")
    del machine.environment["HF_TOKEN"]
    hub.faults["hub:main"] = [Fault(status=401)]
    bad(machine.pull("hf:org/lora"), "401", "HF_TOKEN")


def test_offline(hub, machine):
    bad(machine.pull("hf:org/lora", "--offline"), "offline")
    good(machine.pull("hf:org/lora"))
    hub.seen.clear()
    machine.environment["HF_HUB_OFFLINE"] = "1"
    assert good(machine.pull("hf:org/lora")).strip() == str(machine.to / "lora")
    bad(machine.pull("hf:org/other", "--name", "lora"), "offline")
    (machine.to / "lora" / WEIGHTS).unlink()
    bad(machine.pull("hf:org/lora"), "offline")
    assert not hub.seen


def test_only_what_changed_is_fetched_again(hub, machine):
    good(machine.pull("hf:org/lora"))
    hub.add("org/lora", LORA | {"README.md": b"# Better\n"})
    hub.seen.clear()
    good(machine.pull("hf:org/lora"))
    assert machine.weights() == BIG and machine.files()["README.md"] == b"# Better\n"
    assert not hub.requests(WEIGHTS) and not hub.requests("adapter_config") and len(hub.requests("README")) == 1
    assert sorted(path.name for path in machine.to.iterdir()) == ["lora"]


def test_what_somebody_made_is_left_alone(hub, machine):
    (machine.to / "lora").mkdir(parents=True)
    (machine.to / "lora" / "notes").write_text("mine")
    bad(machine.pull("hf:org/lora"), "was not pulled")
    assert machine.files() == {"notes": b"mine"} and not hub.seen


def test_limits(hub, machine):
    bad(machine.pull("hf:org/lora", "--file-limit", "1000"), WEIGHTS, "600000", "1000")
    bad(machine.pull("hf:org/lora", "--total-limit", "600001"), "600001")
    assert not hub.requests("resolve")
    hub.web["file.bin"] = BIG
    hub.always["store:file.bin"] = Fault(chunked=True)
    bad(machine.pull(f"{hub.store_url}/web/file.bin", "--file-limit", "1000"), "file.bin", "limit of 1000")


def test_files_come_at_the_same_time(hub, machine):
    hub.add("org/sae", {f"layers.{n}/{name}": bytes([n]) * 70_000 for n in range(4) for name in ("cfg.json", "sae.safetensors")})
    hub.barrier = barrier = threading.Barrier(4)
    good(machine.pull("hf:org/sae", "--parallel", "4"))
    assert not barrier.broken and len(machine.files("sae")) == 9


def test_a_hookpoint_keeps_its_folder(hub, machine):
    hub.add("org/sae", {f"layers.{n}/{name}": b"%d" % n for n in range(3) for name in ("cfg.json", "sae.safetensors")})
    assert good(machine.pull("hf:org/sae/layers.2")).strip() == str(machine.to / "sae")
    assert sorted(machine.files("sae")) == [".resa-pull.json", "layers.2/cfg.json", "layers.2/sae.safetensors"]
    good(machine.pull("hf:org/sae", "--include", "layers.1/*", "--exclude", "*.json", "--name", "some"))
    assert sorted(machine.files("some")) == [".resa-pull.json", "layers.1/sae.safetensors"]


def test_files_of_this_machine(machine, tmp_path):
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "adapter_config.json").write_bytes(b"{}")
    (folder / WEIGHTS).write_bytes(BIG)
    (folder / "sub" / "x.json").write_bytes(b"1")
    (folder / ".hidden.json").write_bytes(b"2")
    assert good(machine.pull(f"file:{folder}", "--offline")).strip() == str(machine.to / "mine")
    assert sorted(machine.files("mine")) == [".resa-pull.json", "adapter_config.json", WEIGHTS]
    assert machine.files("mine")[WEIGHTS] == BIG
    one = tmp_path / "one.resa"
    one.write_bytes(b"pack")
    assert good(machine.pull(f"file://{one}")).strip() == str(machine.to / "one" / "one.resa")
    bad(machine.pull(f"file:{tmp_path}/none"), "No such file")


def test_models(hub, machine, tmp_path):
    shards = {f"model-0000{n}-of-00002.safetensors": bytes([n]) * 80_000 for n in (1, 2)}
    index = json.dumps({"weight_map": {f"w{n}": name for n, name in enumerate(shards)}}).encode()
    files = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors.index.json": index, **shards}
    rest = {"pytorch_model.bin": b"pickle", "onnx/model.onnx": b"x", "consolidated.safetensors": b"all again"}
    hub.add("org/model", files | rest)
    models = tmp_path / "models"
    assert good(machine.pull("hf:org/model", verb="models", to=models)).strip() == str(models / "model")
    assert {path.name: path.read_bytes() for path in (models / "model").iterdir() if path.name[0] != "."} == files

    hub.add("org/torn", {"config.json": b"{}", "model.safetensors.index.json": index})
    bad(machine.pull("hf:org/torn", verb="models", to=models), "model-00001-of-00002.safetensors", "not there")
    hub.add("org/gguf", {"a-Q4.gguf": b"4" * 10, "a-Q8.gguf": b"8" * 10})
    bad(machine.pull("hf:org/gguf", verb="models", to=models), "a-Q4.gguf, a-Q8.gguf")
    path = good(machine.pull("hf:org/gguf/a-Q8.gguf", verb="models", to=models)).strip()
    assert path == str(models / "a-Q8" / "a-Q8.gguf") and Path(path).read_bytes() == b"8" * 10


@pytest.mark.parametrize("source", ["org/lora", "hf:lora", "hf:../x", "hf:org/lora@..", "ftp://host/x", "https://", "https://host/", "file:"])
def test_sources_that_are_none(machine, source):
    bad(machine.pull(source), "is no source", "hf:ORG/REPO")


def test_without_a_folder_it_goes_to_the_store(hub, machine):
    content = {name: (ADAPTERS / ADAPTER / name).read_bytes() for name in ("adapter_config.json", WEIGHTS)}
    hub.add("org/kept", {**content, "optimizer.pt": b"pickled"})

    def pull(*arguments: str) -> subprocess.CompletedProcess:
        command = [required("RESA_BIN"), "adapters", "pull", *arguments, "--retry-wait", "0.01", "--retries", "3"]
        return subprocess.run(command, env=machine.environment, capture_output=True, timeout=600)

    name, digest = good(pull("hf:org/kept", "--name", "kept:v1")).split()
    assert name == "kept:v1" and digest.startswith("sha256:")
    listed = subprocess.run([required("RESA_BIN"), "adapters", "list", "--json"], env=machine.environment, capture_output=True, check=True)
    [entry] = json.loads(listed.stdout)
    assert entry["name"] == "kept:v1" and entry["kind"] == "lora"
    # What is here is not fetched again, and is found without a network.
    hub.seen.clear()
    report = json.loads(good(pull("hf:org/kept", "--name", "kept:v1", "--json")))
    assert report["digest"] == digest and report["bytes_found"] == report["bytes"] and not hub.requests(WEIGHTS)
    assert {file["path"]: file["sha256"] for file in report["files"]} == {path: sha256(data) for path, data in content.items()}
    assert good(pull("hf:org/kept", "--name", "kept:v1", "--offline")).split() == [name, digest]
    bad(pull("hf:org/lora"), "adapter_config.json")
    assert not list((machine.home / "resa" / "manifests").glob("lora/*"))
    assert not list((machine.home / "resa" / "pulls").glob("kept*"))


def test_a_listing_may_be_compressed(hub, machine):
    """Some servers and proxies compress whether or not they are asked; files come as they are."""
    siblings = [{"rfilename": name, "size": len(content), "blobId": git_name(content)} for name, content in LORA.items()]
    for entry in siblings:
        if entry["size"] >= LARGE:
            entry["lfs"] = {"sha256": sha256(LORA[entry["rfilename"]]), "size": entry["size"]}
    listing = json.dumps({"id": "org/lora", "sha": hub.commits["org/lora"], "siblings": siblings}).encode()
    for encoding, compressed in [("gzip", gzip.compress(listing)), ("deflate", zlib.compress(listing))]:
        hub.listing["org/lora"] = compressed
        hub.faults["hub:main"] = [Fault(headers={"Content-Encoding": encoding})]
        good(machine.pull("hf:org/lora", "--name", encoding))
        assert machine.files(encoding)[WEIGHTS] == BIG
    assert all(seen.headers.get("accept-encoding") == "identity" for seen in hub.requests("/resolve/") + hub.requests("/store/"))
    # One that does not end, or is none, is an error like any other.
    for body in (gzip.compress(listing)[:-20], b"no gzip"):
        hub.listing["org/lora"] = body
        hub.always["hub:main"] = Fault(headers={"Content-Encoding": "gzip"})
        bad(machine.pull("hf:org/lora", "--name", "broken"), "the listing")


def test_links_lead_no_pull_elsewhere(hub, machine, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    hub.add("org/sae", {"layers.1/cfg.json": b"{}", "layers.1/sae.safetensors": BIG})
    machine.to.mkdir(parents=True)
    # The place where a pull gathers its files, and a folder in it.
    (machine.to / ".pull-lora").symlink_to(elsewhere)
    bad(machine.pull("hf:org/lora"), "it is a link")
    (machine.to / ".pull-sae").mkdir()
    (machine.to / ".pull-sae" / "layers.1").symlink_to(elsewhere)
    bad(machine.pull("hf:org/sae"), "leads out of the folder that is pulled into")
    assert list(elsewhere.iterdir()) == []
    # A link in a file's place is replaced, not written through.
    (machine.to / ".pull-lora").unlink()
    (machine.to / ".pull-lora").mkdir()
    (elsewhere / "mine").write_bytes(BIG)
    (machine.to / ".pull-lora" / WEIGHTS).symlink_to(elsewhere / "mine")
    good(machine.pull("hf:org/lora"))
    assert machine.weights() == BIG and not (machine.to / "lora" / WEIGHTS).is_symlink() and (elsewhere / "mine").read_bytes() == BIG


def test_a_pull_that_failed_is_swept(hub, machine):
    hub.always[f"store:{WEIGHTS}"] = Fault(cut_at=1000)
    command = [required("RESA_BIN"), "adapters", "pull", "hf:org/lora", "--retries", "0", "--retry-wait", "0.01"]
    bad(subprocess.run(command, env=machine.environment, capture_output=True, timeout=600))
    pulls = machine.home / "resa" / "pulls"
    assert list(pulls.rglob("*.part"))
    swept = subprocess.run([required("RESA_BIN"), "adapters", "sweep"], env=machine.environment, capture_output=True, timeout=600)
    assert swept.returncode == 0 and b"1 unfinished" in swept.stderr and list(pulls.iterdir()) == []
    hub.always.clear()
    # It arrives, and is looked at: this one is no LoRA that could be used.
    bad(subprocess.run(command, env=machine.environment, capture_output=True, timeout=600), "target_modules")


def test_what_would_say_nothing_is_refused(hub, machine):
    bad(machine.pull("hf:org/lora", "--sha256", sha256(BIG)), "--sha256 is for a single file")
    hub.web["file.bin"] = b"x" * 10
    bad(machine.pull(f"{hub.store_url}/web/file.bin", "--include", "*.json"), "--include")
