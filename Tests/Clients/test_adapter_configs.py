"""Every key that PEFT and sparsify write into their configs is followed, refused, or known to change nothing: none is simply not read.

A release that adds a key fails here until somebody has said which it is.
"""

import dataclasses
import json
import subprocess
from pathlib import Path

import peft
import pytest
import random_checkpoint
import torch
from conftest import required
from safetensors.torch import save_file
from sparsify import SparseCoderConfig

#: Goldens show that these are followed.
FOLLOWED = {
    "peft_type", "bias", "init_lora_weights", "r", "lora_alpha", "use_rslora", "use_dora", "target_modules", "exclude_modules",
    "rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern", "base_model_name_or_path", "fan_in_fan_out",
}  # fmt: skip
#: With a value that would change what the adapter computes.
REFUSED = {
    "modules_to_save": ["lm_head"], "trainable_token_indices": [3], "target_parameters": ["mlp.w"], "layer_replication": [[0, 2]],
    "alora_invocation_tokens": [5], "use_qalora": True, "use_bdlora": {"nblocks": 2}, "arrow_config": {"top_k": 3},
    "kasa_config": {"beta": 1e-4}, "monteclora_config": {"samples": 4}, "lora_bias": True,
}  # fmt: skip
#: With a value that PEFT might write.
HARMLESS = {
    "task_type": "CAUSAL_LM", "auto_mapping": {"base_model_class": "X"}, "peft_version": "0.99.0", "revision": "main", "inference_mode": True,
    "lora_dropout": 0.1, "megatron_config": {"x": 1}, "megatron_core": "megatron.core", "loftq_config": {"loftq_bits": 4},
    "eva_config": {"rho": 2.0}, "corda_config": {"x": 1}, "lora_ga_config": {"x": 1}, "velora_config": {"num_groups": 64},
    "qalora_group_size": 32, "runtime_config": {"ephemeral_gpu_offload": True}, "ensure_weight_tying": True,
}  # fmt: skip


def inspect(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run([required("RESA_BIN"), "adapters", "inspect", str(folder)], capture_output=True, timeout=600)


def change(folder: Path, name: str, **keys) -> Path:
    config = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**config, **keys}))
    return folder


def test_every_key_of_peft_is_known():
    fields = {field.name for field in dataclasses.fields(peft.LoraConfig)}
    assert fields - FOLLOWED - REFUSED.keys() - HARMLESS.keys() == set()
    # As PEFT writes it.
    assert fields >= REFUSED.keys() | HARMLESS.keys() | FOLLOWED


def test_what_peft_writes_by_default_is_read(tmp_path):
    folder = random_checkpoint.add_lora(tmp_path / "lora", 1)
    peft.LoraConfig(r=random_checkpoint.RANK, target_modules=["q_proj", "o_proj"]).save_pretrained(folder)
    result = inspect(folder)
    assert result.returncode == 0, result.stdout.decode()


@pytest.mark.parametrize("key", sorted(REFUSED))
def test_what_is_not_followed_is_refused_by_name(tmp_path, key):
    result = inspect(change(random_checkpoint.add_lora(tmp_path / "lora", 1), "adapter_config.json", **{key: REFUSED[key]}))
    assert result.returncode == 1 and f"'{key}'".encode() in result.stdout, result.stdout.decode()


@pytest.mark.parametrize("key", sorted(HARMLESS))
def test_what_changes_nothing_is_not(tmp_path, key):
    result = inspect(change(random_checkpoint.add_lora(tmp_path / "lora", 1), "adapter_config.json", **{key: HARMLESS[key]}))
    assert result.returncode == 0, result.stdout.decode()


SPARSIFY = {"activation", "expansion_factor", "normalize_decoder", "num_latents", "k", "multi_topk", "skip_connection", "transcode"}


def add_sae(folder: Path, **keys) -> Path:
    width, latents = 16, 32
    place = folder / "layers.0.mlp"
    place.mkdir(parents=True)
    tensors = {
        "encoder.weight": torch.randn(latents, width), "encoder.bias": torch.zeros(latents), "W_dec": torch.randn(latents, width),
        "b_dec": torch.zeros(width),
    }  # fmt: skip
    if keys.get("skip_connection"):
        tensors["W_skip"] = torch.zeros(width, width)
    save_file(tensors, place / "sae.safetensors")
    config = {**SparseCoderConfig(num_latents=latents, k=4).to_dict(), "d_in": width, **keys}
    (place / "cfg.json").write_text(json.dumps(config))
    return folder


def test_every_key_of_sparsify_is_known(tmp_path):
    assert {field.name for field in dataclasses.fields(SparseCoderConfig)} == SPARSIFY
    assert inspect(add_sae(tmp_path / "sae")).returncode == 0


@pytest.mark.parametrize("key", ["transcode", "skip_connection", "multi_topk", "normalize_decoder"])
def test_switches_of_sparsify_are_read(tmp_path, key):
    assert inspect(add_sae(tmp_path / "sae", **{key: True})).returncode == 0
    wrong = inspect(add_sae(tmp_path / "wrong", skip_connection="yes"))
    assert wrong.returncode == 1 and b"skip_connection" in wrong.stdout


@pytest.mark.parametrize("key, value", [("signed", True), ("activation", "jumprelu"), ("normalize_io", True), ("output_scale", 2.0)])
def test_what_sparsify_does_not_write_today_is_refused_by_name(tmp_path, key, value):
    result = inspect(add_sae(tmp_path / "sae", **{key: value}))
    assert result.returncode == 1 and key.encode() in result.stdout, result.stdout.decode()
