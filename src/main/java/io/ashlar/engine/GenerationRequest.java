package io.ashlar.engine;

import io.ashlar.model.text.TokenBytes;
import io.ashlar.scheduler.Terms;
import java.util.List;

/**
 * One prompt and how to go on from it.
 *
 * @param prompt token ids, at least one
 * @param maxTokens the most tokens to make, end token included
 * @param endTokens end the answer and are not part of its text
 * @param stopStrings end the answer and are not part of it
 * @param choices how many answers
 * @param cacheScope prompts share pages with earlier ones of the same scope only
 * @param terms for whom, and what they were promised
 */
public record GenerationRequest(
        Chain chain,
        TokenBytes tokens,
        int[] prompt,
        int maxTokens,
        SamplingOptions sampling,
        List<Integer> endTokens,
        List<String> stopStrings,
        int choices,
        String cacheScope,
        Terms terms) {
    /** Nothing promised to anybody. */
    public GenerationRequest(
            Chain chain,
            TokenBytes tokens,
            int[] prompt,
            int maxTokens,
            SamplingOptions sampling,
            List<Integer> endTokens,
            List<String> stopStrings,
            int choices,
            String cacheScope) {
        this(chain, tokens, prompt, maxTokens, sampling, endTokens, stopStrings, choices, cacheScope, Terms.NONE);
    }

    public GenerationRequest with(Terms newTerms) {
        return new GenerationRequest(
                chain, tokens, prompt, maxTokens, sampling, endTokens, stopStrings, choices, cacheScope, newTerms);
    }
}
