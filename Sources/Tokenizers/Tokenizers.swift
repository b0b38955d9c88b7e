// Tokenizers: byte-level BPE as `tokenizer.json` and GGUF describe it.
//
// Text goes through five stations, each one file or two:
//   AddedTokens      cuts out tokens that are matched as text (`<think>`, ...), before and after normalising
//   Normalizer       NFC, of the Unicode version that the reference implementation carries
//   PreTokenizer     cuts what is left into words: regular expressions, digits, byte level
//   BytePairEncoder  turns a word into tokens by merges
//   SequenceTemplate puts the beginning-of-sequence and other fixed tokens around it
//
// This room knows nothing about models, prompts or requests.
