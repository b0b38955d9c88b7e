// An instance of the tier's tile for every number of rows, width of codes and kind of scales.

#define QUANT_TILE(rows, bits, kind) \
    case rows: quant_tile_of(rows, bits, kind, tile); break;
#define QUANT_TILES(name, bits, kind) \
    static void name(const resa_quant_tile *tile) { \
        switch (tile->rows) { \
            QUANT_TILE(1, bits, kind) \
            QUANT_TILE(2, bits, kind) \
            QUANT_TILE(3, bits, kind) \
            QUANT_TILE(4, bits, kind) \
            QUANT_TILE(5, bits, kind) \
            QUANT_TILE(6, bits, kind) \
            default: break; \
        } \
    }

QUANT_TILES(tile8_flat, 8, FLAT)
QUANT_TILES(tile8_minima, 8, FLAT_MINIMA)
QUANT_TILES(tile8_two_level, 8, TWO_LEVEL)
QUANT_TILES(tile4_flat, 4, FLAT)
QUANT_TILES(tile4_minima, 4, FLAT_MINIMA)
QUANT_TILES(tile4_two_level, 4, TWO_LEVEL)

static void quant_tile(const resa_quant_tile *tile) {
    const resa_quant_format format = tile->format;
    if (format.bits == 8) {
        if (format.twoLevel) { tile8_two_level(tile); } else if (format.minima) { tile8_minima(tile); } else { tile8_flat(tile); }
    } else {
        if (format.twoLevel) { tile4_two_level(tile); } else if (format.minima) { tile4_minima(tile); } else { tile4_flat(tile); }
    }
}
