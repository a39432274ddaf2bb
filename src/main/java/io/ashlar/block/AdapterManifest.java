package io.ashlar.block;

/**
 * All that is needed to serve an imported LoRA adapter.
 *
 * @param base the name of the model that it changes
 * @param block the zoo's name of its tensors: {@code <layer>.<role>.a [rank, in]} and {@code .b [out, rank]}
 * @param scale that its product is multiplied with, which the tensors contain: alpha / rank, or alpha / sqrt(rank) for rsLoRA
 */
public record AdapterManifest(String base, String block, int rank, float scale) {}
