// Engine: sequences, the scheduler, batch plans, sampling and stop conditions, on one dedicated thread.
// It knows nothing about HTTP or disk.
