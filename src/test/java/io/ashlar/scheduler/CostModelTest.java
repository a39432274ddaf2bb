package io.ashlar.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class CostModelTest {
    @Property(tries = 50)
    void learns_what_steps_cost_from_noisy_measurements(@ForAll long seed) {
        Random random = new Random(seed);
        double base = 5e5 + random.nextInt(5_000_000);
        double prefill = 1e4 + random.nextInt(500_000);
        double row = 1e4 + random.nextInt(500_000);
        double page = random.nextInt(2_000);
        CostModel truth = new CostModel(base, prefill, row, page);
        CostModel learned = new CostModel();
        for (int i = 0; i < 2000; i++) {
            int tokens = random.nextInt(3) == 0 ? random.nextInt(500) : 0;
            int rows = 1 + random.nextInt(32);
            int pages = rows * (1 + random.nextInt(60));
            double noise = 1 + 0.05 * random.nextGaussian();
            learned.observe(tokens, rows, pages, (long) (truth.nanos(tokens, rows, pages) * noise));
        }
        assertThat(learned.nanos(200, 8, 200)).isCloseTo(truth.nanos(200, 8, 200), withinPercentage(6));
        assertThat(learned.nanos(0, 16, 400)).isCloseTo(truth.nanos(0, 16, 400), withinPercentage(6));
        assertThat(learned.error()).isBetween(0.02, 0.08);
    }
}
