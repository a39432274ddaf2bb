package io.ashlar.scheduler.policy;

import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.StepLimits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Batches by predicted length and deadline (He, Xu et al., "UELLM: A Unified and Efficient Approach for LLM Inference Serving",
 * ICSOC 2024). What has come is sorted and cut into batches; when all of them have begun, what came since is. A batch goes
 * before those formed after it. Where the paper waits for the last of a batch, here the next one fills the places that become
 * free: nothing is gained by leaving them empty.
 */
final class Batches implements Policy {
    /** How the paper's three policies differ. */
    enum By {
        /** Alike in predicted length, so that few pages are held for nothing. */
        LENGTH,
        /** By deadline. */
        DEADLINE,
        /** By deadline, and cut where predicted latency and waste together become too much. */
        BOTH
    }

    private static final double MOST_WASTE = 0.3;
    private static final double LATENCY_WEIGHT = 0.5;
    private static final double WASTE_WEIGHT = 0.5;

    private final By by;
    private final CostModel cost;
    private final StepLimits limits;
    private final List<Job> unbatched = new ArrayList<>();
    private long batches;

    Batches(By by, CostModel cost, StepLimits limits) {
        this.by = by;
        this.cost = cost;
        this.limits = limits;
    }

    @Override
    public void prepare(List<? extends Job> jobs, long nowNanos) {
        unbatched.clear();
        for (int i = 0; i < jobs.size(); i++) {
            Job job = jobs.get(i);
            if (job.batch() < 0) {
                unbatched.add(job);
            } else if (job.place() == Job.Place.WAITING && job.made() == 0) {
                return; // of those batched before, not all have begun
            }
        }
        if (!unbatched.isEmpty()) {
            form(nowNanos);
        }
    }

    private void form(long nowNanos) {
        unbatched.sort(
                by == By.LENGTH
                        ? Comparator.comparingInt(Job::predictedAnswer)
                        : Comparator.comparingLong(Job::deadlineNanos));
        int size = 0;
        int longest = 0;
        long total = 0;
        double prefill = 0;
        double slack = Double.MAX_VALUE;
        batches++;
        for (int i = 0; i < unbatched.size(); i++) {
            Job job = unbatched.get(i);
            int answer = job.predictedAnswer();
            int longestWith = Math.max(longest, answer);
            double waste = 1 - (double) (total + answer) / ((long) longestWith * (size + 1));
            double prefillWith = prefill + cost.prefill(job.length(), 0);
            double slackWith = Math.min(slack, (double) job.deadlineNanos() - nowNanos);
            if (size > 0 && (size == limits.jobs() || isTooMuch(waste, prefillWith, slackWith))) {
                batches++;
                size = 0;
                longestWith = answer;
                total = 0;
                prefillWith = cost.prefill(job.length(), 0);
                slackWith = (double) job.deadlineNanos() - nowNanos;
            }
            job.enterBatch(batches);
            size++;
            longest = longestWith;
            total += answer;
            prefill = prefillWith;
            slack = slackWith;
        }
    }

    /** @param prefill time until the last of the batch has its first token */
    private boolean isTooMuch(double waste, double prefill, double slack) {
        return switch (by) {
            case LENGTH -> waste > MOST_WASTE;
            case DEADLINE -> false;
            case BOTH -> LATENCY_WEIGHT * prefill / Math.max(slack, 1) + WASTE_WEIGHT * waste > 1;
        };
    }

    @Override
    public long rank(Job job, long nowNanos) {
        long place = job.decoding() ? 0 : job.place() == Job.Place.WAITING ? 2 : 1;
        return job.batch() * 3 + place;
    }
}
