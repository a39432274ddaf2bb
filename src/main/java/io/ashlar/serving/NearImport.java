package io.ashlar.serving;

import java.util.List;

/**
 * How a fine-tune is stored as its base plus a difference.
 *
 * @param base the imported model that it is near to
 * @param rank of each projection's difference
 * @param mostDivergence the largest mean divergence of its output, in nats; beyond it the import is refused
 * @param probes texts that the divergence is measured on
 */
public record NearImport(String base, int rank, double mostDivergence, List<String> probes) {
    /** What was measured, in nats. */
    public record Measured(double meanDivergence, double worstDivergence, int probes) {}

    /** Texts for models of any kind. */
    public static final List<String> TEXTS = List.of(
            "What is the capital of France, and how many people live there?",
            "The quick brown fox jumps over the lazy dog, and then it sleeps in the warm sun until the evening.",
            "Write a short story about an owl that learns to count the stars.",
            "def fibonacci(n):\n    if n < 2:\n        return n\n    return fibonacci(n - 1) + fibonacci(n - 2)\n",
            "Seven plus five is twelve. Twelve minus four is",
            "In 1969 the first people walked on the moon; the journey took",
            "The opposite of hot is cold. The opposite of early is",
            "Dear customer, thank you for your order. Your parcel will arrive on");
}
