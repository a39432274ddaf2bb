package io.ashlar.api.admin;

import static org.springframework.http.HttpMethod.DELETE;
import static org.springframework.http.HttpMethod.GET;
import static org.springframework.http.HttpMethod.POST;
import static org.springframework.http.HttpMethod.PUT;

import io.ashlar.access.Role;
import io.ashlar.audit.AuditEntry;
import io.ashlar.audit.AuditFilter;
import io.ashlar.audit.AuditTable;
import io.ashlar.blueprint.Blueprint;
import io.ashlar.blueprint.Difference;
import io.ashlar.identity.AdminKeys;
import io.ashlar.identity.Member;
import io.ashlar.identity.Project;
import io.ashlar.identity.SignInProvider;
import io.ashlar.platform.Alarm;
import io.ashlar.platform.PlatformSettings;
import io.ashlar.usage.UsageReports;
import io.ashlar.usage.UsageTable;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** People, providers, settings, reports, and the platform as a whole. */
final class PlatformOperations extends Operations {
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

    record Applied(List<Difference> changes) {}

    PlatformOperations(AdminOperations.Services services) {
        super(services);
        members();
        adminKeys();
        platform();
        configuration();
        reports();
    }

    private void adminKeys() {
        many(
                AT + "/admin-keys",
                "Keys of this API.",
                AdminKeys.AdminKey.class,
                List.of(),
                c -> Operation.Page.whole(s.adminKeys().all(c.actor())));
        one(POST, AT + "/admin-keys", "Creates an admin key; its text is told once.", Named.class, MadeKey.class, c -> {
            String text = s.adminKeys().create(c.body(Named.class).name(), c.actor());
            UUID id = s.adminKeys().all(c.actor()).getLast().id();
            return new MadeKey(id, text);
        });
        one(DELETE, AT + "/admin-keys/{id}", "Revokes an admin key.", null, null, c -> {
            s.adminKeys().revoke(c.id("id"), c.actor());
            return null;
        });
    }

    private void configuration() {
        one(
                GET,
                AT + "/configuration",
                "The present state, as it can be applied.",
                null,
                Blueprint.class,
                c -> s.blueprints().export(c.actor()));
        list.add(new Operation(
                PUT,
                AT + "/configuration",
                "Brings the platform to a state; with dry_run it only says what is different.",
                Blueprint.class,
                Applied.class,
                false,
                List.of("dry_run"),
                c -> new Applied(s.blueprints().apply(c.body(Blueprint.class), c.flag("dry_run"), c.actor()))));
    }

    private void members() {
        many(AT + "/members", "People who sign in.", Member.class, List.of("tenant", "search"), c -> {
            String tenant = c.textOrNull("tenant");
            UUID of = tenant != null
                    ? tenant(c, "tenant", tenant).id()
                    : c.actor().tenant();
            return c.page(s.members().find(of, c.text("search"), c.offset(), c.limit() + 1, c.actor()));
        });
        one(POST, AT + "/members", "Lets somebody sign in with a password.", NewMember.class, Member.class, c -> {
            NewMember wanted = c.body(NewMember.class);
            UUID tenant = wanted.tenant == null
                    ? null
                    : tenant(c, "tenant", wanted.tenant).id();
            s.members().create(wanted.login, wanted.password, wanted.role, tenant, c.actor());
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
                s.members().setRole(old.login(), change.role, tenant, c.actor());
            }
            if (change.password != null) {
                s.members().setPassword(old.login(), change.password, c.actor());
            }
            if (change.enabled != null && change.enabled) {
                s.members().enable(old.login(), c.actor());
            } else if (change.enabled != null) {
                s.members().disable(old.login(), c.actor());
            }
            return member(c, old.login());
        });
    }

    private Member member(Call c, String login) {
        return s.members().named(login, c.actor()).orElseThrow(missing("login", "member"));
    }

    private void platform() {
        many(
                AT + "/providers",
                "Providers of sign-in, without their secrets.",
                SignInProvider.class,
                List.of(),
                c -> Operation.Page.whole(s.providers().all(c.actor())));
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
                    s.providers().set(provider, wanted.clientSecret, c.actor());
                    return provider;
                });
        one(
                GET,
                AT + "/providers/{name}",
                "A provider.",
                null,
                SignInProvider.class,
                c -> s.providers().named(c.variable("name"), c.actor()).orElseThrow(missing("name", "provider")));
        one(DELETE, AT + "/providers/{name}", "Removes a provider.", null, null, c -> {
            found(s.providers().remove(c.variable("name"), c.actor()), "name", "provider");
            return null;
        });
        one(
                GET,
                AT + "/settings",
                "Retention and webhooks.",
                null,
                PlatformSettings.class,
                c -> s.platform().settings(c.actor()));
        one(PUT, AT + "/settings", "Sets retention and webhooks.", SettingsChange.class, PlatformSettings.class, c -> {
            SettingsChange wanted = c.body(SettingsChange.class);
            PlatformSettings settings = new PlatformSettings(wanted.retentionDays, wanted.webhooks);
            s.platform().set(settings, wanted.webhookSecret, c.actor());
            return settings;
        });
        many(
                AT + "/alarms",
                "What is wrong now.",
                Alarm.class,
                List.of(),
                c -> Operation.Page.whole(s.alarms().now(c.actor())));
    }

    private void reports() {
        List<String> scope = List.of("by", "from", "to", "tenant", "project", "model");
        list.add(new Operation(
                GET,
                AT + "/usage",
                "What was used, by day, tenant, project, key or model.",
                null,
                UsageReports.Line.class,
                true,
                scope,
                c -> Operation.Page.whole(s.usage().lines(scope(c), by(c), c.limit(), c.actor()))));
        list.add(new Operation(
                GET, AT + "/usage.csv", "The same as a table, whole.", null, Operation.Table.class, false, scope, c -> {
                    UsageReports.Scope of = scope(c);
                    UsageReports.By by = by(c);
                    s.usage().lines(of, by, 1, c.actor()); // who may not is told so, not given half a table
                    return (Operation.Table) out -> UsageTable.write(s.usage(), of, by, c.actor(), out);
                }));
        List<String> filter = List.of("actor", "action", "subject");
        many(AT + "/audit", "Who changed what, the latest first.", AuditEntry.class, filter, c -> {
            long before = c.text("after").isEmpty() ? Long.MAX_VALUE : c.offset();
            List<AuditEntry> found = s.audit().latest(c.actor(), filter(c), before, c.limit() + 1);
            boolean more = found.size() > c.limit();
            List<AuditEntry> page = more ? found.subList(0, c.limit()) : found;
            return new Operation.Page<>(
                    page, more ? String.valueOf(page.getLast().id()) : null);
        });
        list.add(new Operation(
                GET,
                AT + "/audit.csv",
                "The same as a table, whole.",
                null,
                Operation.Table.class,
                false,
                filter,
                c -> {
                    AuditFilter of = filter(c);
                    s.audit().latest(c.actor(), of, Long.MAX_VALUE, 1);
                    return (Operation.Table) out -> AuditTable.write(s.audit(), c.actor(), of, out);
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
        LocalDate last = to == null ? LocalDate.ofInstant(s.clock().instant(), ZoneOffset.UTC) : to;
        LocalDate from = c.day("from");
        String name = c.textOrNull("tenant");
        UUID tenant = name != null ? tenant(c, "tenant", name).id() : c.actor().tenant();
        String project = c.textOrNull("project");
        UUID projectId = null;
        if (project != null && tenant != null) {
            projectId = s.tenants().projects(tenant, c.actor()).stream()
                    .filter(p -> p.name().equals(project))
                    .map(Project::id)
                    .findFirst()
                    .orElseThrow(missing("project", "project"));
        }
        return new UsageReports.Scope(
                from == null ? last.minusDays(29) : from, last, tenant, projectId, c.textOrNull("model"));
    }
}
