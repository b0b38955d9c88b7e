"""What PyPI `tokenizers` and `sentencepiece` make of hard lines with BPE over characters: byte fallback and SentencePiece's spaces.

The vocabularies are trained here, on texts and on some of the hard lines. Written below `characters-bpe/`:
    lines.json              the lines
    NAME/tokenizer.json, NAME/ids.json  per line: ids, and what `decode` makes of them; texts of random ids
    NAME.gguf, NAME.ids.json  the same by PyPI `sentencepiece`, whose model is written into GGUF fields
"""

import io
import json
import random
from pathlib import Path

import gguf
import sentencepiece
from tokenizer_lines import CODE, EMOJI, SENTENCES, lines
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SECONDS = 40
MARK = "\u2581"


def corpus(hard: list[str]) -> list[str]:
    """Words of many scripts, English prose made of few words, code: enough for merges of every kind."""
    r = random.Random(11)
    words = [word for sentence in SENTENCES for word in sentence.split(" ")]
    english = "the of and to in is was that it for with as his on be at by had not are but from or have an they which one you were all her she there would their".split()
    texts = [" ".join(r.choice(english if r.random() < 0.7 else words) for _ in range(r.randint(3, 14))) for _ in range(1500)]
    return SENTENCES * 8 + CODE * 12 + texts + [line for line in r.sample(hard, 400) if line.isprintable()]


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def kinds() -> dict:
    """Name: normaliser, pre-tokeniser, decoder, byte fallback, further settings of the model."""
    strip = lambda *first: decoders.Sequence([*first, decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    back = decoders.Replace(MARK, " ")
    llama = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    found = {
        "llama2": (llama, None, strip(back), True, {}),
        "gemma": (normalizers.Replace(" ", MARK), pre_tokenizers.Split(" ", "merged_with_previous"), decoders.Sequence([back, decoders.ByteFallback(), decoders.Fuse()]), True, {}),
        "mistral": (None, pre_tokenizers.Metaspace(MARK, "first", False), strip(back), True, {}),
        "whole": (normalizers.Replace(Regex(" "), MARK), None, decoders.Sequence([back, decoders.ByteFallback(), decoders.Fuse()]), True, {"ignore_merges": True}),
        "unknown": (llama, None, decoders.Metaspace(MARK, "always", False), False, {"fuse_unk": False}),
        "fused": (normalizers.Sequence([normalizers.NFC(), normalizers.Replace(" ", MARK)]), None, decoders.Metaspace(MARK, "never", False), False, {"fuse_unk": True}),
        "gaps": (None, pre_tokenizers.Metaspace(MARK, "first", True), strip(back), True, {"fuse_unk": True}),
        "gpt2": (None, pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel(), False, {}),
        "neox": (normalizers.NFC(), pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel(), False, {}),
        "roberta": (None, pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel(), False, {}),
    }
    for scheme in ("always", "never"):
        found[f"metaspace-{scheme}"] = (None, pre_tokenizers.Metaspace(MARK, scheme, True), decoders.Metaspace(MARK, scheme, True), True, {})
    return found


def trained(name: str, texts: list[str]) -> Tokenizer:
    normalizer, pre_tokenizer, decoder, fallback, settings = kinds()[name]
    is_bytes = isinstance(pre_tokenizer, pre_tokenizers.ByteLevel)
    tokenizer = Tokenizer(models.BPE(unk_token=None if is_bytes else "<unk>", byte_fallback=fallback, **settings))
    # Trained on words, so that merges rarely cross a space; some texts are left whole, so that some do.
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer if pre_tokenizer else pre_tokenizers.Split(Regex(MARK + "?[^" + MARK + "]+|" + MARK + "+"), "isolated")
    special = [] if is_bytes else ["<unk>", "<s>", "</s>", *BYTES]
    alphabet = pre_tokenizers.ByteLevel.alphabet() if is_bytes else [MARK]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=1400, special_tokens=special, initial_alphabet=alphabet, limit_alphabet=500, show_progress=False))
    description = json.loads(tokenizer.to_str())
    if not is_bytes:
        # The byte tokens belong to the model alone.
        description["added_tokens"] = description["added_tokens"][:3]
    if name == "gaps":
        model = description["model"]
        gone = {"<0xE2>", "<0xF0>", "<0x41>"}
        kept = sorted((token for token in model["vocab"] if token not in gone), key=model["vocab"].get)
        model["vocab"] = {token: id for id, token in enumerate(kept)}
    if pre_tokenizer is None:
        description["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(description))
    tokenizer.decoder = decoder
    tokenizer.add_tokens([AddedToken("[L]", lstrip=True, normalized=False), AddedToken("[R]", rstrip=True, normalized=False), AddedToken("word", single_word=True, normalized=False),
                          AddedToken("café au", normalized=True), AddedToken("<|user|>", special=True, normalized=False), AddedToken(MARK + "x" + MARK, normalized=False)])
    if not is_bytes:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


def random_ids(size: int, bytes_from: int, count: int = 1500) -> list[list[int]]:
    r = random.Random(5)
    return [[r.choice([r.randrange(size), r.randrange(bytes_from, bytes_from + 256), r.randrange(4)]) for _ in range(r.randint(1, 14))] for _ in range(count)]


def sentence_pieces(out: Path, texts: list[str], hard: list[str]) -> None:
    plain = "\n".join(texts).encode()
    cases = {
        "sp-llama": {"add_dummy_prefix": True, "remove_extra_whitespaces": False},
        "sp-gemma": {"add_dummy_prefix": False, "remove_extra_whitespaces": False, "user_defined_symbols": ["<user>", MARK * 2, MARK * 3, "\n\n"]},
        "sp-spaces": {"add_dummy_prefix": True, "remove_extra_whitespaces": True},
        "sp-crossing": {"add_dummy_prefix": True, "remove_extra_whitespaces": False, "split_by_whitespace": False, "split_by_unicode_script": False, "split_by_number": False},
        "sp-unknown": {"add_dummy_prefix": True, "remove_extra_whitespaces": False, "byte_fallback": False},
    }
    for name, settings in cases.items():
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(plain.decode().split("\n")), model_writer=model, model_type="bpe", vocab_size=1600, character_coverage=0.995, normalization_rule_name="identity",
            num_threads=1, minloglevel=2, allow_whitespace_only_pieces=True, **({"byte_fallback": True} | settings))
        sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        size = sp.get_piece_size()
        types = [2 if sp.is_unknown(i) else 3 if sp.is_control(i) else 6 if sp.is_byte(i) else 4 if sp.id_to_piece(i) in settings.get("user_defined_symbols", []) else 1 for i in range(size)]
        writer = gguf.GGUFWriter(out / f"{name}.gguf", "llama")
        writer.add_tokenizer_model("llama")
        writer.add_token_list([sp.id_to_piece(i) for i in range(size)])
        writer.add_token_scores([sp.get_score(i) for i in range(size)])
        writer.add_token_types(types)
        writer.add_bos_token_id(sp.bos_id())
        writer.add_eos_token_id(sp.eos_id())
        writer.add_unk_token_id(sp.unk_id())
        writer.add_add_space_prefix(settings["add_dummy_prefix"])
        writer.add_remove_extra_whitespaces(settings["remove_extra_whitespaces"])
        if name == "sp-gemma":
            writer.add_add_bos_token(False)
            writer.add_add_eos_token(True)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        ids = [sp.encode(line) for line in hard]
        first = next((i for i in range(size) if sp.is_byte(i)), 0)
        # Control tokens are never shown by sentencepiece, and the unknown one is shown as a sign of its own.
        drawn = [[id for id in row if not (sp.is_control(id) or sp.is_unknown(id))] for row in random_ids(size, first)]
        if settings["remove_extra_whitespaces"]:
            drawn = []
        (out / f"{name}.ids.json").write_text(json.dumps({
            "ids": ids, "texts": [sp.decode(row) if sp.unk_id() not in row else None for row in ids], "random": drawn, "randomTexts": [sp.decode(row) for row in drawn],
        }), encoding="utf-8")


def main(out: Path, cache: Path) -> None:
    out = out / "characters-bpe"
    out.mkdir(parents=True, exist_ok=True)
    specials = ["<s>", "</s>", "<unk>", "[L]", "[R]", "word", "café au", "<|user|>", "<0x41>", MARK, MARK * 2, MARK + "x" + MARK, "<user>"]
    hard = [line.decode(errors="replace") for line in lines(specials)]
    assert len(hard) >= 10_000
    hard += ["a" * 3000, " " * 3000, "ab " * 1000, MARK * 999, "\U0001f600" * 500, "the of and " * 300]
    (out / "lines.json").write_text(json.dumps(hard), encoding="utf-8")
    texts = corpus(hard)
    for name in kinds():
        tokenizer = trained(name, texts)
        folder = out / name
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
        # Written and read again, as a user's file is.
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
        ids = [row.ids for row in tokenizer.encode_batch(hard)]
        drawn = random_ids(tokenizer.get_vocab_size(), 3)
        (folder / "ids.json").write_text(json.dumps({
            "ids": ids, "texts": tokenizer.decode_batch(ids, skip_special_tokens=True), "random": drawn, "randomTexts": tokenizer.decode_batch(drawn, skip_special_tokens=False),
        }), encoding="utf-8")
    sentence_pieces(out, [text for text in texts if "\0" not in text and "\u2581" not in text], [line for line in hard])
