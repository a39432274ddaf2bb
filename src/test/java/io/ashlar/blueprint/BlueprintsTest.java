package io.ashlar.blueprint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.NotPermittedException;
import io.ashlar.access.Role;
import io.ashlar.app.TestServer;
import io.ashlar.audit.AuditFilter;
import io.ashlar.audit.AuditLog;
import io.ashlar.document.Documents;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A platform as a file: what is exported can be applied, and applying brings exactly what is said. */
class BlueprintsTest {
    private static final String FILE = """
            service_classes:
              gold: {order: 0, ttft_ms: 500, tpot_ms: 50, percentile: 99, weight: 8, queue_length: 10, queue_seconds: 0, preemptible: false}
              standard: {order: 1, ttft_ms: 10000, tpot_ms: 250, percentile: 95, weight: 2, queue_length: 1024, queue_seconds: 0, preemptible: true}
            deployments:
              demo-base: {model: demo-base}
              second: {model: demo-base, policy: fcfs, shares_prefixes: true}
            prices:
              second: {prompt: 1000000, cached: 100000, completion: 4000000}
            tenants:
              demo: {}
              acme:
                service_class: gold
                weight: 3.5
                projects: [default, web]
                grants: [second]
                limits:
                  - {kind: tokens_per_month, amount: 1000000, warn_percent: [80]}
                  - {kind: requests_per_minute, amount: 60, project: web, model: second}
            """;

    @TempDir
    static Path data;

    private static TestServer server;
    private static Blueprints blueprints;

    @BeforeAll
    static void start() {
        server = new TestServer(data, Map.of());
        blueprints = server.service(Blueprints.class);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static Blueprint read(String yaml) {
        return Documents.readYaml(yaml, Blueprint.class);
    }

    private static List<String> lines(List<Difference> found) {
        return found.stream().map(Difference::line).toList();
    }

    @Test
    void a_file_is_shown_applied_exported_and_then_there_is_nothing_to_do() {
        Blueprint before = blueprints.export(Actor.SYSTEM);
        assertThat(blueprints.apply(before, false, Actor.SYSTEM)).isEmpty();
        long audited = rows();

        Blueprint wanted = read(FILE);
        List<Difference> shown = blueprints.apply(wanted, true, Actor.SYSTEM);
        assertThat(lines(shown))
                .contains(
                        "+ tenants.acme",
                        "~ tenants.acme.weight: 1.0 -> 3.5",
                        "+ tenants.acme.grants: second",
                        "+ tenants.acme.limits.requests_per_minute@web/second: 60")
                .anyMatch(l -> l.startsWith("- deployments.demo-draft"))
                .anyMatch(l -> l.startsWith("- service_classes.batch"));
        assertThat(blueprints.export(Actor.SYSTEM)).isEqualTo(before);
        assertThat(rows()).isEqualTo(audited);

        assertThat(lines(blueprints.apply(wanted, false, Actor.SYSTEM))).isEqualTo(lines(shown));
        assertThat(rows()).isGreaterThan(audited);
        assertThat(blueprints.apply(wanted, false, Actor.SYSTEM)).isEmpty();
        String exported = Documents.yaml(blueprints.export(Actor.SYSTEM));
        assertThat(blueprints.apply(read(exported), false, Actor.SYSTEM)).isEmpty();

        // What a file no longer names: a tenant is suspended, since its usage stays.
        String without = FILE.substring(0, FILE.indexOf("  acme:"));
        assertThat(lines(blueprints.apply(read(without), false, Actor.SYSTEM)))
                .containsExactly("~ tenants.acme.status: ACTIVE -> SUSPENDED");
        assertThat(server.service(Tenants.class)
                        .named("acme", Actor.SYSTEM)
                        .orElseThrow()
                        .status())
                .isEqualTo(Tenant.Status.SUSPENDED);
        wrongFilesChangeNothing();
    }

    private static void wrongFilesChangeNothing() {
        Blueprint now = blueprints.export(Actor.SYSTEM);
        Map<String, String> wrong = Map.of(
                "tenants: {acme: {weight: heavy}}", "tenants.acme.weight",
                "tenants: {acme: {grants: [none]}}", "tenants.acme.model",
                "tenants: {new-one: {}, 'Not A Name': {}}", "tenants.Not A Name.name",
                "deployments: {demo-base: {model: demo-base, policy: best}}", "deployments.demo-base.policy",
                "service_classes: {gold: {order: 1}}", "service_classes.gold.ttft_ms",
                "tenant: {}", "tenant",
                "a: [", "file");
        wrong.forEach((yaml, field) -> assertThatThrownBy(() -> blueprints.apply(read(yaml), false, Actor.SYSTEM))
                .as(yaml)
                .isInstanceOfSatisfying(
                        InvalidRequestException.class,
                        e -> assertThat(e.field()).isEqualTo(field)));
        assertThat(blueprints.export(Actor.SYSTEM)).isEqualTo(now);
        Actor viewer = new Actor("v", Role.PLATFORM_VIEWER, null, "");
        assertThatThrownBy(() -> blueprints.apply(now, true, viewer)).isInstanceOf(NotPermittedException.class);
    }

    private static long rows() {
        return server.service(AuditLog.class)
                .latest(Actor.SYSTEM, AuditFilter.ALL, Long.MAX_VALUE, 10_000)
                .size();
    }
}
