package io.ashlar.usage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * A disk in memory. It can end the process at any call: that call and all later ones throw {@link Killed}, a write having
 * left only a part of its bytes. What it holds then is what the next process finds.
 */
final class FailingDisk implements JournalDisk {
    /** The process ends here. */
    static final class Killed extends Error {
        private static final long serialVersionUID = 1;
    }

    private final TreeMap<Long, byte[]> files;
    private int callsLeft;
    private final double partOfLastWrite;
    private boolean dead;
    int calls;

    /** @param calls changes of the disk until the process ends */
    FailingDisk(TreeMap<Long, byte[]> files, int calls, double partOfLastWrite) {
        this.files = files;
        this.callsLeft = calls;
        this.partOfLastWrite = partOfLastWrite;
    }

    private boolean dies() {
        if (dead) {
            throw new Killed();
        }
        calls++;
        dead = callsLeft-- == 0;
        return dead;
    }

    @Override
    public List<Long> segments() {
        return new ArrayList<>(files.keySet());
    }

    @Override
    public void write(long segment, long position, ByteBuffer bytes) throws IOException {
        boolean dies = dies();
        int length = dies ? (int) (bytes.remaining() * partOfLastWrite) : bytes.remaining();
        byte[] old = files.getOrDefault(segment, new byte[0]);
        byte[] now = java.util.Arrays.copyOf(old, Math.max(old.length, (int) position + length));
        bytes.get(now, (int) position, length);
        files.put(segment, now);
        if (dies) {
            throw new Killed();
        }
    }

    @Override
    public void force(long segment) {
        if (dies()) {
            throw new Killed();
        }
    }

    @Override
    public ByteBuffer read(long segment, long position, int most) {
        if (dead) {
            throw new Killed();
        }
        byte[] all = files.getOrDefault(segment, new byte[0]);
        int from = (int) Math.min(position, all.length);
        return ByteBuffer.wrap(all, from, Math.min(most, all.length - from)).slice();
    }

    @Override
    public void delete(long segment) {
        if (dies()) {
            throw new Killed();
        }
        files.remove(segment);
    }

    @Override
    public void close() {
        // Nothing is open.
    }
}
