// Server: HTTP routes, OpenAI wire types, SSE, auth, limits and the metrics page.
// It knows nothing about kernels or tensors: it talks to `Engine`, and names adapters through `AdapterRegistry`.
