package io.ashlar.serving;

import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationRequest;
import io.ashlar.scheduler.Terms;
import java.util.concurrent.CompletableFuture;

/** A request, ready to run on a deployment that is leased for it. */
public interface Work {
    /** As far as it is known: what an upstream counts may differ. */
    int promptTokens();

    /** The most tokens of each choice. */
    int maxTokens();

    int choices();

    /**
     * Runs it.
     *
     * @param terms for whom, and what they were promised
     */
    Started start(Terms terms);

    /**
     * What runs.
     *
     * @param opened completed when it is certain that it began, or fails with the reason why it did not
     */
    record Started(Generation generation, CompletableFuture<Void> opened) {}

    /** On a model of ours. */
    static Work on(ServedModel model, GenerationRequest request) {
        return new EngineWork(model, request);
    }
}

/** What an engine of ours does. */
record EngineWork(ServedModel model, GenerationRequest request) implements Work {
    private static final CompletableFuture<Void> AT_ONCE = CompletableFuture.completedFuture(null);

    @Override
    public int promptTokens() {
        return request.prompt().length;
    }

    @Override
    public int maxTokens() {
        return request.maxTokens();
    }

    @Override
    public int choices() {
        return request.choices();
    }

    @Override
    public Started start(Terms terms) {
        return new Started(model.engine().submit(request.with(terms)), AT_ONCE);
    }
}
