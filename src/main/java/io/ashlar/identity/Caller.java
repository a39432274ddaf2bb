package io.ashlar.identity;

import java.util.Set;
import java.util.UUID;

/**
 * Who sends a request.
 *
 * @param models the deployments that the tenant is granted, by name
 * @param serviceClass what the tenant is promised, by name
 * @param weight of the tenant beside others
 */
public record Caller(
        UUID tenant,
        String tenantName,
        UUID project,
        UUID key,
        Set<String> models,
        String serviceClass,
        double weight) {}
