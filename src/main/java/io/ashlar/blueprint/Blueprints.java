package io.ashlar.blueprint;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.blueprint.Blueprint.ClassPlan;
import io.ashlar.blueprint.Blueprint.DeploymentPlan;
import io.ashlar.blueprint.Blueprint.LimitPlan;
import io.ashlar.blueprint.Blueprint.PricePlan;
import io.ashlar.blueprint.Blueprint.TenantPlan;
import io.ashlar.blueprint.Blueprint.UpstreamPlan;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.catalog.Upstream;
import io.ashlar.catalog.Upstreams;
import io.ashlar.identity.Project;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.Limit;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Price;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.policy.Policies;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Brings the platform to what a blueprint says, through the services that the console uses: with their checks and their rows in
 * the audit log, all in one transaction. What is as it should be is not touched, so that applying again changes nothing.
 */
@Guarded
public final class Blueprints {
    private final Tenants tenants;
    private final Catalog catalog;
    private final Upstreams upstreams;
    private final Limits limits;
    private final ServiceClasses classes;
    private final TransactionTemplate transactions;

    public Blueprints(
            Tenants tenants,
            Catalog catalog,
            Upstreams upstreams,
            Limits limits,
            ServiceClasses classes,
            TransactionTemplate transactions) {
        this.tenants = tenants;
        this.catalog = catalog;
        this.upstreams = upstreams;
        this.limits = limits;
        this.classes = classes;
        this.transactions = transactions;
    }

    /** The present state. Limits of keys are not in it: keys have no place in a file. */
    public Blueprint export(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return Objects.requireNonNull(transactions.execute(t -> {
            Map<String, ClassPlan> classPlans = new LinkedHashMap<>();
            classes.stored(actor).forEach(c -> classPlans.put(c.name(), Plans.of(c)));
            Map<String, DeploymentPlan> deploymentPlans = new TreeMap<>();
            catalog.deployments(actor).forEach(d -> deploymentPlans.put(d.name(), Plans.of(d)));
            Map<String, PricePlan> pricePlans = new TreeMap<>();
            limits.prices(actor).forEach((name, price) -> pricePlans.put(name, Plans.of(price)));
            Map<String, TenantPlan> tenantPlans = new LinkedHashMap<>();
            for (Tenant tenant : tenants.find(Tenants.Search.ALL, 0, Integer.MAX_VALUE, actor)) {
                tenantPlans.put(tenant.name(), plan(tenant, actor));
            }
            return new Blueprint(classPlans, deploymentPlans, pricePlans, tenantPlans);
        }));
    }

    private TenantPlan plan(Tenant tenant, Actor actor) {
        Map<UUID, String> projects = projects(tenant.id(), actor);
        return new TenantPlan(
                tenant.status(),
                tenant.serviceClass(),
                tenant.weight(),
                projects.values().stream().sorted().toList(),
                List.copyOf(catalog.grantsOf(tenant.id(), actor)),
                limits.ofTenant(tenant.id(), actor).stream()
                        .filter(l -> l.key() == null)
                        .map(l -> Plans.of(l, l.project() == null ? null : projects.get(l.project())))
                        .toList());
    }

    private Map<UUID, String> projects(UUID tenant, Actor actor) {
        return tenants.projects(tenant, actor).stream().collect(Collectors.toMap(Project::id, Project::name));
    }

    /**
     * Makes it so, or says what would be different.
     *
     * @param dryRun whether everything is taken back at the end
     * @return what was not as the blueprint says; empty where nothing was to do
     */
    public List<Difference> apply(Blueprint wanted, boolean dryRun, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return Objects.requireNonNull(transactions.execute(t -> {
            Work work = new Work(actor);
            work.bring(wanted);
            if (dryRun) {
                t.setRollbackOnly();
            }
            return work.found;
        }));
    }

    /** One application. */
    private final class Work {
        private final Actor actor;
        private final List<Difference> found = new ArrayList<>();

        Work(Actor actor) {
            this.actor = actor;
        }

        /** In an order in which each part finds what it refers to, and nothing is removed that others still have. */
        void bring(Blueprint wanted) {
            if (wanted.serviceClasses() != null) {
                wanted.serviceClasses().forEach(this::serviceClass);
            }
            if (wanted.deployments() != null) {
                wanted.deployments().forEach(this::deployment);
            }
            if (wanted.prices() != null) {
                prices(wanted.prices());
            }
            if (wanted.tenants() != null) {
                wanted.tenants().forEach(this::tenant);
                suspendOthers(wanted.tenants().keySet());
            }
            if (wanted.deployments() != null) {
                removeDeployments(wanted.deployments().keySet());
            }
            if (wanted.serviceClasses() != null) {
                removeClasses(wanted.serviceClasses().keySet());
            }
        }

        /** Notes a difference; true where there is one. */
        private boolean differs(String what, @Nullable Object before, @Nullable Object after) {
            if (Objects.equals(before, after)) {
                return false;
            }
            found.add(new Difference(
                    what, before == null ? null : before.toString(), after == null ? null : after.toString()));
            return true;
        }

        private void at(String place, Runnable change) {
            try {
                change.run();
            } catch (InvalidRequestException e) {
                throw new InvalidRequestException(place + "." + e.field(), place + ": " + e.getMessage());
            }
        }

        private void serviceClass(String name, ClassPlan plan) {
            ServiceClass old = classes.stored(actor).stream()
                    .filter(c -> c.name().equals(name))
                    .findFirst()
                    .orElse(null);
            if (differs("service_classes." + name, old == null ? null : Plans.of(old), plan)) {
                at("service_classes." + name, () -> classes.set(Plans.serviceClass(name, plan), actor));
            }
        }

        private void deployment(String name, DeploymentPlan plan) {
            String place = "deployments." + name;
            at(place, () -> {
                if ((plan.model() == null) == (plan.upstream() == null)) {
                    throw new InvalidRequestException("model", "A deployment has either a 'model' or an 'upstream'.");
                }
                if (plan.upstream() != null) {
                    upstream(name, place, plan);
                } else {
                    model(name, place, plan);
                }
            });
        }

        private void model(String name, String place, DeploymentPlan plan) {
            boolean shares = Boolean.TRUE.equals(plan.sharesPrefixes());
            String model = Objects.requireNonNull(plan.model());
            DeploymentPlan whole = new DeploymentPlan(model, null, shares, plan.policy());
            Deployment old = catalog.deployment(name, actor).orElse(null);
            if (!differs(place, old == null ? null : Plans.of(old), whole)) {
                return;
            }
            if (whole.policy() != null && Policies.of(whole.policy()).isEmpty()) {
                throw new InvalidRequestException("policy", "The policy is one of " + Policies.words() + ".");
            }
            if (old == null) {
                catalog.create(name, model, shares, whole.policy(), actor);
            } else if (model.equals(old.model())) {
                catalog.change(name, shares, whole.policy(), actor);
            } else {
                throw new InvalidRequestException(
                        "model",
                        "It serves " + old.source() + ", and keeps that: serve another model under another name.");
            }
        }

        private void upstream(String name, String place, DeploymentPlan plan) {
            if (plan.policy() != null || plan.sharesPrefixes() != null) {
                throw new InvalidRequestException(
                        plan.policy() != null ? "policy" : "shares_prefixes",
                        "An upstream schedules and caches by itself.");
            }
            UpstreamPlan u = Objects.requireNonNull(plan.upstream());
            Upstream wanted = Upstream.checked(
                    u.url(), u.model(), u.context(), u.most() == null ? Upstream.USUALLY_MOST : u.most());
            Deployment old = catalog.deployment(name, actor).orElse(null);
            if (!differs(
                    place,
                    old == null ? null : Plans.of(old),
                    new DeploymentPlan(null, Plans.of(wanted), null, null))) {
                return;
            }
            if (old == null) {
                upstreams.create(name, wanted, null, actor);
            } else if (!upstreams.change(name, wanted, null, actor)) {
                throw new InvalidRequestException(
                        "upstream",
                        "It serves " + old.source() + ", and keeps that: serve an upstream under another name.");
            }
        }

        private void removeDeployments(Set<String> kept) {
            for (Deployment deployment : catalog.deployments(actor)) {
                if (!kept.contains(deployment.name())) {
                    differs("deployments." + deployment.name(), Plans.of(deployment), null);
                    catalog.delete(deployment.name(), actor);
                }
            }
        }

        private void removeClasses(Set<String> kept) {
            for (ServiceClass c : classes.stored(actor)) {
                if (!kept.contains(c.name())) {
                    differs("service_classes." + c.name(), Plans.of(c), null);
                    at("service_classes." + c.name(), () -> classes.remove(c.name(), actor));
                }
            }
        }

        private void prices(Map<String, PricePlan> wanted) {
            Map<String, Price> now = limits.prices(actor);
            wanted.forEach((name, plan) -> {
                Price old = now.get(name);
                if (differs("prices." + name, old == null ? null : Plans.of(old), plan)) {
                    Price price = new Price(plan.prompt(), plan.cached(), plan.completion());
                    at("prices." + name, () -> limits.setPrice(name, price, actor));
                }
            });
            now.forEach((name, old) -> {
                if (!wanted.containsKey(name)) {
                    differs("prices." + name, Plans.of(old), null);
                    limits.removePrice(name, actor);
                }
            });
        }

        private void tenant(String name, TenantPlan plan) {
            String place = "tenants." + name;
            at(place, () -> {
                Tenant tenant = tenants.named(name, actor).orElse(null);
                if (tenant == null) {
                    differs(place, null, "");
                    tenants.create(name, actor);
                    tenant = tenants.named(name, actor).orElseThrow();
                }
                status(tenant, plan.status() == null ? Tenant.Status.ACTIVE : plan.status());
                String serviceClass = plan.serviceClass() == null ? tenant.serviceClass() : plan.serviceClass();
                double weight = plan.weight() == null ? tenant.weight() : plan.weight();
                boolean other = differs(place + ".service_class", tenant.serviceClass(), serviceClass);
                if (differs(place + ".weight", tenant.weight(), weight) || other) {
                    classes.setTenant(tenant.id(), serviceClass, weight, actor);
                }
                if (plan.projects() != null) {
                    projects(place, tenant.id(), plan.projects());
                }
                if (plan.grants() != null) {
                    grants(place, tenant.id(), plan.grants());
                }
                if (plan.limits() != null) {
                    limits(place, tenant.id(), plan.limits());
                }
            });
        }

        private void status(Tenant tenant, Tenant.Status wanted) {
            if (differs("tenants." + tenant.name() + ".status", tenant.status(), wanted)) {
                if (wanted == Tenant.Status.ACTIVE) {
                    tenants.resume(tenant.id(), actor);
                } else {
                    tenants.suspend(tenant.id(), actor);
                }
            }
        }

        private void suspendOthers(Set<String> named) {
            for (Tenant tenant : tenants.find(Tenants.Search.ALL, 0, Integer.MAX_VALUE, actor)) {
                if (!named.contains(tenant.name())) {
                    status(tenant, Tenant.Status.SUSPENDED);
                }
            }
        }

        private void projects(String place, UUID tenant, List<String> wanted) {
            Set<String> now = Set.copyOf(Blueprints.this.projects(tenant, actor).values());
            for (String project : wanted) {
                if (!now.contains(project)) {
                    differs(place + ".projects", null, project);
                    tenants.createProject(tenant, project, actor);
                }
            }
            for (String project : now) {
                if (!wanted.contains(project) && !project.equals(Tenants.FIRST_PROJECT)) {
                    differs(place + ".projects", project, null);
                    tenants.removeProject(tenant, project, actor);
                }
            }
        }

        private void grants(String place, UUID tenant, List<String> wanted) {
            Set<String> now = catalog.grantsOf(tenant, actor);
            for (String deployment : wanted) {
                if (!now.contains(deployment)) {
                    differs(place + ".grants", null, deployment);
                    catalog.grant(tenant, deployment, actor);
                }
            }
            for (String deployment : now) {
                if (!wanted.contains(deployment)) {
                    differs(place + ".grants", deployment, null);
                    catalog.withdraw(tenant, deployment, actor);
                }
            }
        }

        private void limits(String place, UUID tenant, List<LimitPlan> wanted) {
            Map<UUID, String> projects = Blueprints.this.projects(tenant, actor);
            Map<String, Limit> now = new LinkedHashMap<>();
            for (Limit limit : limits.ofTenant(tenant, actor)) {
                if (limit.key() == null) {
                    now.put(
                            Plans.place(
                                    Plans.of(limit, limit.project() == null ? null : projects.get(limit.project()))),
                            limit);
                }
            }
            for (LimitPlan plan : wanted) {
                LimitPlan whole = new LimitPlan(
                        plan.kind(),
                        plan.amount(),
                        plan.project(),
                        plan.model(),
                        plan.warnPercent() == null
                                ? List.of()
                                : plan.warnPercent().stream().sorted().toList(),
                        Boolean.TRUE.equals(plan.overbooks()));
                Limit old = now.remove(Plans.place(whole));
                String at = place + ".limits." + Plans.place(whole);
                if (differs(at, old == null ? null : Plans.words(Plans.of(old, whole.project())), Plans.words(whole))) {
                    limits.set(tenant, wanted(whole, projects), actor);
                }
            }
            now.forEach((at, limit) -> {
                differs(place + ".limits." + at, Plans.words(Plans.of(limit, null)), null);
                limits.remove(tenant, limit.id(), actor);
            });
        }

        private Limits.Wanted wanted(LimitPlan plan, Map<UUID, String> projects) {
            UUID project = null;
            if (plan.project() != null) {
                project = projects.entrySet().stream()
                        .filter(p -> p.getValue().equals(plan.project()))
                        .map(Map.Entry::getKey)
                        .findFirst()
                        .orElseThrow(() -> new InvalidRequestException(
                                "limits.project", "There is no project '" + plan.project() + "'."));
            }
            return new Limits.Wanted(
                    project,
                    null,
                    plan.model(),
                    plan.kind(),
                    plan.amount(),
                    Objects.requireNonNull(plan.warnPercent()),
                    Boolean.TRUE.equals(plan.overbooks()));
        }
    }
}
