package io.ashlar.engine;

import io.ashlar.scheduler.Decisions;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What happened to a request, and why; nothing of what it said. One thread writes, any may read meanwhile. Bounded: after
 * {@link #MOST} events only their number is kept.
 */
public final class Timeline {
    public static final int MOST = 256;

    /** What happened. */
    public enum What {
        QUEUED,
        ADMITTED,
        /** Its prompt is computed: the first token. */
        PREFILLED,
        PAUSED,
        RESUMED,
        MOVED_OUT,
        MOVED_IN,
        DROPPED,
        ENDED
    }

    /**
     * An event.
     *
     * @param nanos since the request came
     * @param choice which of its answers
     * @param made tokens of that answer so far
     * @param why null where there is nothing to explain
     */
    public record Event(long nanos, What what, int choice, int made, Decisions.@Nullable Why why) {}

    private final long arrivalNanos;
    private Event[] events = new Event[8];
    private volatile int count;
    private volatile int preemptions;

    Timeline(long arrivalNanos) {
        this.arrivalNanos = arrivalNanos;
    }

    @SuppressWarnings("NonAtomicOperationOnVolatileField") // only the engine's thread writes
    void add(long nowNanos, What what, int choice, int made, Decisions.@Nullable Why why) {
        if (what == What.MOVED_OUT || what == What.DROPPED) {
            preemptions++;
        }
        if (count < MOST) {
            if (count == events.length) {
                events = Arrays.copyOf(events, 2 * count);
            }
            events[count] = new Event(nowNanos - arrivalNanos, what, choice, made, why);
        }
        count++;
    }

    /** In order of time. */
    public List<Event> events() {
        int seen = Math.min(count, MOST);
        return List.of(Arrays.copyOf(events, seen));
    }

    /** How many there were, those included that were not kept. */
    public int count() {
        return count;
    }

    /** Times that its pages were taken for others. */
    public int preemptions() {
        return preemptions;
    }
}
