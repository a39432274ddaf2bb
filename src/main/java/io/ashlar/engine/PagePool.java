package io.ashlar.engine;

import io.ashlar.compute.Buffer;
import io.ashlar.compute.Device;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The memory for all pages of a device. It is cut into slabs; a slab holds pages of one size and goes back to the common
 * stock when the last of them is free, so models of different shapes share one pool.
 */
final class PagePool {
    private static final class Slab {
        final int index;
        final long pageBytes;
        final int capacity;
        final int[] free;
        int freeCount;

        Slab(int index, long pageBytes, int capacity) {
            this.index = index;
            this.pageBytes = pageBytes;
            this.capacity = capacity;
            this.free = new int[capacity];
            for (int i = 0; i < capacity; i++) {
                free[i] = capacity - 1 - i;
            }
            this.freeCount = capacity;
        }
    }

    private final Buffer memory;
    private final long slabBytes;
    private final @Nullable Slab[] slabs;
    private final ArrayDeque<Integer> freeSlabs = new ArrayDeque<>();
    private final Map<Long, List<Slab>> partial = new HashMap<>();
    private long usedBytes;

    PagePool(Device device, long bytes, long slabBytes) {
        this.slabBytes = slabBytes;
        int count = Math.toIntExact(Math.max(1, bytes / slabBytes));
        this.memory = device.allocatePages(count * slabBytes);
        this.slabs = new Slab[count];
        for (int i = 0; i < count; i++) {
            freeSlabs.add(i);
        }
    }

    Buffer memory() {
        return memory;
    }

    long bytes() {
        return memory.bytes();
    }

    long usedBytes() {
        return usedBytes;
    }

    /** How many pages of this size the pool could hold if it held nothing else. */
    long capacity(long pageBytes) {
        return slabBytes / pageBytes * slabs.length;
    }

    /** Fills {@code pages} with byte offsets. False, and nothing allocated, when the free ones do not suffice. */
    boolean allocate(long pageBytes, long[] pages) {
        for (int i = 0; i < pages.length; i++) {
            long page = allocate(pageBytes);
            if (page < 0) {
                for (int j = 0; j < i; j++) {
                    free(pages[j]);
                }
                return false;
            }
            pages[i] = page;
        }
        return true;
    }

    private long allocate(long pageBytes) {
        List<Slab> usable = partial.computeIfAbsent(pageBytes, k -> new ArrayList<>());
        if (usable.isEmpty()) {
            int capacity = (int) (slabBytes / pageBytes);
            if (capacity == 0) {
                throw new IllegalArgumentException(
                        "a page of " + pageBytes + " bytes is larger than a slab of " + slabBytes);
            }
            Integer index = freeSlabs.poll();
            if (index == null) {
                return -1;
            }
            Slab slab = new Slab(index, pageBytes, capacity);
            slabs[index] = slab;
            usable.add(slab);
        }
        Slab slab = usable.getLast();
        int slot = slab.free[--slab.freeCount];
        if (slab.freeCount == 0) {
            usable.removeLast();
        }
        usedBytes += pageBytes;
        return slab.index * slabBytes + slot * pageBytes;
    }

    void free(long page) {
        Slab slab = slabs[(int) (page / slabBytes)];
        if (slab == null) {
            throw new IllegalStateException("page " + page + " was freed twice");
        }
        if (slab.freeCount == slab.capacity) {
            throw new IllegalStateException("slab " + slab.index + " has no page in use, but one was freed");
        }
        slab.free[slab.freeCount++] = (int) (page % slabBytes / slab.pageBytes);
        usedBytes -= slab.pageBytes;
        List<Slab> usable = partial.computeIfAbsent(slab.pageBytes, k -> new ArrayList<>());
        if (slab.freeCount == slab.capacity) {
            usable.remove(slab);
            slabs[slab.index] = null;
            freeSlabs.add(slab.index);
        } else if (slab.freeCount == 1) {
            usable.add(slab);
        }
    }

    void close() {
        memory.close();
    }
}
