"""Files of adapters and of the model that are overwritten in place while a server reads them, as `cp new old` does: an answer, or an error, and
a server that lives.

Nothing here depends on how long anything takes: whenever the file is cut short, a request is under way that may be reading it.
"""

import random
import threading

import pytest
import random_checkpoint
import torch
from conftest import Server
from safetensors.torch import save_file

LATENTS = 1 << 15
ROUNDS = 12
SEED = 12


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return random_checkpoint.build(tmp_path_factory.mktemp("overwritten") / "model")


def add_sae(folder, seed: int) -> bytes:
    """16 MB that are read row by row or column by column; returns the tensors' file."""
    torch.manual_seed(seed)
    width = random_checkpoint.WIDTH
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        "encoder.weight": torch.randn(LATENTS, width), "encoder.bias": torch.zeros(LATENTS), "W_dec": torch.randn(LATENTS, width),
        "b_dec": torch.zeros(width),
    }  # fmt: skip
    save_file(tensors, folder / "sae.safetensors")
    (folder / "cfg.json").write_text(f'{{"activation": "topk", "num_latents": {LATENTS}, "k": 8, "d_in": {width}}}')
    return (folder / "sae.safetensors").read_bytes()


SPLICE = {"name": "sae", "layer": 1, "at": "mlp", "mode": "splice"}


def ask(server: Server, prompt: str, *adapters):
    return server.post("/v1/completions", {"prompt": prompt, "adapters": list(adapters), "max_tokens": 4, "temperature": 0})


def test_an_adapter(model, tmp_path, logs):
    print("seed", SEED)
    draw = random.Random(SEED)
    place = tmp_path / "adapters" / "sae" / "layers.1.mlp"
    versions = [add_sae(place, seed) for seed in (1, 2)]
    arguments = ["--adapters", str(tmp_path / "adapters"), "--adapter-watch", "0", "--adapter-settle", "0.05", "--adapter-memory", "64"]
    server = Server(model, logs / "overwritten.log", *arguments, "--threads", "2")
    try:
        statuses, digests = [], set()
        for number in range(ROUNDS):
            replies = []
            asking = threading.Thread(target=lambda: replies.append(ask(server, f"Let {number}", SPLICE)))
            asking.start()
            content = versions[number % 2]
            # Cut short at once, and filled again in portions.
            with (place / "sae.safetensors").open("wb") as file:
                while content:
                    size = draw.randrange(1, 4 << 20)
                    file.write(content[:size])
                    file.flush()
                    content = content[size:]
            asking.join()
            [reply] = replies
            statuses.append(reply.status)
            assert reply.status in (200, 422), reply.body
            if reply.status == 200:
                digests.add(reply.json["resa"]["applied"][0]["digest"])
            server.assert_alive()
        # No version but those that were written whole.
        assert len(digests) <= 2, digests
        last = ask(server, "Let", SPLICE)
        assert last.status == 200, last.body
    finally:
        assert server.stop() == 0, server.log.read_text(errors="replace")[-4000:]


def test_the_model_under_a_running_server(model, tmp_path, logs):
    """DoRA reads the base's weights while serving."""
    copy = tmp_path / "model"
    copy.mkdir()
    for file in model.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    for number in range(2):
        random_checkpoint.add_lora(tmp_path / "adapters" / f"dora{number}", number, dora=True)
    server = Server(copy, logs / "base.log", "--adapters", str(tmp_path / "adapters"), "--threads", "2")
    try:
        assert ask(server, "Let", "dora0").status == 200
        with (copy / "model.safetensors").open("wb") as file:
            file.write(b"short")
        reply = ask(server, "Let", "dora1")
        assert reply.status == 422 and "changed after it was loaded" in reply.error["message"], reply.body
        # What is loaded serves on.
        assert ask(server, "Let", "dora0").status == 200 and ask(server, "Let").status == 200
    finally:
        assert server.stop() == 0
