// Adapters: hookpoints, sparse autoencoders, LoRA, interventions and the readers of their file formats.
// It knows nothing about HTTP or scheduling.
