package io.ashlar.compute.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * The numbers of steps that kernels read: which rows, which tokens, where pages are. The host keeps a copy that it writes to;
 * what changed since the last step goes up in one transfer, and a kernel puts it where it belongs. The engine's thread owns it.
 */
final class DeviceWords {
    /** Words of one transfer. */
    private static final int STAGED = 1 << 20;

    private static final int PIECE = 3;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    private final Gpu gpu;
    private final long base;
    private final MemorySegment mirror;
    private final DeviceArena places;
    private final List<Block> stale = new ArrayList<>();
    private final Stage[] stages;
    private final Launches scatter = new Launches();
    private final long scatterKernel;
    private int next;

    /** Consecutive words, and which of them the device has not seen. */
    static final class Block {
        private final int first;
        private final int length;
        private int low = Integer.MAX_VALUE;
        private int high = -1;
        private boolean listed;
        /** Whether kernels write it, so that the host's copy may be old. */
        private boolean written;

        private Block(int first, int length) {
            this.first = first;
            this.length = length;
        }

        int length() {
            return length;
        }
    }

    /** What a transfer goes through. */
    private record Stage(MemorySegment pinned, long device, long done) {}

    DeviceWords(String name, Gpu gpu, DeviceArena arena, long bytes, long stream) {
        this.gpu = gpu;
        this.base = arena.allocate(bytes, DeviceArena.Purpose.STEPS);
        this.mirror = Arena.ofAuto().allocate(bytes, 64);
        this.places = new DeviceArena(name + "'s memory for the numbers of steps", base, bytes);
        this.scatterKernel = gpu.kernel("scatter_words", 0);
        this.stages = new Stage[2];
        for (int i = 0; i < stages.length; i++) {
            long done = gpu.event();
            gpu.record(done, stream);
            stages[i] =
                    new Stage(gpu.pinned(STAGED * 4L), arena.allocate(STAGED * 4L, DeviceArena.Purpose.STEPS), done);
        }
    }

    /** Zeroed words. */
    Block allocate(int words) {
        long at = places.allocate(words * 4L, DeviceArena.Purpose.STEPS);
        Block block = new Block(Math.toIntExact((at - base) / 4), words);
        mirror.asSlice(at - base, words * 4L).fill((byte) 0);
        changed(block, 0, words);
        return block;
    }

    void free(Block block) {
        places.free(base + block.first * 4L, block.length * 4L, DeviceArena.Purpose.STEPS);
    }

    long address(Block block) {
        return base + block.first * 4L;
    }

    int get(Block block, int i) {
        return mirror.getAtIndex(INT, block.first + (long) i);
    }

    void set(Block block, int i, int value) {
        long at = block.first + (long) i;
        if (mirror.getAtIndex(INT, at) != value || block.written) {
            mirror.setAtIndex(INT, at, value);
            changed(block, i, i + 1);
        }
    }

    void setLong(Block block, int i, long value) {
        set(block, i, (int) value);
        set(block, i + 1, (int) (value >>> 32));
    }

    private void changed(Block block, int low, int high) {
        block.low = Math.min(block.low, low);
        block.high = Math.max(block.high, high);
        if (!block.listed) {
            block.listed = true;
            stale.add(block);
        }
    }

    /** What kernels wrote. */
    void wrote(Block block, MemorySegment values) {
        MemorySegment.copy(values, 0, mirror, block.first * 4L, block.length * 4L);
    }

    /** From now on kernels write the block. */
    void willBeWritten(Block block) {
        block.written = true;
    }

    /** Brings what changed to the device, before the stream's later work. */
    void upload(long stream) {
        int done = 0;
        while (done < stale.size()) {
            Stage stage = stages[next];
            next = (next + 1) % stages.length;
            gpu.synchronize(stage.done);
            done = upload(done, stage, stream);
            gpu.record(stage.done, stream);
        }
        stale.clear();
    }

    /** As many of the changed blocks as fit, from {@code first} on; returns the next one. */
    private int upload(int first, Stage stage, long stream) {
        int end = first;
        int words = 0;
        while (end < stale.size()) {
            Block block = stale.get(end);
            int more = PIECE + Math.min(block.high - block.low, STAGED / 2);
            if (words + more > STAGED) {
                break;
            }
            words += more;
            end++;
            if (block.high - block.low > STAGED / 2) {
                break;
            }
        }
        int pieces = end - first;
        int data = pieces * PIECE;
        int next = end;
        for (int i = first; i < end; i++) {
            Block block = stale.get(i);
            int count = Math.min(block.high - block.low, STAGED / 2);
            int at = (i - first) * PIECE;
            stage.pinned.setAtIndex(INT, at, block.first + block.low);
            stage.pinned.setAtIndex(INT, at + 1L, count);
            stage.pinned.setAtIndex(INT, at + 2L, data);
            MemorySegment.copy(mirror, (block.first + (long) block.low) * 4, stage.pinned, data * 4L, count * 4L);
            data += count;
            block.low += count;
            if (block.low < block.high) {
                // A long one: the rest of it comes next.
                next = Math.min(next, i);
            } else {
                block.low = Integer.MAX_VALUE;
                block.high = -1;
                block.listed = false;
            }
        }
        gpu.copyIn(stage.device, stage.pinned.asSlice(0, data * 4L), stream);
        scatter.clear();
        scatter.add(scatterKernel, pieces, 1, 1, 128, 0);
        scatter.word(stage.device);
        scatter.word(base);
        scatter.word(pieces);
        gpu.launch(scatter, 0, stream);
        return next;
    }
}
