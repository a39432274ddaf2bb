package io.ashlar.quota;

import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** How many requests each tenant may have in flight, so that none can fill the platform alone. */
public final class ConcurrencyLimit {
    private final int perTenant;
    private final ConcurrentHashMap<UUID, Integer> inFlight = new ConcurrentHashMap<>();

    public ConcurrencyLimit(int perTenant) {
        this.perTenant = perTenant;
    }

    public int perTenant() {
        return perTenant;
    }

    /** Takes a place; every true is answered by one {@link #leave}. */
    public boolean enter(UUID tenant) {
        boolean[] entered = {false};
        inFlight.compute(tenant, (id, count) -> {
            int now = count == null ? 0 : count;
            entered[0] = now < perTenant;
            return entered[0] ? now + 1 : count;
        });
        return entered[0];
    }

    public void leave(UUID tenant) {
        inFlight.computeIfPresent(tenant, (id, count) -> count == 1 ? null : count - 1);
    }

    /** Requests in flight of all tenants. */
    public int total() {
        return inFlight.values().stream().mapToInt(Integer::intValue).sum();
    }
}
