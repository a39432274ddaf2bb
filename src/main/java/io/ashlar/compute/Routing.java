package io.ashlar.compute;

/**
 * Which experts each row goes to, computed on the device. Slot {@code i * used + u} is the u-th choice of the i-th row.
 *
 * @param used experts for each row
 * @param normalise whether a row's weights are scaled to a sum of 1
 * @param offsets {@code [experts + 1]}: where each expert's slots begin
 * @param slots {@code [2, rows * used]}: the slots in order of expert, then the expert of each slot
 * @param weights float32 {@code [rows * used]}
 */
public record Routing(int experts, int used, boolean normalise, Ints offsets, Ints slots, Buffer weights) {}
