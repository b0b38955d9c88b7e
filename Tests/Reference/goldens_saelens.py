"""Small random SAEs in SAELens' format, with what its formulas make of random rows.

    saelens/NAME/cfg.json, sae_weights.safetensors    as SAELens writes them, of version 6 or flat as before it
    saelens/NAME/config.json, params.safetensors      as Gemma Scope 2 has them: jumprelus under other names
    saelens/NAME/expected.safetensors                 input, activations [rows, M], output, and the rows after an edit of three latents

Everything is computed here in f64 from the published formulas, not by Swift's way of doing it: nothing is folded or transposed. Where
`sae_lens` is installed too (it is not among the requirements: it brings half of the Python world with it) its own `encode` and `forward`
are compared with what is computed here.
"""

import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file

ROWS, WIDTH = 24, 40
V6 = "6.54.12"


@dataclass
class Case:
    architecture: str
    latents: int = 96
    hook: str = "blocks.1.hook_resid_post"
    hookpoint: str = "layers.1"
    # Keys of cfg.json beside the usual ones.
    config: dict = field(default_factory=dict)
    # As versions before 6 wrote it: no metadata.
    flat: bool = False
    dtype: torch.dtype = torch.float32
    log_threshold: bool = False
    scaling_factor: bool = False
    # Gemma Scope 2: where it reads and, of a transcoder, writes.
    scope: tuple[str, ...] = ()


MLP = {"hook": "blocks.2.hook_mlp_out", "hookpoint": "layers.2.mlp"}
INTO_MLP = {"hook": "blocks.2.ln2.hook_normalized", "hookpoint": "layers.2.mlp"}

CASES = {
    "standard": Case("standard"),
    "standard-uncentred": Case("standard", hook="blocks.2.hook_resid_pre", config={"apply_b_dec_to_input": False}),
    "standard-constant-norm": Case("standard", config={"normalize_activations": "constant_norm_rescale"}, **MLP),
    "standard-layer-norm": Case("standard", config={"normalize_activations": "layer_norm"}),
    "standard-layer-norm-uncentred": Case("standard", config={"normalize_activations": "layer_norm", "apply_b_dec_to_input": False}),
    "standard-folded": Case("standard", config={"normalize_activations": "expected_average_only_in"}),
    "standard-factor": Case(
        "standard", config={"normalize_activations": "expected_average_only_in", "norm_scaling_factor": 1.75}
    ),
    "standard-bf16": Case("standard", dtype=torch.bfloat16),
    "standard-odd": Case("standard", latents=67),
    "topk": Case("topk", config={"k": 7}),
    "topk-rescaled": Case("topk", config={"k": 9, "rescale_acts_by_decoder_norm": True}),
    "topk-rescaled-factor": Case(
        "topk",
        config={
            "k": 9, "rescale_acts_by_decoder_norm": True, "normalize_activations": "expected_average_only_in", "norm_scaling_factor": 0.6,
        },
    ),
    "topk-layer-norm": Case("topk", config={"k": 5, "normalize_activations": "layer_norm"}, **MLP),
    "topk-constant-norm": Case("topk", config={"k": 5, "normalize_activations": "constant_norm_rescale", "apply_b_dec_to_input": False}),
    "jumprelu": Case("jumprelu"),
    "jumprelu-log": Case("jumprelu", log_threshold=True),
    "jumprelu-layer-norm": Case("jumprelu", config={"normalize_activations": "layer_norm"}, **MLP),
    "batchtopk": Case("batchtopk", config={"k": 6}),
    "gated": Case("gated"),
    "gated-constant-norm": Case("gated", config={"normalize_activations": "constant_norm_rescale"}),
    "transcoder": Case("transcoder", **INTO_MLP),
    "transcoder-layer-norm": Case("transcoder", config={"normalize_activations": "layer_norm"}, **INTO_MLP),
    "skip-transcoder": Case("skip_transcoder", **INTO_MLP),
    "jumprelu-transcoder": Case("jumprelu_transcoder", **INTO_MLP),
    "jumprelu-skip-transcoder": Case("jumprelu_skip_transcoder", **INTO_MLP),
    "gemma-scope-2": Case("jumprelu", scope=("model.layers.1.output",), config={"apply_b_dec_to_input": False}),
    "gemma-scope-2-bf16": Case(
        "jumprelu", scope=("model.layers.1.output",), config={"apply_b_dec_to_input": False}, dtype=torch.bfloat16
    ),
    "gemma-scope-2-mlp": Case(
        "jumprelu", scope=("model.layers.2.post_feedforward_layernorm.output",), config={"apply_b_dec_to_input": False}, **MLP
    ),
    "gemma-scope-2-transcoder": Case(
        "jumprelu_transcoder",
        scope=("model.layers.2.pre_feedforward_layernorm.output", "model.layers.2.post_feedforward_layernorm.output"), **INTO_MLP,
    ),
    "flat-standard": Case("standard", flat=True, scaling_factor=True),
    "flat-topk": Case("topk", flat=True, config={"k": 8}, hook="blocks.0.hook_mlp_out", hookpoint="layers.0.mlp"),
    "flat-gated": Case("gated", flat=True),
    "flat-normalised": Case("standard", flat=True, config={"normalize_activations": True}),
    "flat-layer-norm": Case("standard", flat=True, config={"normalize_activations": "layer_norm"}),
}


def config(name: str, case: Case) -> dict:
    transcodes = "transcoder" in case.architecture
    result = {
        "d_in": WIDTH, "d_sae": case.latents, "dtype": "float32", "device": "cpu", "apply_b_dec_to_input": not transcodes,
        "normalize_activations": "none", "reshape_activations": "none", "architecture": case.architecture,
    }
    if case.flat:
        # Two generations of key names.
        new = name != "flat-standard"
        result.pop("reshape_activations")
        result |= {
            "model_name": "some/model", ("hook_name" if new else "hook_point"): case.hook, "hook_layer": 1, "hook_head_index": None,
            "activation_fn_str": "relu", "activation_fn_kwargs": {}, "prepend_bos": True, "context_size": 128, "finetuning_scaling_factor": False,
            "sae_lens_training_version": "4.0.0", "dataset_path": "some/data",
        }
        if case.architecture == "topk":
            result |= {"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": case.config["k"]}}
        if not new:
            result.pop("architecture")
        return result | {key: value for key, value in case.config.items() if key != "k"}
    metadata = {"sae_lens_version": V6, "sae_lens_training_version": V6, "model_name": "some/model", "hook_name": case.hook}
    if transcodes:
        result["d_out"] = WIDTH
        metadata["hook_name_out"] = "blocks.2.hook_mlp_out"
    return result | case.config | {"metadata": metadata}


def weights(case: Case) -> dict[str, torch.Tensor]:
    m, d = case.latents, WIDTH
    tensors = {
        "W_enc": torch.randn(d, m) / math.sqrt(d),
        "W_dec": torch.randn(m, d) * (0.3 + torch.rand(m, 1)),
        "b_dec": 0.4 * torch.randn(d),
    }
    if case.architecture == "gated":
        tensors |= {"b_gate": 0.3 * torch.randn(m) - 0.5, "r_mag": 0.4 * torch.randn(m), "b_mag": 0.3 * torch.randn(m)}
    else:
        tensors["b_enc"] = 0.3 * torch.randn(m) - 0.3
    if "jumprelu" in case.architecture or case.architecture == "batchtopk":
        tensors["threshold"] = 0.5 * torch.rand(m) + 0.05
        # Some below zero: relu decides for those.
        if not case.log_threshold:
            tensors["threshold"][::7] -= 0.6
        else:
            tensors["log_threshold"] = tensors.pop("threshold").log()
    if "skip" in case.architecture:
        tensors["W_skip"] = 0.5 * torch.randn(d, d) / math.sqrt(d)
    if case.scaling_factor:
        tensors["scaling_factor"] = torch.ones(m)
    return {key: value.to(case.dtype).contiguous() for key, value in tensors.items()}


class Reference:
    """SAELens' formulas in f64, as Tests and docs state them."""

    def __init__(self, settings: dict, architecture: str, tensors: dict[str, torch.Tensor], k: int | None):
        self.t = {key: value.double() for key, value in tensors.items()}
        self.architecture, self.k = architecture, k
        self.transcodes = "transcoder" in architecture
        self.norm = settings["normalize_activations"]
        self.centred = settings["apply_b_dec_to_input"] and not self.transcodes
        self.rescales = settings.get("rescale_acts_by_decoder_norm", False)
        factor = settings.get("norm_scaling_factor")
        if factor is not None:
            # SAELens' fold_activation_norm_scaling_factor.
            self.t["W_enc"] = self.t["W_enc"] * factor
            self.t["W_dec"] = self.t["W_dec"] / factor
            self.t["b_dec"] = self.t["b_dec"] / factor

    def scale(self, x):
        one, zero = torch.ones(len(x), 1, dtype=torch.float64), torch.zeros(len(x), 1, dtype=torch.float64)
        if self.norm == "constant_norm_rescale":
            coefficient = math.sqrt(x.shape[1]) / x.norm(dim=1, keepdim=True)
            return zero, coefficient, 1 / coefficient
        if self.norm == "layer_norm":
            mean, deviation = x.mean(dim=1, keepdim=True), x.std(dim=1, keepdim=True)
            return mean, 1 / (deviation + 1e-5), deviation
        return zero, one, one

    def encode(self, x):
        shift, coefficient, _ = self.scale(x)
        u = (x - shift) * coefficient
        if self.centred:
            u = u - self.t["b_dec"]
        p = u @ self.t["W_enc"]
        if self.architecture == "gated":
            magnitude = u @ (self.t["W_enc"] * self.t["r_mag"].exp()) + self.t["b_mag"]
            return (p + self.t["b_gate"] > 0) * magnitude.relu()
        z = p + self.t["b_enc"]
        if self.architecture == "topk":
            if self.rescales:
                z = z * self.t["W_dec"].norm(dim=1)
            values, places = z.topk(self.k, dim=1)
            return torch.zeros_like(z).scatter(1, places, values.relu())
        threshold = self.t.get("threshold")
        if "log_threshold" in self.t:
            threshold = self.t["log_threshold"].exp()
        return z.relu() if threshold is None else z.relu() * (z > threshold)

    def decode(self, a, x):
        if self.rescales:
            a = a / self.t["W_dec"].norm(dim=1)
        y = a @ self.t["W_dec"] + self.t["b_dec"]
        if not self.transcodes:
            shift, _, back = self.scale(x)
            y = y * back + shift
        if "W_skip" in self.t:
            y = y + x @ self.t["W_skip"].T
        return y


@torch.no_grad()
def make(name: str, case: Case, folder: Path) -> bool:
    torch.manual_seed(sum(name.encode()))
    settings, tensors = config(name, case), weights(case)
    folder.mkdir(parents=True)
    if case.scope:
        names = dict(zip(["hf_hook_point_in", "hf_hook_point_out"], case.scope, strict=False))
        facts = {"architecture": "jump_relu", "model_name": "some/model", "width": case.latents, "l0": 10, **names}
        (folder / "config.json").write_text(json.dumps(facts | ({"affine_connection": False} if len(names) > 1 else {})))
        save_file({key.replace("W_", "w_"): tensor for key, tensor in tensors.items()}, folder / "params.safetensors")
    else:
        (folder / "cfg.json").write_text(json.dumps(settings))
        save_file(tensors, folder / "sae_weights.safetensors")

    x = 1.5 * torch.randn(ROWS, WIDTH) + 0.3
    y = torch.randn(ROWS, WIDTH) if "transcoder" in case.architecture else x
    reference = Reference(settings, case.architecture, tensors, case.config.get("k"))
    a = reference.encode(x.double())
    output = reference.decode(a, x.double())
    acting = (a > 0).sum(dim=1).double().mean()
    assert 1 <= acting <= 0.7 * case.latents, (name, acting)
    # Set one latent, add to another, ablate the strongest of the first row; half the strength.
    edited = a.clone()
    strongest = int(a[0].argmax())
    others = [latent for latent in range(5, case.latents) if latent != strongest][:2]
    edited[:, others[0]] = 1.25
    edited[:, others[1]] += 0.75
    edited[:, strongest] = 0
    change = 0.5 * (reference.decode(edited, x.double()) - output)
    save_file(
        {
            "input": x, "target": y.clone(), "activations": a.float(), "output": output.float(),
            "edited": (y.double() + change).float(), "latents": torch.tensor([others[0], others[1], strongest]).float(),
        },
        folder / "expected.safetensors",
    )
    return compare(name, folder, x, a, output)


def compare(name: str, folder: Path, x, activations, output) -> bool:
    """Against SAELens itself, where it is installed and reads this file."""
    try:
        from sae_lens import SAE
    except ImportError:
        return False
    if not (folder / "cfg.json").exists():
        return False
    settings = json.loads((folder / "cfg.json").read_text())
    if settings.get("architecture") == "batchtopk" or "norm_scaling_factor" in settings or name == "jumprelu-log":
        # A name for jumprelu; a factor that SAELens keeps in a table of its own; a tensor of its training checkpoints.
        return False
    sae = SAE.load_from_disk(folder)
    # Its own tolerance: it computes in f32.
    assert torch.allclose(sae.encode(x).double(), activations, atol=2e-4, rtol=1e-4), name
    assert torch.allclose(sae(x).double(), output, atol=2e-4, rtol=1e-4), name
    return True


def main(out: Path, cache: Path) -> None:
    root = out / "saelens"
    shutil.rmtree(root, ignore_errors=True)
    compared = [name for name, case in CASES.items() if make(name, case, root / name)]
    if compared:
        print(f"compared with sae_lens: {', '.join(compared)}")
    cases = {
        name: {
            "hookpoint": case.hookpoint, "architecture": case.architecture, "transcode": "transcoder" in case.architecture,
            "latents": case.latents,
        }
        for name, case in CASES.items()
    }
    (root / "cases.json").write_text(json.dumps({"width": WIDTH, "cases": cases}, indent=1))
