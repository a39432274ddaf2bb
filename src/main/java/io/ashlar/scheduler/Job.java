package io.ashlar.scheduler;

/** A sequence as a scheduler sees it, with what the scheduler keeps about it. */
public abstract class Job {
    /** Where its pages are. */
    public enum Place {
        /** Nowhere: it has not begun, or it begins again. */
        WAITING,
        /** On the device. */
        HOLDING,
        /** On their way to host memory. */
        LEAVING,
        /** In host memory. */
        AWAY,
        /** On their way back. */
        RETURNING
    }

    private static final int FORECAST_EVERY = 16;

    private final Terms terms;
    private final long arrivalNanos;
    private final long ttftNanos;
    private final long tpotNanos;

    Place place = Place.WAITING;
    /** Set as long as a scheduler has the job. */
    @SuppressWarnings("NullAway.Init")
    Account account;

    /** Set as long as a scheduler has the job. */
    @SuppressWarnings("NullAway.Init")
    Object lane;

    /** The number of its arrival at the scheduler. */
    long number;
    /** The last step that it was in. */
    long step = -1;
    /** Why it was not in the step that is being planned. */
    Decisions.Why why = Decisions.Why.TURN;

    boolean paused;
    /** While its pages leave: how many bytes do. */
    long leavingBytes;
    /** Tokens that its tenant's counter knows of; computing them again is not charged. */
    int charged;
    /** Tokens computed since it was given its pages. */
    int residence;

    private long firstTokenNanos = -1;
    private int forecastAt = -1;
    private int forecast;

    // What a policy keeps about it.
    private int level;
    private long levelNanos;
    private long lastServedNanos;
    private long batch = -1;

    protected Job(Terms terms, long arrivalNanos) {
        this.terms = terms;
        this.arrivalNanos = arrivalNanos;
        this.lastServedNanos = arrivalNanos;
        this.ttftNanos = terms.serviceClass().ttft().toNanos();
        this.tpotNanos = terms.serviceClass().tpot().toNanos();
    }

    /** Tokens to compute before the next one can be sampled: 1 while decoding, more during prefill. */
    public abstract int pending();

    /** Whether it can use a step now: its reader keeps up, and what it waits for is there. */
    public abstract boolean ready();

    public abstract int promptLength();

    /** Tokens of its answer so far. */
    public abstract int made();

    /** The most tokens that its answer may have. */
    public abstract int limit();

    public final Terms terms() {
        return terms;
    }

    public final ServiceClass serviceClass() {
        return terms.serviceClass();
    }

    public final long arrivalNanos() {
        return arrivalNanos;
    }

    public final Place place() {
        return place;
    }

    public final Account account() {
        return account;
    }

    /** Whether its next token needs one row only. */
    public final boolean decoding() {
        return place == Place.HOLDING && pending() == 1;
    }

    /** Whether its pages are on the device, or are going to be or just were. */
    public final boolean placed() {
        return place != Place.WAITING && place != Place.AWAY;
    }

    /** Tokens that its pages hold or will hold, those pending included. */
    public final int length() {
        return promptLength() + made();
    }

    /** The answer's length as predicted now: at least one token more than there are, at most the limit. */
    public final int predictedAnswer() {
        int made = made();
        if (forecastAt < 0 || made >= forecast || made >= forecastAt + FORECAST_EVERY) {
            forecastAt = made;
            forecast = terms.forecast().expected(made, limit());
        }
        return Math.max(Math.min(forecast, limit()), made + 1);
    }

    final void seen(long nowNanos) {
        if (firstTokenNanos < 0 && made() > 0) {
            firstTokenNanos = nowNanos;
        }
    }

    /** When its first token came; -1 before. */
    public final long firstTokenNanos() {
        return firstTokenNanos;
    }

    /** When its next token is due, by its class's targets; {@link Long#MAX_VALUE} where there is none. */
    public final long deadlineNanos() {
        if (firstTokenNanos < 0) {
            return ttftNanos == 0 ? Long.MAX_VALUE : arrivalNanos + ttftNanos;
        }
        return tpotNanos == 0 ? Long.MAX_VALUE : firstTokenNanos + made() * tpotNanos;
    }

    /** Its class's target for the time per token; 0 for none. */
    public final long tpotNanos() {
        return tpotNanos;
    }

    /** Its level in a feedback queue. */
    public final int level() {
        return level;
    }

    public final void enterLevel(int newLevel) {
        level = newLevel;
        levelNanos = 0;
    }

    /** Time that it was served at its level. */
    public final long levelNanos() {
        return levelNanos;
    }

    public final void spend(long nanos, long nowNanos) {
        levelNanos += nanos;
        lastServedNanos = nowNanos;
    }

    /** When it was last served, or came. */
    public final long lastServedNanos() {
        return lastServedNanos;
    }

    /** The batch that a batching policy put it into; -1 for none. */
    public final long batch() {
        return batch;
    }

    public final void enterBatch(long newBatch) {
        batch = newBatch;
    }

    /** Another policy takes over. */
    final void forgetPolicy() {
        level = 0;
        levelNanos = 0;
        batch = -1;
    }
}
