"""Finds out what latents of an SAE stand for, and writes chosen labels into its manifest.

    python Tests/Reference/label_latents.py --data gsm8k_train.jsonl                      # a table of the clearest latents
    python Tests/Reference/label_latents.py --data gsm8k_train.jsonl --label 12="dollar amounts" --demo 12,add,40
    python Tests/Reference/label_latents.py --data gsm8k_train.jsonl --steer 12,add,40 --question "What is 2 + 2?"

A latent is called clear when most of its activation falls on few different tokens. For each, the tokens it acts on (with the share of
its activation) and the tokens its decoder row raises most in the logits are shown.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import gsm8k
import smollm2
import torch
from interventions import adapted, load_sae
from make_sae import HELD_OUT_ROWS, activations


def tables(sae, residuals, ids, tokenizer):
    """Per latent: how often it fires, its largest activation, and its activation by token."""
    by_token = [Counter() for _ in range(sae.num_latents)]
    fired, largest = torch.zeros(sae.num_latents), torch.zeros(sae.num_latents)
    for chunk, chunk_ids in zip(residuals.float().split(1024), ids.split(1024)):
        encoded = sae.encode(chunk)
        for row, token in enumerate(chunk_ids.tolist()):
            for latent, value in zip(encoded.top_indices[row].tolist(), encoded.top_acts[row].tolist()):
                if value > 0:
                    by_token[latent][token] += value
                    fired[latent] += 1
                    largest[latent] = max(largest[latent], value)
    return fired / len(ids), largest, by_token


def described(latent: int, sae, model, tokenizer, frequency, largest, by_token) -> dict:
    total = sum(by_token[latent].values()) or 1.0
    direction = sae.W_dec[latent] * model.model.norm.weight
    raised = (model.lm_head.weight @ direction).topk(6).indices.tolist()
    return {
        "fires_on": round(float(frequency[latent]), 5),
        "largest_activation": round(float(largest[latent]), 1),
        "tokens": [[tokenizer.decode([token]), round(value / total, 2)] for token, value in by_token[latent].most_common(6)],
        "raises": [tokenizer.decode([token]) for token in raised],
    }


def edit_of(text: str) -> dict:
    latent, op, value = text.split(",")
    return {"latent": int(latent), "op": op, "value": float(value)}


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sae", type=Path, default=Path("adapters/smollm2-sae"))
    parser.add_argument("--show", type=int, default=60, help="how many of the clearest latents to print")
    parser.add_argument("--label", action="append", default=[], metavar="LATENT=MEANING")
    parser.add_argument("--demo", type=edit_of, metavar="LATENT,OP,VALUE", help="the edit that the demo shows")
    parser.add_argument("--steer", type=edit_of, action="append", default=[], metavar="LATENT,OP,VALUE", help="answer --question with this edit")
    parser.add_argument("--question", default="Tell me about your day.")
    options = parser.parse_args()

    path = options.sae / "manifest.json"
    manifest = json.loads(path.read_text())
    [hookpoint] = manifest["hookpoints"]
    layer = int(hookpoint.split(".")[1])
    model, tokenizer, sae = smollm2.load_model(), smollm2.load_tokenizer(), load_sae(options.sae / hookpoint)

    if options.steer:
        prompt = torch.tensor([smollm2.chat_ids(tokenizer, options.question)])
        for edit in [None, *options.steer]:
            specs = [{"name": options.sae.name, "hookpoint": hookpoint, "mode": "edit", "edits": [edit]}] if edit else []
            with adapted(model, specs, options.sae.parent) as (adapted_model, _, place):
                place(torch.zeros(1, 1), torch.zeros(1))  # the edits act everywhere, wherever the tokens are
                out = adapted_model.generate(prompt, max_new_tokens=60, do_sample=False, pad_token_id=tokenizer.pad_token_id)
            print(f"{edit}: {tokenizer.decode(out[0, prompt.shape[1]:], skip_special_tokens=True)!r}", flush=True)
        return

    prefix = len(tokenizer(gsm8k.SYSTEM_PREFIX, add_special_tokens=False)["input_ids"])
    residuals, ids, _ = activations(model, tokenizer, gsm8k.rows(options.data)[-HELD_OUT_ROWS:], layer, prefix)
    frequency, largest, by_token = tables(sae, residuals, ids, tokenizer)
    labels = dict(label.split("=", 1) for label in options.label)
    if labels or options.demo:
        if labels:
            manifest["labels"] = labels
            manifest["latents"] = {
                latent: described(int(latent), sae, model, tokenizer, frequency, largest, by_token) for latent in labels
            }
        if options.demo:
            meaning = manifest["labels"][str(options.demo["latent"])]
            manifest["demo_edit"] = {"layer": layer, **options.demo, "meaning": meaning}
        path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        return

    def clarity(latent: int) -> float:
        counts = by_token[latent]
        return sum(value for _, value in counts.most_common(3)) / (sum(counts.values()) or 1.0) if frequency[latent] > 5e-4 else 0.0

    for latent in sorted(range(sae.num_latents), key=clarity, reverse=True)[: options.show]:
        print(latent, f"{clarity(latent):.2f}", json.dumps(described(latent, sae, model, tokenizer, frequency, largest, by_token), ensure_ascii=False))


if __name__ == "__main__":
    main()
