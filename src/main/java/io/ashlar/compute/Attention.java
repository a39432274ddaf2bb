package io.ashlar.compute;

/**
 * How scores are made: {@code softcap * tanh(scale * q . k / softcap)}, for the last {@code window} positions.
 *
 * @param window positions that a row sees, its own included; 0: all
 * @param softcap 0: none
 */
public record Attention(int heads, float scale, int window, float softcap) {}
