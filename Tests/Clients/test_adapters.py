"""Adapters chosen per request: by header, body field and model name; what was applied; what is refused; mixed batches."""

import json
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from conftest import LORA, SAE, SAE_LAYER

MESSAGES = [{"role": "user", "content": "Tom has 5 apples and buys 7 more. How many apples does he have?"}]
PROMPT = "The little boat sailed"


def completion(server, headers=None, **fields) -> dict:
    body = {"prompt": PROMPT, "max_tokens": 12, "temperature": 0, "ignore_eos": True, **fields}
    reply = server.post("/v1/completions", body, headers)
    assert reply.status == 200, reply.body
    return {**reply.json, "header": reply.headers.get("resa-applied")}


def text(answer: dict) -> str:
    return answer["choices"][0]["text"]


def header_edit(edit: dict, latent: int | None = None) -> str:
    return f"{SAE};layer={SAE_LAYER};mode=edit;latent={edit['latent'] if latent is None else latent};op={edit['op']};value={edit['value']:.1f}"


def body_edit(edit: dict) -> dict:
    return {"name": SAE, "layer": SAE_LAYER, "mode": "edit", "edits": [edit]}


@pytest.fixture(scope="module")
def digests(smollm2) -> dict[str, str]:
    return {entry["name"]: entry["digest"] for entry in smollm2.get("/v1/adapters").json["data"]}


def test_plain_answers_say_that_nothing_was_applied(server):
    answer = completion(server)
    assert not answer["header"]
    assert answer.get("resa", {}).get("applied", []) == []


def test_lora_by_header_body_and_model_name_is_the_same(server, base, digests):
    plain = completion(server)
    answers = [
        completion(server, {"Resa-Adapters": LORA}),
        completion(server, adapters=[{"name": LORA}]),
        completion(server, adapters=[LORA]),
        completion(server, model=f"{base}:{LORA}"),
        completion(server, model=LORA),
    ]
    assert len({text(answer) for answer in answers}) == 1
    assert text(answers[0]) != text(plain)
    for answer in answers:
        [applied] = answer["resa"]["applied"]
        assert applied["name"] == LORA and applied["kind"] == "lora" and applied["digest"] == digests[LORA]
        assert answer["header"].startswith(LORA) and digests[LORA] in answer["header"]


def test_scale_zero_is_the_base(server):
    assert text(completion(server, {"Resa-Adapters": f"{LORA};scale=0"})) == text(completion(server))
    strong = completion(server, {"Resa-Adapters": f"{LORA};scale=0.8"})
    assert strong["resa"]["applied"][0]["scale"] == pytest.approx(0.8)


def test_sae_edit_by_header_and_body(server, edit, digests):
    plain = completion(server)
    by_header = completion(server, {"Resa-Adapters": header_edit(edit)})
    by_body = completion(server, adapters=[body_edit(edit)])
    assert text(by_header) == text(by_body) != text(plain)
    for answer in (by_header, by_body):
        [applied] = answer["resa"]["applied"]
        assert applied["name"] == SAE and applied["kind"] == "sae" and applied["mode"] == "edit" and applied["digest"] == digests[SAE]
        assert applied["hookpoint"] == f"layers.{SAE_LAYER}"
        assert applied["edits"][0]["latent"] == edit["latent"] and applied["edits"][0]["op"] == edit["op"]
        assert "mode=edit" in answer["header"] and f"layer={SAE_LAYER}" in answer["header"]


def test_an_edit_that_changes_nothing_is_bit_equal_to_the_base(server):
    """The error term stays: adding zero leaves the very same log-probabilities."""
    plain = completion(server, logprobs=2)
    edited = completion(server, logprobs=2, adapters=[body_edit({"latent": 5, "op": "add", "value": 0})])
    assert edited["choices"][0]["logprobs"] == plain["choices"][0]["logprobs"]


def test_splice_changes_the_numbers_and_not_the_language(server):
    plain = completion(server, logprobs=0)
    spliced = completion(server, {"Resa-Adapters": f"{SAE};mode=splice"}, logprobs=0)
    assert spliced["choices"][0]["logprobs"]["token_logprobs"] != plain["choices"][0]["logprobs"]["token_logprobs"]
    assert spliced["resa"]["applied"][0]["mode"] == "splice"


def test_observe_reads_and_leaves_the_answer_alone(server):
    plain = completion(server, logprobs=1)
    observed = completion(server, {"Resa-Adapters": f"{SAE};mode=observe;top=5"}, logprobs=1)
    assert observed["choices"][0]["logprobs"] == plain["choices"][0]["logprobs"]
    observations = observed["choices"][0]["resa"]["observations"]
    assert len(observations) >= 11
    for observation in observations:
        assert observation["adapter"] == SAE and observation["hookpoint"] == f"layers.{SAE_LAYER}"
        activations = [latent["activation"] for latent in observation["latents"]]
        assert 1 <= len(activations) <= 5 and activations == sorted(activations, reverse=True) and min(activations) > 0


def test_observations_of_the_prompt(server):
    prompt_tokens = server.post("/tokenize", {"prompt": PROMPT}).json["tokens"]
    observed = completion(server, {"Resa-Adapters": f"{SAE};mode=observe"}, observe_prompt=True)
    seen = observed["choices"][0]["resa"]["prompt_observations"]
    assert [observation["token"] for observation in seen] == prompt_tokens


def test_streams_carry_what_was_applied_and_observed(server):
    reply = server.post(
        "/v1/chat/completions",
        {"messages": MESSAGES, "max_tokens": 6, "temperature": 0, "stream": True, "ignore_eos": True},
        {"Resa-Adapters": f"{LORA}, {SAE};mode=observe;top=3"},
    )
    assert LORA in reply.headers["resa-applied"] and SAE in reply.headers["resa-applied"]
    chunks = [json.loads(event.removeprefix("data: ")) for event in reply.body.decode().split("\n\n") if event.startswith("data: {")]
    assert [entry["name"] for entry in chunks[0]["resa"]["applied"]] == [LORA, SAE]

    def observations(chunk: dict) -> list:
        found = list(chunk.get("resa", {}).get("observations", []))
        for choice in chunk["choices"]:
            found += choice.get("resa", {}).get("observations", [])
        return found

    assert sum(len(observations(chunk)) for chunk in chunks) >= 5


def test_the_openai_client_chooses_by_header_body_and_model(client, base, edit):
    def ask(**extra) -> openai.types.chat.ChatCompletion:
        model = extra.pop("model", base)
        return client.chat.completions.create(model=model, messages=MESSAGES, max_tokens=16, temperature=0, **extra)

    by_header = ask(extra_headers={"Resa-Adapters": f"{LORA}, {header_edit(edit)}"})
    by_body = ask(extra_body={"adapters": [{"name": LORA}, body_edit(edit)]})
    assert by_header.choices[0].message.content == by_body.choices[0].message.content
    assert [entry["name"] for entry in by_body.model_extra["resa"]["applied"]] == [LORA, SAE]
    assert ask(model=LORA).choices[0].message.content != ask().choices[0].message.content


def test_several_edits_of_one_sae(server, edit):
    second = {"latent": (edit["latent"] + 1) % 2048, "op": "set", "value": edit["value"]}
    by_body = completion(server, adapters=[{**body_edit(edit), "edits": [edit, second]}])
    by_header = completion(server, {"Resa-Adapters": f"{header_edit(edit)}, {SAE};latent={second['latent']};op=set;value={edit['value']:.1f}"})
    assert text(by_body) == text(by_header)


def test_scopes(server, edit):
    """Touching only generated tokens leaves the first token's distribution alone; touching only the prompt does not."""

    def first(scope) -> float:
        answer = completion(server, adapters=[{**body_edit(edit), "scope": scope}], logprobs=0)
        return answer["choices"][0]["logprobs"]["token_logprobs"][0]

    plain = completion(server, logprobs=0)["choices"][0]["logprobs"]["token_logprobs"][0]
    assert first("generated") == plain
    assert first("prompt") != plain
    assert first("all") == first("prompt")


def test_header_and_body_that_disagree(server, base, edit):
    cases = [
        ({"Resa-Adapters": LORA}, {"adapters": [{"name": SAE, "mode": "splice"}]}),
        ({"Resa-Adapters": f"{LORA};scale=0.5"}, {"adapters": [{"name": LORA}]}),
        ({"Resa-Adapters": f"{SAE};mode=splice"}, {"model": f"{base}:{LORA}"}),
        ({}, {"model": LORA, "adapters": [{"name": SAE, "mode": "splice"}]}),
    ]
    for headers, fields in cases:
        reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1, **fields}, headers)
        assert reply.status == 400, (headers, fields, reply.body)
        assert reply.error["message"]


def test_two_that_agree_are_one(server):
    answer = completion(server, {"Resa-Adapters": LORA}, adapters=[{"name": LORA}])
    assert len(answer["resa"]["applied"]) == 1


@pytest.mark.parametrize("name, near", [("smollm2-gsm8k-lor", LORA), ("smolm2-sae", SAE)])
def test_unknown_adapter_lists_near_names(server, base, name, near):
    for headers, fields in [({"Resa-Adapters": name}, {}), ({}, {"adapters": [{"name": name}]}), ({}, {"model": f"{base}:{name}"})]:
        reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1, **fields}, headers)
        assert reply.status == 404, reply.body
        assert near in reply.error["message"] and name in reply.error["message"]


def test_unknown_model(client, server):
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="gpt-17", prompt="a", max_tokens=1)


@pytest.mark.parametrize(
    "adapter",
    [
        {"name": SAE, "layer": SAE_LAYER + 1, "mode": "splice"},
        {"name": SAE, "layer": SAE_LAYER, "at": "mlp", "mode": "splice"},
        {"name": SAE, "mode": "edit", "edits": [{"latent": 10**6, "op": "ablate"}]},
        {"name": SAE, "mode": "edit", "edits": [{"latent": 1, "op": "explode", "value": 1}]},
        {"name": SAE, "mode": "edit", "edits": [{"latent": -1, "op": "add", "value": 1}]},
        {"name": SAE, "mode": "edit", "edits": [{"latent": 1, "op": "add"}]},
        {"name": SAE, "mode": "edit", "edits": []},
        {"name": SAE, "mode": "edit"},
        {"name": SAE, "mode": "juggle"},
        {"name": LORA, "mode": "splice"},
        {"name": LORA, "scale": "much"},
        {"scale": 1},
        5,
    ],
)
def test_impossible_adapters_are_refused(server, adapter):
    reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1, "adapters": [adapter]})
    assert reply.status in (400, 422), reply.body
    assert reply.error["message"]


def test_a_missing_hookpoint_is_400_and_says_which_there_are(server):
    reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1}, {"Resa-Adapters": f"{SAE};layer=3;mode=splice"})
    assert reply.status == 400
    assert f"layers.{SAE_LAYER}" in reply.error["message"] and "3" in reply.error["message"]


@pytest.mark.parametrize(
    "header", ["a;;b", f"{LORA};scale=fast", f"{LORA};scale=nan", '"unclosed', f"({LORA})", f"{SAE};latent=1", f"{SAE};mode=edit;op=add;value=1", "\xff"]
)
def test_broken_headers_are_refused(server, header):
    reply = server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 1}, {"Resa-Adapters": header.encode("latin-1")})
    assert reply.status == 400, reply.body


def test_mixed_adapters_at_once_answer_as_alone(server, edit):
    """Eight different adapter sets in flight together: every answer, to the last bit of its log-probabilities, as it is alone."""
    sets = [
        [],
        [{"name": LORA}],
        [{"name": LORA, "scale": 0.5}],
        [{"name": SAE, "mode": "splice"}],
        [body_edit(edit)],
        [{"name": LORA}, body_edit(edit)],
        [{"name": SAE, "mode": "observe"}],
        [{"name": LORA, "scale": -1}, {"name": SAE, "mode": "splice"}],
    ]
    jobs = [
        {"prompt": PROMPT * (1 + number % 3), "max_tokens": 8 + number, "adapters": adapters, "logprobs": 2, "temperature": 0.9, "seed": number}
        for number, adapters in enumerate(sets)
    ]

    def run(job: dict) -> dict:
        return completion(server, **job)["choices"][0]["logprobs"]

    alone = [run(job) for job in jobs]
    with ThreadPoolExecutor(len(jobs)) as pool:
        together = list(pool.map(run, jobs))
    for job, one, other in zip(jobs, alone, together):
        assert one == other, job["adapters"]
    assert len({str(logprobs) for logprobs in alone}) >= 7
