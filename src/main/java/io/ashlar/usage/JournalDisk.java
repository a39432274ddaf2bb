package io.ashlar.usage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** The files of a journal: numbered segments. A test puts a disk here that fails, or that ends the process, at any call. */
interface JournalDisk extends AutoCloseable {
    /** The segments that exist, oldest first. */
    List<Long> segments() throws IOException;

    /** Writes all of the bytes at a position; creates the segment where needed. After a failure some may be written. */
    void write(long segment, long position, ByteBuffer bytes) throws IOException;

    /** Makes what was written survive a loss of power. */
    void force(long segment) throws IOException;

    /** The bytes from a position on, at most {@code most}. */
    ByteBuffer read(long segment, long position, int most) throws IOException;

    void delete(long segment) throws IOException;

    @Override
    void close() throws IOException;
}
