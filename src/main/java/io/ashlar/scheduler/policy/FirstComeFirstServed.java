package io.ashlar.scheduler.policy;

import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.Policy;

/** Answers that have begun, then prompts that have, then new ones; each in order of arrival. */
final class FirstComeFirstServed implements Policy {
    @Override
    public long rank(Job job, long nowNanos) {
        if (job.decoding()) {
            return 0;
        }
        return job.place() == Job.Place.WAITING ? 2 : 1;
    }
}
