"""What the default model is asked, and the repository's adapters in the settings that are compared."""

from pathlib import Path

import smollm2

ADAPTERS = Path(__file__).resolve().parents[2] / "adapters"

LONG_TEXT = (
    "The mill stood at the bend of the river, where the water ran deep and slow. Every spring the miller's daughter counted the sacks "
    "of grain twice: once when the carts came in, and once when the flour went out. In a good year there were four hundred and twelve; in "
    "a bad year, fewer than ninety. She wrote the numbers in a ledger with a red cover, and beside each number she wrote a word: rain, "
    "frost, locusts, peace. One winter the ledger was lost. Some said that it had fallen into the race and been ground up with the rye; "
    "others, that the tax collector had taken it. The daughter said nothing. She sat down by the fire with a new book and began, from "
    "memory, at the first page. "
)

CHAT_PROMPTS = [
    "What is the capital of France?",
    "Janet has 3 boxes with 12 pencils each and gives away 7 pencils. How many pencils does she have left?",
    "Write a haiku about the sea.",
    "Explain photosynthesis to a child.",
    "List three uses for a brick.",
    "Translate 'good morning' into Spanish, French and German.",
    "Who wrote Pride and Prejudice?",
    "What is 17 + 26?",
    "Give me a short recipe for pancakes.",
    "Why is the sky blue? Answer in one sentence.",
    "What is the largest planet in our solar system?",
    "How many legs does a spider have?",
    "Name the three primary colours.",
    "What is the opposite of hot?",
    "Who painted the Mona Lisa?",
    "What does a bee make?",
    "How many minutes are in an hour?",
    "What is the chemical formula of water?",
    "Which ocean is the largest?",
    "In which year did the Second World War end?",
]

TEXT_PROMPTS = [
    "Once upon a time",
    "def fibonacci(n):\n    ",
    "The three laws of thermodynamics are",
    "1, 1, 2, 3, 5, 8, 13,",
    "Roses are red,",
    "#include <stdio.h>\n\nint main(void) {\n",
    "Das Wetter in Berlin ist heute",
    "Q: What do plants need to grow?\nA:",
    LONG_TEXT,
    LONG_TEXT + LONG_TEXT + "The moral of the story is",
]


def prompt_ids() -> list[list[int]]:
    """The chats, then the texts."""
    tokenizer = smollm2.load_tokenizer()
    chats = [smollm2.chat_ids(tokenizer, text) for text in CHAT_PROMPTS]
    return chats + [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXT_PROMPTS]


def variants() -> dict[str, list[dict]]:
    """The adapters of each way to run the model, the model alone not among them."""
    lora = {"name": "smollm2-gsm8k-lora"}
    [hookpoint] = [path.name for path in (ADAPTERS / "smollm2-sae").iterdir() if path.is_dir()]
    splice = {"name": "smollm2-sae", "hookpoint": hookpoint, "mode": "splice"}
    edits = [
        {"latent": 11, "op": "add", "value": 40.0},
        {"latent": 500, "op": "set", "value": 25.0},
        {"latent": 1200, "op": "ablate"},
    ]
    edit = {**splice, "mode": "edit", "edits": edits}
    return {"lora": [lora], "sae-splice": [splice], "sae-edit": [edit], "lora-sae-edit": [lora, edit]}
