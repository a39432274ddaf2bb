package io.ashlar.model;

import java.util.List;

/** How a family cuts a checkpoint: one block and the tensors that go into it. */
public record BlockPlan(Kind kind, List<Tensor> tensors) {
    /** The part of a chain that a block is. */
    public enum Kind {
        EMBEDDING,
        LAYER,
        NORM,
        HEAD
    }

    /**
     * A tensor of a block.
     *
     * @param role its name inside the block
     * @param source its name in the checkpoint
     * @param rows 1 for a vector
     */
    public record Tensor(String role, String source, int rows, int columns) {}
}
