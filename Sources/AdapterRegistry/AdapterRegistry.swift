// AdapterRegistry: finds adapters on disk, gives them names and digests, and loads them off the engine thread.
// It knows nothing about the engine or HTTP.
