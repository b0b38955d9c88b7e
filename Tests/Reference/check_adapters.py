"""Do the folders under adapters/ load in the tools whose layout they have? `check_adapters.py [ADAPTERS]`: PEFT for LoRA, sparsify for SAEs.

Also: all of them together stay below 8 MiB.
"""

import json
import sys
from pathlib import Path

import smollm2
from peft import PeftModel
from sparsify import SparseCoder

LIMIT = 8 << 20


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "adapters")
    model = smollm2.load_model()
    total = 0
    for adapter in sorted(path for path in folder.iterdir() if path.is_dir()):
        manifest = json.loads((adapter / "manifest.json").read_text())
        if (adapter / "adapter_config.json").exists():
            wrapped = PeftModel.from_pretrained(model, adapter)
            config = wrapped.peft_config["default"]
            trained = sum(parameter.numel() for name, parameter in wrapped.named_parameters() if "lora_" in name)
            nonzero = sum(int(parameter.count_nonzero() > 0) for name, parameter in wrapped.named_parameters() if "lora_B" in name)
            print(f"{adapter.name}: PEFT {config.peft_type.value}, r {config.r}, {trained} parameters, {nonzero} updates")
            wrapped.unload()
        else:
            coders = SparseCoder.load_many(str(adapter), local=True)
            assert sorted(coders) == sorted(manifest["hookpoints"]), f"{adapter}: manifest and folders disagree on hookpoints"
            for hookpoint, sae in coders.items():
                assert sae.d_in == model.config.hidden_size
                print(f"{adapter.name}: sparsify {hookpoint}, {sae.num_latents} latents, k {sae.cfg.k}, {sae.dtype}")
        total += sum(path.stat().st_size for path in adapter.rglob("*") if path.is_file())
    assert total <= LIMIT, f"{total} bytes in all, more than {LIMIT}"
    print(f"{total / 2**20:.2f} MiB in all")


if __name__ == "__main__":
    main()
