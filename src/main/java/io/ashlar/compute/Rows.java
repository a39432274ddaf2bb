package io.ashlar.compute;

/** The rows of a step that an operation works on: the first {@code count} entries of {@code index}. */
public record Rows(int[] index, int count) {
    public static Rows of(int... index) {
        return new Rows(index, index.length);
    }

    public boolean isEmpty() {
        return count == 0;
    }
}
