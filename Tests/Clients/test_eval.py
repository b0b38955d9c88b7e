"""`resa eval`: in this process and against a server, interrupted and gone on with, on a full disk, twice at one folder."""

import json
import os
import resource
import signal
import subprocess
import time
import xml.etree.ElementTree

import pytest
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
    return [
        required("RESA_BIN"), "eval", *source, "--data", str(data), "--prompt", "plain", "--max-tokens", "40", "--output", str(output),
        "--resamples", "200", *arguments,
    ]  # fmt: skip


def in_process(model):
    return ["--model", str(model), "--weights", "f32", "--threads", "1", "--packed-cache", "off"]


def evaluate(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300, **options)


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
        deadline = time.monotonic() + 120
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
