"""Lines that a tokenizer can get wrong: many scripts, emoji, code, numbers, white space, marks, control characters, broken UTF-8.

Only the seed decides them. A line is bytes; ill-formed UTF-8 is what Python decodes with errors="replace".
"""

import random
import unicodedata

SENTENCES = [
    "The quick brown fox can't jump over 13 lazy dogs; it's they'll, we've, I'm, you'd, DON'T, WE'LL.",
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May.",
    "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. Straße, Maße, ẞ.",
    "Voix ambiguë d'un cœur qui, au zéphyr, préfère les jattes de kiwis. L'été, ça va ?",
    "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, ¿añoraba? ¡Sí!",
    "Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy. Árvíztűrő tükörfúrógép.",
    "Pijamalı hasta yağız şoföre çabucak güvendi. İstanbul'da ılık rüzgâr.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Ґанок, їжак, єнот.",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. Τάχιστη αλώπηξ βαφής ψημένη γη.",
    "דג סקרן שט בים מאוכזב ולפתע מצא חברה. שָׁלוֹם עֲלֵיכֶם",
    "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر. السَّلَامُ عَلَيْكُمْ ٢٠٢٤",
    "ہر انسان آزاد اور حقوق کے اعتبار سے برابر پیدا ہوا ہے۔ می‌خواهم ۱۲۳",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले विष्णु। क़िला १२३",
    "আমি কাচঁ খেতে পারি, তাতে আমার কোনো ক্ষতি হয় না। ১২৩ কো = ক + ো",
    "நான் கண்ணாடி சாப்பிடுவேன், அதனால் எனக்கு ஒரு கேடும் வராது. ௧௨௩",
    "నేను గాజు తినగలను మరియు అలా చేసినా నాకు ఏమి ఇబ్బంది లేదు. ನಾನು ಗಾಜನ್ನು ತಿನ್ನಬಲ್ಲೆ",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ๑๒๓ น้ำ",
    "ຂອ້ຍກິນແກ້ວໄດ້ໂດຍທີ່ມັນບໍ່ໄດ້ເຮັດໃຫ້ຂອ້ຍເຈັບ. ກຳ",
    "ཨ་མའི་ཕོ་བྲང་། བོད་སྐད་ ༡༢༣ ཀཱི",
    "ကျွန်တော် မှန်စားနိုင်တယ်။ ၁၂၃ ខ្ញុំអាចញុំកញ្ចក់បាន ១២៣",
    "მინას ვჭამ და არა მტკივა. Ես կարող եմ ապակի ուտել և ինծի անհանգիստ չըներ։",
    "いろはにほへと ちりぬるを。パパがギターをガンガン弾く。ｶﾞｷﾞｸﾞ ＡＢＣ１２３　全角",
    "我能吞下玻璃而不伤身体。視野無限廣，窗外有藍天。１２３４５，《你好》「世界」！？",
    "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. 한글 ㄱㄴㄷ",
    "ᚠᛇᚻ᛫ᛒᛦᚦ ᏣᎳᎩ ᐃᓄᒃᑎᑐᑦ አማርኛ ሰላም ምን አለ ᠮᠣᠩᠭᠣᠯ ߒߞߏ ⵜⴰⵎⴰⵣⵉⵖⵜ",
    "Tiếng Việt: Chữ Quốc ngữ, đặt ẩn số, những điều tốt đẹp nhất. Yorùbá ẹ̀kọ́ Ọ̀yọ́",
    "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β = ¬(¬α ∨ β), ∑_{i=1}^{n} i² ≤ √(n³)·π ≈ 3.14159…",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝕞𝕒𝕥𝕙 𝒜𝓁𝓅𝒽𝒶 𐍈 𐤀𐤁 𒀀𒁀 𓀀𓁐 𝟘𝟙𝟚 ①②③ Ⅳ ⅻ ½ ⅓ x² H₂O",
]

EMOJI = [
    "😀", "😃😄", "👍🏽", "👩🏿‍🚀", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🏴‍☠️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇩🇪", "🇯🇵🇺🇸", "🇦", "❤️", "❤️‍🔥", "☺", "☺️", "1️⃣", "#️⃣", "©️", "™", "🧑🏻‍🤝‍🧑🏿", "🫨", "🩷", "🪿", "🫎",
    "🐦‍⬛", "👁️‍🗨️", "🤷🏾‍♀️", "⛹🏼‍♂️", "🇪🇺", "🀄", "♟️", "⌚", "🆒", "㊗️",
]

CODE = [
    "def f(x: int) -> int:\n    return x**2 if x > 0 else -x  # can't fail\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i] * b[i];\n}\n",
    "SELECT * FROM t WHERE a='it''s' AND b >= 10.5e-3;", "<div class=\"x\" data-y='1'>&nbsp;</div>\r\n<!-- c -->\r\n",
    "let s = `a${b}c`; const re = /^\\s*[a-z]+$/gi;\n\n\n", "\\frac{\\partial f}{\\partial x} = \\int_0^\\infty e^{-x^2}\\,dx", "#include <stdio.h>\n\n\n\nint main(void){return 0;}",
    "{\"a\": [1, 2.5, -3e10, null, true], \"b\": {\"c\": \"\\u00e9\\n\"}}", "    \t  if err != nil {\n\t\treturn nil, err\n\t}\n", "x=1;y=2;z=x+y;print(f'{z:>10.3f}')",
    "$ curl -sSL https://example.org/a/b?c=d&e=f%20g | sh -s -- --help 2>&1", "fn main() -> Result<(), Box<dyn Error>> { Ok(()) }", "λx.x ≡ \\x -> x :: a -> a", "=== !== <=> ?? ?. => -> :: ... /* */ // <<= >>>",
]

SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2000\u2003\u2007\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"


def scripts() -> list[tuple[int, int]]:
    return [
        (0x20, 0x7F), (0xA0, 0x250), (0x250, 0x300), (0x370, 0x400), (0x400, 0x530), (0x531, 0x590), (0x591, 0x5F5), (0x600, 0x700), (0x700, 0x8FF), (0x900, 0xA00),
        (0xA00, 0xC00), (0xC00, 0xE00), (0xE00, 0xF00), (0xF00, 0x1000), (0x1000, 0x1200), (0x1200, 0x1400), (0x1400, 0x1700), (0x1700, 0x1900), (0x1900, 0x1D00), (0x1D00, 0x2000),
        (0x2000, 0x2100), (0x2100, 0x2200), (0x2200, 0x2800), (0x2800, 0x2E00), (0x2E00, 0x3040), (0x3040, 0x3130), (0x3130, 0x3400), (0x4E00, 0x9FFF), (0xA000, 0xAC00), (0xAC00, 0xD7FF),
        (0xE000, 0xE100), (0xF900, 0xFB00), (0xFB00, 0x10000), (0x10000, 0x10400), (0x10400, 0x11000), (0x11000, 0x12000), (0x12000, 0x14700), (0x16000, 0x17000), (0x1B000, 0x1B300),
        (0x1CC00, 0x1D000), (0x1D000, 0x1D800), (0x1DF00, 0x1F000), (0x1F000, 0x1FB00), (0x1FB00, 0x20000), (0x20000, 0x20400), (0x2EBF0, 0x2EE60), (0x2F800, 0x2FA20), (0x31350, 0x323B0),
        (0xE0000, 0xE0200), (0x10FF00, 0x10FFFF),
    ]


def normalisable() -> list[str]:
    """Characters that normalisation may change, move or join, and newer ones that it may not."""
    found = [chr(c) for c in [*range(0xC0, 0x3000), *range(0xA000, 0xAC00), *range(0xF900, 0x11F00), *range(0x1D100, 0x1D200), *range(0x1E000, 0x1E900), *range(0x2F800, 0x2FA20)]
             if unicodedata.combining(chr(c)) or unicodedata.normalize("NFD", chr(c)) != chr(c)]
    jamo = [chr(c) for c in [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C4), 0xAC00, 0xAC01, 0xD7A3, 0xA960, 0xD7B0]]
    newer = [chr(c) for c in (0x897, 0x898, 0x89C, 0x8CA, 0xC3C, 0xEBA, 0x1715, 0x1AC1, 0x1DF6, 0x1DFA, 0x10D69, 0x10EFD, 0x10F82, 0x11070, 0x11935, 0x11930, 0x11938, 0x1193E, 0x113B8, 0x113BB, 0x113C5, 0x113C9, 0x16121, 0x16D67, 0x1E08F)]
    seconds = [chr(c) for c in (0x9BE, 0x9D7, 0xB3E, 0xB56, 0xBBE, 0xCC2, 0xDCF, 0x102E, 0x1B35, 0x110BA, 0x11127, 0x3099, 0x309A, 0x338, 0x345, 0xC56)]
    return found + jamo * 8 + newer * 4 + seconds * 4


def lines(specials: list[str], seed: int = 20260) -> list[bytes]:
    r = random.Random(seed)
    out: list[str | bytes] = ["", " ", "\n", "a", "\0", *SENTENCES, *CODE, *EMOJI, *specials]
    words = [word for sentence in SENTENCES for word in sentence.split(" ")]

    def some(pool, low, high, glue=""):
        return glue.join(r.choice(pool) for _ in range(r.randint(low, high)))

    def gap():
        return r.choice(["", "", " ", " ", "  ", "\n", "\t", "\r\n", "\u3000", "\u00a0"])

    # Many scripts: sentences cut and mixed, words of all of them in one line, random characters block by block.
    for _ in range(1500):
        sentence = r.choice(SENTENCES)
        start = r.randrange(len(sentence))
        out.append(sentence[start:start + r.randint(1, 60)] + gap() + r.choice(SENTENCES)[: r.randint(0, 40)])
    out += [some(words, 2, 12, r.choice([" ", "  ", ", ", "-", "'", "_", "\n"])) for _ in range(1500)]
    for low, high in scripts():
        pool = [chr(c) for c in range(low, high) if not 0xD800 <= c < 0xE000]
        out += ["".join(r.choice(pool) + (gap() if r.random() < 0.2 else "") for _ in range(r.randint(2, 24))) for _ in range(30)]
    everything = [chr(r.choice([r.randrange(0x80), r.randrange(0x3000), r.randrange(0xD800), r.randrange(0xE000, 0x20000), r.randrange(0x20000, 0x110000)])) for _ in range(20000)]
    out += [some(everything, 1, 30) for _ in range(600)]
    out += [some(EMOJI + ["\u200d", "\ufe0f", "\U0001f3fd", "a", " ", "!"], 1, 12) for _ in range(800)]
    # Code, and letters in every case after an apostrophe.
    out += [some(CODE, 1, 3, gap()) for _ in range(600)]
    snippets = "".join(CODE)
    out += [snippets[start:start + r.randint(5, 80)] for start in (r.randrange(len(snippets)) for _ in range(900))]
    out += [some(["'s", "'S", "'ll", "'LL", "'lL", "'re", "'Ve", "'\u017f", "\u2019s", "'t", "'d", "'m", "'M", "x", "I", " ", "''", "'", "é", "1"], 2, 10) for _ in range(400)]
    digits = "0123456789" * 3 + "٠١٢۳९๙²³¹½¾ⅣⅫ①⓪〇一二三万𝟗🄁𐄇፩௧༡\U00011de0\U00016ff4\U0001ccf0\U0001e5f1"
    out += [some(list(digits) + [" ", ".", ",", "-", "e", "%", "$", "€", ":", "/"], 2, 24) for _ in range(700)]
    # White space and control characters.
    out += [some(list(SPACES) + ["a", "1", "."], 1, 16) for _ in range(1000)]
    out += [some([" ", "\n", "\r", "\t", "\r\n", "  ", "    ", "x", "."], 1, 20) for _ in range(700)]
    controls = [chr(c) for c in [*range(0x20), *range(0x7F, 0xA0), 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFFF9, 0xFFFE), 0xFFFF, 0xFDD0, 0xE0001, 0x10FFFF]]
    out += [some(controls + ["a", " "], 1, 14) for _ in range(600)]
    # Normalisation.
    pool = normalisable()
    out += [r.choice(["", "a", "o", "क", "\u1100"]) + some(pool, 1, 10) + r.choice(["", " b"]) for _ in range(1500)]
    marks = [c for c in pool if unicodedata.combining(c)]
    out += [r.choice("aeiouAEIOUsScn") + some(marks, 1, 6) for _ in range(400)]
    out += [unicodedata.normalize("NFD", r.choice(SENTENCES)) for _ in range(60)]
    # Special tokens as text: whole, cut, glued, spaced.
    parts = specials + [t[: r.randint(1, len(t))] for t in specials] + ["<", "|", ">", "</", "｜", "▁", " ", "  ", "\n", "a", "think", "1", "é", "e\u0301"]
    out += [some(parts, 1, 8) for _ in range(900)]
    # Broken UTF-8: random bytes, cut and damaged text, surrogates, overlong forms.
    out += [bytes(r.randrange(256) for _ in range(r.randint(1, 24))) for _ in range(300)]
    out += [bytes(r.choice([0x41, 0x20, 0x80, 0xBF, 0xC0, 0xC2, 0xE0, 0xE2, 0xED, 0xA0, 0x9F, 0x90, 0xF0, 0xF4, 0xF5, 0xFF]) for _ in range(r.randint(1, 16))) for _ in range(700)]
    for _ in range(700):
        data = bytearray(r.choice(SENTENCES + EMOJI).encode())
        for _ in range(r.randint(1, 4)):
            data[r.randrange(len(data))] = r.randrange(256)
        start = r.randrange(len(data))
        out.append(bytes(data[start:start + r.randint(1, 60)]))
    return [line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass") for line in out]
