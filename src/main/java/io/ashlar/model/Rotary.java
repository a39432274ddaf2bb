package io.ashlar.model;

/**
 * The rotary embedding of a layer.
 *
 * @param dimensions of a head that are rotated, from its first on
 */
public record Rotary(double theta, RotaryScaling scaling, int dimensions) {}
