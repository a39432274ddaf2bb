package io.ashlar.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * How long answers become: a distribution over buckets of lengths, four to an octave. Immutable, so that any thread may read it
 * while it is learned further elsewhere.
 */
public final class LengthForecast {
    /** Nothing is known: the limit is all there is to go by. */
    public static final LengthForecast NONE = new LengthForecast(new double[0], null);

    static final int BUCKETS = 84;
    private static final int PER_OCTAVE = 4;
    /** Fewer answers than this above a length say nothing about it. */
    private static final double ENOUGH = 6;

    /** Answers in this bucket or a longer one, and their tokens. */
    private final double[] counts;

    private final double[] tokens;
    private final @Nullable LengthForecast otherwise;

    /** @param otherwise asked where this one has seen too little */
    LengthForecast(double[] histogram, @Nullable LengthForecast otherwise) {
        this.otherwise = otherwise;
        this.counts = new double[histogram.length + 1];
        this.tokens = new double[histogram.length + 1];
        for (int i = histogram.length - 1; i >= 0; i--) {
            counts[i] = counts[i + 1] + histogram[i];
            tokens[i] = tokens[i + 1] + histogram[i] * middle(i);
        }
    }

    static int bucket(int length) {
        int bucket = (int) (PER_OCTAVE * Math.log(Math.max(1, length)) / Math.log(2));
        return Math.min(bucket, BUCKETS - 1);
    }

    private static double middle(int bucket) {
        return Math.pow(2, (bucket + 0.5) / PER_OCTAVE);
    }

    /**
     * The mean length of answers that are longer than {@code made}, at most {@code limit}; the limit where nothing is known.
     */
    public int expected(int made, int limit) {
        int from = made == 0 ? 0 : bucket(made) + 1;
        if (from < counts.length && counts[from] >= ENOUGH) {
            return (int) Math.min(limit, Math.max(made + 1L, Math.round(tokens[from] / counts[from])));
        }
        return otherwise == null ? limit : otherwise.expected(made, limit);
    }

    /** Whether anything was learned. */
    public boolean known() {
        return counts.length > 0 && counts[0] >= ENOUGH || otherwise != null && otherwise.known();
    }
}
