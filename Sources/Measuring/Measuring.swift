// Measuring: what everything that measures shares: seeded random numbers, charts as SVG, figures in words.
// It knows nothing about what is measured.
