package io.ashlar.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.compute.Device;
import io.ashlar.compute.TestDevices;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class PagePoolTest {
    private static final long SLAB = 1 << 12;
    private static final long[] SIZES = {256, 384, 1000, 4096};

    @Property(tries = 100)
    void pages_never_overlap_and_all_memory_comes_back(@ForAll long seed) {
        Random random = new Random(seed);
        try (Device device = TestDevices.open()) {
            PagePool pool = new PagePool(device, 16 * SLAB, SLAB);
            TreeMap<Long, Long> held = new TreeMap<>();
            List<long[]> groups = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
                if (random.nextInt(3) > 0) {
                    long size = SIZES[random.nextInt(SIZES.length)];
                    long[] pages = new long[1 + random.nextInt(4)];
                    long before = pool.usedBytes();
                    if (pool.allocate(size, pages)) {
                        for (long page : pages) {
                            var below = held.floorEntry(page);
                            var above = held.ceilingKey(page);
                            assertThat(below == null || below.getKey() + below.getValue() <= page)
                                    .isTrue();
                            assertThat(above == null || page + size <= above).isTrue();
                            assertThat(page + size).isLessThanOrEqualTo(pool.bytes());
                            held.put(page, size);
                        }
                        groups.add(pages);
                    } else {
                        assertThat(pool.usedBytes())
                                .as("nothing is kept of what did not fit")
                                .isEqualTo(before);
                    }
                } else if (!groups.isEmpty()) {
                    for (long page : groups.remove(random.nextInt(groups.size()))) {
                        pool.free(page);
                        held.remove(page);
                    }
                }
            }
            groups.forEach(g -> java.util.Arrays.stream(g).forEach(pool::free));
            assertThat(pool.usedBytes()).isZero();
            assertThat(pool.allocate(SLAB, new long[16]))
                    .as("every slab is whole again")
                    .isTrue();
            pool.close();
        }
    }
}
