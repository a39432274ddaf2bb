package io.ashlar.scheduler;

/**
 * For whom a job runs, and what they were promised.
 *
 * @param deployment whose policy orders it
 * @param weight of the tenant beside other tenants
 * @param forecast how long its answer may become
 */
public record Terms(
        String deployment, String tenant, double weight, ServiceClass serviceClass, LengthForecast forecast) {
    /** One tenant, nothing promised, nothing known. */
    public static final Terms NONE = new Terms("", "", 1, ServiceClass.NONE, LengthForecast.NONE);

    public Terms {
        if (!(weight > 0)) {
            throw new IllegalArgumentException("a tenant's weight is above 0, not " + weight);
        }
    }
}
