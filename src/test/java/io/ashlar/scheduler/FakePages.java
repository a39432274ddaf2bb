package io.ashlar.scheduler;

import java.util.ArrayList;
import java.util.List;

/** Pages of 16 tokens, so and so many; a byte is a token. Moves end when the test says so. */
final class FakePages implements Pages<FakeJob> {
    int free;
    int hostFree;
    final List<FakeJob> leaving = new ArrayList<>();
    final List<FakeJob> returning = new ArrayList<>();

    FakePages(int free, int hostFree) {
        this.free = free;
        this.hostFree = hostFree;
    }

    private static int needed(int tokens) {
        return (tokens + 15) / 16;
    }

    private boolean take(FakeJob job) {
        int more = needed(job.length()) - job.pages;
        if (more > free) {
            return false;
        }
        free -= Math.max(0, more);
        job.pages += Math.max(0, more);
        return true;
    }

    @Override
    public boolean admit(FakeJob job) {
        return take(job);
    }

    @Override
    public boolean grow(FakeJob job) {
        return take(job);
    }

    @Override
    public void release(FakeJob job) {
        giveBack(job);
        job.computed = 0;
    }

    void giveBack(FakeJob job) {
        free += job.pages;
        job.pages = 0;
        hostFree += job.hostPages;
        job.hostPages = 0;
        leaving.remove(job);
        returning.remove(job);
    }

    @Override
    public boolean moveOut(FakeJob job) {
        if (job.pages > hostFree) {
            return false;
        }
        hostFree -= job.pages;
        job.hostPages = job.pages;
        leaving.add(job);
        return true;
    }

    @Override
    public boolean moveIn(FakeJob job) {
        if (!take(job)) {
            return false;
        }
        returning.add(job);
        return true;
    }

    /** Ends the moves that are under way. */
    void endMoves(Scheduler<FakeJob> scheduler) {
        for (FakeJob job : leaving) {
            free += job.pages;
            job.pages = 0;
            scheduler.movedOut(job);
        }
        leaving.clear();
        for (FakeJob job : returning) {
            hostFree += job.hostPages;
            job.hostPages = 0;
            scheduler.movedIn(job);
        }
        returning.clear();
    }

    @Override
    public long free() {
        return free * 16L;
    }

    @Override
    public long bytes(FakeJob job, int tokens) {
        return needed(tokens) * 16L;
    }

    @Override
    public long held(FakeJob job) {
        return job.pages * 16L;
    }

    @Override
    public double moveBytesPerSecond() {
        return 1e12;
    }
}
