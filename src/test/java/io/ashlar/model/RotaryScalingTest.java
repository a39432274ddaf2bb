package io.ashlar.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

class RotaryScalingTest {
    private static RotaryScaling read(String scaling) {
        String json = "{\"max_position_embeddings\": 4096, \"rope_scaling\": " + scaling.replace('\'', '"') + "}";
        return RotaryScaling.read(new Fields("config.json", JsonMapper.shared().readTree(json)));
    }

    @Test
    void without_scaling_frequencies_fall_from_one() {
        double[] f = read("null").inverseFrequencies(64, 10_000);
        assertThat(f[0]).isEqualTo(1);
        assertThat(f[16]).isCloseTo(0.01, within(1e-12));
        assertThat(f).hasSize(32).isSortedAccordingTo(java.util.Comparator.reverseOrder());
    }

    @Test
    void linear_divides_all_by_the_factor() {
        double[] plain = read("{'type': 'default'}").inverseFrequencies(64, 10_000);
        double[] f = read("{'type': 'linear', 'factor': 4.0}").inverseFrequencies(64, 10_000);
        for (int i = 0; i < 32; i++) {
            assertThat(f[i]).isCloseTo(plain[i] / 4, within(1e-12));
        }
    }

    @Test
    void llama3_keeps_short_waves_divides_long_ones_and_blends_between() {
        double[] plain = read("null").inverseFrequencies(128, 500_000);
        double[] f = read("{'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,"
                        + " 'original_max_position_embeddings': 8192}")
                .inverseFrequencies(128, 500_000);
        for (int i = 0; i < 64; i++) {
            double wave = 2 * Math.PI / plain[i];
            if (wave < 8192 / 4.0) {
                assertThat(f[i]).isEqualTo(plain[i]);
            } else if (wave > 8192) {
                assertThat(f[i]).isCloseTo(plain[i] / 8, within(1e-15));
            } else {
                assertThat(f[i]).isBetween(plain[i] / 8, plain[i]);
            }
        }
        // One value by hand: dimension 29 has a wavelength of 2401.7, so smooth = (8192/2401.7 - 1) / 3 = 0.8036.
        double smooth = (8192 / (2 * Math.PI / plain[29]) - 1) / 3;
        assertThat(smooth).isCloseTo(0.8036, within(1e-4));
        assertThat(f[29]).isCloseTo(plain[29] * (0.1964 / 8 + 0.8036), within(plain[29] * 1e-3));
    }

    @Test
    void yarn_keeps_the_first_dimensions_divides_the_last_and_scales_the_angles() {
        RotaryScaling yarn = read("{'rope_type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 1024}");
        double[] plain = read("null").inverseFrequencies(64, 10_000);
        double[] f = yarn.inverseFrequencies(64, 10_000);
        // Ramp from floor(dim(32 turns)) = 5 to ceil(dim(1 turn)) = 18, of 32 dimension pairs.
        assertThat(f[5]).isCloseTo(plain[5], within(1e-12));
        assertThat(f[18]).isCloseTo(plain[18] / 4, within(1e-12));
        assertThat(f[31]).isCloseTo(plain[31] / 4, within(1e-12));
        double ramp = (10 - 5) / 13.0;
        assertThat(f[10]).isCloseTo(plain[10] / 4 * ramp + plain[10] * (1 - ramp), within(1e-9));
        assertThat((double) yarn.angles(64, 10_000, 8)[0]).isCloseTo(0.1 * Math.log(4) + 1, within(1e-6));
    }

    @Test
    void what_is_not_supported_is_named() {
        assertThatThrownBy(() -> read("{'rope_type': 'dynamic', 'factor': 2.0}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("'dynamic' is not supported");
        assertThatThrownBy(() -> read("{'rope_type': 'linear'}")).hasMessageContaining("'factor' is missing");
    }
}
