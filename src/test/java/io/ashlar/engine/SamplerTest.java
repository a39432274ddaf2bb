package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final int DRAWS = 40_000;

    private final Sampler sampler = new Sampler();

    private static SamplingOptions options(double temperature, double topP, int topK, double minP) {
        return new SamplingOptions(temperature, topP, topK, minP, 1, 0, 0, Map.of(), 42, -1);
    }

    /** How often each token is drawn, over the places of one long answer. */
    private double[] frequencies(float[] logits, SamplingOptions options) {
        double[] counts = new double[logits.length];
        int[] tokens = new int[1];
        for (int i = 0; i < DRAWS; i++) {
            SamplingOptions place = options.withSeed(i);
            counts[sampler.choose(logits, logits.length, place, tokens, 1, 1).token()] += 1.0 / DRAWS;
        }
        return counts;
    }

    @Test
    void temperature_zero_takes_the_likeliest_and_the_lower_id_of_equals() {
        float[] logits = {1, 3, 3, 2};
        assertThat(sampler.choose(logits, 4, SamplingOptions.GREEDY, new int[1], 1, 1)
                        .token())
                .isEqualTo(1);
    }

    @Test
    void tokens_are_drawn_in_proportion_to_their_probability() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.2)};
        assertThat(frequencies(logits, options(1, 1, 0, 0)))
                .containsExactly(new double[] {0.5, 0.3, 0.2}, within(0.01));
        double hot = Math.sqrt(0.5) + Math.sqrt(0.3) + Math.sqrt(0.2);
        assertThat(frequencies(logits, options(2, 1, 0, 0))[0]).isCloseTo(Math.sqrt(0.5) / hot, within(0.01));
    }

    @Test
    void top_k_top_p_and_min_p_cut_the_tail() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.15), (float) Math.log(0.05)};
        assertThat(frequencies(logits, options(1, 1, 2, 0)))
                .containsExactly(new double[] {0.625, 0.375, 0, 0}, within(0.01));
        assertThat(frequencies(logits, options(1, 0.7, 0, 0)))
                .containsExactly(new double[] {0.625, 0.375, 0, 0}, within(0.01));
        assertThat(frequencies(logits, options(1, 1, 0, 0.25)))
                .containsExactly(new double[] {0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0}, within(0.01));
        assertThat(frequencies(logits, options(1, 0, 0, 0))[0]).isEqualTo(1, within(1e-9));
    }

    @Test
    void penalties_and_bias_change_the_scores() {
        float[] logits = {2, 1.9f, -1};
        int[] tokens = {2, 0, 0};
        SamplingOptions presence = new SamplingOptions(0, 1, 0, 0, 1, 0.2, 0, Map.of(), 0, -1);
        assertThat(sampler.choose(logits, 3, presence, tokens, 1, 3).token()).isEqualTo(1);
        SamplingOptions frequency = new SamplingOptions(0, 1, 0, 0, 1, 0, 0.06, Map.of(), 0, -1);
        assertThat(sampler.choose(logits, 3, frequency, tokens, 1, 3).token()).isEqualTo(1);
        assertThat(sampler.choose(logits, 3, frequency, tokens, 1, 2).token()).isZero();
        SamplingOptions repetition = new SamplingOptions(0, 1, 0, 0, 1.2, 0, 0, Map.of(), 0, -1);
        assertThat(sampler.choose(logits, 3, repetition, tokens, 3, 3).token()).isEqualTo(1);
        SamplingOptions bias = new SamplingOptions(0, 1, 0, 0, 1, 0, 0, Map.of(2, 50f), 0, -1);
        assertThat(sampler.choose(logits, 3, bias, tokens, 1, 3).token()).isEqualTo(2);
        assertThat(logits).as("the logits themselves stay").containsExactly(2, 1.9f, -1);
    }

    @Test
    void logprobs_are_the_model_s_own() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.2)};
        SamplingOptions options = new SamplingOptions(0, 1, 0, 0, 1, 0, 0, Map.of(2, 50f), 0, 2);
        Sampler.Choice choice = sampler.choose(logits, 3, options, new int[1], 1, 1);
        assertThat(choice.token()).isEqualTo(2);
        assertThat((double) choice.logprob()).isCloseTo(Math.log(0.2), within(1e-6));
        assertThat(choice.topTokens()).containsExactly(0, 1);
        assertThat((double) choice.topLogprobs()[1]).isCloseTo(Math.log(0.3), within(1e-6));
    }

    @Test
    void uniform_numbers_are_uniform_over_places_and_seeds() {
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < 100_000; i++) {
            double u = (Sampler.random(i / 1000, i % 1000) >>> 11) * 0x1.0p-53;
            assertThat(u).isBetween(0.0, 1.0);
            sum += u;
            squares += u * u;
        }
        assertThat(sum / 1e5).isCloseTo(0.5, within(0.005));
        assertThat(squares / 1e5).isCloseTo(1.0 / 3, within(0.005));
    }
}
