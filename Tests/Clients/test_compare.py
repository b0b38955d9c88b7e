"""POST /v1/compare on a real model: the answers of separate requests, and scores that agree with them."""

import math

import pytest
from conftest import LORA, SAE, SAE_LAYER

PROMPT = "The little boat sailed over the quiet lake, and the people on the shore waved until it was only a dot. Then"


SPLICE = {"name": SAE, "layer": SAE_LAYER, "mode": "splice"}


def body_edit(edit: dict) -> dict:
    return {"name": SAE, "layer": SAE_LAYER, "mode": "edit", "edits": [edit]}


def settings(**fields) -> dict:
    return {"prompt": PROMPT, "max_tokens": 10, "temperature": 0, "ignore_eos": True, **fields}


@pytest.fixture(scope="module")
def variants(edit) -> list:
    return [[], [LORA], [], [body_edit(edit)], [SPLICE]]


@pytest.fixture(scope="module")
def comparison(smollm2, variants) -> dict:
    reply = smollm2.post("/v1/compare", settings(variants=variants))
    assert reply.status == 200, reply.body
    return reply.json


def test_answers_are_those_of_separate_requests(smollm2, variants, comparison):
    for adapters, answer in zip(variants, comparison["variants"], strict=True):
        alone = smollm2.post("/v1/completions", settings(adapters=adapters)).json
        assert answer["content"] == alone["choices"][0]["text"]
        assert answer["applied"] == alone["resa"]["applied"]
        assert answer["completion_tokens"] == 10 and answer["finish_reason"] == "length"


def test_scores_are_the_log_probabilities_of_the_first_answer(smollm2, comparison):
    alone = smollm2.post("/v1/completions", settings(logprobs=0)).json["choices"][0]["logprobs"]
    assert comparison["variants"][0]["logprobs"] == alone["token_logprobs"]
    assert [token["token"] for token in comparison["tokens"]] == alone["tokens"]


def test_differences_and_divergences(comparison):
    first, lora, same, edited, spliced = comparison["variants"]
    assert same["logprobs"] == first["logprobs"] and same["mean_kl"] == 0 and set(same["logprob_differences"]) == {0}
    for other in (lora, edited, spliced):
        assert other["mean_kl"] > 1e-4 and min(other["kl"]) >= 0
        assert math.isclose(other["mean_kl"], sum(other["kl"]) / len(other["kl"]), rel_tol=1e-6)
        for value, reference, difference in zip(other["logprobs"], first["logprobs"], other["logprob_differences"], strict=True):
            assert math.isclose(value - reference, difference, abs_tol=1e-4)


def test_shared_layers_are_computed_once(smollm2, edit):
    body = settings(variants=[[SPLICE], [body_edit(edit)]])
    body["prompt"] = "A prompt nobody has asked before: " + PROMPT
    before = smollm2.metric("resa_engine_spared_layers_total")
    assert smollm2.post("/v1/compare", body).status == 200
    assert smollm2.metric("resa_engine_spared_layers_total") > before


def test_refusals(smollm2):
    assert smollm2.post("/v1/compare", settings(variants=[[]])).status == 400
    assert smollm2.post("/v1/compare", settings(variants=[[], ["nobody"]])).status == 404
    assert smollm2.post("/v1/compare", settings(variants=[[], [SAE]], stream=True)).status == 400


def test_variants_that_say_nothing_have_the_requests_adapters(smollm2):
    variants = [[], {"label": "mine"}, [LORA]]
    reply = smollm2.post("/v1/compare", settings(variants=variants), {"Resa-Adapters": f"{LORA};scale=0.5"})
    assert reply.status == 200, reply.body
    base, mine, whole = reply.json["variants"]
    assert mine["label"] == "mine" and mine["applied"][0]["scale"] == 0.5 and whole["applied"][0]["scale"] == 1
    assert base["applied"] == [] and 0 < mine["mean_kl"] != whole["mean_kl"]
    same = smollm2.post("/v1/compare", settings(variants=[[], [{"name": LORA, "scale": 0.5}]])).json["variants"][1]
    assert (same["content"], same["logprobs"]) == (mine["content"], mine["logprobs"])
    refused = smollm2.post("/v1/compare", settings(variants=[[], [LORA]]), {"Resa-Adapters": LORA})
    assert refused.status == 400 and refused.json["error"]["param"] == "Resa-Adapters"
