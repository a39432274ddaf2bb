package io.ashlar.platform;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Looks for alarms every few seconds, and sweeps the ledger every hour. */
public final class Watch implements AutoCloseable {
    private static final int LOOK_SECONDS = 5;

    private final Alarms alarms;
    private final Retention retention;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("watch").factory());

    public Watch(Alarms alarms, Retention retention) {
        this.alarms = alarms;
        this.retention = retention;
    }

    public void start() {
        thread.scheduleWithFixedDelay(safely(alarms::look), LOOK_SECONDS, LOOK_SECONDS, TimeUnit.SECONDS);
        thread.scheduleWithFixedDelay(safely(retention::sweep), 1, 60, TimeUnit.MINUTES);
    }

    /** What fails now is tried again later: the database may be away. */
    private static Runnable safely(Runnable work) {
        return () -> {
            try {
                work.run();
            } catch (RuntimeException e) {
                System.getLogger(Watch.class.getName())
                        .log(System.Logger.Level.WARNING, "could not look after the platform: {0}", e.getMessage());
            }
        };
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
