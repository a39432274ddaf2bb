package io.ashlar.compute.cuda;

import io.ashlar.compute.DType;
import io.ashlar.compute.Matrix;
import io.ashlar.compute.Panels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Copies between host and device on a stream of their own, through two pinned buffers: one is filled while the other is on its
 * way. Safe for many threads, one at a time.
 */
public final class Transfers {
    private static final int STAGE_BYTES = 16 << 20;
    private static final int STAGES = 2;
    private static final int REPACK_SHARED = 2048;

    private final Gpu gpu;
    private final ReentrantLock lock = new ReentrantLock();
    private final long stream;
    private final MemorySegment[] stages = new MemorySegment[STAGES];
    private final long[] free = new long[STAGES];
    private final Map<DType, Long> repack = new EnumMap<>(DType.class);
    private final Launches launches = new Launches();
    /** The largest bf16 weight that did not fit, as its bits; 0 where all did. */
    private final long largest;

    private final long done;
    private int next;

    Transfers(Gpu gpu, DeviceArena arena) {
        this.gpu = gpu;
        this.stream = gpu.stream(false);
        this.done = gpu.event();
        this.largest = arena.allocate(256, DeviceArena.Purpose.STEPS);
        for (int i = 0; i < STAGES; i++) {
            stages[i] = gpu.pinned(STAGE_BYTES);
            free[i] = gpu.event();
            gpu.record(free[i], stream);
        }
        for (DType type : DType.values()) {
            if (type != DType.F32) {
                String name = "repack_" + type.name().toLowerCase(Locale.ROOT);
                repack.put(type, gpu.kernel(name, REPACK_SHARED));
            }
        }
    }

    /** Returns when the bytes are on the device. */
    public void upload(MemorySegment from, long to) {
        lock.lock();
        try {
            for (long at = 0; at < from.byteSize(); at += STAGE_BYTES) {
                long part = Math.min(STAGE_BYTES, from.byteSize() - at);
                MemorySegment stage = stage().asSlice(0, part);
                stage.copyFrom(from.asSlice(at, part));
                gpu.copyIn(to + at, stage, stream);
                gpu.record(free[next], stream);
            }
            await();
        } finally {
            lock.unlock();
        }
    }

    /** Returns when the bytes are on the host. */
    public void download(long from, MemorySegment to) {
        lock.lock();
        try {
            for (long at = 0; at < to.byteSize(); at += STAGE_BYTES) {
                long part = Math.min(STAGE_BYTES, to.byteSize() - at);
                MemorySegment stage = stage().asSlice(0, part);
                gpu.copyOut(stage, from + at, stream);
                gpu.record(free[next], stream);
                gpu.synchronize(free[next]);
                to.asSlice(at, part).copyFrom(stage);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Pieces of equal size from all over a buffer, one after another; returns when they are on the host. */
    void gather(long from, long[] offsets, long each, MemorySegment to) {
        lock.lock();
        try {
            int most = piecesOfAStage(each);
            for (int first = 0; first < offsets.length; first += most) {
                int part = Math.min(most, offsets.length - first);
                MemorySegment stage = stage();
                for (int i = 0; i < part; i++) {
                    gpu.copyOut(stage.asSlice(i * each, each), from + offsets[first + i], stream);
                }
                gpu.record(free[next], stream);
                gpu.synchronize(free[next]);
                MemorySegment.copy(stage, 0, to, first * each, part * each);
            }
        } finally {
            lock.unlock();
        }
    }

    /** The way back of {@link #gather}; returns when the pieces are on the device. */
    void scatter(MemorySegment from, long to, long[] offsets, long each) {
        lock.lock();
        try {
            int most = piecesOfAStage(each);
            for (int first = 0; first < offsets.length; first += most) {
                int part = Math.min(most, offsets.length - first);
                MemorySegment stage = stage();
                MemorySegment.copy(from, first * each, stage, 0, part * each);
                for (int i = 0; i < part; i++) {
                    gpu.copyIn(to + offsets[first + i], stage.asSlice(i * each, each), stream);
                }
                gpu.record(free[next], stream);
            }
            await();
        } finally {
            lock.unlock();
        }
    }

    private static int piecesOfAStage(long each) {
        if (each > STAGE_BYTES) {
            throw new IllegalArgumentException("a page of " + each + " bytes; the largest has " + STAGE_BYTES);
        }
        return (int) (STAGE_BYTES / each);
    }

    private MemorySegment stage() {
        next = (next + 1) % STAGES;
        gpu.synchronize(free[next]);
        return stages[next];
    }

    private void await() {
        gpu.record(done, stream);
        gpu.synchronize(done);
    }

    /** Puts a matrix that was uploaded into the order that kernels read. */
    void repack(Matrix matrix, long address) {
        Long kernel = repack.get(matrix.type());
        if (kernel == null) {
            return;
        }
        lock.lock();
        try {
            long panelBytes = Panels.panelBytes(matrix.type(), matrix.columns());
            int panels = Panels.count(matrix.rows());
            gpu.zero(largest, 4, stream);
            launches.clear();
            // The second axis of a grid ends at 65,535.
            int most = 1 << 15;
            for (int first = 0; first < panels; first += most) {
                int part = Math.min(most, panels - first);
                launches.add(kernel, Products.divided(matrix.columns(), 32), part, 1, 32, REPACK_SHARED);
                launches.word(address + first * panelBytes);
                launches.word(part);
                launches.word(panelBytes);
                launches.word(matrix.columns());
                launches.word(largest);
                gpu.launch(launches, launches.count() - 1, stream);
            }
            MemorySegment answer = stage().asSlice(0, 4);
            gpu.copyOut(answer, largest, stream);
            gpu.record(free[next], stream);
            gpu.synchronize(free[next]);
            int bits = answer.get(ValueLayout.JAVA_INT, 0);
            if (bits != 0) {
                throw new IllegalArgumentException("a weight is " + Float.intBitsToFloat(bits << 16)
                        + " in size; on a GPU weights in bf16 should be below 4080");
            }
        } finally {
            lock.unlock();
        }
    }
}
