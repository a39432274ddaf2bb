package io.ashlar.quota;

import io.ashlar.scheduler.ServiceClass;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Lines for requests that could not be let in yet, for classes that would rather wait than be refused: bounded in length and in
 * time. One line for each tenant and class; its first tries again when it was told to, and nobody passes it.
 */
public final class WaitingLines {
    private static final long LONGEST_NAP = Duration.ofSeconds(1).toNanos();
    private static final long SHORTEST_NAP = Duration.ofMillis(5).toNanos();

    private record Line(String tenant, String serviceClass) {}

    private final Map<Line, ArrayDeque<Waiter<?>>> lines = new HashMap<>();
    private final Map<String, Integer> lengths = new HashMap<>();
    private final ScheduledExecutorService timer;
    private final LongSupplier nanoClock;

    /** @param nanoClock monotonic nanoseconds */
    public WaitingLines(ScheduledExecutorService timer, LongSupplier nanoClock) {
        this.timer = timer;
        this.nanoClock = nanoClock;
    }

    /** Requests that wait, of all tenants, by class. */
    public synchronized Map<String, Integer> lengths() {
        return Map.copyOf(lengths);
    }

    /**
     * Tries to let a request in; where it is refused and its class waits, tries again until its time is over.
     *
     * @param retryAfter of a failed attempt: when to try again; zero where that makes no sense
     * @param dispose takes what an attempt got for a request that had gone away
     * @return to be cancelled when the request goes away
     */
    public <T> CompletableFuture<T> enter(
            String tenant,
            ServiceClass of,
            Supplier<CompletableFuture<T>> attempt,
            Function<Throwable, Duration> retryAfter,
            Consumer<T> dispose) {
        Waiter<T> waiter = new Waiter<>(new Line(tenant, of.name()), of, attempt, retryAfter, dispose);
        waiter.result.whenComplete((value, failure) -> leave(waiter));
        if (!standBehind(waiter)) {
            waiter.tryNow();
        }
        return waiter.result;
    }

    private final class Waiter<T> {
        final Line line;
        final ServiceClass of;
        final Supplier<CompletableFuture<T>> attempt;
        final Function<Throwable, Duration> retryAfter;
        final Consumer<T> dispose;
        final CompletableFuture<T> result = new CompletableFuture<>();
        final long deadline;
        private boolean trying;

        Waiter(
                Line line,
                ServiceClass of,
                Supplier<CompletableFuture<T>> attempt,
                Function<Throwable, Duration> retryAfter,
                Consumer<T> dispose) {
            this.line = line;
            this.of = of;
            this.attempt = attempt;
            this.retryAfter = retryAfter;
            this.dispose = dispose;
            this.deadline = nanoClock.getAsLong() + of.queueTime().toNanos();
        }

        long left() {
            return deadline - nanoClock.getAsLong();
        }

        /** One attempt at a time. */
        void tryNow() {
            synchronized (this) {
                if (trying || result.isDone()) {
                    return;
                }
                trying = true;
            }
            attempt.get().whenComplete((value, failure) -> {
                synchronized (this) {
                    trying = false;
                }
                if (failure == null) {
                    if (!result.complete(value)) {
                        dispose.accept(value);
                    }
                } else {
                    refused(unwrap(failure));
                }
            });
        }

        private void refused(Throwable failure) {
            Duration wait = retryAfter.apply(failure);
            if (wait.isZero() || left() <= 0 || !stand(this)) {
                result.completeExceptionally(failure);
                return;
            }
            long nap = Math.clamp(Math.min(wait.toNanos(), left()), SHORTEST_NAP, LONGEST_NAP);
            timer.schedule(this::tryNow, nap, TimeUnit.NANOSECONDS);
        }
    }

    private static Throwable unwrap(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }

    /** Stands at the end where others of its line wait; false where nobody does, or where there is no more room. */
    private boolean standBehind(Waiter<?> waiter) {
        synchronized (this) {
            ArrayDeque<Waiter<?>> queue = lines.get(waiter.line);
            if (queue == null || !hasRoom(waiter)) {
                // A full line's newcomer tries, and is told why it is refused.
                return false;
            }
            add(queue, waiter);
        }
        // Whoever stands further back is told at the end of its time.
        timer.schedule(waiter::tryNow, waiter.left(), TimeUnit.NANOSECONDS);
        return true;
    }

    /** Keeps its place in line, or takes one; false where there is none. */
    private synchronized boolean stand(Waiter<?> waiter) {
        ArrayDeque<Waiter<?>> queue = lines.get(waiter.line);
        if (queue != null && queue.contains(waiter)) {
            return true;
        }
        if (waiter.result.isDone() || !hasRoom(waiter)) {
            return false;
        }
        add(lines.computeIfAbsent(waiter.line, l -> new ArrayDeque<>()), waiter);
        return true;
    }

    private boolean hasRoom(Waiter<?> waiter) {
        return !waiter.of.queueTime().isZero() && lengths.getOrDefault(waiter.of.name(), 0) < waiter.of.queueLength();
    }

    private void add(ArrayDeque<Waiter<?>> queue, Waiter<?> waiter) {
        queue.add(waiter);
        lengths.merge(waiter.of.name(), 1, Integer::sum);
    }

    private void leave(Waiter<?> waiter) {
        Waiter<?> next = null;
        synchronized (this) {
            ArrayDeque<Waiter<?>> queue = lines.get(waiter.line);
            if (queue == null) {
                return;
            }
            boolean wasFirst = queue.peek() == waiter;
            if (queue.remove(waiter)) {
                lengths.merge(waiter.of.name(), -1, (a, b) -> orNull(a + b));
                next = wasFirst ? queue.peek() : null;
            }
            if (queue.isEmpty()) {
                lines.remove(waiter.line);
            }
        }
        if (next != null) {
            timer.execute(next::tryNow);
        }
    }

    private static @Nullable Integer orNull(int count) {
        return count == 0 ? null : count;
    }
}
