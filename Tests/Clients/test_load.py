"""Many clients at once, the prefix cache over HTTP, and clients that leave: nobody is lost and no KV block stays behind."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import serving

from test_connections import open_stream, wait_for

CLIENTS = 16
REQUESTS = 800


@pytest.fixture(scope="module")
def busy(logs, tmp_path_factory):
    """The tiny checkpoint with room for few: sequences make room for each other."""
    import scripted_checkpoint

    folder = scripted_checkpoint.build(tmp_path_factory.mktemp("busy") / "scripted")
    arguments = ["--threads", "1", "--context", "256", "--kv-tokens", "640", "--max-batch", "8", "--max-batched-tokens", "64"]
    yield from serving(folder, logs / "busy.log", *arguments)


def blocks(server) -> tuple[float, float, float]:
    names = ("used", "cached", "free")
    return tuple(server.metric(f"resa_engine_kv_blocks_{name}") for name in names)


def test_every_request_is_answered_and_no_block_is_lost(busy):
    total = busy.metric("resa_engine_kv_blocks")
    assert blocks(busy)[0] == 0 and sum(blocks(busy)) == total

    def ask(index: int) -> int:
        body = {"prompt": f"request {index % 7} " * (1 + index % 5), "max_tokens": 1 + index % 6, "ignore_eos": True, "user": f"u{index % CLIENTS}"}
        reply = busy.post("/v1/completions", body)
        return reply.status if reply.status != 200 else reply.json["usage"]["completion_tokens"] - (1 + index % 6)

    finished = busy.metric("resa_engine_finished_requests_total")
    with ThreadPoolExecutor(CLIENTS) as pool:
        assert list(pool.map(ask, range(REQUESTS))) == [0] * REQUESTS
    assert busy.metric("resa_engine_finished_requests_total") - finished == REQUESTS
    assert busy.metric("resa_engine_prefix_hit_tokens_total") > 0
    assert blocks(busy)[0] == 0 and sum(blocks(busy)) == total
    assert busy.metric("resa_engine_waiting_requests") == busy.metric("resa_engine_clients") == 0


def test_clients_that_leave_free_their_blocks(busy):
    total = busy.metric("resa_engine_kv_blocks")
    body = {"prompt": "a story without end " * 3, "max_tokens": 180, "ignore_eos": True, "stream": True}
    cancelled = busy.metric("resa_engine_cancelled_sequences_total")

    def leave(_: int) -> None:
        open_stream(busy, body).close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(40)))
    assert wait_for(lambda: blocks(busy)[0] == 0 and busy.metric("resa_engine_clients") == 0)
    assert sum(blocks(busy)) == total
    assert busy.metric("resa_engine_cancelled_sequences_total") > cancelled


def test_a_prompt_is_computed_once(server, client, base):
    text = "The quick brown fox jumps over the lazy dog, and then again. " * 20
    first = client.completions.create(model=base, prompt=text, max_tokens=8, temperature=0)
    again = client.completions.create(model=base, prompt=text, max_tokens=8, temperature=0)
    assert again.choices[0].text == first.choices[0].text
    tokens = again.usage.prompt_tokens
    assert again.usage.prompt_tokens_details.cached_tokens == (tokens - 1) // 32 * 32
    other = client.completions.create(model=base, prompt="So " + text, max_tokens=1)
    assert other.usage.prompt_tokens_details.cached_tokens == 0


def test_a_conversation_grows_from_its_cache(server, client, base):
    chat = [{"role": "user", "content": "Count from one to twenty in words, please, and say nothing else at all."}]
    answer = client.chat.completions.create(model=base, messages=chat, max_tokens=60, temperature=0)
    chat += [{"role": "assistant", "content": answer.choices[0].message.content}, {"role": "user", "content": "And backwards?"}]
    turn = client.chat.completions.create(model=base, messages=chat, max_tokens=4, temperature=0)
    # More than the first prompt alone: blocks of the answer are found, too.
    assert turn.usage.prompt_tokens_details.cached_tokens > answer.usage.prompt_tokens // 32 * 32
