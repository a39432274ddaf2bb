package io.ashlar.api.admin;

import static org.springframework.http.HttpMethod.DELETE;
import static org.springframework.http.HttpMethod.GET;
import static org.springframework.http.HttpMethod.POST;
import static org.springframework.http.HttpMethod.PUT;

import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Role;
import io.ashlar.api.ApiException;
import io.ashlar.audit.AuditEntry;
import io.ashlar.audit.AuditFilter;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.AuditTable;
import io.ashlar.block.Quantization;
import io.ashlar.blueprint.Blueprint;
import io.ashlar.blueprint.Blueprints;
import io.ashlar.blueprint.Difference;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.identity.AdminKeys;
import io.ashlar.identity.ApiKey;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import io.ashlar.identity.Project;
import io.ashlar.identity.SignInProvider;
import io.ashlar.identity.SignInProviders;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.platform.Alarm;
import io.ashlar.platform.Alarms;
import io.ashlar.platform.Platform;
import io.ashlar.platform.PlatformSettings;
import io.ashlar.quota.Limit;
import io.ashlar.quota.LimitKind;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Price;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.scheduler.policy.Policies;
import io.ashlar.serving.Imports;
import io.ashlar.serving.ModelLibrary;
import io.ashlar.serving.ModelSummary;
import io.ashlar.usage.UsageReports;
import io.ashlar.usage.UsageTable;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpMethod;

/** All that the admin API does, each as an {@link Operation} on the services that the console works with too. */
public final class AdminOperations {
    private static final String AT = "/admin/v1";
    private static final String TENANT = AT + "/tenants/{tenant}";
    private static final int DAY_MILLIS = 86_400_000;

    /** The services. */
    public record Services(
            Tenants tenants,
            ApiKeys keys,
            AdminKeys adminKeys,
            Members members,
            Catalog catalog,
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

    record Named(String name) {}

    record NewKey(
            String name, @Nullable String project, @Nullable Instant expiresAt) {}

    /** With the text, which is told this once. */
    record MadeKey(UUID id, String key) {}

    record NewMember(
            String login,
            String password,
            Role role,
            @Nullable String tenant) {}

    record MemberChange(
            @Nullable Role role,
            @Nullable String tenant,
            @Nullable Boolean enabled,
            @Nullable String password) {}

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

    record ClassLine(
            String name,
            int order,
            long ttftMs,
            long tpotMs,
            double percentile,
            double weight,
            int queueLength,
            long queueSeconds,
            boolean preemptible) {}

    record ClassChange(
            @Nullable Integer order,
            @Nullable Integer ttftMs,
            @Nullable Integer tpotMs,
            @Nullable Double percentile,
            @Nullable Double weight,
            @Nullable Integer queueLength,
            @Nullable Integer queueSeconds,
            @Nullable Boolean preemptible) {}

    record PriceLine(String model, Long prompt, Long cached, Long completion) {}

    record PolicyChange(String model, @Nullable String policy) {}

    record NewDeployment(
            String name,
            String model,
            @Nullable Boolean sharesPrefixes,
            @Nullable String policy) {}

    record DeploymentChange(
            @Nullable Boolean sharesPrefixes,
            @Nullable String policy,
            @Nullable Boolean draining) {}

    record ProviderChange(
            String title,
            String issuer,
            String clientId,
            @Nullable String clientSecret,
            @Nullable List<String> scopes,
            @Nullable String loginClaim,
            @Nullable String audience,
            List<SignInProvider.Rule> rules,
            @Nullable Boolean enabled) {}

    record SettingsChange(
            Integer retentionDays,
            List<String> webhooks,
            @Nullable String webhookSecret) {}

    record NewImport(
            String path,
            String name,
            @Nullable String base,
            @Nullable Quantization quantize) {}

    record Freed(long bytes) {}

    record Applied(List<Difference> changes) {}

    private final Services s;
    private final List<Operation> all = new ArrayList<>();

    public AdminOperations(Services services) {
        this.s = services;
        tenants();
        keys();
        members();
        limits();
        classesAndPrices();
        deployments();
        reports();
        platform();
        one(
                GET,
                AT + "/configuration",
                "The present state, as it can be applied.",
                null,
                Blueprint.class,
                c -> s.blueprints.export(c.actor()));
        all.add(new Operation(
                PUT,
                AT + "/configuration",
                "Brings the platform to a state; with dry_run it only says what is different.",
                Blueprint.class,
                Applied.class,
                false,
                List.of("dry_run"),
                c -> new Applied(s.blueprints.apply(c.body(Blueprint.class), c.flag("dry_run"), c.actor()))));
        one(GET, AT + "/openapi.json", "This description.", null, Map.class, c -> OpenApi.describe(all));
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

    private void one(
            HttpMethod method,
            String path,
            String summary,
            @Nullable Class<?> body,
            @Nullable Class<?> answer,
            Function<Call, @Nullable Object> work) {
        all.add(new Operation(method, path, summary, body, answer, false, List.of(), work));
    }

    private void many(
            String path,
            String summary,
            Class<?> answer,
            List<String> filters,
            Function<Call, Operation.Page<?>> work) {
        all.add(new Operation(GET, path, summary, null, answer, true, filters, work::apply));
    }

    private Tenant tenant(Call call) {
        return tenant(call, "tenant", call.variable("tenant"));
    }

    private Tenant tenant(Call call, String field, String name) {
        return s.tenants
                .named(name, call.actor())
                .orElseThrow(() -> ApiException.notFound(field, "There is no tenant '" + name + "'."));
    }

    private static Supplier<ApiException> missing(String field, String what) {
        return () -> ApiException.notFound(field, "There is no such " + what + ".");
    }

    private static void found(boolean found, String field, String what) {
        if (!found) {
            throw missing(field, what).get();
        }
    }

    private void tenants() {
        many(AT + "/tenants", "Tenants, by name.", Tenant.class, List.of("name", "status"), c -> {
            Tenant.Status status = c.textOrNull("status") == null ? null : constant(c, "status", Tenant.Status.class);
            Tenants.Search search = new Tenants.Search(c.text("name"), status);
            List<Tenant> found = s.tenants.after(search, c.text("after"), c.limit() + 1, c.actor());
            boolean more = found.size() > c.limit();
            List<Tenant> page = more ? found.subList(0, c.limit()) : found;
            return new Operation.Page<>(page, more ? page.getLast().name() : null);
        });
        one(POST, AT + "/tenants", "Creates a tenant.", NewTenant.class, Tenant.class, c -> {
            NewTenant wanted = c.body(NewTenant.class);
            UUID id = s.tenants.create(wanted.name, c.actor());
            if (wanted.serviceClass != null || wanted.weight != null) {
                setService(s.tenants.byId(id, c.actor()).orElseThrow(), wanted.serviceClass, wanted.weight, c);
            }
            if (wanted.models != null) {
                wanted.models.forEach(m -> s.catalog.grant(id, m, c.actor()));
            }
            return s.tenants.byId(id, c.actor()).orElseThrow();
        });
        one(GET, TENANT, "A tenant.", null, Tenant.class, this::tenant);
        one(PUT, TENANT, "Changes what is said, and leaves the rest.", TenantChange.class, Tenant.class, c -> {
            Tenant tenant = tenant(c);
            TenantChange change = c.body(TenantChange.class);
            if (change.serviceClass != null || change.weight != null) {
                setService(tenant, change.serviceClass, change.weight, c);
            }
            if (change.status == Tenant.Status.SUSPENDED) {
                s.tenants.suspend(tenant.id(), c.actor());
            } else if (change.status == Tenant.Status.ACTIVE) {
                s.tenants.resume(tenant.id(), c.actor());
            }
            if (change.logsContent != null) {
                s.tenants.setLogsContent(tenant.id(), change.logsContent, c.actor());
            }
            return tenant(c);
        });
        many(
                TENANT + "/projects",
                "A tenant's projects.",
                Project.class,
                List.of(),
                c -> Operation.Page.whole(s.tenants.projects(tenant(c).id(), c.actor())));
        one(POST, TENANT + "/projects", "Creates a project.", Named.class, Project.class, c -> {
            Tenant tenant = tenant(c);
            UUID id = s.tenants.createProject(tenant.id(), c.body(Named.class).name, c.actor());
            return s.tenants.projects(tenant.id(), c.actor()).stream()
                    .filter(p -> p.id().equals(id))
                    .findFirst()
                    .orElseThrow();
        });
        one(DELETE, TENANT + "/projects/{project}", "Removes a project that never had a key.", null, null, c -> {
            s.tenants.removeProject(tenant(c).id(), c.variable("project"), c.actor());
            return null;
        });
        many(
                TENANT + "/grants",
                "The deployments that a tenant may use.",
                Named.class,
                List.of(),
                c -> Operation.Page.whole(s.catalog.grantsOf(tenant(c).id(), c.actor()).stream()
                        .map(Named::new)
                        .toList()));
        one(PUT, TENANT + "/grants/{*deployment}", "Lets a tenant use a deployment.", null, Named.class, c -> {
            String deployment = c.variable("deployment").substring(1);
            s.catalog.grant(tenant(c).id(), deployment, c.actor());
            return new Named(deployment);
        });
        one(DELETE, TENANT + "/grants/{*deployment}", "Takes a grant back.", null, null, c -> {
            found(
                    s.catalog.withdraw(tenant(c).id(), c.variable("deployment").substring(1), c.actor()),
                    "deployment",
                    "grant");
            return null;
        });
    }

    private void setService(Tenant tenant, @Nullable String serviceClass, @Nullable Double weight, Call c) {
        s.classes.setTenant(
                tenant.id(),
                serviceClass == null ? tenant.serviceClass() : serviceClass,
                weight == null ? tenant.weight() : weight,
                c.actor());
    }

    private static <E extends Enum<E>> E constant(Call call, String name, Class<E> type) {
        return Arrays.stream(type.getEnumConstants())
                .filter(e -> e.name().toLowerCase(Locale.ROOT).equals(call.text(name)))
                .findFirst()
                .orElseThrow(() -> new InvalidRequestException(
                        name,
                        "'" + name + "' must be one of "
                                + String.join(
                                        ", ",
                                        Stream.of(type.getEnumConstants())
                                                .map(e -> e.name().toLowerCase(Locale.ROOT))
                                                .toList())
                                + "."));
    }

    private void keys() {
        many(
                TENANT + "/keys",
                "A tenant's API keys, without their secrets.",
                ApiKey.class,
                List.of(),
                c -> c.page(s.keys.ofTenant(tenant(c).id(), c.offset(), c.limit() + 1, c.actor())));
        one(POST, TENANT + "/keys", "Creates an API key; its text is told once.", NewKey.class, MadeKey.class, c -> {
            NewKey wanted = c.body(NewKey.class);
            String project = wanted.project == null ? Tenants.FIRST_PROJECT : wanted.project;
            ApiKeys.Made made = s.keys.create(tenant(c).id(), project, wanted.name, wanted.expiresAt, c.actor());
            return new MadeKey(made.id(), made.text());
        });
        one(DELETE, TENANT + "/keys/{id}", "Revokes an API key.", null, null, c -> {
            found(s.keys.revoke(tenant(c).id(), c.id("id"), c.actor()), "id", "key");
            return null;
        });
        many(
                AT + "/admin-keys",
                "Keys of this API.",
                AdminKeys.AdminKey.class,
                List.of(),
                c -> Operation.Page.whole(s.adminKeys.all(c.actor())));
        one(POST, AT + "/admin-keys", "Creates an admin key; its text is told once.", Named.class, MadeKey.class, c -> {
            String text = s.adminKeys.create(c.body(Named.class).name, c.actor());
            UUID id = s.adminKeys.all(c.actor()).getLast().id();
            return new MadeKey(id, text);
        });
        one(DELETE, AT + "/admin-keys/{id}", "Revokes an admin key.", null, null, c -> {
            s.adminKeys.revoke(c.id("id"), c.actor());
            return null;
        });
    }

    private void members() {
        many(AT + "/members", "People who sign in.", Member.class, List.of("tenant", "search"), c -> {
            String tenant = c.textOrNull("tenant");
            UUID of = tenant != null
                    ? tenant(c, "tenant", tenant).id()
                    : c.actor().tenant();
            return c.page(s.members.find(of, c.text("search"), c.offset(), c.limit() + 1, c.actor()));
        });
        one(POST, AT + "/members", "Lets somebody sign in with a password.", NewMember.class, Member.class, c -> {
            NewMember wanted = c.body(NewMember.class);
            UUID tenant = wanted.tenant == null
                    ? null
                    : tenant(c, "tenant", wanted.tenant).id();
            s.members.create(wanted.login, wanted.password, wanted.role, tenant, c.actor());
            return member(c, wanted.login);
        });
        one(
                GET,
                AT + "/members/{login}",
                "Somebody who signs in.",
                null,
                Member.class,
                c -> member(c, c.variable("login")));
        one(PUT, AT + "/members/{login}", "Changes what is said.", MemberChange.class, Member.class, c -> {
            Member old = member(c, c.variable("login"));
            MemberChange change = c.body(MemberChange.class);
            if (change.role != null) {
                String place = change.tenant == null ? old.tenantName() : change.tenant;
                UUID tenant = change.role.ofPlatform() || place == null
                        ? null
                        : tenant(c, "tenant", place).id();
                s.members.setRole(old.login(), change.role, tenant, c.actor());
            }
            if (change.password != null) {
                s.members.setPassword(old.login(), change.password, c.actor());
            }
            if (change.enabled != null && change.enabled) {
                s.members.enable(old.login(), c.actor());
            } else if (change.enabled != null) {
                s.members.disable(old.login(), c.actor());
            }
            return member(c, old.login());
        });
    }

    private Member member(Call c, String login) {
        return s.members.named(login, c.actor()).orElseThrow(missing("login", "member"));
    }

    private void limits() {
        many(
                TENANT + "/limits",
                "A tenant's limits, and what this server has used of them.",
                LimitLine.class,
                List.of(),
                c -> {
                    Tenant tenant = tenant(c);
                    Map<UUID, Long> used = s.quotas.used(tenant.id());
                    return Operation.Page.whole(s.limits.ofTenant(tenant.id(), c.actor()).stream()
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
                    return line(s.limits.set(tenant(c).id(), limit, c.actor()), null);
                });
        one(DELETE, TENANT + "/limits/{id}", "Removes a limit.", null, null, c -> {
            found(s.limits.remove(tenant(c).id(), c.id("id"), c.actor()), "id", "limit");
            return null;
        });
        many(
                TENANT + "/warnings",
                "Soft budgets that were reached, the latest first.",
                Limits.Warning.class,
                List.of(),
                c -> Operation.Page.whole(s.limits.warnings(tenant(c).id(), c.limit(), c.actor())));
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

    private void classesAndPrices() {
        many(
                AT + "/service-classes",
                "Service classes, the highest first.",
                ClassLine.class,
                List.of(),
                c -> Operation.Page.whole(s.classes.all(c.actor()).stream()
                        .map(AdminOperations::line)
                        .toList()));
        one(PUT, AT + "/service-classes/{name}", "Adds or changes a class.", ClassChange.class, ClassLine.class, c -> {
            ServiceClass set = merged(c.variable("name"), c.body(ClassChange.class), c);
            s.classes.set(set, c.actor());
            return line(set);
        });
        one(DELETE, AT + "/service-classes/{name}", "Removes a class that no tenant has.", null, null, c -> {
            found(s.classes.remove(c.variable("name"), c.actor()), "name", "service class");
            return null;
        });
        many(
                AT + "/prices",
                "Prices, in millionths of the currency for a million tokens.",
                PriceLine.class,
                List.of(),
                c -> Operation.Page.whole(s.limits.prices(c.actor()).entrySet().stream()
                        .map(e -> line(e.getKey(), e.getValue()))
                        .sorted(java.util.Comparator.comparing(PriceLine::model))
                        .toList()));
        one(PUT, AT + "/prices", "Sets what a deployment costs.", PriceLine.class, PriceLine.class, c -> {
            PriceLine wanted = c.body(PriceLine.class);
            s.limits.setPrice(wanted.model, new Price(wanted.prompt, wanted.cached, wanted.completion), c.actor());
            return wanted;
        });
    }

    private static PriceLine line(String model, Price price) {
        return new PriceLine(model, price.prompt(), price.cached(), price.completion());
    }

    private static ClassLine line(ServiceClass k) {
        return new ClassLine(
                k.name(),
                k.order(),
                k.ttft().toMillis(),
                k.tpot().toMillis(),
                k.percentile(),
                k.weight(),
                k.queueLength(),
                k.queueTime().toSeconds(),
                k.preemptible());
    }

    /** What is not said stays as it is, or is as the class {@code standard} begins. */
    private ServiceClass merged(String name, ClassChange change, Call c) {
        ServiceClass old = s.classes.all(c.actor()).stream()
                .filter(k -> k.name().equals(name))
                .findFirst()
                .orElse(ServiceClass.STANDARD);
        within("order", change.order, 0, 15);
        within("ttft_ms", change.ttftMs, 0, DAY_MILLIS);
        within("tpot_ms", change.tpotMs, 0, DAY_MILLIS);
        within("queue_length", change.queueLength, 0, 1_000_000);
        within("queue_seconds", change.queueSeconds, 0, 86_400);
        if (change.weight != null && !(change.weight > 0 && change.weight <= 1e6)) {
            throw new InvalidRequestException("weight", "'weight' must be above 0, at most 1000000.");
        }
        return new ServiceClass(
                name,
                change.order == null ? old.order() : change.order,
                change.ttftMs == null ? old.ttft() : Duration.ofMillis(change.ttftMs),
                change.tpotMs == null ? old.tpot() : Duration.ofMillis(change.tpotMs),
                change.percentile == null ? old.percentile() : change.percentile,
                change.weight == null ? old.weight() : change.weight,
                change.queueLength == null ? old.queueLength() : change.queueLength,
                change.queueSeconds == null ? old.queueTime() : Duration.ofSeconds(change.queueSeconds),
                change.preemptible == null ? old.preemptible() : change.preemptible);
    }

    private static void within(String field, @Nullable Integer value, int least, int most) {
        if (value != null && (value < least || value > most)) {
            throw new InvalidRequestException(
                    field, "'" + field + "' must be an integer from " + least + " to " + most + ".");
        }
    }

    private void imports() {
        many(
                AT + "/imports",
                "Imports, the latest first.",
                Imports.Job.class,
                List.of(),
                c -> Operation.Page.whole(s.imports.all(c.actor())));
        one(
                POST,
                AT + "/imports",
                "Begins to import a folder or file of the server's machine.",
                NewImport.class,
                Imports.Job.class,
                c -> {
                    NewImport wanted = c.body(NewImport.class);
                    Quantization quantize = wanted.quantize == null ? Quantization.NONE : wanted.quantize;
                    return s.imports.start(path(wanted.path), wanted.name, wanted.base, quantize, c.actor());
                });
        one(
                GET,
                AT + "/imports/{id}",
                "How far an import is.",
                null,
                Imports.Job.class,
                c -> s.imports.named(c.id("id"), c.actor()).orElseThrow(missing("id", "import")));
    }

    private void deployments() {
        imports();
        many(
                AT + "/deployments",
                "What is served.",
                Deployment.class,
                List.of(),
                c -> Operation.Page.whole(s.catalog.deployments(c.actor())));
        one(
                POST,
                AT + "/deployments",
                "Serves a model under one more name.",
                NewDeployment.class,
                Deployment.class,
                c -> {
                    NewDeployment wanted = c.body(NewDeployment.class);
                    checkPolicy(wanted.policy);
                    s.catalog.create(
                            wanted.name,
                            wanted.model,
                            Boolean.TRUE.equals(wanted.sharesPrefixes),
                            wanted.policy,
                            c.actor());
                    return deployment(c, wanted.name);
                });
        String at = AT + "/deployments/{*deployment}";
        one(GET, at, "A deployment.", null, Deployment.class, c -> deployment(c, name(c)));
        one(
                PUT,
                at,
                "Changes what is said: a policy of null is the platform's.",
                DeploymentChange.class,
                Deployment.class,
                c -> {
                    Deployment old = deployment(c, name(c));
                    DeploymentChange change = c.body(DeploymentChange.class);
                    checkPolicy(change.policy);
                    boolean shares = change.sharesPrefixes == null ? old.sharesPrefixes() : change.sharesPrefixes;
                    s.catalog.change(old.name(), shares, change.policy, c.actor());
                    if (change.draining != null) {
                        s.catalog.setDraining(old.name(), change.draining, c.actor());
                    }
                    return deployment(c, old.name());
                });
        one(DELETE, at, "Serves it no longer; the model stays.", null, null, c -> {
            found(s.catalog.delete(name(c), c.actor()), "deployment", "deployment");
            return null;
        });
        one(POST, AT + "/restart/{*deployment}", "Loads a deployment anew.", null, Deployment.class, c -> {
            found(s.catalog.restart(name(c), c.actor()), "deployment", "deployment");
            return deployment(c, name(c));
        });
        one(
                PUT,
                AT + "/policies",
                "Which policy orders a deployment's requests.",
                PolicyChange.class,
                PolicyChange.class,
                c -> {
                    PolicyChange wanted = c.body(PolicyChange.class);
                    checkPolicy(wanted.policy);
                    found(s.catalog.setPolicy(wanted.model, wanted.policy, c.actor()), "model", "model");
                    return wanted;
                });
        many(
                AT + "/models",
                "Imported models, and what they share.",
                ModelSummary.class,
                List.of(),
                c -> Operation.Page.whole(s.library.list(c.actor())));
        one(
                DELETE,
                AT + "/models/{*deployment}",
                "Removes a model, its deployments and its own blocks.",
                null,
                Freed.class,
                c -> new Freed(s.library.remove(name(c), c.actor())));
    }

    private static Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new InvalidRequestException("path", "'path' is not a path: " + e.getMessage());
        }
    }

    private static String name(Call c) {
        return c.variable("deployment").substring(1);
    }

    private Deployment deployment(Call c, String name) {
        return s.catalog.deployment(name, c.actor()).orElseThrow(missing("deployment", "deployment"));
    }

    private static void checkPolicy(@Nullable String policy) {
        if (policy != null && Policies.of(policy).isEmpty()) {
            throw new InvalidRequestException(
                    "policy", "'policy' must be one of " + Policies.words() + ", or null, but is '" + policy + "'.");
        }
    }

    private void platform() {
        many(
                AT + "/providers",
                "Providers of sign-in, without their secrets.",
                SignInProvider.class,
                List.of(),
                c -> Operation.Page.whole(s.providers.all(c.actor())));
        one(
                PUT,
                AT + "/providers/{name}",
                "Adds or changes a provider; it holds at once.",
                ProviderChange.class,
                SignInProvider.class,
                c -> {
                    ProviderChange wanted = c.body(ProviderChange.class);
                    SignInProvider provider = new SignInProvider(
                            c.variable("name"),
                            wanted.title,
                            wanted.issuer,
                            wanted.clientId,
                            wanted.scopes == null ? List.of("profile", "email") : wanted.scopes,
                            wanted.loginClaim == null ? "preferred_username" : wanted.loginClaim,
                            wanted.audience,
                            wanted.rules,
                            !Boolean.FALSE.equals(wanted.enabled),
                            false);
                    s.providers.set(provider, wanted.clientSecret, c.actor());
                    return provider;
                });
        one(
                GET,
                AT + "/providers/{name}",
                "A provider.",
                null,
                SignInProvider.class,
                c -> s.providers.named(c.variable("name"), c.actor()).orElseThrow(missing("name", "provider")));
        one(DELETE, AT + "/providers/{name}", "Removes a provider.", null, null, c -> {
            found(s.providers.remove(c.variable("name"), c.actor()), "name", "provider");
            return null;
        });
        one(
                GET,
                AT + "/settings",
                "Retention and webhooks.",
                null,
                PlatformSettings.class,
                c -> s.platform.settings(c.actor()));
        one(PUT, AT + "/settings", "Sets retention and webhooks.", SettingsChange.class, PlatformSettings.class, c -> {
            SettingsChange wanted = c.body(SettingsChange.class);
            PlatformSettings settings = new PlatformSettings(wanted.retentionDays, wanted.webhooks);
            s.platform.set(settings, wanted.webhookSecret, c.actor());
            return settings;
        });
        many(
                AT + "/alarms",
                "What is wrong now.",
                Alarm.class,
                List.of(),
                c -> Operation.Page.whole(s.alarms.now(c.actor())));
    }

    private void reports() {
        List<String> scope = List.of("by", "from", "to", "tenant", "project", "model");
        all.add(new Operation(
                GET,
                AT + "/usage",
                "What was used, by day, tenant, project, key or model.",
                null,
                UsageReports.Line.class,
                true,
                scope,
                c -> Operation.Page.whole(s.usage.lines(scope(c), by(c), c.limit(), c.actor()))));
        all.add(new Operation(
                GET, AT + "/usage.csv", "The same as a table, whole.", null, String.class, false, scope, c -> {
                    StringWriter table = new StringWriter();
                    UsageTable.write(s.usage, scope(c), by(c), c.actor(), new PrintWriter(table));
                    return table.toString();
                }));
        List<String> filter = List.of("actor", "action", "subject");
        many(AT + "/audit", "Who changed what, the latest first.", AuditEntry.class, filter, c -> {
            long before = c.text("after").isEmpty() ? Long.MAX_VALUE : c.offset();
            List<AuditEntry> found = s.audit.latest(c.actor(), filter(c), before, c.limit() + 1);
            boolean more = found.size() > c.limit();
            List<AuditEntry> page = more ? found.subList(0, c.limit()) : found;
            return new Operation.Page<>(
                    page, more ? String.valueOf(page.getLast().id()) : null);
        });
        all.add(new Operation(
                GET, AT + "/audit.csv", "The same as a table, whole.", null, String.class, false, filter, c -> {
                    StringWriter table = new StringWriter();
                    AuditTable.write(s.audit, c.actor(), filter(c), new PrintWriter(table));
                    return table.toString();
                }));
    }

    private static AuditFilter filter(Call c) {
        return new AuditFilter(c.text("actor"), c.text("action"), c.text("subject"));
    }

    private static UsageReports.By by(Call c) {
        return c.textOrNull("by") == null ? UsageReports.By.DAY : constant(c, "by", UsageReports.By.class);
    }

    /** The last thirty days where nothing is said; of the actor's tenant where it has one. */
    private UsageReports.Scope scope(Call c) {
        LocalDate to = c.day("to");
        LocalDate last = to == null ? LocalDate.ofInstant(s.clock.instant(), ZoneOffset.UTC) : to;
        LocalDate from = c.day("from");
        String name = c.textOrNull("tenant");
        UUID tenant = name != null ? tenant(c, "tenant", name).id() : c.actor().tenant();
        String project = c.textOrNull("project");
        UUID projectId = null;
        if (project != null && tenant != null) {
            projectId = s.tenants.projects(tenant, c.actor()).stream()
                    .filter(p -> p.name().equals(project))
                    .map(Project::id)
                    .findFirst()
                    .orElseThrow(missing("project", "project"));
        }
        return new UsageReports.Scope(
                from == null ? last.minusDays(29) : from, last, tenant, projectId, c.textOrNull("model"));
    }
}
