package io.ashlar.quota;

import io.ashlar.scheduler.ServiceClass;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** How the promises of service classes were kept of late: in memory, of this process, bounded. */
public final class Attainment {
    private static final long WINDOW = Duration.ofMinutes(5).toNanos();
    private static final int MOST = 8192;
    /** Of fewer requests, one that was late says nothing yet. */
    private static final int FEWEST = 20;

    private record Ended(long nanos, boolean kept) {}

    private static final class Of {
        final Deque<Ended> ended = new ArrayDeque<>();
        int kept;

        void add(Ended e) {
            ended.addLast(e);
            kept += e.kept ? 1 : 0;
            if (ended.size() > MOST) {
                remove();
            }
        }

        void remove() {
            kept -= ended.removeFirst().kept ? 1 : 0;
        }
    }

    /**
     * A class whose promise was not kept.
     *
     * @param percent of its requests that kept their targets
     * @param promised percent of them that should
     */
    public record Missed(String serviceClass, double percent, double promised, int requests) {}

    private final Map<String, Of> classes = new TreeMap<>();
    private final Function<String, @Nullable ServiceClass> present;
    private final LongSupplier nanoTime;

    /** @param present the class of a name as it is now, null where there is none any more */
    public Attainment(Function<String, @Nullable ServiceClass> present, LongSupplier nanoTime) {
        this.present = present;
        this.nanoTime = nanoTime;
    }

    /** A request of a class with targets ended. */
    public synchronized void note(String serviceClass, boolean kept) {
        classes.computeIfAbsent(serviceClass, n -> new Of()).add(new Ended(nanoTime.getAsLong(), kept));
    }

    /** Classes that kept their targets less often in the last five minutes than they should. One that was removed owes nothing. */
    public synchronized List<Missed> missed() {
        List<Missed> missed = new ArrayList<>();
        long oldest = nanoTime.getAsLong() - WINDOW;
        classes.keySet().removeIf(name -> present.apply(name) == null);
        classes.forEach((name, of) -> {
            while (!of.ended.isEmpty() && of.ended.getFirst().nanos - oldest < 0) {
                of.remove();
            }
            int requests = of.ended.size();
            double percent = requests == 0 ? 100 : 100.0 * of.kept / requests;
            ServiceClass promised = present.apply(name);
            if (promised != null && requests >= FEWEST && percent < promised.percentile()) {
                missed.add(new Missed(name, percent, promised.percentile(), requests));
            }
        });
        return missed;
    }
}
