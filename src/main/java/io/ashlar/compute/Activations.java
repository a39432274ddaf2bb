package io.ashlar.compute;

/** Float32 rows of a step: row r starts {@code r * stride} floats into {@code data}. */
public record Activations(Buffer data, int rows, int stride) {}
