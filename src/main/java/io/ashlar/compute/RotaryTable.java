package io.ashlar.compute;

/**
 * Angles of the rotary embedding: for each position {@code half} cosines and then {@code half} sines, the attention factor
 * of the scaling included. Dimension i of a head is paired with dimension i + half (Hugging Face's order); dimensions from
 * {@code 2 * half} on are left as they are.
 */
public record RotaryTable(Buffer angles, int half, int positions) {}
