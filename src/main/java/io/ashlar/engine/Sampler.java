package io.ashlar.engine;

import java.util.Arrays;
import java.util.Map;

/**
 * Chooses tokens from logits. A choice depends on the logits, the options and the place in the answer only: the random
 * number of place i is a hash of (seed, i), so a preempted or repeated sequence gives the same tokens.
 *
 * <p>Probabilities are integers, which add up to the same in any order, and come from a few operations whose rounding is fixed.
 * {@code sampling.cuh} does the same on a GPU, and from equal logits chooses equal tokens.
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

    /** The weight of the likeliest token. */
    private static final int ONE = 1 << 30;

    private static final double LOG2_E = 1 / Math.log(2);

    private float[] adjusted = new float[0];

    /**
     * @param logits {@code [vocabulary]}; left as they are
     * @param tokens prompt and answer so far; the answer starts at {@code promptLength} and ends at {@code length}
     */
    Choice choose(float[] logits, int vocabulary, SamplingOptions options, int[] tokens, int promptLength, int length) {
        float[] scores = adjust(logits, vocabulary, options, tokens, promptLength, length);
        int token = options.temperature() == 0
                ? argmax(scores, vocabulary)
                : draw(scores, vocabulary, options, random(options.seed(), length - promptLength));
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
            for (int[] seen : seen(tokens, promptLength, length)) {
                adjusted[seen[0]] = penalised(adjusted[seen[0]], seen[1], options);
            }
        }
        return adjusted;
    }

    /** Pairs (token, times in the answer) of all tokens of prompt and answer. */
    static int[][] seen(int[] tokens, int promptLength, int length) {
        int[] all = Arrays.copyOf(tokens, length);
        Arrays.sort(all);
        int[] answer = Arrays.copyOfRange(tokens, promptLength, length);
        Arrays.sort(answer);
        int[][] pairs = new int[length][];
        int count = 0;
        int at = 0;
        for (int i = 0; i < length; i++) {
            if (i > 0 && all[i] == all[i - 1]) {
                continue;
            }
            int from = at;
            while (at < answer.length && answer[at] == all[i]) {
                at++;
            }
            pairs[count++] = new int[] {all[i], at - from};
        }
        return Arrays.copyOf(pairs, count);
    }

    private static float penalised(float score, int times, SamplingOptions options) {
        float repetition = (float) options.repetitionPenalty();
        float result = score > 0 ? score / repetition : score * repetition;
        if (times > 0) {
            result = Math.fma(-(float) times, (float) options.frequencyPenalty(), result);
            result -= (float) options.presencePenalty();
        }
        return result;
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

    /** What a difference of scores is multiplied by, so that its power of two is the probability's ratio. */
    static float inverse(double temperature) {
        return (float) Math.min(LOG2_E / temperature, Float.MAX_VALUE);
    }

    /** {@code 2^((score - most) * inverse)} in units of 2^-30: a polynomial of 2^f on [0, 1). */
    static int weight(float score, float most, float inverse) {
        float z = (score - most) * inverse;
        if (!(z >= -31)) {
            return 0;
        }
        float whole = (float) Math.floor(z);
        float f = z - whole;
        float p = 0.00015403530f;
        p = Math.fma(p, f, 0.0013333558f);
        p = Math.fma(p, f, 0.0096181291f);
        p = Math.fma(p, f, 0.055504109f);
        p = Math.fma(p, f, 0.24022651f);
        p = Math.fma(p, f, 0.69314718f);
        p = Math.fma(p, f, 1);
        return (int) ((long) (p * ONE) >>> (int) -whole);
    }

    /** The least weight that min-p keeps. */
    static int leastWeight(double minP) {
        return (int) Math.ceil(Math.min(minP, 1) * ONE);
    }

    private static int draw(float[] scores, int vocabulary, SamplingOptions options, long random) {
        float most = scores[argmax(scores, vocabulary)];
        float inverse = inverse(options.temperature());
        // Everything is kept up to this one, in the order (score falling, id rising).
        long last = Long.MAX_VALUE;
        if (options.topK() > 0 || options.topP() < 1) {
            last = lastKept(scores, vocabulary, options, most, inverse);
        }
        int least = leastWeight(options.minP());
        long total = 0;
        for (int i = 0; i < vocabulary; i++) {
            total += kept(scores, i, most, inverse, last, least);
        }
        long target = Math.unsignedMultiplyHigh(total, random);
        int token = 0;
        for (int i = 0; i < vocabulary; i++) {
            int weight = kept(scores, i, most, inverse, last, least);
            token = i;
            target -= weight;
            if (target < 0) {
                break;
            }
        }
        return token;
    }

    private static int kept(float[] scores, int i, float most, float inverse, long last, int least) {
        if (key(scores[i], i) > last) {
            return 0;
        }
        int weight = weight(scores[i], most, inverse);
        return weight >= least ? weight : 0;
    }

    private static long lastKept(float[] scores, int vocabulary, SamplingOptions options, float most, float inverse) {
        long[] keys = new long[vocabulary];
        int count = 0;
        for (int i = 0; i < vocabulary; i++) {
            if (weight(scores[i], most, inverse) > 0) {
                keys[count++] = key(scores[i], i);
            }
        }
        Arrays.sort(keys, 0, count);
        if (options.topK() > 0) {
            count = Math.min(count, options.topK());
        }
        float topP = (float) options.topP();
        if (topP < 1) {
            long total = 0;
            for (int i = 0; i < count; i++) {
                total += weight(scores[(int) keys[i]], most, inverse);
            }
            // The share in units of 2^-24, which a float has exactly.
            long share = (long) (topP * (1 << 24));
            long need = Math.max(1, Math.unsignedMultiplyHigh(total << 8, share << 32));
            long sum = 0;
            int enough = 0;
            while (enough < count && sum < need) {
                sum += weight(scores[(int) keys[enough++]], most, inverse);
            }
            count = enough;
        }
        return keys[count - 1];
    }

    /** A number that sorts by (score falling, id rising). */
    private static long key(float score, int id) {
        return ((long) descending(score) << 32) | id;
    }

    /** An int that sorts the way the float's negation does. */
    private static int descending(float value) {
        int bits = Float.floatToIntBits(value);
        return bits >= 0 ? ~bits : bits & Integer.MAX_VALUE;
    }

    private static Choice withLogprobs(int token, float[] logits, int vocabulary, int count) {
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
                keys[i] = key(logits[i], i);
            }
            Arrays.sort(keys);
        }
        for (int i = 0; i < most; i++) {
            top[i] = (int) keys[i];
            logprobs[i] = (float) (logits[top[i]] - normaliser);
        }
        return new Choice(token, (float) (logits[token] - normaliser), top, logprobs);
    }

    /** 64 random bits that depend on the seed and the place only (SplitMix64, Steele et al. 2014). */
    static long random(long seed, int place) {
        return mix(mix(seed + 0x9E3779B97F4A7C15L) + (place + 1) * 0x9E3779B97F4A7C15L);
    }

    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
