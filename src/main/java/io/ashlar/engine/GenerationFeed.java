package io.ashlar.engine;

/**
 * Writes a generation whose tokens are made elsewhere than in an engine of ours. For one thread at a time; nothing is written
 * after the end. Times are of {@link System#nanoTime}.
 */
public final class GenerationFeed implements GenerationSource {
    private final Generation generation;
    private final int choices;
    private final long arrivalNanos;
    private final Runnable wake;
    private final Runnable cancel;
    private final boolean[] finished;
    private long startedNanos = -1;
    private long firstTokenNanos = -1;

    /**
     * @param wake called when there may be room again
     * @param cancel called when nobody reads any more; the generation is still to be ended
     */
    public GenerationFeed(int choices, long arrivalNanos, Runnable wake, Runnable cancel) {
        this.choices = choices;
        this.arrivalNanos = arrivalNanos;
        this.wake = wake;
        this.cancel = cancel;
        this.finished = new boolean[choices];
        this.generation = new Generation(this, arrivalNanos);
        generation.timeline().add(arrivalNanos, Timeline.What.QUEUED, 0, 0, null);
    }

    public Generation generation() {
        return generation;
    }

    @Override
    public void wake() {
        wake.run();
    }

    @Override
    public void cancel(Generation cancelled) {
        cancel.run();
    }

    /** Whether a token of each choice can be written. */
    public boolean hasRoom() {
        return generation.hasRoom(choices);
    }

    /** It is asked for, elsewhere. */
    public void started(long nowNanos) {
        startedNanos = nowNanos;
        generation.timeline().add(nowNanos, Timeline.What.ADMITTED, 0, 0, null);
    }

    /** Text of a choice, counted as one token; what comes for a choice that has finished is left out. */
    public void text(int choice, String text, long nowNanos) {
        if (choice < 0 || choice >= choices || finished[choice]) {
            return;
        }
        if (firstTokenNanos < 0) {
            firstTokenNanos = nowNanos;
            generation.timeline().add(nowNanos, Timeline.What.PREFILLED, choice, 0, null);
        }
        generation.countToken();
        generation.emit(new GenerationEvent.Token(choice, -1, text, null));
        generation.signal();
    }

    public void finish(int choice, FinishReason reason, long nowNanos) {
        if (choice < 0 || choice >= choices || finished[choice]) {
            return;
        }
        finished[choice] = true;
        generation.timeline().add(nowNanos, Timeline.What.ENDED, choice, generation.completionTokens(), null);
        generation.emit(new GenerationEvent.Finished(choice, "", reason));
        generation.signal();
    }

    /** It failed, for a reason that its reader may be told. */
    public void fail(RuntimeException cause, int prompt, int cached, long nowNanos) {
        generation.setFailure(cause);
        end(prompt, cached, generation.completionTokens(), FinishReason.FAILED, nowNanos);
    }

    /**
     * All is over; choices that have not finished do, for this reason.
     *
     * @param completion tokens made, all choices together
     */
    public void end(int prompt, int cached, int completion, FinishReason reason, long nowNanos) {
        for (int choice = 0; choice < choices; choice++) {
            finish(choice, reason, nowNanos);
        }
        generation.end(new GenerationUsage(
                prompt,
                cached,
                completion,
                0,
                (startedNanos < 0 ? nowNanos : startedNanos) - arrivalNanos,
                firstTokenNanos < 0 ? -1 : firstTokenNanos - arrivalNanos,
                nowNanos - arrivalNanos,
                reason));
    }
}
