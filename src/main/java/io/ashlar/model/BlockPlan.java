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

    /** Rows of a checkpoint's tensor; a count of 0 takes all. */
    public record Source(String name, int firstRow, int rows) {
        public static Source all(String name) {
            return new Source(name, 0, 0);
        }
    }

    /**
     * A tensor of a block: the rows of its sources, one after another.
     *
     * @param role its name inside the block
     * @param rows 1 for a vector
     * @param vector whether it is one: then it is kept in float32
     * @param addOne whether 1 is added to each value (Gemma's norms are stored less 1)
     */
    public record Tensor(String role, List<Source> sources, int rows, int columns, boolean vector, boolean addOne) {
        public static Tensor matrix(String role, String source, int rows, int columns) {
            return new Tensor(role, List.of(Source.all(source)), rows, columns, false, false);
        }

        public static Tensor vector(String role, String source, int length) {
            return new Tensor(role, List.of(Source.all(source)), 1, length, true, false);
        }

        public Tensor plusOne() {
            return new Tensor(role, sources, rows, columns, vector, true);
        }
    }
}
