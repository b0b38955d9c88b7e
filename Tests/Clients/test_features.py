"""The strongest latents of every token: POST /v1/features and the field `features`, on the default model and the repository's SAE."""

import json

from conftest import ADAPTERS, SAE, SAE_LAYER

PROMPT = "The road to the village is ten miles long"


def features(smollm2, **fields) -> dict:
    reply = smollm2.post("/v1/features", {"prompt": PROMPT, **fields})
    assert reply.status == 200, reply.body
    return reply.json


def test_every_token_is_read_as_an_observing_request_reads_it(smollm2):
    answer = features(smollm2, top=4, layers=[SAE_LAYER])
    ids = smollm2.post("/tokenize", {"prompt": PROMPT}).json["tokens"]
    assert [entry["token"] for entry in answer["data"]] == ids and [entry["position"] for entry in answer["data"]] == list(range(len(ids)))
    observed = smollm2.post(
        "/v1/completions",
        {"prompt": PROMPT, "max_tokens": 1, "observe_prompt": True, "adapters": [{"name": SAE, "mode": "observe", "top": 4}]},
    ).json
    assert answer["data"] == observed["choices"][0]["resa"]["prompt_observations"]
    assert all(0 < len(entry["latents"]) <= 4 for entry in answer["data"]) and answer["usage"]["completion_tokens"] == 0


def test_labels_are_told(smollm2):
    labels = json.loads((ADAPTERS / SAE / "labels.json").read_text())[f"layers.{SAE_LAYER}"]
    told = {
        str(latent["latent"]): latent["label"]
        for entry in features(smollm2, top=32)["data"]
        for latent in entry["latents"]
        if "label" in latent
    }
    assert told and all(labels[latent] == label for latent, label in told.items())


def test_features_of_generated_tokens_whole_and_streamed(smollm2):
    body = {"prompt": PROMPT, "max_tokens": 6, "temperature": 0, "ignore_eos": True, "features": {"top": 3, "prompt": True}}
    plain = smollm2.post("/v1/completions", {key: value for key, value in body.items() if key != "features"}).json
    whole = smollm2.post("/v1/completions", body).json["choices"][0]
    assert whole["text"] == plain["choices"][0]["text"], "reading changes nothing"
    assert len(whole["resa"]["observations"]) == 6
    assert len(whole["resa"]["prompt_observations"]) == plain["usage"]["prompt_tokens"]
    lines = smollm2.post("/v1/completions", {**body, "stream": True}).body.decode().splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    streamed = [entry for chunk in chunks for entry in chunk.get("resa", {}).get("observations", [])]
    assert streamed == whole["resa"]["observations"]


def test_refusals(smollm2):
    assert smollm2.post("/v1/features", {"prompt": PROMPT, "layers": [SAE_LAYER + 1]}).status == 400
    assert smollm2.post("/v1/features", {"prompt": PROMPT, "adapter": "nobody"}).status == 404
    assert smollm2.post("/v1/features", {"prompt": ""}).status == 400
