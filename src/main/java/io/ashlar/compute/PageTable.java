package io.ashlar.compute;

/** Where the pages of one sequence are: {@code [layers, places]}. It grows by itself. */
public interface PageTable extends AutoCloseable {
    /** @param offset of the page in the pool that the table was made for, in bytes */
    void set(int layer, int place, long offset);

    @Override
    void close();
}
