package io.ashlar.usage;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/** The last requests that ended, for what is shown live: bounded, in memory, of this process. */
public final class RecentUsage {
    private static final int MOST = 16_384;

    /** A request that ended; -1 where it has no such time. */
    private record Ended(long nanos, UUID tenant, long tokens, long ttftMicros, long tpotMicros) {}

    /**
     * A summary.
     *
     * @param ttft times to the first token in milliseconds: the median and the 95th percentile; -1 where there is none
     * @param tpot times for each token after the first, likewise
     * @param tokens by tenant
     */
    public record Summary(
            double requestsPerSecond,
            double ttft50,
            double ttft95,
            double tpot50,
            double tpot95,
            Map<UUID, Long> tokens) {}

    private final Ended[] ring = new Ended[MOST];
    private final LongSupplier nanoTime;
    private long count;

    public RecentUsage(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    public void note(UsageRecord row) {
        Long ttft = row.ttftMicros();
        long after = row.completionTokens() - 1L;
        Ended ended = new Ended(
                nanoTime.getAsLong(),
                row.start().tenant(),
                (long) row.start().promptTokens() + row.completionTokens(),
                ttft == null ? -1 : ttft,
                ttft == null || after < 1 ? -1 : (row.totalMicros() - ttft) / after);
        synchronized (this) {
            ring[(int) (count++ % MOST)] = ended;
        }
    }

    /** Of the requests that ended within {@code window} before now. */
    public Summary summary(Duration window) {
        long now = nanoTime.getAsLong();
        List<Ended> ended = new ArrayList<>();
        synchronized (this) {
            for (long i = count - 1; i >= 0 && i >= count - MOST; i--) {
                Ended e = ring[(int) (i % MOST)];
                if (now - e.nanos > window.toNanos()) {
                    break;
                }
                ended.add(e);
            }
        }
        Map<UUID, Long> tokens = new HashMap<>();
        ended.forEach(e -> tokens.merge(e.tenant, e.tokens, Long::sum));
        long[] ttft = sorted(ended, Ended::ttftMicros);
        long[] tpot = sorted(ended, Ended::tpotMicros);
        return new Summary(
                ended.size() / (window.toMillis() / 1000.0),
                at(ttft, 0.5),
                at(ttft, 0.95),
                at(tpot, 0.5),
                at(tpot, 0.95),
                tokens);
    }

    private static long[] sorted(List<Ended> ended, ToLongFunction<Ended> value) {
        long[] values = ended.stream().mapToLong(value).filter(v -> v >= 0).toArray();
        Arrays.sort(values);
        return values;
    }

    private static double at(long[] sorted, double part) {
        return sorted.length == 0 ? -1 : sorted[(int) Math.min(sorted.length - 1, part * sorted.length)] / 1000.0;
    }
}
