import com.sun.management.ThreadMXBean;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.LengthForecast;
import io.ashlar.scheduler.Pages;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.Scheduler;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.scheduler.StepPlan;
import io.ashlar.scheduler.Terms;
import io.ashlar.scheduler.policy.Policies;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;

/** What a plan costs with 256 jobs running and 1,000 waiting, in microseconds and bytes. */
class PlanCost {
    static final class Ask extends Job {
        private final int prompt;
        private int made;
        private int computed;

        Ask(Terms terms, long at, int prompt) {
            super(terms, at);
            this.prompt = prompt;
        }

        public int pending() {
            return prompt + made - computed;
        }

        public boolean ready() {
            return true;
        }

        public int promptLength() {
            return prompt;
        }

        public int made() {
            return made;
        }

        public int limit() {
            return 100_000;
        }
    }

    /** Pages for 256 jobs. */
    static final class Room implements Pages<Ask> {
        private int left = 256;

        public boolean admit(Ask job) {
            return left > 0 && left-- > 0;
        }

        public boolean grow(Ask job) {
            return true;
        }

        public void release(Ask job) {
            left++;
        }

        public boolean moveOut(Ask job) {
            return false;
        }

        public boolean moveIn(Ask job) {
            return false;
        }

        public long free() {
            return 1L << 40;
        }

        public long bytes(Ask job, int tokens) {
            return (tokens + 15) / 16 * 16L;
        }

        public long held(Ask job) {
            return bytes(job, job.length());
        }

        public double moveBytesPerSecond() {
            return 1e9;
        }
    }

    /** Median and 95th percentile in microseconds, bytes allocated per plan. */
    static double[] of(Policies policy) {
        Scheduler<Ask> scheduler = new Scheduler<>(
                new StepLimits(2048, 256), Preemption.PROACTIVE, new CostModel(8e6, 20_000, 60_000, 300), (j, w, y) -> {}, policy);
        Room pages = new Room();
        Random random = new Random(1);
        for (int i = 0; i < 1256; i++) {
            ServiceClass of = new ServiceClass("c" + i % 3, i % 3, Duration.ofSeconds(5), Duration.ofMillis(200), 95, 1, 9999,
                    Duration.ofSeconds(30), true);
            Terms terms = new Terms("m", "t" + i % 20, 1, of, LengthForecast.NONE);
            scheduler.add(new Ask(terms, i, 100 + random.nextInt(200)), 0);
        }
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        int steps = 6000;
        int warm = 3000;
        double[] micros = new double[steps];
        long bytes = 0;
        long now = 0;
        for (int step = 0; step < steps; step++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            long start = System.nanoTime();
            StepPlan<Ask> plan = scheduler.plan(now, pages);
            micros[step] = (System.nanoTime() - start) / 1e3;
            bytes += step < warm ? 0 : threads.getCurrentThreadAllocatedBytes() - before;
            for (int i = 0; i < plan.size(); i++) {
                Ask job = plan.job(i);
                job.computed += plan.tokens(i);
                job.made += job.pending() == 0 ? 1 : 0;
            }
            now += 20_000_000;
        }
        Arrays.sort(micros, warm, steps);
        return new double[] {
            micros[(warm + steps) / 2], micros[warm + (steps - warm) * 95 / 100], (double) bytes / (steps - warm)
        };
    }
}
