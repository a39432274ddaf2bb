package io.ashlar.compute;

/** Rows of a step that have adapters, in segments of rows of one adapter. */
public interface AdapterRows extends AutoCloseable {
    /** Rows of a segment. */
    int SEGMENT = 12;

    void clear();

    /** Adds the rows of one adapter. */
    void add(LowRankTerms adapter, Rows rows);

    boolean isEmpty();

    @Override
    void close();
}
