package io.ashlar.engine;

import java.util.Arrays;
import java.util.Map;

/**
 * Chooses tokens from logits. A choice depends on the logits, the options and the place in the answer only: the random
 * number of place i is a hash of (seed, i), so a preempted or repeated sequence gives the same tokens.
 */
final class Sampler {
    /** A chosen token; the log-probabilities are the model's own, before bias, penalties and temperature. */
    record Choice(int token, float logprob, int[] topTokens, float[] topLogprobs) {
        static Choice plain(int token) {
            return new Choice(token, 0, NO_TOKENS, NO_LOGPROBS);
        }
    }

    private static final int[] NO_TOKENS = {};
    private static final float[] NO_LOGPROBS = {};

    private int[] order = new int[0];
    private float[] adjusted = new float[0];

    /**
     * @param logits {@code [vocabulary]}; left as they are
     * @param tokens prompt and answer so far; the answer starts at {@code promptLength} and ends at {@code length}
     */
    Choice choose(float[] logits, int vocabulary, SamplingOptions options, int[] tokens, int promptLength, int length) {
        float[] scores = adjust(logits, vocabulary, options, tokens, promptLength, length);
        int token = options.temperature() == 0
                ? argmax(scores, vocabulary)
                : draw(scores, vocabulary, options, uniform(options.seed(), length - promptLength));
        return options.logprobs() < 0
                ? new Choice(token, 0, NO_TOKENS, NO_LOGPROBS)
                : withLogprobs(token, logits, vocabulary, options.logprobs());
    }

    private float[] adjust(
            float[] logits, int vocabulary, SamplingOptions options, int[] tokens, int promptLength, int length) {
        if (options.bias().isEmpty() && !options.penalises()) {
            return logits;
        }
        if (adjusted.length < vocabulary) {
            adjusted = new float[vocabulary];
        }
        System.arraycopy(logits, 0, adjusted, 0, vocabulary);
        for (Map.Entry<Integer, Float> bias : options.bias().entrySet()) {
            adjusted[bias.getKey()] += bias.getValue();
        }
        if (options.penalises()) {
            penalise(options, tokens, promptLength, length);
        }
        return adjusted;
    }

    private void penalise(SamplingOptions options, int[] tokens, int promptLength, int length) {
        int[] seen = Arrays.copyOf(tokens, length);
        Arrays.sort(seen);
        float repetition = (float) options.repetitionPenalty();
        for (int i = 0; i < seen.length; i++) {
            int token = seen[i];
            if (i == 0 || token != seen[i - 1]) {
                adjusted[token] = adjusted[token] > 0 ? adjusted[token] / repetition : adjusted[token] * repetition;
            }
        }
        int[] answer = Arrays.copyOfRange(tokens, promptLength, length);
        Arrays.sort(answer);
        for (int i = 0; i < answer.length; i++) {
            adjusted[answer[i]] -= (float) options.frequencyPenalty();
            if (i == 0 || answer[i] != answer[i - 1]) {
                adjusted[answer[i]] -= (float) options.presencePenalty();
            }
        }
    }

    private static int argmax(float[] scores, int vocabulary) {
        int best = 0;
        for (int i = 1; i < vocabulary; i++) {
            if (scores[i] > scores[best]) {
                best = i;
            }
        }
        return best;
    }

    private int draw(float[] scores, int vocabulary, SamplingOptions options, double uniform) {
        float max = scores[argmax(scores, vocabulary)];
        double temperature = options.temperature();
        int count = sortedCandidates(scores, vocabulary, options, max);
        double total = 0;
        double[] weights = new double[count];
        for (int i = 0; i < count; i++) {
            weights[i] = Math.exp((scores[order[i]] - max) / temperature);
            total += weights[i];
        }
        if (options.topP() < 1) {
            double sum = 0;
            int kept = 0;
            while (kept < count && sum < options.topP() * total) {
                sum += weights[kept++];
            }
            count = Math.max(kept, 1);
            total = kept > 0 ? sum : weights[0];
        }
        if (options.minP() > 0) {
            int kept = 1;
            double sum = weights[0];
            while (kept < count && weights[kept] >= options.minP() * weights[0]) {
                sum += weights[kept++];
            }
            count = kept;
            total = sum;
        }
        double target = uniform * total;
        for (int i = 0; i < count - 1; i++) {
            target -= weights[i];
            if (target < 0) {
                return order[i];
            }
        }
        return order[count - 1];
    }

    /**
     * Puts the tokens that can be drawn into {@link #order}, likeliest first (ties by id), and returns their number. A
     * token {@code 40 * temperature} under the best has a probability below 1e-17 and is left out.
     */
    private int sortedCandidates(float[] scores, int vocabulary, SamplingOptions options, float max) {
        if (order.length < vocabulary) {
            order = new int[vocabulary];
        }
        long[] keys = new long[vocabulary];
        float least = (float) (max - 40 * options.temperature());
        int count = 0;
        for (int i = 0; i < vocabulary; i++) {
            if (scores[i] >= least) {
                keys[count++] = ((long) descending(scores[i]) << 32) | i;
            }
        }
        Arrays.sort(keys, 0, count);
        if (options.topK() > 0) {
            count = Math.min(count, options.topK());
        }
        for (int i = 0; i < count; i++) {
            order[i] = (int) keys[i];
        }
        return count;
    }

    /** An int that sorts the way the float's negation does. */
    private static int descending(float value) {
        int bits = Float.floatToIntBits(value);
        return bits >= 0 ? ~bits : bits & Integer.MAX_VALUE;
    }

    private Choice withLogprobs(int token, float[] logits, int vocabulary, int count) {
        float max = logits[argmax(logits, vocabulary)];
        double total = 0;
        for (int i = 0; i < vocabulary; i++) {
            total += Math.exp(logits[i] - max);
        }
        double normaliser = max + Math.log(total);
        int most = Math.min(count, vocabulary);
        int[] top = new int[most];
        float[] logprobs = new float[most];
        long[] keys = new long[vocabulary];
        if (most > 0) {
            for (int i = 0; i < vocabulary; i++) {
                keys[i] = ((long) descending(logits[i]) << 32) | i;
            }
            Arrays.sort(keys);
        }
        for (int i = 0; i < most; i++) {
            top[i] = (int) keys[i];
            logprobs[i] = (float) (logits[top[i]] - normaliser);
        }
        return new Choice(token, (float) (logits[token] - normaliser), top, logprobs);
    }

    /** A number in [0, 1) that depends on the seed and the place only (SplitMix64, Steele et al. 2014). */
    static double uniform(long seed, int place) {
        long z = mix(seed + 0x9E3779B97F4A7C15L) + (place + 1) * 0x9E3779B97F4A7C15L;
        return (mix(z) >>> 11) * 0x1.0p-53;
    }

    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
