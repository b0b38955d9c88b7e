// Tokenizers: BPE, byte-level or of characters with byte fallback and SentencePiece's spaces, as `tokenizer.json` and GGUF describe it.
//
// Text goes through five stations, each one file or two:
//   AddedTokens      cuts out tokens that are matched as text (`<think>`, ...), before and after normalising
//   Normalizer       NFC, of the Unicode version that the reference implementation carries; SentencePiece's spaces
//   PreTokenizer     cuts what is left into words: regular expressions, digits, byte level, SentencePiece's spaces
//   BytePairEncoder  turns a word into tokens by merges; WordCuts says where a long one may be cut before
//   SequenceTemplate puts the beginning-of-sequence and other fixed tokens around it
//
// And back: TokenDecoder says what the names of tokens stand for, StreamingDetokenizer puts texts together one token at a time.
//
// This room knows nothing about models, prompts or requests.
