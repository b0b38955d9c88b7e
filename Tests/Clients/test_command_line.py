"""The verbs of `resa` beside `serve`: what they print, and how they fail."""

import json
import subprocess

import jinja2.ext
import pytest
from conftest import ADAPTERS, required
from jinja2.sandbox import ImmutableSandboxedEnvironment

MESSAGES = [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": "Grüße, \"Welt\" 🎉 <|im_end|>"}]


def resa(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess:
    return subprocess.run([required("RESA_BIN"), *arguments], input=stdin, capture_output=True, timeout=600)


def output(*arguments: str, stdin: bytes = b"") -> bytes:
    result = resa(*arguments, stdin=stdin)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


@pytest.fixture(scope="module")
def model() -> str:
    return required("RESA_MODEL")


def test_doctor_measures():
    report = json.loads(output("doctor", "--json", "--threads", "1"))
    assert report["threads"] == 1
    assert report["instruction_set"] in report["available_instruction_sets"]
    assert report["read_gigabytes_per_second"] > 0 and report["f32_gigaflops_per_second"] > 0 and report["bf16_gigaflops_per_second"] > 0
    assert 0 < report["memory_available_bytes"] <= report["memory_total_bytes"]
    assert b"read bandwidth" in output("doctor")


def test_info(model):
    report = json.loads(output("info", "--model", model, "--json", "--tensors"))
    assert (report["architecture"], report["layers"], report["hidden_size"], report["vocab_size"]) == ("llama", 30, 576, 49152)
    assert report["kv_bytes_per_token"]["bf16"] == 30 * 2 * 3 * 64 * 2
    assert len(report["tensors"]) == report["tensor_count"] == 272
    assert report["chat_template"] and not report["opens_think_block"]
    assert b"135M" in output("info", "--model", model)


def test_tokenize_and_back(model):
    text = "Hello, wörld 漢字 🎉\r\n\tx"
    ids = output("tokenize", "--model", model, "--no-special-tokens", stdin=text.encode())
    assert output("tokenize", "--model", model, "--decode", stdin=ids).decode() == text
    assert output("tokenize", "--model", model, "--no-special-tokens", text) == ids
    words = [int(word) for word in ids.split()]
    assert output("tokenize", "--model", model, "--decode", json.dumps(words)).decode() == text
    lines = output("tokenize", "--model", model, "--pieces", "--no-special-tokens", text).decode().splitlines()
    assert [int(line.split("\t")[0]) for line in lines] == words


def test_invalid_utf8_is_replaced(model):
    ids = output("tokenize", "--model", model, "--no-special-tokens", stdin=b"a\xffb")
    assert output("tokenize", "--model", model, "--decode", stdin=ids).decode() == "a\ufffdb"


def test_render(tmp_path):
    source = "{{ bos_token }}{% for m in messages %}\n  {{ m.role }}: {{ m.content | tojson }}{{ eos_token }}\n{% endfor %}{% if tools %}{{ tools | tojson(indent=2) }}{% endif %}{{ mood }}{{ 'go' if add_generation_prompt }}"
    template, file = tmp_path / "t.jinja", tmp_path / "m.json"
    template.write_text(source, encoding="utf-8")
    tools = [{"type": "function", "function": {"name": "z", "a": 1}}]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    expected = environment.from_string(source)
    for conversation, extra, flags in [
        (MESSAGES, {}, []),
        ({"messages": MESSAGES, "tools": tools, "mood": "calm"}, {"tools": tools, "mood": "calm"}, ["--no-generation-prompt"]),
    ]:
        file.write_text(json.dumps(conversation), encoding="utf-8")
        got = output("render", "--template", str(template), "--messages", str(file), "--bos", "<s>", "--eos", "</s>", *flags)
        assert got.decode() == expected.render(messages=MESSAGES, bos_token="<s>", eos_token="</s>", add_generation_prompt=not flags, **extra)


def test_render_with_a_model(model):
    got = output("render", "--model", model, "--messages", "-", stdin=json.dumps(MESSAGES).encode()).decode()
    assert got == "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in MESSAGES) + "<|im_start|>assistant\n"


def test_adapters():
    names = sorted(path.name for path in ADAPTERS.iterdir() if path.is_dir())
    listed = json.loads(output("adapters", "list", "--adapters", str(ADAPTERS), "--json"))
    assert [entry["name"] for entry in listed] == names
    for entry in listed:
        shown = json.loads(output("adapters", "inspect", entry["name"], "--adapters", str(ADAPTERS), "--json"))
        assert shown["adapter"] == entry
        assert shown["files"] and all(file["tensors"] for file in shown["files"])
        assert entry["name"].encode() in output("adapters", "inspect", str(ADAPTERS / entry["name"]))


def test_a_broken_adapter_is_shown_and_fails_inspect(tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{")
    assert json.loads(output("adapters", "list", "--adapters", str(tmp_path), "--json"))[0]["error"]
    result = resa("adapters", "inspect", str(folder))
    assert result.returncode == 1 and b"adapter_config.json" in result.stdout


def test_generate(model):
    question = ["generate", "--weights", "bf16", "--model", model, "--chat", "What is the capital of France?", "--temperature", "0", "--max-tokens", "24"]
    plain = resa(*question)
    assert plain.returncode == 0 and b"Paris" in plain.stdout, plain.stderr.decode()
    assert b"prompt tokens" in plain.stderr and b"applied" not in plain.stderr
    stopped = resa(*question, "--stop", "Paris")
    assert b"Paris" not in stopped.stdout and b"ended by stop" in stopped.stderr


def test_generate_with_adapters(model):
    listed = json.loads(output("adapters", "list", "--adapters", str(ADAPTERS), "--json"))
    for entry in listed:
        chosen = entry["name"] if entry["kind"] == "lora" else f"{entry['name']};latent=0;op=add;value=2"
        result = resa("generate", "--model", model, "--prompt", "One, two,", "--max-tokens", "4", "--adapters", str(ADAPTERS), "--adapter", chosen)
        assert result.returncode == 0, result.stderr.decode()
        assert f"applied {entry['name']} ({entry['kind']}, {entry['digest'][:19]})".encode() in result.stderr


def test_generate_with_a_splice_under_a_condition(model):
    def run(adapter):
        return resa("generate", "--model", model, "--prompt", "One, two,", "--max-tokens", "4", "--adapters", str(ADAPTERS), "--adapter", adapter)

    spliced = run("smollm2-sae;mode=splice;when=3;above=0;scope=prompt;from=1").stderr
    assert b"when latent 3 of smollm2-sae at layers.14 is above 0.0" in spliced
    assert b"FVU of" in run("smollm2-sae;mode=splice").stderr
    nowhere = run("smollm2-sae;mode=splice;scope=think")
    assert nowhere.returncode == 1 and b"<think>" in nowhere.stderr and nowhere.stdout == b""


@pytest.mark.parametrize(
    ("arguments", "status", "hint"),
    [
        (["nonsense"], 64, "nonsense"),
        (["info"], 64, "--model"),
        (["render", "--messages", "-"], 64, "--template"),
        (["generate", "--model", "x", "--prompt", "a", "--chat", "b"], 64, "only one"),
        (["generate", "--model", "x", "--adapters", "y", "--adapter", "z;colour=red"], 64, "colour"),
        (["generate", "--model", "x", "--adapters", "y", "--adapter", "z;above=1"], 64, "when=LATENT"),
        (["generate", "--model", "x", "--weights", "int3"], 64, "int3"),
        (["doctor", "--threads", "0"], 64, "--threads"),
        (["info", "--model", "/no/such/model"], 1, "/no/such/model"),
        (["tokenize", "--model", "/no/such/model", "x"], 1, "/no/such/model"),
        (["render", "--template", "/no/such/file", "--messages", "-"], 1, "/no/such/file"),
        (["adapters", "list", "--adapters", "/no/such/folder"], 1, "/no/such/folder"),
        (["adapters", "inspect", "nobody"], 1, "nobody"),
        (["adapters", "inspect", "smollm2-sea", "--adapters", str(ADAPTERS)], 1, "smollm2-sae"),
    ],
)
def test_errors_say_what_is_wrong(arguments, status, hint):
    result = resa(*arguments)
    assert result.returncode == status, result.stderr.decode()
    assert result.stdout == b""
    message = result.stderr.decode()
    assert hint in message and message.startswith("Error: ")
    assert status == 64 or len(message.splitlines()) == 1


def test_errors_about_the_input(model, tmp_path):
    assert resa("tokenize", "--model", model, "--decode", "99999999").returncode == 1
    template = tmp_path / "t.jinja"
    template.write_text("a\n{% nope %}")
    result = resa("render", "--template", str(template), "--messages", "-", stdin=b"[]")
    assert result.returncode == 1 and b"line 2" in result.stderr
    template.write_text("{{ raise_exception('Roles must alternate') }}")
    result = resa("render", "--template", str(template), "--messages", "-", stdin=b"[]")
    assert result.returncode == 1 and b"Roles must alternate" in result.stderr
    for messages in [b"", b"{", b"3", b"[3]", b"{\"messages\": 3}"]:
        result = resa("render", "--template", str(template), "--messages", "-", stdin=messages)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    other = resa("generate", "--model", model, "--prompt", "a", "--adapters", str(ADAPTERS), "--adapter", "nobody")
    assert other.returncode == 1 and b"nobody" in other.stderr


def test_bench_adapters(model):
    arguments = ["--model", model, "--batch", "1,3", "--loras", "1,2", "--rank", "20", "--turns", "2"]
    report = json.loads(output("bench", "adapters", *arguments, "--latents", "1024", "--k", "4", "--context", "5", "--json"))
    assert (report["weights"], report["adapter_weights"]) == ("int8", "int8") and report["lora_bytes"] > 0
    names = ["base", "one LoRA", "2 different LoRAs", "steering vector", "SAE splice", "SAE edit, set", "SAE edit, add", "SAE observe, top 4"]
    assert [row["name"] for row in report["rows"] if row["batch"] == 3] == names
    assert [row["name"] for row in report["rows"] if row["batch"] == 1] == names[:2] + names[3:]
    assert all(len(row["seconds"]) == 2 and min(row["share_of_base"]) > 0 for row in report["rows"])
    wide = json.loads(output("bench", "adapters", *arguments, "--context", "5", "--json", "--adapter-weights", "bf16", "--latents", "0"))
    assert wide["lora_bytes"] > 1.2 * report["lora_bytes"] and len(wide["rows"]) == 7
    assert resa("bench", "adapters", "--model", model, "--loras", "x").returncode == 64
    assert resa("bench", "adapters", "--model", model, "--layer", "30").returncode == 1
