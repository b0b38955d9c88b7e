"""Golden values for the element formats, by PyPI `gguf`'s own dequantisation.

Writes Tests/Fixtures/blocks.json: per format some random blocks and the f32 values they expand to, both in base64.

    python Tests/Reference/make_block_golden.py
"""

import base64
import json
import pathlib

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

FORMATS = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
# Where a block's f16 scales lie; the rest of a block may be any bytes.
SCALES = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
BLOCKS = {32: 6, 256: 2}


def blocks(name: str, rng: np.random.Generator) -> np.ndarray:
    if name == "F16":
        # Normal, denormal, zero, largest; no NaN, which compares unequal.
        special = np.array([0, 0x8000, 1, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00], dtype=np.uint16)
        return np.concatenate([special, rng.normal(size=55).astype(np.float16).view(np.uint16)]).view(np.uint8)
    if name == "BF16":
        return (rng.normal(size=64).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    data = rng.integers(0, 256, size=(BLOCKS[elements], size), dtype=np.uint8)
    for offset in SCALES[name]:
        scale = rng.normal(scale=0.1, size=len(data)).astype(np.float16)
        scale[-1] = np.float16(3e-6)  # a denormal scale
        data[:, offset : offset + 2] = scale.view(np.uint8).reshape(-1, 2)
    return data.reshape(-1)


def main() -> None:
    rng = np.random.default_rng(20)
    golden = {}
    for name in FORMATS:
        data = blocks(name, rng)
        if name == "F16":
            values = data.view(np.float16).astype(np.float32)
        else:
            values = dequantize(data, GGMLQuantizationType[name]).astype(np.float32).reshape(-1)
        golden[name] = {
            "bytes": base64.b64encode(data.tobytes()).decode(),
            "values": base64.b64encode(values.astype("<f4").tobytes()).decode(),
        }
    target = pathlib.Path(__file__).parents[1] / "Fixtures" / "blocks.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
