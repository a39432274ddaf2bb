package io.ashlar.compute.cuda;

import io.ashlar.compute.OutOfDeviceMemoryException;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Memory of a GPU, taken from the driver once. Pieces are given out by best fit and joined again when they come back, so
 * nothing is asked of the driver while models are loaded or steps run. Safe for many threads.
 */
final class DeviceArena {
    /** What memory is used for, as metrics name it. */
    enum Purpose {
        WEIGHTS,
        PAGES,
        /** Buffers of steps, and what kernels read of them. */
        STEPS
    }

    /** What loads of kernels are aligned to, and more: a panel never shares a line of the cache with another buffer. */
    static final long ALIGN = 256;

    private final String device;
    private final long base;
    private final long bytes;
    private final ReentrantLock lock = new ReentrantLock();
    /** Free pieces: where, how long. */
    private final TreeMap<Long, Long> free = new TreeMap<>();

    private final long[] used = new long[Purpose.values().length];

    DeviceArena(String device, long base, long bytes) {
        this.device = device;
        this.base = base;
        this.bytes = bytes / ALIGN * ALIGN;
        free.put(base, this.bytes);
    }

    private static long aligned(long size) {
        return Math.max(ALIGN, (size + ALIGN - 1) / ALIGN * ALIGN);
    }

    /** @throws OutOfDeviceMemoryException if no free piece is large enough */
    long allocate(long size, Purpose purpose) {
        long need = aligned(size);
        lock.lock();
        try {
            Map.Entry<Long, Long> best = null;
            for (Map.Entry<Long, Long> piece : free.entrySet()) {
                if (piece.getValue() >= need && (best == null || piece.getValue() < best.getValue())) {
                    best = piece;
                }
            }
            if (best == null) {
                throw new OutOfDeviceMemoryException(device + " has no " + need + " bytes left in one piece: "
                        + Arrays.stream(used).sum() + " of " + bytes + " are used");
            }
            long at = best.getKey();
            long rest = best.getValue() - need;
            free.remove(at);
            if (rest > 0) {
                free.put(at + need, rest);
            }
            used[purpose.ordinal()] += need;
            return at;
        } finally {
            lock.unlock();
        }
    }

    void free(long at, long size, Purpose purpose) {
        long length = aligned(size);
        lock.lock();
        try {
            if (at < base || at + length > base + bytes) {
                throw new IllegalStateException("address " + at + " is not of this arena");
            }
            long start = at;
            Map.Entry<Long, Long> before = free.lowerEntry(at);
            Map.Entry<Long, Long> after = free.ceilingEntry(at);
            if ((before != null && before.getKey() + before.getValue() > at)
                    || (after != null && at + length > after.getKey())) {
                throw new IllegalStateException("memory at " + at + " was given back twice");
            }
            used[purpose.ordinal()] -= length;
            if (before != null && before.getKey() + before.getValue() == at) {
                start = before.getKey();
                length += before.getValue();
                free.remove(start);
            }
            if (after != null && start + length == after.getKey()) {
                length += after.getValue();
                free.remove(after.getKey());
            }
            free.put(start, length);
        } finally {
            lock.unlock();
        }
    }

    long bytes() {
        return bytes;
    }

    long usedBytes(Purpose purpose) {
        lock.lock();
        try {
            return used[purpose.ordinal()];
        } finally {
            lock.unlock();
        }
    }

    long freeBytes() {
        lock.lock();
        try {
            return bytes - Arrays.stream(used).sum();
        } finally {
            lock.unlock();
        }
    }

    /** The largest piece that can still be given out. */
    long largestFree() {
        lock.lock();
        try {
            return free.values().stream().mapToLong(Long::longValue).max().orElse(0);
        } finally {
            lock.unlock();
        }
    }
}
