// Checkpoints: memory-mapped safetensors and GGUF, JSON, element types and quantised blocks.
// It knows nothing about architectures.
