package io.ashlar.compute.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a step launches, in order: kernels, grids and parameters. It holds all that a launch depends on, so that two equal lists
 * are the same work, and it is the key by which a graph is found again.
 *
 * <p>Launches belong to a side of an epoch. Within an epoch, those of one side follow one another, and sides know nothing of
 * each other; an epoch follows the one before it.
 */
public final class Launches {
    private static final int HEAD = 9;
    private static final int KERNEL = 0;
    private static final int GRID = 1;
    private static final int THREADS = 4;
    private static final int SHARED = 5;
    private static final int OFFSET = 6;
    private static final int EPOCH = 7;
    private static final int SIDE = 8;

    private int[] heads;
    private MemorySegment parameters;
    private int count;
    private long used;
    private int epoch;
    private int side;

    public Launches() {
        this(new int[64 * HEAD], memory(1 << 14));
    }

    private Launches(int[] heads, MemorySegment parameters) {
        this.heads = heads;
        this.parameters = parameters;
    }

    private static MemorySegment memory(long bytes) {
        return Arena.ofAuto().allocate(bytes, 16);
    }

    public void clear() {
        count = 0;
        used = 0;
        epoch = 0;
        side = 0;
    }

    /** Begins a launch; its parameters follow. */
    void add(long kernel, int x, int y, int z, int threads, int sharedBytes) {
        if ((count + 1) * HEAD > heads.length) {
            heads = Arrays.copyOf(heads, 2 * heads.length);
        }
        int at = count++ * HEAD;
        heads[at + KERNEL] = Math.toIntExact(kernel);
        heads[at + GRID] = x;
        heads[at + GRID + 1] = y;
        heads[at + GRID + 2] = z;
        heads[at + THREADS] = threads;
        heads[at + SHARED] = sharedBytes;
        heads[at + OFFSET] = Math.toIntExact(used);
        heads[at + EPOCH] = epoch;
        heads[at + SIDE] = side;
    }

    void word(long value) {
        if (used + Long.BYTES > parameters.byteSize()) {
            MemorySegment more = memory(2 * parameters.byteSize());
            MemorySegment.copy(parameters, 0, more, 0, used);
            parameters = more;
        }
        parameters.set(ValueLayout.JAVA_LONG, used, value);
        used += Long.BYTES;
    }

    void real(double value) {
        word(Double.doubleToRawLongBits(value));
    }

    void beside(int which) {
        side = which;
    }

    /** Ends the epoch, if anything was launched in it. */
    void join() {
        side = 0;
        if (count > 0 && heads[(count - 1) * HEAD + EPOCH] == epoch) {
            epoch++;
        }
    }

    public int count() {
        return count;
    }

    public long kernel(int i) {
        return heads[i * HEAD + KERNEL];
    }

    /** @param axis 0 to 2 */
    public int grid(int i, int axis) {
        return heads[i * HEAD + GRID + axis];
    }

    public int threads(int i) {
        return heads[i * HEAD + THREADS];
    }

    public int sharedBytes(int i) {
        return heads[i * HEAD + SHARED];
    }

    public int side(int i) {
        return heads[i * HEAD + SIDE];
    }

    public int epoch(int i) {
        return heads[i * HEAD + EPOCH];
    }

    /** The parameters of all launches, one after another. */
    public MemorySegment parameters() {
        return parameters;
    }

    /** Where a launch's parameters begin. */
    public long offset(int i) {
        return heads[i * HEAD + OFFSET];
    }

    public long parameterBytes(int i) {
        return (i + 1 < count ? offset(i + 1) : used) - offset(i);
    }

    /** For each launch, those that it comes right after: the last of its side, or else the last of each side of the epoch before. */
    public List<int[]> after() {
        List<int[]> all = new ArrayList<>();
        List<Integer> before = List.of();
        List<Integer> last = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            if (i > 0 && epoch(i) != epoch(i - 1)) {
                before = List.copyOf(last);
                last.clear();
            }
            int own = -1;
            for (int j = 0; j < last.size(); j++) {
                if (side(last.get(j)) == side(i)) {
                    own = j;
                }
            }
            if (own >= 0) {
                all.add(new int[] {last.get(own)});
                last.set(own, i);
            } else {
                all.add(before.stream().mapToInt(Integer::intValue).toArray());
                last.add(i);
            }
        }
        return all;
    }

    /** Cheap to compare before {@link #isSame}. */
    int fingerprint() {
        int hash = count;
        for (int i = 0; i < count * HEAD; i++) {
            hash = 31 * hash + heads[i];
        }
        return hash;
    }

    boolean isSame(Launches other) {
        return count == other.count
                && used == other.used
                && Arrays.mismatch(heads, 0, count * HEAD, other.heads, 0, count * HEAD) < 0
                && MemorySegment.mismatch(parameters, 0, used, other.parameters, 0, used) < 0;
    }

    Launches copy() {
        Launches copy = new Launches(Arrays.copyOf(heads, Math.max(HEAD, count * HEAD)), memory(Math.max(8, used)));
        copy.count = count;
        copy.used = used;
        MemorySegment.copy(parameters, 0, copy.parameters, 0, used);
        return copy;
    }
}
