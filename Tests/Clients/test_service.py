"""Everything that is not a completion: models, adapters, tokens, health, metrics, request ids, the key."""

import json
import subprocess

import openai
import pytest
from conftest import LORA, SAE, SAE_LAYER, required


def test_models_list_the_base_and_its_adapters(client, base):
    models = {model.id: model for model in client.models.list()}
    assert base in models
    assert {LORA, SAE} <= set(models)
    for name in (LORA, SAE):
        assert models[name].object == "model"
        assert models[name].model_extra["parent"] == base
    assert models[base].model_extra.get("parent") is None


def test_one_model_can_be_retrieved(client, base):
    assert client.models.retrieve(base).id == base
    assert client.models.retrieve(LORA).id == LORA
    assert client.models.retrieve(f"{base}:{LORA}").id == f"{base}:{LORA}"
    assert client.models.retrieve(f"{LORA}:latest").id == f"{LORA}:latest"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_adapters_tell_kind_digest_and_hookpoints(server):
    reply = server.get("/v1/adapters")
    assert reply.status == 200
    adapters = {entry["name"]: entry for entry in reply.json["data"]}
    assert adapters[LORA]["kind"] == "lora"
    assert adapters[SAE]["kind"] == "sae"
    assert adapters[SAE]["hookpoints"] == [f"layers.{SAE_LAYER}"]
    assert all(len(entry["digest"]) >= 32 for entry in adapters.values() if not entry.get("error"))


@pytest.mark.parametrize("text", ["Hello, world!", "naïve café — 東京 🙂", "def f(x):\n    return x\t# 123", ""])
def test_tokenize_and_back(server, text):
    tokens = server.post("/tokenize", {"prompt": text}).json
    assert tokens["count"] == len(tokens["tokens"])
    assert server.post("/tokenize", {"content": text, "add_special_tokens": False}).json["tokens"] == tokens["tokens"]
    back = server.post("/detokenize", {"tokens": tokens["tokens"]}).json
    assert back.get("prompt", back.get("content")) == text


def test_tokenize_knows_special_tokens_and_bos(server, scripted):
    assert server.post("/tokenize", {"prompt": "<|im_start|>user\n"}).json["tokens"] == [1, 4093, 198]
    assert scripted.post("/tokenize", {"prompt": "<think>"}).json["count"] == 1


@pytest.mark.parametrize("body", [{}, {"prompt": 5}, {"prompt": None}, {"tokens": "x"}])
def test_tokenize_refuses_what_it_cannot_read(server, body):
    reply = server.post("/tokenize", body)
    assert reply.status == 400 and reply.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("tokens", [[-1], [10**9], [1.5], ["a"], "12", None, {}])
def test_detokenize_refuses_what_is_no_token(server, tokens):
    reply = server.post("/detokenize", {"tokens": tokens})
    assert reply.status == 400 and "token" in reply.error["message"]


def test_health(server):
    assert server.get("/health").status == 200


def test_metrics_are_prometheus_text(server, client, base):
    client.completions.create(model=base, prompt="One two three", max_tokens=3)
    reply = server.get("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")
    samples = [line for line in reply.body.decode().splitlines() if line and not line.startswith("#")]
    assert samples
    for line in samples:
        name, _, value = line.rpartition(" ")
        float(value)
        assert name.replace("{", " ").split()[0].replace("_", "").replace(":", "").isalnum(), line


def test_request_id_is_echoed_or_made(server):
    assert server.get("/v1/models", {"x-request-id": "abc-123"}).headers["x-request-id"] == "abc-123"
    made = {server.get("/v1/models").headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2 and all(made)


def test_openai_client_sees_the_request_id(client, base):
    assert client.completions.create(model=base, prompt="a", max_tokens=1)._request_id


def test_unknown_path_and_method(server):
    assert server.get("/v1/nothing").status == 404
    assert server.get("/v1/nothing").error["message"]
    assert server.request("DELETE", "/v1/chat/completions").status in (404, 405)


def test_the_key_is_asked_for(guarded):
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer s3cre"}, {"Authorization": "Basic s3cret"}):
        reply = guarded.post("/v1/chat/completions", body, headers)
        assert reply.status == 401 and reply.error["message"]
    with pytest.raises(openai.AuthenticationError):
        guarded.client.with_options(api_key="wrong").models.list()
    assert guarded.post("/v1/chat/completions", body).status == 200
    assert json.loads(guarded.get("/v1/models").body)["data"]
    guarded.assert_alive()


def test_health_needs_no_key(guarded):
    for path in ("/health", "/v1/health", "/ping"):
        assert guarded.get(path, {"Authorization": ""}).status == 200
    assert guarded.get("/version", {"Authorization": ""}).status == 401


def test_the_key_may_be_an_x_api_key(guarded):
    for headers in ({"Authorization": "", "X-Api-Key": "s3cret"}, {"Authorization": "Bearer none", "x-api-key": "s3cret"}):
        assert guarded.get("/v1/models", headers).status == 200
    assert guarded.get("/v1/models", {"Authorization": "", "X-Api-Key": "s3cre"}).status == 401


def test_a_base_address_without_v1(server, base):
    plain = openai.OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=600)
    assert base in {model.id for model in plain.models.list()} and plain.models.retrieve(LORA).id == LORA
    assert plain.completions.create(model=base, prompt="a", max_tokens=1).choices
    stream = plain.chat.completions.create(model=base, messages=[{"role": "user", "content": "Hi"}], max_tokens=2, stream=True)
    assert [chunk.choices[0].finish_reason for chunk in stream][-1]


def test_the_version_is_one(server):
    said = subprocess.run([required("RESA_BIN"), "--version"], capture_output=True, text=True, check=True).stdout.split()
    reply = server.get("/version")
    assert said == ["resa", reply.json["version"]] and reply.headers["server"] == f"resa/{reply.json['version']}"
    assert server.get("/ping").status == server.post("/ping", b"").status == 200
