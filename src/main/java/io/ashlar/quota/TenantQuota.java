package io.ashlar.quota;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;

/** The limits of a tenant, and what this process holds of them. */
final class TenantQuota {
    final UUID tenant;
    final ReentrantLock lock = new ReentrantLock();
    volatile List<Limit> limits;
    /** The current window's, by limit. */
    final Map<UUID, Meter> meters = new HashMap<>();
    /** Of windows that have passed, as long as something is reserved in them or has to be told. */
    final List<Meter> past = new ArrayList<>();

    TenantQuota(UUID tenant, List<Limit> limits) {
        this.tenant = tenant;
        this.limits = limits;
    }

    /** Nothing is left of what was granted for concurrent requests; those that run end as they are. Under the lock. */
    void dropConcurrent() {
        for (Meter meter : List.copyOf(meters.values())) {
            if (meter.limit.kind() == LimitKind.CONCURRENT_REQUESTS) {
                meters.remove(meter.limit.id());
                past.add(meter);
            }
        }
    }

    /** The meter of the window that {@code at} is in. Under the lock. */
    Meter meter(Limit limit, UUID process, Instant at) {
        Meter meter = meters.get(limit.id());
        if (meter != null && at.isBefore(meter.end)) {
            meter.limit = limit;
            return meter;
        }
        if (meter != null) {
            past.add(meter);
        }
        meter = new Meter(limit, process, at);
        meters.put(limit.id(), meter);
        return meter;
    }
}
