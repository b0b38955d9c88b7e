"""`resa eval`: in this process and against a server, interrupted and gone on with, on a full disk, twice at one folder."""

import http.server
import json
import os
import resource
import signal
import subprocess
import threading
import time
import xml.etree.ElementTree

import pytest
import random_checkpoint
from conftest import ADAPTERS, LORA, required, serving


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    """A model that always answers 42."""
    import scripted_checkpoint

    return scripted_checkpoint.build(tmp_path_factory.mktemp("eval") / "scripted")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("eval-data") / "sums.jsonl"
    rows = [{"question": f"{a}+{42 - a}?", "answer": f"so\n#### {42 if a % 4 else 41}"} for a in range(8)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def command(source, data, output, *arguments):
    prompt = [] if "--template" in arguments else ["--prompt", "plain"]
    return [
        required("RESA_BIN"), "eval", *source, "--data", str(data), *prompt, "--max-tokens", "40", "--output", str(output),
        "--resamples", "200", *arguments,
    ]  # fmt: skip


def in_process(model):
    return ["--model", str(model), "--weights", "f32", "--threads", "1", "--packed-cache", "off"]


def evaluate(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=600, **options)


def key(answer):
    return answer["problem"], answer["arm"], answer["sample"]


def settings(output):
    lines = [json.loads(line) for line in (output / "answers.jsonl").read_text().splitlines()]
    return {line["setting"]: line["value"] for line in lines if "setting" in line}


def answers(output):
    lines = [json.loads(line) for line in (output / "answers.jsonl").read_text().splitlines()]
    return [line for line in lines if "response" in line]


def test_in_this_process_and_again(scripted, data, tmp_path):
    output = tmp_path / "run"
    done = evaluate(in_process(scripted), data, output, "--samples", "2", "--json", "-", "--svg", str(tmp_path / "page.svg"))
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["rows"][0]
    assert (row["arm"], row["problems"], row["pass_at1"], row["truncated_share"]) == ("none", 8, 0.75, 0)
    assert row["standard_error"] == pytest.approx((6 / 8 * 2 / 8 * 8 / 7 / 8) ** 0.5)
    xml.etree.ElementTree.fromstring((tmp_path / "page.svg").read_bytes())
    assert len(answers(output)) == 16
    before = (output / "answers.jsonl").read_bytes()
    again = evaluate(in_process(scripted), data, output, "--samples", "2")
    assert again.returncode == 0 and "75.0" in again.stdout and (output / "answers.jsonl").read_bytes() == before
    other = evaluate(in_process(scripted), data, output, "--temperature", "0.7")
    assert other.returncode == 1 and "temperature was '0.6' and is '0.7'" in other.stderr


def test_of_a_server(scripted, data, tmp_path, logs):
    for server in serving(scripted, logs / "eval.log", "--threads", "1"):
        done = evaluate(["--url", server.url], data, tmp_path / "run", "--json", "-")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"][0]["pass_at1"] == 0.75
        assert all("<think>" in answer["response"] for answer in answers(tmp_path / "run"))
        lost = evaluate(["--url", server.url], data, tmp_path / "lost", "--adapter", "nobody")
        assert lost.returncode == 1 and "nobody" in lost.stderr


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random model with a LoRA and a DoRA, and the same with other weights under the same name."""
    folder = tmp_path_factory.mktemp("eval-tiny")
    for place, seed in (("first", 11), ("second", 12)):
        random_checkpoint.build(folder / place / "tiny", seed=seed)
    for seed in (1, 2):
        random_checkpoint.add_lora(folder / "adapters" / f"lora{seed}", seed=seed, dora=seed == 2)
    return folder


def test_adapters_of_a_server_are_those_of_this_process(tiny, data, tmp_path, logs):
    """Many adapters in one run over HTTP: each request names its own, they share batches, and give what they give in this process."""
    adapters = ["--adapter", "lora1", "--adapter", "lora2;scale=0.5", "--adapter", "lora1;scale=2, lora2"]
    # What a checkpoint recommends to a server counts in neither.
    (tiny / "first" / "tiny" / "generation_config.json").write_text(json.dumps({"do_sample": True, "top_k": 1, "repetition_penalty": 1.8}))
    # Not a chat, as the server takes thoughts out of a chat's answer.
    (tmp_path / "template.txt").write_text("Add up. {problem} Sum:")
    sampling = ["--samples", "2", "--seed", "3", "--max-tokens", "24", "--template", str(tmp_path / "template.txt")]
    arms = ["none", *adapters[1::2]]
    weights = ["--adapters", str(tiny / "adapters"), "--weights", "f32", "--threads", "1", "--packed-cache", "off"]
    for server in serving(tiny / "first" / "tiny", logs / "eval-tiny.log", *weights, "--max-batch", "16"):
        done = evaluate(["--url", server.url], data, tmp_path / "url", *adapters, *sampling, "--json", "-")
        assert done.returncode == 0, done.stderr
        assert [row["arm"] for row in json.loads(done.stdout)["rows"]] == arms
        steps, rows = server.metric("resa_engine_steps_total"), server.metric("resa_engine_rows_total")
        [card] = [card for card in json.loads(server.get("/v1/models").body)["data"] if card["parent"] is None]
        finished = server.metric("resa_engine_finished_requests_total")
        again = evaluate(["--url", server.url], data, tmp_path / "url", *adapters, *sampling, "--json", "-")
        assert again.returncode == 0 and again.stdout == done.stdout
        assert server.metric("resa_engine_finished_requests_total") == finished == 8 * 2 * len(arms)
    kept = {key(answer): answer for answer in answers(tmp_path / "url")}
    assert len(kept) == 8 * 2 * len(arms)
    # One after the other every token would have been a step of its own.
    assert steps < sum(answer["tokens"] for answer in kept.values()) / 2 < rows
    for arm in arms[1:]:
        [applied] = {answer["applied"] for answer in kept.values() if answer["arm"] == arm}
        assert applied.count("sha256:") == 1 + arm.count(",")
    assert settings(tmp_path / "url")["model digest"] == card["resa"]["digest"]
    local = evaluate(["--model", str(tiny / "first" / "tiny"), *weights], data, tmp_path / "local", *adapters, *sampling)
    assert local.returncode == 0, local.stderr
    assert settings(tmp_path / "local")["model digest"] == card["resa"]["digest"]
    there = {key(answer): answer["response"] for answer in answers(tmp_path / "local")}
    assert there == {name: answer["response"] for name, answer in kept.items()}
    assert len(set(there.values())) > len(there) / 2
    # Other weights under the same name, and another adapter under the same name.
    for server in serving(tiny / "second" / "tiny", logs / "eval-other.log", *weights):
        other = evaluate(["--url", server.url], data, tmp_path / "url", *adapters, *sampling, "--samples", "3")
        assert other.returncode == 1 and "model digest was 'sha256:" in other.stderr, other.stderr
    other = evaluate(["--model", str(tiny / "second" / "tiny"), *weights], data, tmp_path / "local", *adapters, *sampling)
    assert other.returncode == 1 and "model digest was 'sha256:" in other.stderr, other.stderr
    random_checkpoint.add_lora(tmp_path / "changed" / "lora1", seed=4)
    random_checkpoint.add_lora(tmp_path / "changed" / "lora2", seed=2, dora=True)
    weights[1] = str(tmp_path / "changed")
    for server in serving(tiny / "first" / "tiny", logs / "eval-changed.log", *weights):
        other = evaluate(["--url", server.url], data, tmp_path / "url", *adapters, *sampling, "--samples", "3")
        assert other.returncode == 1 and "answers of 'lora1" in other.stderr and "were given with" in other.stderr, other.stderr


def test_a_server_that_changes_its_model(data, tmp_path):
    """A server may be started anew with other weights while it is asked."""

    class Changing(http.server.BaseHTTPRequestHandler):
        def reply(self, body: dict) -> None:
            text = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self.reply({"data": [{"id": "m", "root": "m", "parent": None, "resa": {"digest": "sha256:aa", "fingerprint": "fp_aa_f32"}}]})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            choice = {"message": {"content": "42"}, "finish_reason": "stop"}
            self.reply({"choices": [choice], "system_fingerprint": "fp_bb_f32", "usage": {"prompt_tokens": 1, "completion_tokens": 1}})

        def log_message(self, *_) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Changing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = evaluate(["--url", f"http://127.0.0.1:{server.server_port}"], data, tmp_path / "run")
        server.shutdown()
    assert done.returncode == 1 and "began with the model fp_aa_f32, and now fp_bb_f32 answers" in done.stderr, done.stderr
    assert answers(tmp_path / "run") == [] and settings(tmp_path / "run")["model digest"] == "sha256:aa"


def test_adapters_and_controls_share_a_run(data, tmp_path):
    """The default model with a LoRA, and a random one of its norms."""
    output = tmp_path / "run"
    arguments = [
        "--limit", "2", "--max-tokens", "12", "--seed", "5", "--adapters", str(ADAPTERS), "--adapter", f"{LORA};scale=0.5",
        "--control", f"random={LORA}", "--control", f"shuffled={LORA}", "--svg", str(tmp_path / "page.svg"), "--json", "-",
    ]  # fmt: skip
    source = ["--model", required("RESA_MODEL"), "--threads", "2"]
    done = evaluate(source, data, output, *arguments)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["arm"] for row in rows] == ["none", f"{LORA};scale=0.5", f"{LORA}-random-5", LORA]
    assert [row["role"].split(":")[0] for row in rows] == ["no adapter", "adapter", "control", "control"]
    assert "comparison" not in rows[0] and all("mcnemar_p_holm" in row["comparison"] for row in rows[1:])
    xml.etree.ElementTree.fromstring((tmp_path / "page.svg").read_bytes())
    assert (output / "controls" / f"{LORA}-random-5" / "adapter_model.safetensors").exists()
    kept = answers(output)
    applied = {answer["arm"]: answer["applied"] for answer in kept}
    assert applied["none"] == "" and applied[LORA] == applied[f"{LORA};scale=0.5"] and len(set(applied.values())) == 3
    by_seed = {}
    for answer in kept:
        by_seed.setdefault((answer["problem"], answer["sample"]), set()).add(answer["seed"])
    assert len(kept) == 8 and all(len(seeds) == 1 for seeds in by_seed.values())
    assert len({answer["response"] for answer in kept if answer["problem"] == "1"}) > 1
    again = evaluate(source, data, output, *arguments)
    assert again.returncode == 0 and again.stdout == done.stdout and answers(output) == kept
    # Alone, in no batch, a question gets the same answer.
    alone = evaluate(source, data, tmp_path / "alone", *arguments[:4], "--seed", "5", "--concurrency", "1")
    assert alone.returncode == 0, alone.stderr
    told = {answer["problem"]: answer["response"] for answer in kept if answer["arm"] == "none"}
    assert {answer["problem"]: answer["response"] for answer in answers(tmp_path / "alone")} == told


def test_a_full_disk_keeps_whole_lines(scripted, data, tmp_path):
    output = tmp_path / "run"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = evaluate(in_process(scripted), data, output, "--samples", "40", preexec_fn=limit, restore_signals=False)
    assert done.returncode == 1 and "cannot be written" in done.stderr, done.stderr
    kept = answers(output)
    assert 0 < len(kept) < 320 and (output / "answers.jsonl").read_bytes().endswith(b"\n")
    on = evaluate(in_process(scripted), data, output, "--samples", "40")
    assert on.returncode == 0 and len(answers(output)) == 320 and answers(output)[: len(kept)] == kept


def test_killed_and_gone_on_with(scripted, data, tmp_path):
    output = tmp_path / "run"
    process = subprocess.Popen(command(in_process(scripted), data, output, "--samples", "200", "--concurrency", "2"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 600
        while not (output / "answers.jsonl").exists() or len((output / "answers.jsonl").read_bytes().splitlines()) < 20:
            assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
            time.sleep(0.02)
        second = evaluate(in_process(scripted), data, output, "--samples", "200")
        assert second.returncode == 1 and "another evaluation" in second.stderr
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
    kept = len((output / "answers.jsonl").read_bytes().split(b"\n")) - 1
    done = evaluate(in_process(scripted), data, output, "--samples", "200", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert len(answers(output)) == 1600 and kept < 1600
    assert json.loads(done.stdout)["rows"][0]["pass_at1"] == 0.75


@pytest.mark.parametrize(
    "text, message",
    [
        (b"", "has no problems"), (b"\x00\xff\x01", "is no JSON"), (b'{"text": "a"}', "has no text under"),
        (b'{"question": "a"}', "has no answer under"), (b'{"question": "a", "answer"', "line 1: is no JSON"),
    ],
)  # fmt: skip
def test_bad_data_is_refused(scripted, tmp_path, text, message):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(text)
    done = evaluate(in_process(scripted), path, tmp_path / "run")
    assert done.returncode == 1 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not os.path.exists(tmp_path / "run")


def test_wrong_usage(scripted, data, tmp_path):
    for arguments in (["--control", "other=x"], ["--samples", "0"], ["--prompt", "poem"], ["--control", "random=x"], ["--top-p", "2"]):
        assert evaluate(in_process(scripted), data, tmp_path / "run", *arguments).returncode == 64
    neither = subprocess.run([required("RESA_BIN"), "eval", "--data", str(data), "--output", str(tmp_path / "x")], capture_output=True, text=True)
    assert neither.returncode == 64 and "--model" in neither.stderr
    unknown = evaluate(in_process(scripted), data, tmp_path / "run", "--adapter", "sae;latent=1;op=explode;value=1")
    assert unknown.returncode == 64 and "explode" in unknown.stderr
