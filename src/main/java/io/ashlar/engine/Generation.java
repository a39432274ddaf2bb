package io.ashlar.engine;

import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import org.jctools.queues.SpscArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * A request in the engine, or elsewhere, as its reader holds it. Events leave through one bounded queue; when its reader falls behind,
 * the request's sequences pause until there is room again, and no other request notices.
 */
public final class Generation {
    private static final int CAPACITY = 512;

    private final Queue<GenerationEvent> events = new SpscArrayQueue<>(CAPACITY);
    private final CompletableFuture<GenerationUsage> ended = new CompletableFuture<>();
    private final GenerationSource source;
    private volatile @Nullable Runnable reader;
    private volatile @Nullable RuntimeException failure;
    private volatile int completionTokens;

    private final Timeline timeline;

    Generation(GenerationSource source, long arrivalNanos) {
        this.source = source;
        this.timeline = new Timeline(arrivalNanos);
    }

    /** What happened to it so far, and why. */
    public Timeline timeline() {
        return timeline;
    }

    /** The next event, or null when none is there yet. For one thread at a time. */
    public @Nullable GenerationEvent poll() {
        GenerationEvent event = events.poll();
        if (event != null && events.size() == CAPACITY / 4) {
            source.wake();
        }
        return event;
    }

    /** @param reader called, on the engine's thread, after a step that left events here; must only hand over */
    public void onEvents(Runnable reader) {
        this.reader = reader;
    }

    /** Ends all its sequences before the next step. May be called at any time, by any thread. */
    public void cancel() {
        source.cancel(this);
    }

    /** Completed, on the engine's thread, when the last sequence has ended, however it ended. */
    public CompletableFuture<GenerationUsage> ended() {
        return ended;
    }

    /** Why it failed, where that is known. */
    public @Nullable RuntimeException failure() {
        return failure;
    }

    void setFailure(RuntimeException cause) {
        failure = cause;
    }

    /** Tokens made so far, all choices together. */
    public int completionTokens() {
        return completionTokens;
    }

    /** Whether {@code sequences} of this request can each emit in the step under way and in the next one, and still end. */
    boolean hasRoom(int sequences) {
        return events.size() + 3 * sequences < CAPACITY;
    }

    void emit(GenerationEvent event) {
        if (!events.offer(event)) {
            throw new IllegalStateException("a sequence ran although its reader had no room");
        }
    }

    @SuppressWarnings("NonAtomicOperationOnVolatileField") // only the engine's thread writes it
    void countToken() {
        completionTokens++;
    }

    void signal() {
        Runnable r = reader;
        if (r != null) {
            r.run();
        }
    }

    void end(GenerationUsage usage) {
        ended.complete(usage);
    }
}
