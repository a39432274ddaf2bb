package io.ashlar.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.Random;
import org.junit.jupiter.api.Test;

class LengthPredictorTest {
    private final LengthPredictor predictor = new LengthPredictor();

    @Test
    void the_limit_is_all_there_is_before_anything_was_seen() {
        assertThat(predictor.forecast("t", "m", 100).expected(0, 700)).isEqualTo(700);
        assertThat(predictor.forecast("t", "m", 100).known()).isFalse();
    }

    @Test
    void a_new_tenant_is_predicted_by_the_model_and_a_known_one_by_itself() {
        for (int i = 0; i < 200; i++) {
            predictor.observe("short", "m", 100, 20);
            predictor.observe("long", "m", 100, 500);
        }
        assertThat((double) predictor.forecast("short", "m", 100).expected(0, 9999))
                .isCloseTo(20, withinPercentage(15));
        assertThat((double) predictor.forecast("long", "m", 100).expected(0, 9999))
                .isCloseTo(500, withinPercentage(15));
        assertThat(predictor.forecast("new", "m", 100).expected(0, 9999)).isBetween(200, 320);
    }

    @Test
    void the_length_of_the_prompt_says_something() {
        for (int i = 0; i < 200; i++) {
            predictor.observe("t", "m", 20, 300);
            predictor.observe("t", "m", 4000, 30);
        }
        assertThat(predictor.forecast("t", "m", 25).expected(0, 9999)).isGreaterThan(200);
        assertThat(predictor.forecast("t", "m", 3000).expected(0, 9999)).isLessThan(60);
    }

    @Test
    void who_has_made_many_tokens_is_one_of_those_that_make_many() {
        for (int i = 0; i < 90; i++) {
            predictor.observe("t", "m", 100, 10);
        }
        for (int i = 0; i < 10; i++) {
            predictor.observe("t", "m", 100, 1000);
        }
        LengthForecast forecast = predictor.forecast("t", "m", 100);
        assertThat(forecast.expected(0, 9999)).isBetween(80, 140);
        assertThat(forecast.expected(50, 9999)).isBetween(800, 1200);
        assertThat(forecast.expected(50, 400)).isEqualTo(400);
        assertThat(forecast.expected(5000, 9999)).isGreaterThan(5000);
    }

    @Test
    void its_error_is_smaller_than_the_mean_guess_s_where_tenants_differ() {
        Random random = new Random(7);
        for (int i = 0; i < 3000; i++) {
            int tenant = random.nextInt(3);
            int length = (int) Math.max(1, (20 << 2 * tenant) * (1 + 0.3 * random.nextGaussian()));
            predictor.observe("t" + tenant, "m", 50 + random.nextInt(200), length);
        }
        assertThat(predictor.error()).isLessThan(0.6 * predictor.meanGuessError());
    }
}
