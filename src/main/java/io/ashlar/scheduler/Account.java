package io.ashlar.scheduler;

/** What a tenant was served. */
public final class Account {
    private final String tenant;
    double counter;
    int jobs;
    /** What it was served of late, in the unit of {@link Accounts}; halves every {@link Accounts#HALF_LIFE_NANOS}. */
    double recent;

    boolean withinShare = true;
    /** The shortest time to a first token that those of its jobs were promised which came since it was last away; 0 for none. */
    long promisedNanos;

    /** The largest weight among those of its jobs. */
    double weight = 1;

    Account(String tenant) {
        this.tenant = tenant;
    }

    public String tenant() {
        return tenant;
    }

    /** The virtual token counter: (prefill tokens + 2 x decode tokens) / weight. */
    public double counter() {
        return counter;
    }
}
