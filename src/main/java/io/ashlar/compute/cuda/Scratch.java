package io.ashlar.compute.cuda;

import java.util.ArrayList;
import java.util.List;

/** What the operations of one side hand to one another within an operation. Grows; what was outgrown goes back when the
 * work that may use it is done. */
final class Scratch {
    private final DeviceArena arena;
    private final List<CudaBuffer> outgrown = new ArrayList<>();
    private final CudaBuffer[] buffers = new CudaBuffer[3];

    Scratch(DeviceArena arena) {
        this.arena = arena;
        for (int i = 0; i < buffers.length; i++) {
            buffers[i] = new CudaBuffer(arena, DeviceArena.Purpose.STEPS, 256);
        }
    }

    /** Activations as halves. */
    long packed(long bytes) {
        return atLeast(0, bytes);
    }

    /** Sums of attention over chunks. */
    long parts(long bytes) {
        return atLeast(1, bytes);
    }

    /** Between the two matrices of low-rank terms. */
    long between(long bytes) {
        return atLeast(2, bytes);
    }

    private long atLeast(int i, long bytes) {
        if (buffers[i].bytes() < bytes) {
            outgrown.add(buffers[i]);
            buffers[i] = new CudaBuffer(arena, DeviceArena.Purpose.STEPS, Math.max(bytes, 2 * buffers[i].bytes()));
        }
        return buffers[i].address();
    }

    /** Hands over what recorded work may still use, for after it. */
    void giveUp(List<CudaBuffer> to) {
        to.addAll(outgrown);
        outgrown.clear();
    }

    void close() {
        outgrown.forEach(CudaBuffer::close);
        for (CudaBuffer buffer : buffers) {
            buffer.close();
        }
    }
}
