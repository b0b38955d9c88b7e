"""GSM8K rows as conversations for the two training scripts. The data set is read from a path and never committed."""

import json
import re
from pathlib import Path

from smollm2 import chat_ids

SYSTEM_PREFIX = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"


def rows(path: Path) -> list[tuple[str, str]]:
    """(question, answer) pairs; the calculator marks `<<48/2=24>>` are taken out, the closing `#### N` stays."""
    pairs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        pairs.append((row["question"].strip(), re.sub(r"<<.*?>>", "", row["answer"]).strip()))
    return pairs


def conversation(tokenizer, question: str, answer: str) -> tuple[list[int], int]:
    """Token ids of the whole conversation and how many of them are the prompt (what the assistant does not write)."""
    prompt = chat_ids(tokenizer, question)
    whole = chat_ids(tokenizer, question, answer)
    assert whole[: len(prompt)] == prompt, "the template renders the prompt differently when an answer follows"
    return whole, len(prompt)
