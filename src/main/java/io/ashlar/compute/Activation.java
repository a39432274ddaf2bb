package io.ashlar.compute;

/** The function of a gated feed-forward. The order is that of {@code ashlar.h}. */
public enum Activation {
    SILU,
    /** {@code x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))} */
    GELU_TANH
}
