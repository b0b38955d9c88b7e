// Tensors: the Swift face of the kernels: aligned buffers, matrix views, packed matrices and the worker pool.
// It knows nothing about files or layers.
