"""A tiny Llama checkpoint that always says the same: after each token its script knows exactly one next token.

Attention and MLP are zeroed, so the logits depend on the last token alone, and `lm_head` sends each token of SCRIPT to its successor.
Its template primes `<think>\\n` as R1-Distill's does, so the answer holds only `</think>`; the answer spells an emoji as four
single-byte tokens, so a server that streams half a character is caught.
"""

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

REASONING = "Let me add"
ANSWER = " The answer is\N{GRINNING FACE} 42"
WORDS = ["Let", " me", " add", " The", " answer", " is", " 42"]
SPECIAL = ["<|begin|>", "<|end|>", "<|User|>", "<|Assistant|>"]
MARKS = ["<think>", "</think>"]
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'assistant' %}<|Assistant|>{{ m['content'].split('</think>')[-1] }}{{ eos_token }}"
    "{% else %}<|User|>{{ m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|><think>\n{% endif %}"
)
WIDTH = 128


def build(folder: Path) -> Path:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={symbol: index for index, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in MARKS + WORDS])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|begin|>", eos_token="<|end|>")
    wrapped.chat_template = TEMPLATE
    wrapped.save_pretrained(folder)

    script = tokenizer.encode("\n" + REASONING + "</think>" + ANSWER + "<|end|>", add_special_tokens=False).ids
    assert len(set(script)) == len(script), "a token has two successors"
    size = tokenizer.get_vocab_size()
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=size, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
        max_position_embeddings=512, tie_word_embeddings=False, bos_token_id=tokenizer.token_to_id("<|begin|>"),
        eos_token_id=tokenizer.token_to_id("<|end|>"), pad_token_id=tokenizer.token_to_id("<|end|>"),
    )  # fmt: skip
    model = LlamaForCausalLM(config).requires_grad_(False)
    embeddings = torch.nn.functional.normalize(torch.randn(size, WIDTH), dim=1)
    model.model.embed_tokens.weight.copy_(embeddings)
    model.model.layers[0].self_attn.o_proj.weight.zero_()
    model.model.layers[0].mlp.down_proj.weight.zero_()
    model.lm_head.weight.zero_()
    for token, successor in zip(script, script[1:]):
        model.lm_head.weight[successor] += 3 * embeddings[token]
    model.save_pretrained(folder)
    return folder
