package io.ashlar.compute;

/**
 * A low-rank term of an adapter: {@code delta = scale * b * a}. {@code a} is {@code [rank, in]} and {@code bTransposed} is
 * {@code [rank, out]}, both float32, so that both halves read memory in order.
 */
public record LowRank(Matrix a, Matrix bTransposed, float scale) {
    public LowRank {
        if (a.rows() != bTransposed.rows()) {
            throw new IllegalArgumentException("ranks differ: a has " + a.rows() + ", b has " + bTransposed.rows());
        }
    }

    public int rank() {
        return a.rows();
    }

    public int in() {
        return a.columns();
    }

    public int out() {
        return bTransposed.columns();
    }
}
