package io.ashlar.compute;

/** The page table of each row of a step. */
public interface PageTables extends AutoCloseable {
    void set(int row, PageTable table);

    @Override
    void close();
}
