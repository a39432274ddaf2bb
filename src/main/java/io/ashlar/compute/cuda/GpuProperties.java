package io.ashlar.compute.cuda;

/**
 * @param ordinal the driver's number of it
 * @param major of its compute capability
 * @param minor of its compute capability
 * @param multiprocessors that it has
 * @param memoryBytes all that it has, used or not
 * @param sharedBytes that one block may use
 */
public record GpuProperties(
        int ordinal, String name, int major, int minor, int multiprocessors, long memoryBytes, int sharedBytes) {}
