package io.ashlar.engine;

import io.ashlar.model.text.TokenBytes;
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
        String cacheScope) {}
