// Models: model configurations, the decoder, RoPE, attention and the KV cache.
// It knows nothing about requests or scheduling.
