package io.ashlar.model;

/**
 * A feed-forward of experts.
 *
 * @param used experts for each token
 * @param normalise whether their weights are scaled to a sum of 1
 */
public record ExpertShape(int count, int used, boolean normalise) {}
