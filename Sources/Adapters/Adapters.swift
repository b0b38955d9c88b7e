// Adapters: hookpoints, sparse autoencoders, LoRA, interventions and the readers of their file formats.
//
// What is loaded is immutable and shared; what one request chose is an `AdapterSet`, whose tables the decoder reads in O(1).
// Everything here works on one row at a time by arithmetic that depends on that row alone, so that a row's result is the same
// alone, in any batch and next to any other adapters.
//
// It knows nothing about HTTP or scheduling.

// Projections and shapes, which every face of an adapter speaks of.
@_exported import Architectures
