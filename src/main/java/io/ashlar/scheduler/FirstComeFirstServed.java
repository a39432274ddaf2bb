package io.ashlar.scheduler;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Jobs in order of arrival. Decodes go first, then prefill in chunks up to the step's budget, then new jobs while their
 * pages fit. Out of pages, the youngest running job gives its pages up and waits at the front of the queue.
 */
public final class FirstComeFirstServed<J extends Job> implements Policy<J> {
    private final StepLimits limits;
    private final ArrayDeque<J> waiting = new ArrayDeque<>();
    private final StepPlan<J> plan = new StepPlan<>();
    private final List<J> running = new ArrayList<>();

    public FirstComeFirstServed(StepLimits limits) {
        this.limits = limits;
    }

    @Override
    public void add(J job) {
        waiting.addLast(job);
    }

    @Override
    public void remove(J job) {
        if (!running.remove(job)) {
            waiting.remove(job);
        }
    }

    @Override
    public StepPlan<J> plan(long nowNanos, Pages<J> pages) {
        plan.clear();
        int budget = decodes(limits.tokens(), pages);
        budget = prefills(budget);
        admissions(budget, pages);
        return plan;
    }

    private int decodes(int budget, Pages<J> pages) {
        int left = budget;
        for (int i = 0; i < running.size() && left > 0; i++) {
            J job = running.get(i);
            if (job.pending() == 1 && job.ready() && makeRoom(job, i, pages)) {
                plan.add(job, 1);
                left--;
            }
        }
        return left;
    }

    /** Preempts from the end of the order until the job's next token fits; false when the job itself had to go. */
    private boolean makeRoom(J job, int index, Pages<J> pages) {
        while (!pages.grow(job)) {
            J youngest = running.removeLast();
            pages.release(youngest);
            waiting.addFirst(youngest);
            if (running.size() == index) {
                return false;
            }
        }
        return true;
    }

    private int prefills(int budget) {
        int left = budget;
        for (int i = 0; i < running.size() && left > 0; i++) {
            J job = running.get(i);
            if (job.pending() > 1 && job.ready()) {
                int tokens = Math.min(left, job.pending());
                plan.add(job, tokens);
                left -= tokens;
            }
        }
        return left;
    }

    private void admissions(int budget, Pages<J> pages) {
        int left = budget;
        for (Iterator<J> queue = waiting.iterator(); queue.hasNext() && left > 0 && running.size() < limits.jobs(); ) {
            J job = queue.next();
            if (!job.ready()) {
                continue;
            }
            if (!pages.admit(job)) {
                return;
            }
            queue.remove();
            running.add(job);
            int tokens = Math.min(left, job.pending());
            plan.add(job, tokens);
            left -= tokens;
        }
    }

    @Override
    public int running() {
        return running.size();
    }

    @Override
    public int waiting() {
        return waiting.size();
    }
}
