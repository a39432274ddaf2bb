package io.ashlar.api.admin;

import static org.springframework.http.HttpMethod.GET;

import io.ashlar.api.Intake;
import io.ashlar.audit.AuditLog;
import io.ashlar.blueprint.Blueprints;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Upstreams;
import io.ashlar.identity.AdminKeys;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Members;
import io.ashlar.identity.SignInProviders;
import io.ashlar.identity.Tenants;
import io.ashlar.platform.Alarms;
import io.ashlar.platform.Platform;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.quota.WaitingLines;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.serving.Imports;
import io.ashlar.serving.ModelLibrary;
import io.ashlar.serving.RequestLog;
import io.ashlar.serving.Serving;
import io.ashlar.usage.RecentUsage;
import io.ashlar.usage.UsageReports;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** All that the admin API does, each as an {@link Operation} on the services that the console works with too. */
public final class AdminOperations {
    /** The services that they work with. */
    public record Services(
            Tenants tenants,
            ApiKeys keys,
            AdminKeys adminKeys,
            Members members,
            Catalog catalog,
            Upstreams upstreams,
            Serving serving,
            RequestLog log,
            LengthPredictor predictor,
            RecentUsage recent,
            Intake intake,
            WaitingLines lines,
            ModelLibrary library,
            Imports imports,
            Limits limits,
            Quotas quotas,
            ServiceClasses classes,
            UsageReports usage,
            AuditLog audit,
            Blueprints blueprints,
            SignInProviders providers,
            Platform platform,
            Alarms alarms,
            Clock clock) {}

    private final List<Operation> all = new ArrayList<>();

    public AdminOperations(Services services) {
        all.addAll(new TenantOperations(services).list);
        all.addAll(new ServingOperations(services).list);
        all.addAll(new PlatformOperations(services).list);
        all.addAll(new LiveOperations(services).list);
        all.add(new Operation(
                GET,
                Operations.AT + "/openapi.json",
                "This description.",
                null,
                Map.class,
                false,
                List.of(),
                c -> OpenApi.describe(all)));
    }

    List<Operation> all() {
        return List.copyOf(all);
    }

    /** What reads at a path; null where nothing does. */
    @Nullable
    Operation reading(String path) {
        return all.stream()
                .filter(o -> o.method() == GET && o.path().equals(path))
                .findFirst()
                .orElse(null);
    }
}
