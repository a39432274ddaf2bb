package io.ashlar.console;

import io.ashlar.access.Actor;
import io.ashlar.access.Permission;
import io.ashlar.engine.EngineMetrics;
import io.ashlar.serving.ServedUpstream;
import io.ashlar.serving.Serving;
import io.ashlar.usage.RecentUsage;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What the platform does, a moment every two seconds: taken once, however many look. */
final class Pulse implements AutoCloseable {
    private static final int SECONDS = 2;
    /** Three minutes of them. */
    static final int MOST = 90;

    private static final Duration WINDOW = Duration.ofMinutes(1);

    /** A moment; parts in percent, times in milliseconds of the last minute's requests, -1 where there were none. */
    record Moment(
            long second,
            double tokensPerSecond,
            int running,
            int waiting,
            double pages,
            double deviceUse,
            RecentUsage.Summary requests) {}

    private final Serving serving;
    private final RecentUsage recent;
    private final Clock clock;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("pulse").factory());
    private final Deque<Moment> moments = new ArrayDeque<>();
    private final List<Consumer<Moment>> listeners = new CopyOnWriteArrayList<>();
    private long lastTokens = -1;
    private long lastNanos;
    private long lastBusy;

    Pulse(Serving serving, RecentUsage recent, Clock clock) {
        this.serving = serving;
        this.recent = recent;
        this.clock = clock;
        thread.scheduleAtFixedRate(this::beat, 0, SECONDS, TimeUnit.SECONDS);
    }

    private void beat() {
        try {
            Moment moment = moment();
            synchronized (moments) {
                moments.addLast(moment);
                if (moments.size() > MOST) {
                    moments.removeFirst();
                }
            }
            listeners.forEach(l -> l.accept(moment));
        } catch (RuntimeException e) {
            System.getLogger(Pulse.class.getName()).log(System.Logger.Level.WARNING, "a moment was missed", e);
        }
    }

    private Moment moment() {
        EngineMetrics now = serving.metrics();
        long nanos = System.nanoTime();
        long tokens = now.completionTokens()
                + serving.upstreams().stream()
                        .mapToLong(ServedUpstream::completionTokens)
                        .sum();
        // Less than before where an upstream was removed.
        double rate = lastTokens < 0 ? 0 : Math.max(0, tokens - lastTokens) / Math.max(1e-3, (nanos - lastNanos) / 1e9);
        lastTokens = tokens;
        double use = lastNanos == 0
                ? 0
                : 100.0
                        * (now.busyNanos() - lastBusy)
                        / Math.max(
                                1e6,
                                (double) (nanos - lastNanos) * serving.hosts().size());
        lastBusy = now.busyNanos();
        lastNanos = nanos;
        return new Moment(
                clock.instant().getEpochSecond(),
                rate,
                now.running(),
                now.waiting(),
                100.0 * now.pageBytesUsed() / Math.max(1, now.pageBytesTotal()),
                use,
                recent.summary(WINDOW));
    }

    /** Those kept, oldest first. */
    List<Moment> moments(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        synchronized (moments) {
            return List.copyOf(moments);
        }
    }

    /** Tells of each from now on, until the returned is run. */
    Runnable listen(Consumer<Moment> listener, Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        listeners.add(listener);
        return () -> listeners.remove(listener);
    }

    /** Runs something at each, until the returned is run; it tells nothing. */
    Runnable onBeat(Runnable listener) {
        Consumer<Moment> each = moment -> listener.run();
        listeners.add(each);
        return () -> listeners.remove(each);
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
