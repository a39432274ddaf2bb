package io.ashlar.compute;

import java.util.Arrays;

/**
 * The rows of a step that an operation works on, and how attention cuts them: into tasks of up to {@link #TILE} rows of one
 * sequence over {@link #CHUNK} positions of its context. Both cuts are the same whatever else is in the step.
 */
public final class Rows implements AutoCloseable {
    /** Rows of one sequence that attention takes together. */
    public static final int TILE = 8;

    /** Positions that one task of attention reads, counted from 0. */
    public static final int CHUNK = 512;

    private static final int TASK = 3;

    private final Device device;
    private Ints index;
    private Ints tasks;
    private Ints longRows;
    private int count;
    private int taskCount;
    private int longCount;
    private int mostChunks;

    public Rows(Device device) {
        this.device = device;
        this.index = device.ints(16);
        this.tasks = device.ints(16 * TASK);
        this.longRows = device.ints(16);
    }

    /** Rows without attention. */
    public static Rows of(Device device, int... index) {
        Rows rows = new Rows(device);
        for (int row : index) {
            rows.add(row);
        }
        return rows;
    }

    public void clear() {
        count = 0;
        taskCount = 0;
        longCount = 0;
        mostChunks = 1;
    }

    public void add(int row) {
        index = room(index, count);
        index.set(count++, row);
    }

    public void addAll(Rows other) {
        for (int i = 0; i < other.count; i++) {
            add(other.get(i));
        }
    }

    /**
     * Cuts the rows into attention's tasks.
     *
     * @param sequences of each row of the step, compared by identity; rows of one sequence follow one another
     */
    public void cut(Ints positions, Object[] sequences) {
        taskCount = 0;
        longCount = 0;
        mostChunks = 1;
        for (int first = 0; first < count; ) {
            Object sequence = sequences[get(first)];
            int end = first;
            int last = 0;
            while (end < count && end < first + TILE && sequences[get(end)] == sequence) {
                last = Math.max(last, positions.get(get(end)));
                end++;
            }
            int chunks = last / CHUNK + 1;
            for (int chunk = 0; chunk < chunks; chunk++) {
                for (int i = 0; i < TASK; i++) {
                    tasks = room(tasks, taskCount * TASK + i);
                }
                tasks.set(taskCount * TASK, first);
                tasks.set(taskCount * TASK + 1, end - first);
                tasks.set(taskCount * TASK + 2, chunk);
                taskCount++;
            }
            mostChunks = Math.max(mostChunks, chunks);
            for (int i = first; i < end; i++) {
                if (positions.get(get(i)) >= CHUNK) {
                    longRows = room(longRows, longCount);
                    longRows.set(longCount++, i);
                }
            }
            first = end;
        }
    }

    private Ints room(Ints ints, int at) {
        if (at < ints.length()) {
            return ints;
        }
        Ints more = device.ints(2 * ints.length());
        for (int i = 0; i < ints.length(); i++) {
            more.set(i, ints.get(i));
        }
        ints.close();
        return more;
    }

    public int count() {
        return count;
    }

    public boolean isEmpty() {
        return count == 0;
    }

    public int get(int i) {
        return index.get(i);
    }

    public Ints index() {
        return index;
    }

    /** Triples of (first of the rows, how many, chunk). */
    public Ints tasks() {
        return tasks;
    }

    public int taskCount() {
        return taskCount;
    }

    /** Places of the rows whose context is more than one chunk. */
    public Ints longRows() {
        return longRows;
    }

    public int longCount() {
        return longCount;
    }

    /** Chunks of the longest context. */
    public int mostChunks() {
        return mostChunks;
    }

    @Override
    public void close() {
        index.close();
        tasks.close();
        longRows.close();
    }

    @Override
    public String toString() {
        int[] rows = new int[count];
        Arrays.setAll(rows, this::get);
        return Arrays.toString(rows);
    }
}
