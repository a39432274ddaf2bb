package io.ashlar.scheduler.policy;

import io.ashlar.scheduler.Accounts;
import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.Policy;

/**
 * The tenant that was served least is admitted next (Sheng et al., OSDI 2024); who has pages goes on, as in the paper.
 */
final class VirtualTokenCounters implements Policy {
    private final Accounts accounts;

    VirtualTokenCounters(Accounts accounts) {
        this.accounts = accounts;
    }

    @Override
    public long rank(Job job, long nowNanos) {
        if (job.place() != Job.Place.WAITING) {
            return job.decoding() ? 0 : 1;
        }
        return 2 + (long) Math.clamp(accounts.ahead(job.account()), 0.0, 1e12);
    }
}
