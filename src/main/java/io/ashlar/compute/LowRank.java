package io.ashlar.compute;

/** A low-rank term of an adapter: {@code delta = b a}, {@code a [rank, in]} and {@code b [out, rank]} in float32 panels, the scale in b. */
public record LowRank(Matrix a, Matrix b) {
    /** The largest rank. */
    public static final int MOST = 256;

    public LowRank {
        if (a.rows() != b.columns() || a.rows() > MOST || a.type() != DType.F32 || b.type() != DType.F32) {
            throw new IllegalArgumentException("a has " + a.rows() + " rows of " + a.type() + ", b " + b.columns()
                    + " columns of " + b.type() + "; both should be F32 and the rank at most " + MOST);
        }
    }

    public int rank() {
        return a.rows();
    }
}
