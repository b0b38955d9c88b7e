"""Makes adapters/smollm2-sae with sparsify's SparseCoder: a TopK SAE on the output of a middle block, over GSM8K conversations.

    RESA_MODEL=$(scripts/fetch-model.sh) python Tests/Reference/make_sae.py --data gsm8k_train.jsonl

The very first position of every sequence is an attention sink: its residual is about 150 times longer than any other's and nearly
constant. Left in the loss it would be most of the variance and the FVU would say nothing; left out, a splice would destroy it and
with it every later block's attention. So the sink's direction is taken out of all encoder rows and latent 0 alone carries it: its
encoder and decoder rows are that direction, its bias keeps it silent elsewhere. All the other latents are trained on the other
positions only, and the FVU in the manifest is theirs.
"""

import argparse
import json
import random
import time
from importlib.metadata import version
from pathlib import Path

import gsm8k
import smollm2
import torch
from sparsify import SparseCoder, SparseCoderConfig

HELD_OUT_ROWS = 64


class Stop(Exception):
    """Raised by the hook: blocks after the hookpoint need not run."""


@torch.no_grad()
def activations(model, tokenizer, pairs, layer: int, prefix: int):
    """Residuals after block `layer` without position 0, their token ids, and the mean residual of position 0.

    The system prompt is the same in every conversation, so its positions are kept from one row in ten.
    """
    kept: list[torch.Tensor] = []

    def hook(_module, _inputs, output):
        kept.append((output[0] if isinstance(output, tuple) else output).detach())
        raise Stop

    handle = model.model.layers[layer].register_forward_hook(hook)
    residuals, tokens, sinks, started = [], [], [], time.time()
    conversations = sorted((gsm8k.conversation(tokenizer, *pair)[0] for pair in pairs), key=len)
    groups = [conversations[i : i + 8] for i in range(0, len(conversations), 8)]
    random.shuffle(groups)
    for number, group in enumerate(groups):
        longest = max(map(len, group))
        ids = torch.tensor([row + [tokenizer.pad_token_id] * (longest - len(row)) for row in group])
        try:
            model.model(input_ids=ids)
        except Stop:
            hidden = kept.pop()
        for row, tokens_of_row in enumerate(group):
            first = 1 if (number * 8 + row) % 10 == 0 else prefix
            residuals.append(hidden[row, first : len(tokens_of_row)].to(torch.bfloat16))
            tokens.append(ids[row, first : len(tokens_of_row)])
            sinks.append(hidden[row, 0].float())
        if number % 20 == 19 or number + 1 == len(groups):
            done = sum(map(len, tokens))
            print(f"activations: {number + 1}/{len(groups)} groups, {done} tokens, {done / (time.time() - started):.0f} tok/s", flush=True)
    handle.remove()
    return torch.cat(residuals), torch.cat(tokens), torch.stack(sinks).mean(0)


def fit(sae: SparseCoder, data: torch.Tensor, sink: torch.Tensor, options) -> list[float]:
    """Adam on sparsify's FVU plus AuxK; unit decoder rows, the sink's direction kept out of every encoder row."""
    optimiser = torch.optim.Adam(sae.parameters(), lr=options.lr)
    steps = options.epochs * (len(data) // options.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: min(1.0, (s + 1) / 40) * min(1.0, 1.25 * (1 - s / steps) + 0.01))
    silent = torch.zeros(sae.num_latents, dtype=torch.long)
    losses, started, step = [], time.time(), 0
    for _ in range(options.epochs):
        order = torch.randperm(len(data))
        for start in range(0, len(data) - options.batch + 1, options.batch):
            x = data[order[start : start + options.batch]].float()
            dead = silent > options.dead_after
            dead[0] = False
            out = sae(x, dead_mask=dead)
            (out.fvu + out.auxk_loss / 32).backward()
            sae.remove_gradient_parallel_to_decoder_directions()
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            with torch.no_grad():
                sae.set_decoder_norm_to_unit_norm()
                weight = sae.encoder.weight
                weight -= (weight @ sink)[:, None] * sink
                silent += len(x)
                silent[out.latent_indices[out.latent_acts > 0]] = 0
            losses.append(out.fvu.item())
            step += 1
            if step % 20 == 0:
                rate = step * options.batch / (time.time() - started)
                print(f"step {step}/{steps} FVU {sum(losses[-20:]) / 20:.4f} dead {int(dead.sum())} {rate:.0f} tok/s", flush=True)
    return losses


@torch.no_grad()
def held_out_fvu(sae: SparseCoder, x: torch.Tensor) -> tuple[float, torch.Tensor]:
    """FVU over all rows together (the mean is over all of them, not per batch), and how often each latent fires."""
    x = x.float()
    squared, fired = 0.0, torch.zeros(sae.num_latents)
    for chunk in x.split(2048):
        out = sae(chunk.to(sae.dtype))
        squared += (out.sae_out.float() - chunk).pow(2).sum().item()
        fired += torch.bincount(out.latent_indices[out.latent_acts > 0].flatten(), minlength=sae.num_latents)
    return squared / (x - x.mean(0)).pow(2).sum().item(), fired / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="gsm8k_train.jsonl")
    parser.add_argument("--out", type=Path, default=Path("adapters/smollm2-sae"))
    parser.add_argument("--layer", type=int, default=14)
    parser.add_argument("--latents", type=int, default=2048)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--rows", type=int, default=2400, help="conversations")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=2048, help="tokens per step")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--dead-after", type=int, default=100_000, help="tokens without firing")
    parser.add_argument("--seed", type=int, default=20261)
    parser.add_argument("--activations", type=Path, help="file to keep the activations in, or to take them from")
    options = parser.parse_args()

    random.seed(options.seed)
    torch.manual_seed(options.seed)
    tokenizer = smollm2.load_tokenizer()
    if options.activations and options.activations.exists():
        stored = torch.load(options.activations)
    else:
        model = smollm2.load_model(torch.bfloat16)
        pairs = gsm8k.rows(options.data)
        prefix = len(tokenizer(gsm8k.SYSTEM_PREFIX, add_special_tokens=False)["input_ids"])
        chosen = random.sample(pairs[:-HELD_OUT_ROWS], options.rows)
        training, _, sink = activations(model, tokenizer, chosen, options.layer, prefix)
        held_out, held_out_ids, _ = activations(model, tokenizer, pairs[-HELD_OUT_ROWS:], options.layer, prefix)
        stored = {"training": training, "held_out": held_out, "held_out_ids": held_out_ids, "sink": sink}
        if options.activations:
            torch.save(stored, options.activations)
        del model
    training, held_out, sink_residual = stored["training"], stored["held_out"], stored["sink"]

    mean = training.float().mean(0)
    # TopK of ReLU is homogeneous: train on residuals of unit RMS, then scale the two biases back.
    unit = (training.float() - mean).pow(2).mean().sqrt().item()
    sink = torch.nn.functional.normalize(sink_residual - mean, dim=0)
    width = training.shape[1]
    sae = SparseCoder(width, SparseCoderConfig(num_latents=options.latents, k=options.k, expansion_factor=0))
    with torch.no_grad():
        sae.b_dec.copy_(mean / unit)
        sae.encoder.weight -= (sae.encoder.weight @ sink)[:, None] * sink
        sae.W_dec.copy_(torch.nn.functional.normalize(sae.encoder.weight, dim=1))
    losses = fit(sae, (training.float() / unit).to(torch.bfloat16), sink, options)

    with torch.no_grad():
        sae.encoder.bias *= unit
        sae.b_dec *= unit
        # Latent 0: exactly the sink's length on the sink, zero wherever the projection is below the threshold.
        direction = sink_residual - sae.b_dec
        length = direction.norm().item()
        direction /= length
        threshold = 0.1 * length
        gain = length / (length - threshold)
        sae.encoder.weight[0] = gain * direction
        sae.encoder.bias[0] = -gain * threshold
        sae.W_dec[0] = direction
        on_sink = sae(sink_residual[None])
        sink_error = ((on_sink.sae_out - sink_residual).norm() / length).item()
    unrounded, _ = held_out_fvu(sae, held_out)
    sae = sae.to(torch.bfloat16)
    # Judged as it will be served: stored bf16 weights, f32 arithmetic.
    served = SparseCoder(width, sae.cfg)
    served.load_state_dict({name: tensor.float() for name, tensor in sae.state_dict().items()})
    fvu, frequency = held_out_fvu(served, held_out)
    never = int((frequency == 0).sum())
    print(f"held-out FVU {fvu:.4f} (before rounding {unrounded:.4f}), never fired {never}, relative error on the sink {sink_error:.2e}")

    folder = options.out / f"layers.{options.layer}"
    sae.save_to_disk(folder)
    size = (folder / "sae.safetensors").stat().st_size
    manifest = {
        "name": options.out.name,
        "kind": "sae",
        "base_model": smollm2.BASE_NAME,
        "hookpoints": [folder.name],
        "description": f"TopK SAE on the output of block {options.layer}: {options.latents} latents, k {options.k}.",
        "made_by": "Tests/Reference/make_sae.py",
        "method": "sparsify SparseCoder, Adam on FVU + AuxK/32, unit decoder rows; latent 0 set by hand to carry the attention sink",
        "versions": {name: version(name) for name in ("eai-sparsify", "torch", "transformers")},
        "data": f"GSM8K train ({options.data.name}) as conversations, {options.rows} rows, {len(training)} tokens, {options.epochs} epochs",
        "seed": options.seed,
        "steps": len(losses),
        "tokens_per_step": options.batch,
        "learning_rate": options.lr,
        "fvu": {
            "first_20_steps": round(sum(losses[:20]) / 20, 4),
            "last_20_steps": round(sum(losses[-20:]) / 20, 4),
            "held_out": round(fvu, 4),
            "held_out_tokens": len(held_out),
            "positions": "all but the first of each sequence",
            "relative_error_on_first_position": float(f"{sink_error:.2e}"),
        },
        "latents_never_fired_on_held_out": never,
        "stored_as": "bf16",
        "bytes": size,
        "licence": "Apache-2.0 (base model Apache-2.0, data MIT)",
    }
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"wrote {options.out} ({size / 2**20:.2f} MiB)")


if __name__ == "__main__":
    main()
