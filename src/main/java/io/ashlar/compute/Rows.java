package io.ashlar.compute;

import java.util.Arrays;

/**
 * The rows of a step that an operation works on, and how attention cuts them: into tasks of some rows of one sequence, as many
 * as the device wants, over {@link #CHUNK} positions of its context or all of it. Sums keep their order whatever the cut.
 */
public final class Rows implements AutoCloseable {
    /** Positions that one task of attention reads, counted from 0. */
    public static final int CHUNK = 512;

    private static final int TASK = 3;

    /** The chunk of a task that goes over all of its rows' context. */
    public static final int ALL_CHUNKS = -1;

    private final Device device;
    private final AttentionTiling tiling;
    private final Ints counts;
    private Ints index;
    private Ints tasks;
    private Ints longRows;
    private Ints longTasks;
    private int count;
    private int taskCount;
    private int longCount;
    private int mostChunks;
    private int mostTaskRows;

    public Rows(Device device) {
        this.device = device;
        this.tiling = device.tiling();
        this.counts = device.ints(3);
        this.index = device.ints(16);
        this.tasks = device.ints(16 * TASK);
        this.longRows = device.ints(16);
        this.longTasks = device.ints(16);
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
        mostTaskRows = 0;
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
     * @param sequences of each row of the step, compared by identity; rows of one sequence follow one another, with rising
     *     positions
     */
    public void cut(Ints positions, Object[] sequences) {
        taskCount = 0;
        longCount = 0;
        mostChunks = 1;
        mostTaskRows = 0;
        for (int first = 0; first < count; ) {
            Object sequence = sequences[get(first)];
            int end = first;
            int last = 0;
            while (end < count && end < first + tiling.rows() && sequences[get(end)] == sequence) {
                last = Math.max(last, positions.get(get(end)));
                end++;
            }
            cut(first, end, last, positions);
            first = end;
        }
    }

    /** @param last the highest position of these rows */
    private void cut(int first, int end, int last, Ints positions) {
        mostTaskRows = Math.max(mostTaskRows, end - first);
        if (tiling.wholeContext() && end - first > 1) {
            addTask(first, end - first, ALL_CHUNKS);
            return;
        }
        int firstTask = taskCount;
        int chunks = last / CHUNK + 1;
        for (int chunk = 0; chunk < chunks; chunk++) {
            addTask(first, end - first, chunk);
        }
        mostChunks = Math.max(mostChunks, chunks);
        for (int i = first; i < end; i++) {
            if (positions.get(get(i)) >= CHUNK) {
                longRows = room(longRows, longCount);
                longTasks = room(longTasks, longCount);
                longTasks.set(longCount, firstTask);
                longRows.set(longCount++, i);
            }
        }
    }

    private void addTask(int first, int rows, int chunk) {
        tasks = room(tasks, taskCount * TASK + TASK - 1);
        tasks.set(taskCount * TASK, first);
        tasks.set(taskCount * TASK + 1, rows);
        tasks.set(taskCount * TASK + 2, chunk);
        taskCount++;
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

    /** How many (rows, tasks, rows of more than one chunk) there are, for kernels that read it. */
    public Ints counts() {
        counts.set(0, count);
        counts.set(1, taskCount);
        counts.set(2, longCount);
        return counts;
    }

    /** Triples of (first of the rows, how many, chunk or {@link #ALL_CHUNKS}). */
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

    /** For each of {@link #longRows}, the task of its first chunk; those of the others follow. */
    public Ints longTasks() {
        return longTasks;
    }

    /** Rows of the largest task. */
    public int mostTaskRows() {
        return mostTaskRows;
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
        longTasks.close();
        counts.close();
    }

    @Override
    public String toString() {
        int[] rows = new int[count];
        Arrays.setAll(rows, this::get);
        return Arrays.toString(rows);
    }
}
