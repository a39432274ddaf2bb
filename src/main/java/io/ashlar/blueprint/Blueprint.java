package io.ashlar.blueprint;

import io.ashlar.identity.Tenant;
import io.ashlar.quota.LimitKind;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A state of the platform as a file says it. A part that is left out stays as it is; a part that is there is whole: what it does
 * not name is removed. Tenants are the exception, since usage refers to them: one that is not named is suspended.
 *
 * @param serviceClasses by name
 * @param deployments by name
 * @param prices by deployment, in millionths of the currency for a million tokens
 * @param tenants by name
 */
public record Blueprint(
        @Nullable Map<String, ClassPlan> serviceClasses,
        @Nullable Map<String, DeploymentPlan> deployments,
        @Nullable Map<String, PricePlan> prices,
        @Nullable Map<String, TenantPlan> tenants) {
    /** A service class; times in milliseconds and seconds. */
    public record ClassPlan(
            Integer order,
            Integer ttftMs,
            Integer tpotMs,
            Double percentile,
            Double weight,
            Integer queueLength,
            Integer queueSeconds,
            Boolean preemptible) {}

    /**
     * Of a model, or of an upstream.
     *
     * @param policy null for the platform's
     */
    public record DeploymentPlan(
            @Nullable String model,
            @Nullable UpstreamPlan upstream,
            @Nullable Boolean sharesPrefixes,
            @Nullable String policy) {}

    /**
     * Another server. The key that it wants has no place in a file: it is set in the console or the admin API, and stays.
     *
     * @param most requests that it is given at a time
     */
    public record UpstreamPlan(
            String url,
            String model,
            Integer context,
            @Nullable Integer most) {}

    /** A price of each kind of token. */
    public record PricePlan(Long prompt, Long cached, Long completion) {}

    /** @param status {@code active} where nothing is said */
    public record TenantPlan(
            Tenant.@Nullable Status status,
            @Nullable String serviceClass,
            @Nullable Double weight,
            @Nullable List<String> projects,
            @Nullable List<String> grants,
            @Nullable List<LimitPlan> limits) {}

    /** @param project null for the tenant as a whole */
    public record LimitPlan(
            LimitKind kind,
            Long amount,
            @Nullable String project,
            @Nullable String model,
            @Nullable List<Integer> warnPercent,
            @Nullable Boolean overbooks) {}
}
