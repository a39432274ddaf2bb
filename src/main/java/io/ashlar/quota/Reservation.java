package io.ashlar.quota;

import java.util.ArrayList;
import java.util.List;

/** What was set aside for a request that runs. To be settled exactly once. */
public final class Reservation {
    final TenantQuota tenant;
    final String model;
    final List<Meter> meters = new ArrayList<>();
    final List<Long> amounts = new ArrayList<>();
    final List<String> warnings = new ArrayList<>();
    boolean settled;

    Reservation(TenantQuota tenant, String model) {
        this.tenant = tenant;
        this.model = model;
    }

    /** Soft budgets that were reached, in words. */
    public List<String> warnings() {
        return List.copyOf(warnings);
    }
}
