package io.ashlar.compute;

/**
 * A device's memory, in bytes.
 *
 * @param total that Ashlar has there; 0 where it has no memory of its own
 * @param weights in blocks and adapters
 * @param pages of the page pool
 * @param steps in buffers of steps
 */
public record MemoryUse(long total, long weights, long pages, long steps) {
    public static final MemoryUse HOST = new MemoryUse(0, 0, 0, 0);

    /** What nobody has yet. */
    public long free() {
        return total - weights - pages - steps;
    }
}
