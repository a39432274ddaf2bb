package io.ashlar.compute;

/**
 * Angles of the rotary embedding: {@code cos[position, i]} and {@code sin[position, i]} for i below {@code half}, the
 * attention factor of the scaling included. Dimension i of a head is paired with dimension i + half (Hugging Face's order).
 */
public record RotaryTable(int half, float[] cos, float[] sin) {}
