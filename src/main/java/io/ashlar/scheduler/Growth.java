package io.ashlar.scheduler;

import java.util.Arrays;

/**
 * The most memory that sequences will need together, if each ends at its predicted length: at the end of one, those that last
 * longer have grown by as many tokens.
 */
final class Growth {
    private static final int INDEX_BITS = 32;

    private int size;
    private boolean sorted;
    /** What is left to make, and the place in the other two. */
    private long[] keys = new long[64];

    private double[] held = new double[64];
    private double[] perToken = new double[64];

    void clear() {
        size = 0;
    }

    /**
     * @param tokens that it is still going to make
     * @param bytes that it holds now
     * @param bytesPerToken that it grows by
     */
    void add(int tokens, long bytes, double bytesPerToken) {
        if (size == held.length) {
            keys = Arrays.copyOf(keys, 2 * size);
            held = Arrays.copyOf(held, 2 * size);
            perToken = Arrays.copyOf(perToken, 2 * size);
        }
        keys[size] = (long) tokens << INDEX_BITS | size;
        held[size] = bytes;
        perToken[size] = bytesPerToken;
        size++;
        sorted = false;
    }

    /** The peak with one more, in bytes. */
    double peakWith(int tokens, long bytes, double bytesPerToken) {
        if (!sorted) {
            Arrays.sort(keys, 0, size);
            sorted = true;
        }
        double peak = 0;
        double sum = 0;
        double rate = 0;
        boolean counted = false;
        // From the one that lasts longest.
        for (int i = size - 1; i >= 0; i--) {
            int left = (int) (keys[i] >> INDEX_BITS);
            int at = (int) keys[i];
            if (!counted && tokens >= left) {
                counted = true;
                sum += bytes;
                rate += bytesPerToken;
                peak = Math.max(peak, sum + rate * tokens);
            }
            sum += held[at];
            rate += perToken[at];
            peak = Math.max(peak, sum + rate * left);
        }
        return counted ? peak : Math.max(peak, sum + bytes + (rate + bytesPerToken) * tokens);
    }
}
