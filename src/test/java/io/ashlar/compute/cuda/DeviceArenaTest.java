package io.ashlar.compute.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.compute.OutOfDeviceMemoryException;
import io.ashlar.compute.cuda.DeviceArena.Purpose;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class DeviceArenaTest {
    private static final long BASE = 1 << 20;
    private static final long BYTES = 1 << 20;

    @Property(tries = 100)
    void pieces_never_overlap_and_every_byte_comes_back(@ForAll long seed) {
        Random random = new Random(seed);
        DeviceArena arena = new DeviceArena("test", BASE, BYTES);
        TreeMap<Long, Long> held = new TreeMap<>();
        long used = 0;
        for (int i = 0; i < 200; i++) {
            if (random.nextInt(3) > 0 || held.isEmpty()) {
                long size = 1 + random.nextInt(60_000);
                try {
                    long at = arena.allocate(size, Purpose.WEIGHTS);
                    assertThat(at % DeviceArena.ALIGN).isZero();
                    assertThat(at).isBetween(BASE, BASE + BYTES - size);
                    Map.Entry<Long, Long> before = held.floorEntry(at);
                    assertThat(before == null || before.getKey() + before.getValue() <= at)
                            .isTrue();
                    Map.Entry<Long, Long> after = held.higherEntry(at);
                    assertThat(after == null || at + size <= after.getKey()).isTrue();
                    held.put(at, size);
                    used += (size + 255) / 256 * 256;
                } catch (OutOfDeviceMemoryException e) {
                    assertThat(arena.largestFree()).isLessThan(size);
                }
            } else {
                long at = held.keySet().stream()
                        .skip(random.nextInt(held.size()))
                        .findFirst()
                        .orElseThrow();
                long size = held.remove(at);
                arena.free(at, size, Purpose.WEIGHTS);
                used -= (size + 255) / 256 * 256;
            }
            assertThat(arena.usedBytes(Purpose.WEIGHTS)).isEqualTo(used);
            assertThat(arena.freeBytes()).isEqualTo(BYTES - used);
        }
        held.forEach((at, size) -> arena.free(at, size, Purpose.WEIGHTS));
        assertThat(arena.largestFree()).isEqualTo(BYTES);
    }

    @Test
    void what_was_given_back_twice_is_noticed() {
        DeviceArena arena = new DeviceArena("test", BASE, BYTES);
        long at = arena.allocate(1000, Purpose.PAGES);
        arena.free(at, 1000, Purpose.PAGES);
        assertThatThrownBy(() -> arena.free(at, 1000, Purpose.PAGES)).hasMessageContaining("twice");
    }

    @Test
    void a_refusal_says_how_much_there_is() {
        DeviceArena arena = new DeviceArena("cuda:0", BASE, BYTES);
        arena.allocate(1 << 19, Purpose.PAGES);
        assertThatThrownBy(() -> arena.allocate(1 << 20, Purpose.WEIGHTS))
                .isInstanceOf(OutOfDeviceMemoryException.class)
                .hasMessageContaining("cuda:0 has no 1048576 bytes left in one piece: 524288 of 1048576 are used");
    }
}
