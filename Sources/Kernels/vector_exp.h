// The exponential, in the vector vocabulary of the file that includes this one.

/// exp by x = n ln 2 + r, |r| <= ln 2 / 2, and the Taylor series of degree 7 in r, whose remainder is below 2^-27 of the result.
static inline vf v_exp(vf x) {
    // Beyond these bounds the result is 0 or infinite. The bound comes first so that NaN passes.
    x = v_min(v_set(100), v_max(v_set(-120), x));
    const vf n = v_nearest(v_mul(x, v_set(0x1.715476p+0f)));
    // ln 2 as 16 bits, so that n times it is exact, and the rest.
    vf r = v_fnma(n, v_set(0x1.62e4p-1f), x);
    r = v_fnma(n, v_set((float)(0.693147180559945309 - 0x1.62e4p-1)), r);
    vf p = v_set(1.0f / 5040);
    p = v_fma(p, r, v_set(1.0f / 720));
    p = v_fma(p, r, v_set(1.0f / 120));
    p = v_fma(p, r, v_set(1.0f / 24));
    p = v_fma(p, r, v_set(1.0f / 6));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1));
    p = v_fma(p, r, v_set(1));
    return v_scale(p, n);
}
