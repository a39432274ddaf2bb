package io.ashlar.simulator;

import io.ashlar.scheduler.Backlog;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.Scheduler;
import io.ashlar.scheduler.StepPlan;
import io.ashlar.scheduler.Terms;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A trace, served by a policy on a simulated engine. */
public final class Simulation {
    private static final long BACKLOG_NANOS = 50_000_000;

    private final Machine machine;
    private final Random random;
    private final LengthPredictor predictor = new LengthPredictor();
    private final Scheduler<SimulatedJob> scheduler;
    private final SimulatedPages pages;
    /** What the scheduler believes: it learns from the steps, as it does in an engine. */
    private final CostModel believed;

    private Backlog backlog = Backlog.none();
    private long backlogNanos = Long.MIN_VALUE;
    private long now;
    private long steps;
    private long busyNanos;

    /** @param seed of the steps' noise */
    public Simulation(Machine machine, Policy.Kind policy, Preemption preemption, long seed) {
        this.machine = machine;
        this.random = new Random(seed);
        this.pages = new SimulatedPages(machine);
        this.believed = machine.cost().copy();
        this.scheduler = new Scheduler<>(machine.limits(), preemption, believed, (job, what, why) -> {}, policy);
    }

    /** Answers that were seen before the trace begins. */
    public LengthPredictor predictor() {
        return predictor;
    }

    public long steps() {
        return steps;
    }

    public long preemptions() {
        return scheduler.preemptions();
    }

    /** Of the time until the last request ended, how much a step was under way. */
    public double busy() {
        return (double) busyNanos / Math.max(1, now);
    }

    /**
     * Runs until the last request has ended.
     *
     * @param arrivals in order of time
     * @return in the same order
     * @throws IllegalStateException if nothing can go on, because a request is larger than the machine
     */
    public List<Outcome> run(List<Arrival> arrivals) {
        return run(arrivals, Long.MAX_VALUE);
    }

    /**
     * The same, up to a point in time: what has not ended by then ends there, with what it made so far.
     *
     * @param until nanoseconds from the beginning
     */
    public List<Outcome> run(List<Arrival> arrivals, long until) {
        List<@Nullable Outcome> outcomes = new ArrayList<>(Collections.nCopies(arrivals.size(), null));
        int next = 0;
        int left = arrivals.size();
        while (left > 0 && now < until) {
            pages.advance(now, scheduler);
            while (next < arrivals.size() && arrivals.get(next).nanos() <= now) {
                Outcome refusal = arrive(arrivals.get(next), next);
                if (refusal != null) {
                    outcomes.set(next, refusal);
                    left--;
                }
                next++;
            }
            StepPlan<SimulatedJob> plan = scheduler.plan(now, pages);
            if (!plan.isEmpty()) {
                left -= step(plan, outcomes);
            } else {
                long arrival = next < arrivals.size() ? arrivals.get(next).nanos() : Long.MAX_VALUE;
                long event = Math.min(arrival, pages.nextNanos());
                if (event == Long.MAX_VALUE
                        && left > 0
                        && !scheduler.order().stream().anyMatch(j -> j.groups > 0)) {
                    throw new IllegalStateException(left + " requests can never run");
                }
                // A job that lost its pages is looked at again at once.
                now = event == Long.MAX_VALUE ? now + 1_000_000 : Math.max(event, now + 1);
            }
        }
        for (SimulatedJob job : scheduler.order()) {
            if (outcomes.get(job.index) == null) {
                outcomes.set(job.index, outcome(job));
            }
        }
        for (int i = 0; i < arrivals.size(); i++) {
            if (outcomes.get(i) == null) {
                outcomes.set(
                        i,
                        new Outcome(
                                arrivals.get(i),
                                -1,
                                -1,
                                Math.max(until, arrivals.get(i).nanos()),
                                0,
                                0,
                                0));
            }
        }
        return outcomes.stream().map(Objects::requireNonNull).toList();
    }

    private @Nullable Outcome arrive(Arrival a, int index) {
        Terms terms = new Terms(
                a.deployment(),
                a.tenant(),
                a.weight(),
                a.serviceClass(),
                predictor.forecast(a.tenant(), a.deployment(), a.prompt()));
        if (now - BACKLOG_NANOS >= backlogNanos) {
            backlog = scheduler.backlog(now, pages);
            backlogNanos = now;
        }
        long retry = backlog.enter(terms, a.prompt(), a.limit());
        if (retry > 0) {
            return new Outcome(a, -1, -1, a.nanos(), 0, 0, retry);
        }
        scheduler.add(new SimulatedJob(a, index, terms), now);
        return null;
    }

    /** Returns how many requests ended. */
    private int step(StepPlan<SimulatedJob> plan, List<@Nullable Outcome> outcomes) {
        int prefill = 0;
        int decodes = 0;
        long read = 0;
        for (int i = 0; i < plan.size(); i++) {
            SimulatedJob job = plan.job(i);
            int tokens = plan.tokens(i);
            read += CostModel.pagesRead(job.computed, tokens);
            if (tokens == 1 && job.made > 0) {
                decodes++;
            } else {
                prefill += tokens;
            }
            if (job.started < 0) {
                job.started = now;
            }
        }
        double factor = Math.max(0.2, 1 + machine.noise() * random.nextGaussian());
        long nanos = Math.max(1, (long) (machine.cost().nanos(prefill, decodes, read) * factor));
        believed.observe(prefill, decodes, read, nanos);
        now += nanos;
        busyNanos += nanos;
        steps++;
        int ended = 0;
        for (int i = 0; i < plan.size(); i++) {
            SimulatedJob job = plan.job(i);
            job.computed += plan.tokens(i);
            if (job.pending() == 0) {
                job.made++;
                if (job.firstToken < 0) {
                    job.firstToken = now;
                }
                if (job.made == job.arrival.answer()) {
                    outcomes.set(job.index, end(job));
                    ended++;
                }
            }
        }
        return ended;
    }

    private Outcome end(SimulatedJob job) {
        Arrival a = job.arrival;
        scheduler.remove(job);
        pages.free(job);
        predictor.observe(a.tenant(), a.deployment(), a.prompt(), job.made);
        return outcome(job);
    }

    private Outcome outcome(SimulatedJob job) {
        return new Outcome(job.arrival, job.started, job.firstToken, now, job.made, job.preemptions, 0);
    }
}
