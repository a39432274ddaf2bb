package io.ashlar.identity;

import java.util.Set;
import java.util.UUID;

/**
 * Who sends a request.
 *
 * @param models the deployments that the tenant is granted, by name
 * @param serviceClass what the tenant is promised, by name
 * @param weight of the tenant beside others
 * @param logsContent whether what is said is kept for a while
 */
public record Caller(
        UUID tenant,
        String tenantName,
        UUID project,
        UUID key,
        Set<String> models,
        String serviceClass,
        double weight,
        boolean logsContent) {}
