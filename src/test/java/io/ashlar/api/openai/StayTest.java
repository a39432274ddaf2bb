package io.ashlar.api.openai;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class StayTest {
    @Test
    void what_is_held_is_given_back_when_nobody_holds_it_any_more() {
        AtomicInteger given = new AtomicInteger();
        Stay stay = new Stay(given::incrementAndGet);
        assertThat(stay.hold()).isTrue();
        stay.end();
        assertThat(given).hasValue(0);
        stay.end();
        assertThat(given).hasValue(1);
        assertThat(stay.hold()).isFalse();
    }

    /** A request goes away at the moment in which it is let in. */
    @Test
    void whoever_is_first_it_is_given_back_once_and_nothing_runs_afterwards() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            CyclicBarrier together = new CyclicBarrier(2);
            for (int round = 0; round < 5000; round++) {
                AtomicInteger given = new AtomicInteger();
                AtomicBoolean ranAfterwards = new AtomicBoolean();
                Stay stay = new Stay(given::incrementAndGet);
                var away = threads.submit(() -> {
                    together.await();
                    stay.end();
                    return null;
                });
                var letIn = threads.submit(() -> {
                    together.await();
                    if (stay.hold()) {
                        ranAfterwards.set(given.get() > 0);
                        stay.end();
                    }
                    return null;
                });
                away.get();
                letIn.get();
                assertThat(given).hasValue(1);
                assertThat(ranAfterwards).isFalse();
            }
        }
    }
}
