"""What chat templates make of messages: against transformers, through `/tokenize` of a server."""

import json

import pytest
import scripted_checkpoint
from conftest import serving
from transformers import AutoTokenizer

PARTS = (
    "{{ bos_token }}{% for m in messages %}<|User|>{{ m.role }}:{% for p in m.content %}{% if p['type'] == 'text' %}{{ p['text'] }}{% endif %}{% endfor %}"
    "{% for c in m.tool_calls %}{{ c.function.name }}({{ c.function.arguments | tojson }}){% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|>{% endif %}"
)
TOOL_USE = "{{ bos_token }}{{ tools | tojson }}{% for m in messages %}<|User|>{{ m.content | trim }}{% endfor %}<|Assistant|>"
RAG = "{{ bos_token }}{% for d in documents %}{{ d.text }};{% endfor %}{% for m in messages %}<|User|>{{ m.content }}{% endfor %}<|Assistant|>"
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"maximum": 123456789012345678901234567890}}}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The scripted checkpoint with three templates, and with a token that only tokenizer_config.json names."""
    folder = scripted_checkpoint.build(tmp_path_factory.mktemp("templates") / "templates")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    named = {"default": PARTS, "tool_use": TOOL_USE, "rag": RAG}
    config["chat_template"] = [{"name": name, "template": template} for name, template in named.items()]
    config["extra_special_tokens"] = ["<|User|>", "<|extra|>"]
    path.write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def templates(folder, logs):
    yield from serving(folder, logs / "templates.log", "--threads", "1")


@pytest.fixture(scope="module")
def reference(folder):
    return AutoTokenizer.from_pretrained(folder)


def tokens(server, body) -> list[int]:
    reply = server.post("/tokenize", body)
    assert reply.status == 200, reply.body
    return reply.json["tokens"]


def prompt(server, body) -> str:
    return server.post("/detokenize", {"tokens": tokens(server, body)}).json["prompt"]


def as_parts(text: str) -> list[dict]:
    return [{"type": "text", "text": text}]


def test_a_text_reaches_a_template_that_loops_over_parts(templates, reference):
    whole = [{"role": "user", "content": "Hi there"}]
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": " there"}]}]
    wanted = reference.apply_chat_template(parts, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert tokens(templates, {"messages": whole}) == tokens(templates, {"messages": parts}) == wanted


def test_tools_take_tool_use(templates, reference):
    messages = [{"role": "user", "content": " Hi "}]
    wanted = reference.apply_chat_template(messages, tools=TOOLS, tokenize=True, return_dict=False)
    assert tokens(templates, {"messages": messages, "tools": TOOLS}) == wanted
    assert "123456789012345678901234567890" in prompt(templates, {"messages": messages, "tools": TOOLS})
    assert "add" not in prompt(templates, {"messages": messages, "tools": TOOLS, "tool_choice": "none"})


def test_a_template_is_named(templates, reference):
    messages, documents = [{"role": "user", "content": "Hi"}], [{"text": "one"}, {"text": "two"}]
    wanted = reference.apply_chat_template(messages, chat_template="rag", documents=documents, tokenize=True, return_dict=False)
    assert tokens(templates, {"messages": messages, "chat_template": "rag", "documents": documents}) == wanted
    reply = templates.post("/v1/chat/completions", {"messages": messages, "chat_template": "{{ 1 }}"})
    assert reply.status == 400 and reply.error["param"] == "chat_template" and "tool_use" in reply.error["message"]


@pytest.mark.parametrize("content", ["<", "e", "", " OK", "So ", "<|User|>", "user:"])
def test_a_message_is_continued(templates, reference, content):
    messages = [{"role": "user", "content": as_parts("e")}, {"role": "assistant", "content": as_parts(content)}]
    wanted = reference.apply_chat_template(messages, continue_final_message=True, tokenize=True, return_dict=False)
    body = {"messages": messages, "continue_final_message": True}
    assert tokens(templates, body) == wanted
    messages[-1]["content"] = content
    assert tokens(templates, body) == wanted


@pytest.mark.parametrize("arguments", ['{"a": 12345678901234567890}', "{}", "", None])
def test_calls_of_earlier_turns(templates, reference, arguments):
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": arguments}}
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [call]}, {"role": "tool", "content": "3", "tool_call_id": "1"}]
    parsed = {**call, "function": {"name": "add", "arguments": json.loads(arguments or "{}")}}
    known = [{"role": "user", "content": as_parts("Hi")}, {"role": "assistant", "content": [], "tool_calls": [parsed]}, {"role": "tool", "content": as_parts("3")}]
    wanted = reference.apply_chat_template(known, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert tokens(templates, {"messages": messages}) == wanted


def test_declared_tokens_are_known(templates, reference):
    text = "a<|extra|>b<|User|>"
    assert tokens(templates, {"prompt": text, "add_special_tokens": False}) == reference.encode(text, add_special_tokens=False)
    assert reference.convert_tokens_to_ids("<|extra|>") in tokens(templates, {"prompt": text})


def test_the_default_model_takes_calls_without_content(server):
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": ""}}
    for message in [{"content": None}, {"content": ""}, {}]:
        messages = [{"role": "user", "content": "Add."}, {"role": "assistant", "tool_calls": [call], **message}, {"role": "tool", "tool_call_id": "1", "content": "3"}]
        reply = server.post("/v1/chat/completions", {"messages": messages, "max_tokens": 2})
        assert reply.status == 200, reply.body


@pytest.mark.parametrize("content", ["<", "e", " OK", "assistant"])
def test_the_default_model_continues(server, content):
    messages = [{"role": "user", "content": "e"}, {"role": "assistant", "content": content}]
    text = prompt(server, {"messages": messages, "continue_final_message": True})
    assert text.endswith("<|im_start|>user\ne<|im_end|>\n<|im_start|>assistant\n" + content)
