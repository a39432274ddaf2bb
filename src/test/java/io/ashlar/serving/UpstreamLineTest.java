package io.ashlar.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.engine.EngineBusyException;
import io.ashlar.scheduler.LengthForecast;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.Terms;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UpstreamLineTest {
    private static ServiceClass serviceClass(String name, int order, int queue) {
        return new ServiceClass(name, order, Duration.ZERO, Duration.ZERO, 95, 1, queue, Duration.ZERO, true);
    }

    private static Terms of(String tenant, double weight, ServiceClass serviceClass) {
        return new Terms("far", tenant, weight, serviceClass, LengthForecast.NONE);
    }

    @Test
    void a_visitor_does_not_wait_behind_a_flood_and_a_higher_class_comes_first() {
        ServiceClass standard = serviceClass("standard", 1, 100);
        Terms flood = of("flood", 1, standard);
        Terms visitor = of("visitor", 1, standard);
        Terms urgent = of("urgent", 1, serviceClass("interactive", 0, 100));
        UpstreamLine<String> line = new UpstreamLine<>(1);
        assertThat(line.enter("flood 0", flood)).isTrue();
        line.charge(flood, 100);
        for (int i = 1; i < 20; i++) {
            assertThat(line.enter("flood " + i, flood)).isFalse();
        }
        line.enter("visitor", visitor);
        line.enter("urgent", urgent);
        assertThat(line.leave("flood 0", flood)).isEqualTo("urgent");
        line.charge(urgent, 1000);
        line.charge(flood, 1);
        assertThat(line.leave("urgent", urgent)).isEqualTo("visitor");
        assertThat(line.leave("flood 7", flood)).as("it waited").isNull();
        assertThat(line.leave("visitor", visitor)).isEqualTo("flood 1");
        assertThat(line.waiting()).isEqualTo(17);
        assertThat(line.taken()).isEqualTo(1);
    }

    @Test
    void tenants_that_all_have_enough_to_ask_for_get_tokens_by_their_weights() {
        ServiceClass standard = serviceClass("standard", 1, 1000);
        Map<String, Terms> terms = new HashMap<>();
        Map<String, Integer> tokens = new HashMap<>();
        UpstreamLine<String> line = new UpstreamLine<>(3);
        String[] running = new String[3];
        int started = 0;
        for (int i = 1; i <= 3; i++) {
            String tenant = "t" + i;
            terms.put(tenant, of(tenant, 1 << (i - 1), standard));
            for (int n = 0; n < 300; n++) {
                if (line.enter(tenant + "#" + n, terms.get(tenant))) {
                    running[started++] = tenant + "#" + n;
                }
            }
        }
        for (int n = 0; n < 400; n++) {
            String done = running[n % 3];
            String tenant = done.substring(0, 2);
            // Each takes as many tokens as it takes.
            int made = 50 + 13 * n % 40;
            line.charge(terms.get(tenant), made);
            tokens.merge(tenant, made, Integer::sum);
            running[n % 3] = line.leave(done, terms.get(tenant));
        }
        double one = tokens.get("t1");
        assertThat(tokens.get("t2") / one).isBetween(1.9, 2.1);
        assertThat(tokens.get("t3") / one).isBetween(3.8, 4.2);
    }

    @Test
    void nobody_saves_up_by_being_away_and_a_full_line_refuses() {
        ServiceClass short_ = serviceClass("short", 1, 2);
        Terms busy = of("busy", 1, short_);
        Terms back = of("back", 1, short_);
        UpstreamLine<String> line = new UpstreamLine<>(1);
        line.enter("b0", busy);
        line.charge(busy, 10_000);
        line.enter("b1", busy);
        line.enter("a0", back);
        assertThatThrownBy(() -> line.enter("b2", busy))
                .isInstanceOf(EngineBusyException.class)
                .hasMessageContaining("short");
        assertThat(line.leave("b0", busy))
                .as("lifted to the other's counter: who came first")
                .isEqualTo("b1");
    }
}
