package io.ashlar.compute.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A fixed pool for the parallel parts of a step. The calling thread works too, as worker 0. Helpers spin for a short while
 * after each part, because the next one is usually microseconds away, and park when it is not.
 */
final class Workers implements AutoCloseable {
    /** Spins between two parts of a step; past it a helper parks, so that an idle engine costs nothing. */
    private static final int SPINS = 4_000;

    @FunctionalInterface
    interface Task {
        /** @param worker below {@link #count()}; no two calls with the same worker run at once */
        void run(int worker, int index);
    }

    private static final class Part {
        final IntConsumer work;
        final AtomicInteger running;
        volatile @Nullable Throwable failure;

        Part(IntConsumer work, int workers) {
            this.work = work;
            this.running = new AtomicInteger(workers);
        }

        void work(int worker) {
            try {
                work.accept(worker);
            } catch (Throwable e) {
                failure = e;
            } finally {
                running.decrementAndGet();
            }
        }
    }

    private final Thread[] helpers;
    private final boolean[] parked;
    private volatile @Nullable Part current;
    private volatile boolean closed;

    Workers(int count) {
        this(count, 0);
    }

    /** @param niceness of the helpers */
    Workers(int count, int niceness) {
        if (count < 1) {
            throw new IllegalArgumentException("a device needs at least one thread, not " + count);
        }
        helpers = new Thread[count - 1];
        parked = new boolean[count - 1];
        for (int i = 0; i < helpers.length; i++) {
            int helper = i;
            helpers[i] = Thread.ofPlatform()
                    .daemon()
                    .name("cpu-worker-" + (i + 1))
                    .unstarted(() -> {
                        Niceness.yieldToOthers(niceness);
                        help(helper);
                    });
        }
        for (Thread helper : helpers) {
            helper.start();
        }
    }

    int count() {
        return helpers.length + 1;
    }

    /** Runs {@code work} once on every worker, all at the same time, and returns when all are done. */
    void together(IntConsumer work) {
        Part part = new Part(work, count());
        current = part;
        for (int i = 0; i < helpers.length; i++) {
            if (parkedNow(i)) {
                LockSupport.unpark(helpers[i]);
            }
        }
        part.work(0);
        while (part.running.get() > 0) {
            Thread.onSpinWait();
        }
        current = null;
        Throwable failure = part.failure;
        if (failure != null) {
            throw new IllegalStateException("a kernel failed", failure);
        }
    }

    /** Runs {@code task} for every index below {@code size} and returns when all are done. */
    void run(int size, Task task) {
        if (size == 1 || helpers.length == 0) {
            for (int i = 0; i < size; i++) {
                task.run(0, i);
            }
            return;
        }
        AtomicInteger next = new AtomicInteger();
        together(worker -> {
            for (int i = next.getAndIncrement(); i < size; i = next.getAndIncrement()) {
                task.run(worker, i);
            }
        });
    }

    private boolean parkedNow(int helper) {
        return (boolean) PARKED.getVolatile(parked, helper);
    }

    private void help(int helper) {
        Part last = null;
        while (!closed) {
            Part part = current;
            for (int spin = 0; (part == null || part == last) && spin < SPINS; spin++) {
                Thread.onSpinWait();
                part = current;
            }
            if (part == null || part == last) {
                PARKED.setVolatile(parked, helper, true);
                // Looked at again after announcing the nap: a part set in between unparks us or is seen here.
                while ((current == null || current == last) && !closed) {
                    LockSupport.park(this);
                }
                PARKED.setVolatile(parked, helper, false);
                continue;
            }
            part.work(helper + 1);
            last = part;
        }
    }

    @Override
    public void close() {
        closed = true;
        for (Thread helper : helpers) {
            LockSupport.unpark(helper);
        }
    }

    private static final java.lang.invoke.VarHandle PARKED =
            java.lang.invoke.MethodHandles.arrayElementVarHandle(boolean[].class);
}
