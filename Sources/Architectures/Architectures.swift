// Architectures: what families of models are called, how their configurations are read, which tensors they have and what their blocks
// compute. A new one is one file here and its line in `Architecture.all`.
//
// It knows nothing about arithmetic, adapters or memory: it says what is there, others read it and compute.
