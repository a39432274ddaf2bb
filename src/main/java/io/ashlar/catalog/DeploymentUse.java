package io.ashlar.catalog;

import java.util.List;

/**
 * Who a deployment is for.
 *
 * @param tenants that may use it
 * @param classes service classes of those tenants, by name
 * @param limits that are for this deployment alone
 */
public record DeploymentUse(int tenants, List<String> classes, int limits) {
    public static final DeploymentUse NONE = new DeploymentUse(0, List.of(), 0);
}
