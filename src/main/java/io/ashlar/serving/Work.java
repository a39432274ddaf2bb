package io.ashlar.serving;

import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationRequest;
import io.ashlar.scheduler.Terms;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * A request, ready to run on a deployment that is leased for it.
 *
 * @param promptTokens as far as it is known: what an upstream counts may differ
 * @param maxTokens the most tokens of each choice
 * @param start runs it on terms: for whom, and what they were promised
 */
public record Work(int promptTokens, int maxTokens, int choices, Function<Terms, Started> start) {
    private static final CompletableFuture<Void> AT_ONCE = CompletableFuture.completedFuture(null);

    /**
     * What runs.
     *
     * @param opened completed when it is certain that it began, or fails with the reason why it did not
     */
    public record Started(Generation generation, CompletableFuture<Void> opened) {}

    /** On a model of ours. */
    public static Work on(ServedModel model, GenerationRequest request) {
        return new Work(
                request.prompt().length,
                request.maxTokens(),
                request.choices(),
                terms -> new Started(model.engine().submit(request.with(terms)), AT_ONCE));
    }
}
