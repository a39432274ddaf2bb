package io.ashlar.quota;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.scheduler.ServiceClass;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class AttainmentTest {
    private static ServiceClass promising(double percentile) {
        return new ServiceClass(
                "class", 0, Duration.ofSeconds(1), Duration.ZERO, percentile, 1, 10, Duration.ZERO, true);
    }

    @Test
    void a_class_is_missed_when_too_few_of_many_kept_their_targets_and_not_any_more_when_that_was_long_ago() {
        AtomicLong now = new AtomicLong(Long.MAX_VALUE - 1000); // a clock of nanoseconds may pass its end
        Map<String, ServiceClass> classes = new HashMap<>();
        classes.put("interactive", promising(99));
        classes.put("standard", promising(80));
        Attainment attainment = new Attainment(classes::get, now::get);
        for (int i = 0; i < 19; i++) {
            attainment.note("interactive", false);
        }
        assertThat(attainment.missed()).as("too few to say").isEmpty();
        for (int i = 0; i < 81; i++) {
            attainment.note("interactive", true);
            attainment.note("standard", i % 6 != 0);
        }
        assertThat(attainment.missed()).containsExactly(new Attainment.Missed("interactive", 81, 99, 100));
        classes.put("interactive", promising(80));
        assertThat(attainment.missed()).as("it promises less now").isEmpty();
        classes.put("interactive", promising(99));
        assertThat(attainment.missed()).hasSize(1);
        now.addAndGet(Duration.ofMinutes(6).toNanos());
        assertThat(attainment.missed()).isEmpty();
        for (int i = 0; i < 30; i++) {
            attainment.note("interactive", true);
        }
        assertThat(attainment.missed()).isEmpty();
    }

    @Test
    void a_class_that_was_removed_owes_nothing() {
        Map<String, ServiceClass> classes = new HashMap<>(Map.of("own", promising(99)));
        Attainment attainment = new Attainment(classes::get, () -> 0);
        for (int i = 0; i < 50; i++) {
            attainment.note("own", false);
        }
        assertThat(attainment.missed()).hasSize(1);
        classes.remove("own");
        assertThat(attainment.missed()).isEmpty();
        classes.put("own", promising(99));
        assertThat(attainment.missed()).as("a new class of the name").isEmpty();
    }

    @Test
    void memory_is_bounded() {
        AtomicLong now = new AtomicLong();
        Attainment attainment = new Attainment(name -> promising(99), now::get);
        for (int i = 0; i < 100_000; i++) {
            attainment.note("interactive", i > 95_000);
        }
        assertThat(attainment.missed().getFirst().requests()).isEqualTo(8192);
    }
}
