package io.ashlar.simulator;

import io.ashlar.scheduler.Job.Place;
import io.ashlar.scheduler.Pages;
import io.ashlar.scheduler.Scheduler;
import java.util.ArrayDeque;

/** Pages of 16 tokens, on a device and in host memory; a byte is a token. One move at a time, each takes its time. */
final class SimulatedPages implements Pages<SimulatedJob> {
    private static final int TOKENS = 16;

    private record Move(SimulatedJob job, boolean out, long groups, long endNanos) {}

    private final double moveTokensPerSecond;
    private final ArrayDeque<Move> moves = new ArrayDeque<>();
    private long free;
    private long hostFree;
    private long now;
    private long busyUntil;

    SimulatedPages(Machine machine) {
        this.free = machine.pageTokens() / TOKENS;
        this.hostFree = machine.hostTokens() / TOKENS;
        this.moveTokensPerSecond = machine.moveTokensPerSecond();
    }

    private static long groups(int tokens) {
        return (tokens + TOKENS - 1) / TOKENS;
    }

    private boolean take(SimulatedJob job, long groups) {
        if (groups - job.groups > free) {
            return false;
        }
        free -= groups - job.groups;
        job.groups = groups;
        return true;
    }

    @Override
    public boolean admit(SimulatedJob job) {
        return take(job, groups(job.length()));
    }

    @Override
    public boolean grow(SimulatedJob job) {
        return take(job, Math.max(job.groups, groups(job.length())));
    }

    @Override
    public void release(SimulatedJob job) {
        free(job);
        job.computed = 0;
        job.preemptions++;
    }

    void free(SimulatedJob job) {
        free += job.groups;
        job.groups = 0;
    }

    @Override
    public boolean moveOut(SimulatedJob job) {
        if (job.groups > hostFree) {
            return false;
        }
        hostFree -= job.groups;
        job.hostGroups = job.groups;
        job.preemptions++;
        begin(job, true, job.groups);
        return true;
    }

    @Override
    public boolean moveIn(SimulatedJob job) {
        long groups = groups(job.length());
        if (groups > free) {
            return false;
        }
        long moved = groups(job.computed);
        free -= groups;
        job.groups = groups;
        begin(job, false, moved);
        return true;
    }

    private void begin(SimulatedJob job, boolean out, long groups) {
        busyUntil = Math.max(busyUntil, now) + (long) (groups * TOKENS * 1e9 / moveTokensPerSecond);
        moves.add(new Move(job, out, groups, busyUntil));
    }

    /** Ends the moves that are through by now. */
    void advance(long nowNanos, Scheduler<SimulatedJob> scheduler) {
        now = nowNanos;
        while (!moves.isEmpty() && moves.peek().endNanos <= nowNanos) {
            Move move = moves.remove();
            SimulatedJob job = move.job;
            if (move.out) {
                scheduler.movedOut(job);
                free(job);
            } else {
                hostFree += job.hostGroups;
                job.hostGroups = 0;
                scheduler.movedIn(job);
            }
        }
    }

    /** When the next move ends; {@link Long#MAX_VALUE} when there is none. */
    long nextNanos() {
        return moves.isEmpty() ? Long.MAX_VALUE : moves.peek().endNanos;
    }

    @Override
    public long free() {
        return free * TOKENS;
    }

    @Override
    public long bytes(SimulatedJob job, int tokens) {
        return groups(tokens) * TOKENS;
    }

    @Override
    public long held(SimulatedJob job) {
        return job.place() == Place.AWAY ? 0 : job.groups * TOKENS;
    }

    @Override
    public double moveBytesPerSecond() {
        return moveTokensPerSecond;
    }
}
