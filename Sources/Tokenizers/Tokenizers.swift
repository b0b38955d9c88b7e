// Tokenizers: byte-level BPE, pre-tokenisers and the streaming detokeniser.
// It knows nothing about models.
