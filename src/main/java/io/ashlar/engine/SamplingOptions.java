package io.ashlar.engine;

import java.util.Map;

/**
 * How tokens are chosen. Applied in this order: bias, penalties, temperature, top-k, top-p, min-p.
 *
 * @param temperature 0 takes the likeliest token
 * @param topP smallest set of tokens whose probabilities reach this sum; 1 is off
 * @param topK this many likeliest tokens; 0 is off
 * @param minP tokens at least this likely, relative to the likeliest; 0 is off
 * @param repetitionPenalty divides (multiplies, if negative) the logits of tokens seen in prompt or answer; 1 is off
 * @param presencePenalty taken from the logits of tokens already in the answer
 * @param frequencyPenalty taken from them once per occurrence
 * @param bias added to the logits of these tokens
 * @param logprobs likeliest tokens to report with each token; -1 reports none, not even the token's own
 */
public record SamplingOptions(
        double temperature,
        double topP,
        int topK,
        double minP,
        double repetitionPenalty,
        double presencePenalty,
        double frequencyPenalty,
        Map<Integer, Float> bias,
        long seed,
        int logprobs) {
    /** The likeliest token, always. */
    public static final SamplingOptions GREEDY = new SamplingOptions(0, 1, 0, 0, 1, 0, 0, Map.of(), 0, -1);

    public SamplingOptions withSeed(long newSeed) {
        return new SamplingOptions(
                temperature,
                topP,
                topK,
                minP,
                repetitionPenalty,
                presencePenalty,
                frequencyPenalty,
                bias,
                newSeed,
                logprobs);
    }

    /** Whether the choice is the likeliest token and nothing else is asked. */
    boolean takesLikeliest() {
        return temperature == 0 && bias.isEmpty() && !penalises() && logprobs < 0;
    }

    boolean penalises() {
        return repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0;
    }
}
