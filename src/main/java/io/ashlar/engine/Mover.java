package io.ashlar.engine;

import io.ashlar.compute.Buffer;
import io.ashlar.compute.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Copies pages between device and host on a thread of its own, while steps go on. A copy begins when the step under way is
 * through, which may still write those pages.
 */
final class Mover {
    private static final System.Logger LOG = System.getLogger(Mover.class.getName());
    private static final double NEWS = 0.2;

    private final Device device;
    private final Buffer pool;
    private final Consumer<Sequence> arrived;
    private final ExecutorService thread;
    private final List<Sequence> queued = new ArrayList<>();
    private volatile double bytesPerSecond = 2e9;

    /** @param arrived called on the mover's thread when a copy is through or has failed */
    Mover(Device device, Buffer pool, Consumer<Sequence> arrived) {
        this.device = device;
        this.pool = pool;
        this.arrived = arrived;
        this.thread = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name("pages-" + device.name()).factory());
    }

    double bytesPerSecond() {
        return bytesPerSecond;
    }

    void queue(Sequence sequence) {
        queued.add(sequence);
    }

    /** True if the copy had not begun, and will not. */
    boolean unqueue(Sequence sequence) {
        return queued.remove(sequence);
    }

    /** Called when no step is under way that began before the moves were asked for. */
    void begin() {
        for (int i = 0; i < queued.size(); i++) {
            Sequence sequence = queued.get(i);
            PageMove move = move(sequence);
            move.underWay = true;
            thread.execute(() -> copy(sequence, move));
        }
        queued.clear();
    }

    private static PageMove move(Sequence sequence) {
        PageMove move = sequence.move;
        if (move == null) {
            throw new IllegalStateException("a sequence was to be moved that is not moving");
        }
        return move;
    }

    @SuppressWarnings("NonAtomicOperationOnVolatileField") // only the mover's thread writes it
    private void copy(Sequence sequence, PageMove move) {
        try {
            long nanos = move.copy(device, pool);
            double speed = move.copiedBytes() * 1e9 / Math.max(1, nanos);
            bytesPerSecond += NEWS * (speed - bytesPerSecond);
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.ERROR, "pages could not be moved; their sequence is computed again", e);
            move.failed = true;
        }
        arrived.accept(sequence);
    }

    /** Waits for the copy under way. */
    void close() {
        thread.shutdown();
        try {
            if (!thread.awaitTermination(1, TimeUnit.MINUTES)) {
                LOG.log(System.Logger.Level.WARNING, "pages were still being moved when the engine closed");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
