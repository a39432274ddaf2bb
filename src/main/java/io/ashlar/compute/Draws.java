package io.ashlar.compute;

/**
 * How the tokens of some rows are drawn, as kernels read it.
 *
 * @param options {@link Option#values} words for each row, in their order; floats as their bits
 * @param lists pairs of (token, bias as bits), and of (token, times in the answer); each token once in a list
 */
public record Draws(Ints options, Ints lists) {
    /** The words of a row. The order is that of {@code sampling.cuh}. */
    public enum Option {
        /** What differences of scores are multiplied by to be powers of two. */
        INVERSE,
        TOP_K,
        TOP_P,
        /** The least weight that is kept. */
        MIN_WEIGHT,
        RANDOM_LOW,
        RANDOM_HIGH,
        /** Where the row's biases begin in the lists, and how many they are. */
        BIAS,
        BIASES,
        /** The same for tokens of prompt and answer. */
        SEEN,
        SEENS,
        REPETITION,
        FREQUENCY,
        PRESENCE,
        /** 1: the largest score, whatever the rest says. */
        GREEDY
    }

    private static final int WORDS = Option.values().length;

    /** Words of a row. */
    public static int words() {
        return WORDS;
    }

    public void set(int row, Option option, int value) {
        options.set(row * WORDS + option.ordinal(), value);
    }

    public void set(int row, Option option, float value) {
        set(row, option, Float.floatToRawIntBits(value));
    }
}
