"""Writes a PEFT LoRA at a higher rank without changing what it computes: widen_lora.py FOLDER TARGET RANK

B A = (B R^T)(R A), where R [RANK, rank] has random orthonormal columns. What formats that need a certain rank make of a real LoRA can so be
measured on one of lower rank. Needs torch and safetensors: run it with the interpreter that scripts/python-env.sh prints.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

FILE = "adapter_model.safetensors"


def main() -> None:
    source, target, rank = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    config = json.loads((source / "adapter_config.json").read_text())
    if config["r"] > rank or config.get("rank_pattern") or config.get("alpha_pattern"):
        sys.exit(f"{source} has rank {config['r']} or patterns; wanted one rank of at most {rank}")
    generator = torch.Generator().manual_seed(1)
    tensors = {name: tensor.float() for name, tensor in load_file(str(source / FILE)).items()}
    wider = {}
    for name in sorted(name for name in tensors if "lora_A" in name):
        partner = name.replace("lora_A", "lora_B")
        a, b = tensors[name], tensors[partner]
        rotation, _ = torch.linalg.qr(torch.randn(rank, a.shape[0], generator=generator))
        wider[name], wider[partner] = (rotation @ a).contiguous(), (b @ rotation.T).contiguous()
    # The scale is alpha / r: it stays.
    config["lora_alpha"] = config["lora_alpha"] * rank / config["r"]
    config["r"] = rank
    target.mkdir(parents=True, exist_ok=True)
    (target / "adapter_config.json").write_text(json.dumps(config, indent=2))
    save_file(wider, str(target / FILE))


main()
