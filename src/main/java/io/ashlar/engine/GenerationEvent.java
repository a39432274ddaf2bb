package io.ashlar.engine;

import org.jspecify.annotations.Nullable;

/** What leaves the engine, in order, for each choice of a request. */
public sealed interface GenerationEvent {
    /** Which of the request's answers it belongs to. */
    int choice();

    /**
     * A token was made.
     *
     * @param text the text that it completes; empty while a character or a possible stop string is unfinished
     * @param logprobs null unless asked for
     */
    record Token(
            int choice, int token, String text, @Nullable Logprobs logprobs) implements GenerationEvent {}

    /** The answer is complete; {@code text} is what was still held back. Nothing follows for this choice. */
    record Finished(int choice, String text, FinishReason reason) implements GenerationEvent {}

    /** Natural log-probabilities of the token and of the likeliest ones, likeliest first. */
    record Logprobs(float logprob, int[] topTokens, float[] topLogprobs) {}
}
