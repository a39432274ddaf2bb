package io.ashlar.api.admin;

import static org.springframework.http.HttpMethod.DELETE;
import static org.springframework.http.HttpMethod.GET;
import static org.springframework.http.HttpMethod.POST;
import static org.springframework.http.HttpMethod.PUT;

import io.ashlar.identity.ApiKey;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Project;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.Limit;
import io.ashlar.quota.LimitKind;
import io.ashlar.quota.Limits;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Tenants: their projects, grants, keys and limits. */
final class TenantOperations extends Operations {
    private static final String TENANT = AT + "/tenants/{tenant}";

    record NewTenant(
            String name,
            @Nullable String serviceClass,
            @Nullable Double weight,
            @Nullable List<String> models) {}

    record TenantChange(
            @Nullable String serviceClass,
            @Nullable Double weight,
            Tenant.@Nullable Status status,
            @Nullable Boolean logsContent) {}

    record NewKey(
            String name, @Nullable String project, @Nullable Instant expiresAt) {}

    record NewLimit(
            LimitKind kind,
            Long amount,
            @Nullable UUID project,
            @Nullable UUID key,
            @Nullable String model,
            @Nullable List<Integer> warnPercent,
            @Nullable Boolean overbooks) {}

    record LimitLine(
            UUID id,
            Limit.Level level,
            String subject,
            @Nullable UUID project,
            @Nullable UUID key,
            @Nullable String model,
            LimitKind kind,
            long amount,
            List<Integer> warnPercent,
            boolean overbooks,
            @Nullable Long used) {}

    TenantOperations(AdminOperations.Services services) {
        super(services);
        tenants();
        keys();
        limits();
    }

    private void tenants() {
        many(AT + "/tenants", "Tenants, by name.", Tenant.class, List.of("name", "status"), c -> {
            Tenant.Status status = c.textOrNull("status") == null ? null : constant(c, "status", Tenant.Status.class);
            Tenants.Search search = new Tenants.Search(c.text("name"), status);
            List<Tenant> found = s.tenants().after(search, c.text("after"), c.limit() + 1, c.actor());
            boolean more = found.size() > c.limit();
            List<Tenant> page = more ? found.subList(0, c.limit()) : found;
            return new Operation.Page<>(page, more ? page.getLast().name() : null);
        });
        one(POST, AT + "/tenants", "Creates a tenant.", NewTenant.class, Tenant.class, c -> {
            NewTenant wanted = c.body(NewTenant.class);
            UUID id = s.tenants().create(wanted.name, c.actor());
            if (wanted.serviceClass != null || wanted.weight != null) {
                setService(s.tenants().byId(id, c.actor()).orElseThrow(), wanted.serviceClass, wanted.weight, c);
            }
            if (wanted.models != null) {
                wanted.models.forEach(m -> s.catalog().grant(id, m, c.actor()));
            }
            return s.tenants().byId(id, c.actor()).orElseThrow();
        });
        one(GET, TENANT, "A tenant.", null, Tenant.class, this::tenant);
        one(PUT, TENANT, "Changes what is said, and leaves the rest.", TenantChange.class, Tenant.class, c -> {
            Tenant tenant = tenant(c);
            TenantChange change = c.body(TenantChange.class);
            if (change.serviceClass != null || change.weight != null) {
                setService(tenant, change.serviceClass, change.weight, c);
            }
            if (change.status == Tenant.Status.SUSPENDED) {
                s.tenants().suspend(tenant.id(), c.actor());
            } else if (change.status == Tenant.Status.ACTIVE) {
                s.tenants().resume(tenant.id(), c.actor());
            }
            if (change.logsContent != null) {
                s.tenants().setLogsContent(tenant.id(), change.logsContent, c.actor());
            }
            return tenant(c);
        });
        many(
                TENANT + "/projects",
                "A tenant's projects.",
                Project.class,
                List.of(),
                c -> Operation.Page.whole(s.tenants().projects(tenant(c).id(), c.actor())));
        one(POST, TENANT + "/projects", "Creates a project.", Named.class, Project.class, c -> {
            Tenant tenant = tenant(c);
            UUID id = s.tenants().createProject(tenant.id(), c.body(Named.class).name(), c.actor());
            return s.tenants().projects(tenant.id(), c.actor()).stream()
                    .filter(p -> p.id().equals(id))
                    .findFirst()
                    .orElseThrow();
        });
        one(DELETE, TENANT + "/projects/{project}", "Removes a project that never had a key.", null, null, c -> {
            s.tenants().removeProject(tenant(c).id(), c.variable("project"), c.actor());
            return null;
        });
        many(
                TENANT + "/grants",
                "The deployments that a tenant may use.",
                Named.class,
                List.of(),
                c -> Operation.Page.whole(s.catalog().grantsOf(tenant(c).id(), c.actor()).stream()
                        .map(Named::new)
                        .toList()));
        one(PUT, TENANT + "/grants/{*deployment}", "Lets a tenant use a deployment.", null, Named.class, c -> {
            String deployment = c.variable("deployment").substring(1);
            s.catalog().grant(tenant(c).id(), deployment, c.actor());
            return new Named(deployment);
        });
        one(DELETE, TENANT + "/grants/{*deployment}", "Takes a grant back.", null, null, c -> {
            found(
                    s.catalog()
                            .withdraw(tenant(c).id(), c.variable("deployment").substring(1), c.actor()),
                    "deployment",
                    "grant");
            return null;
        });
    }

    private void setService(Tenant tenant, @Nullable String serviceClass, @Nullable Double weight, Call c) {
        s.classes()
                .setTenant(
                        tenant.id(),
                        serviceClass == null ? tenant.serviceClass() : serviceClass,
                        weight == null ? tenant.weight() : weight,
                        c.actor());
    }

    private void keys() {
        many(
                TENANT + "/keys",
                "A tenant's API keys, without their secrets.",
                ApiKey.class,
                List.of(),
                c -> c.page(s.keys().ofTenant(tenant(c).id(), c.offset(), c.limit() + 1, c.actor())));
        one(POST, TENANT + "/keys", "Creates an API key; its text is told once.", NewKey.class, MadeKey.class, c -> {
            NewKey wanted = c.body(NewKey.class);
            String project = wanted.project == null ? Tenants.FIRST_PROJECT : wanted.project;
            ApiKeys.Made made = s.keys().create(tenant(c).id(), project, wanted.name, wanted.expiresAt, c.actor());
            return new MadeKey(made.id(), made.text());
        });
        one(DELETE, TENANT + "/keys/{id}", "Revokes an API key.", null, null, c -> {
            found(s.keys().revoke(tenant(c).id(), c.id("id"), c.actor()), "id", "key");
            return null;
        });
    }

    private void limits() {
        many(
                TENANT + "/limits",
                "A tenant's limits, and what this server has used of them.",
                LimitLine.class,
                List.of(),
                c -> {
                    Tenant tenant = tenant(c);
                    Map<UUID, Long> used = s.quotas().used(tenant.id());
                    return Operation.Page.whole(s.limits().ofTenant(tenant.id(), c.actor()).stream()
                            .map(l -> line(l, used.get(l.id())))
                            .toList());
                });
        one(
                POST,
                TENANT + "/limits",
                "Sets a limit, or changes the one of its kind.",
                NewLimit.class,
                LimitLine.class,
                c -> {
                    NewLimit wanted = c.body(NewLimit.class);
                    Limits.Wanted limit = new Limits.Wanted(
                            wanted.project,
                            wanted.key,
                            wanted.model,
                            wanted.kind,
                            wanted.amount,
                            wanted.warnPercent == null ? List.of() : wanted.warnPercent,
                            Boolean.TRUE.equals(wanted.overbooks));
                    return line(s.limits().set(tenant(c).id(), limit, c.actor()), null);
                });
        one(DELETE, TENANT + "/limits/{id}", "Removes a limit.", null, null, c -> {
            found(s.limits().remove(tenant(c).id(), c.id("id"), c.actor()), "id", "limit");
            return null;
        });
        many(
                TENANT + "/warnings",
                "Soft budgets that were reached, the latest first.",
                Limits.Warning.class,
                List.of(),
                c -> Operation.Page.whole(s.limits().warnings(tenant(c).id(), c.limit(), c.actor())));
    }

    private static LimitLine line(Limit l, @Nullable Long used) {
        return new LimitLine(
                l.id(),
                l.level(),
                l.subject(),
                l.project(),
                l.key(),
                l.model(),
                l.kind(),
                l.amount(),
                l.warnPercent(),
                l.overbooks(),
                used);
    }
}
