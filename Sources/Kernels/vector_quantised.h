// Quantised rows in the vector vocabulary of the file that includes this one, which names the functions.

void QUANT_STORE(const resa_quant_store *store, const float *sum, float *y) {
    const vf factor = v_set(store->factor);
    for (ptrdiff_t i = 0; i < store->columns; i += LANES) {
        const vmask mask = v_first(store->columns - i);
        const vf value = v_load_part(mask, sum + i);
        if (store->add) {
            v_store_part(mask, y + i, v_fma(value, factor, v_load_part(mask, y + i)));
        } else if (store->bias != NULL) {
            v_store_part(mask, y + i, v_fma(value, factor, v_load_part(mask, store->bias + i)));
        } else {
            v_store_part(mask, y + i, v_mul(value, factor));
        }
    }
}
