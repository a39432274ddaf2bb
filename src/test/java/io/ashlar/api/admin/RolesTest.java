package io.ashlar.api.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.access.Actor;
import io.ashlar.access.NotPermittedException;
import io.ashlar.access.Role;
import io.ashlar.api.ApiException;
import io.ashlar.app.TestServer;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.LimitKind;
import io.ashlar.quota.Limits;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Every operation of the admin API, asked for by every role, in its own tenant and in another. */
class RolesTest {
    private static final Set<Role> ALL = EnumSet.allOf(Role.class);
    private static final Set<Role> PLATFORM = EnumSet.of(Role.PLATFORM_ADMINISTRATOR, Role.PLATFORM_VIEWER);
    private static final Set<Role> ADMINISTRATOR = EnumSet.of(Role.PLATFORM_ADMINISTRATOR);
    private static final Set<Role> ADMINISTRATORS = EnumSet.of(Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR);
    private static final Set<Role> DEVELOPERS =
            EnumSet.of(Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR, Role.TENANT_DEVELOPER);

    /** Who may, by method and path; an operation that is not here fails the test. */
    private static final Map<String, Set<Role>> MAY = may();

    private static Map<String, Set<Role>> may() {
        Map<String, Set<Role>> may = new LinkedHashMap<>();
        String tenant = "/tenants/{tenant}";
        may.put("GET /tenants", ALL); // each sees what it may
        may.put("POST /tenants", ADMINISTRATOR);
        may.put("GET " + tenant, ALL);
        may.put("PUT " + tenant, ADMINISTRATOR);
        may.put("GET " + tenant + "/projects", ALL);
        may.put("POST " + tenant + "/projects", ADMINISTRATORS);
        may.put("DELETE " + tenant + "/projects/{project}", ADMINISTRATORS);
        may.put("GET " + tenant + "/grants", ALL);
        may.put("PUT " + tenant + "/grants/{*deployment}", ADMINISTRATOR);
        may.put("DELETE " + tenant + "/grants/{*deployment}", ADMINISTRATOR);
        may.put("GET " + tenant + "/keys", ALL);
        may.put("POST " + tenant + "/keys", DEVELOPERS);
        may.put("DELETE " + tenant + "/keys/{id}", ADMINISTRATORS); // of somebody else
        may.put("GET " + tenant + "/limits", ALL);
        may.put("POST " + tenant + "/limits", ADMINISTRATOR); // of the tenant as a whole
        may.put("DELETE " + tenant + "/limits/{id}", ADMINISTRATOR);
        may.put("GET " + tenant + "/warnings", ALL);
        may.put("GET /admin-keys", PLATFORM);
        may.put("POST /admin-keys", ADMINISTRATOR);
        may.put("DELETE /admin-keys/{id}", ADMINISTRATOR);
        may.put("GET /members", ALL);
        may.put("POST /members", ADMINISTRATORS);
        may.put("GET /members/{login}", ALL);
        may.put("PUT /members/{login}", ADMINISTRATORS);
        may.put("GET /service-classes", ALL);
        may.put("PUT /service-classes/{name}", ADMINISTRATOR);
        may.put("DELETE /service-classes/{name}", ADMINISTRATOR);
        may.put("GET /prices", ALL);
        may.put("PUT /prices", ADMINISTRATOR);
        may.put("GET /deployments", PLATFORM);
        may.put("POST /deployments", ADMINISTRATOR);
        may.put("GET /deployments/{*deployment}", PLATFORM);
        may.put("PUT /deployments/{*deployment}", ADMINISTRATOR);
        may.put("DELETE /deployments/{*deployment}", ADMINISTRATOR);
        may.put("POST /restart/{*deployment}", ADMINISTRATOR);
        may.put("PUT /policies", ADMINISTRATOR);
        may.put("GET /imports", PLATFORM);
        may.put("POST /imports", ADMINISTRATOR);
        may.put("GET /imports/{id}", PLATFORM);
        may.put("GET /models", PLATFORM);
        may.put("DELETE /models/{*deployment}", ADMINISTRATOR);
        may.put("GET /usage", ALL);
        may.put("GET /usage.csv", ALL);
        may.put("GET /audit", EnumSet.of(Role.PLATFORM_ADMINISTRATOR, Role.PLATFORM_VIEWER, Role.TENANT_ADMINISTRATOR));
        may.put("GET /audit.csv", may.get("GET /audit"));
        may.put("GET /providers", PLATFORM);
        may.put("GET /providers/{name}", PLATFORM);
        may.put("PUT /providers/{name}", ADMINISTRATOR);
        may.put("DELETE /providers/{name}", ADMINISTRATOR);
        may.put("GET /settings", PLATFORM);
        may.put("PUT /settings", ADMINISTRATOR);
        may.put("GET /alarms", PLATFORM);
        may.put("GET /requests", ALL); // of their own tenant
        may.put("GET /requests/{id}", ALL);
        may.put("GET /overview", PLATFORM);
        may.put("GET /serving", PLATFORM);
        may.put("GET /chains", PLATFORM);
        may.put("GET /scheduler", PLATFORM);
        may.put("GET /openapi.json", ALL);
        may.put("GET /configuration", PLATFORM);
        may.put("PUT /configuration", ADMINISTRATOR);
        return may;
    }

    private final TestServer server = TestServer.shared();
    private final Tenants tenants = server.service(Tenants.class);
    private final AdminOperations operations = new AdminOperations(services(server));

    private static AdminOperations.Services services(TestServer server) {
        RecordComponent[] parts = AdminOperations.Services.class.getRecordComponents();
        Class<?>[] types = Arrays.stream(parts).map(RecordComponent::getType).toArray(Class<?>[]::new);
        Object[] values = Arrays.stream(types).map(server::service).toArray();
        try {
            return AdminOperations.Services.class.getDeclaredConstructor(types).newInstance(values);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private static String key(Operation operation) {
        return operation.method() + " " + operation.path().substring("/admin/v1".length());
    }

    /** Bodies that only a permission keeps from being carried out; what they name is made anew for each. */
    private static String body(Operation operation, String unique, String tenant) {
        return switch (key(operation)) {
            case "POST /tenants",
                    "POST /tenants/{tenant}/projects",
                    "POST /admin-keys",
                    "POST /tenants/{tenant}/keys" -> "{\"name\":\"" + unique + "\"}";
            case "PUT /tenants/{tenant}" -> "{\"weight\":2}";
            case "POST /members" ->
                "{\"login\":\"" + unique
                        + "\",\"password\":\"long enough words\",\"role\":\"tenant_viewer\",\"tenant\":\"" + tenant
                        + "\"}";
            case "PUT /members/{login}" -> "{\"enabled\":true}";
            case "POST /tenants/{tenant}/limits" -> "{\"kind\":\"requests_per_minute\",\"amount\":100000}";
            case "PUT /service-classes/{name}" -> "{}";
            case "PUT /prices" -> "{\"model\":\"demo-draft\",\"prompt\":0,\"cached\":0,\"completion\":0}";
            case "POST /imports" -> "{\"path\":\"/nothing/here\",\"name\":\"x\"}";
            case "POST /deployments" -> "{\"name\":\"" + unique + "\",\"model\":\"demo-draft\"}";
            case "PUT /providers/{name}" ->
                "{\"title\":\"t\",\"issuer\":\"http://127.0.0.1:1/none\",\"client_id\":\"c\",\"rules\":[],\"enabled\":false}";
            case "PUT /settings" -> "{\"retention_days\":0,\"webhooks\":[]}";
            case "PUT /policies" -> "{\"model\":\"demo-draft\",\"policy\":null}";
            default -> "{}";
        };
    }

    /** Whether the actor was let through; nothing of that name counts as through, since permission is asked first. */
    private boolean passes(Operation operation, Actor actor, String tenant, Map<String, String> names) {
        Map<String, String> variables = new LinkedHashMap<>(names);
        variables.put("tenant", tenant);
        String unique = "u" + UUID.randomUUID().toString().substring(0, 18);
        if (key(operation).startsWith("PUT /deployments/")) {
            variables.put("deployment", "/demo-draft");
        } else if (operation.path().contains("/deployments/{*")
                || operation.path().contains("/restart/{*")
                || operation.path().contains("/models/{*")) {
            variables.put("deployment", "/nothing-of-this-name");
        }
        Call call = new Call(
                actor, variables, Map.of(), body(operation, unique, tenant).getBytes(StandardCharsets.UTF_8));
        try {
            Object unused = operation.work().apply(call);
            return true;
        } catch (NotPermittedException e) {
            return false;
        } catch (ApiException e) {
            return e.status() != 403 && !String.valueOf(e.param()).equals("tenant") && !"login".equals(e.param());
        } catch (io.ashlar.access.InvalidRequestException e) {
            return true;
        }
    }

    /** Names of what there is; a key and a limit are made anew, since what is asked for may take them away. */
    private Map<String, String> ids(UUID tenant, String member, Operation operation) {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("project", "none");
        names.put("deployment", "/demo-base");
        names.put("login", member);
        names.put("name", "unused-class");
        names.put("id", UUID.randomUUID().toString());
        if (operation.path().endsWith("/keys/{id}")) {
            ApiKeys keys = server.service(ApiKeys.class);
            names.put(
                    "id",
                    keys.create(tenant, Tenants.FIRST_PROJECT, "k", null, Actor.SYSTEM)
                            .id()
                            .toString());
        } else if (operation.path().endsWith("/limits/{id}")) {
            Limits.Wanted wanted =
                    new Limits.Wanted(null, null, null, LimitKind.TOKENS_PER_MONTH, 1_000_000_000, List.of(), false);
            names.put(
                    "id",
                    server.service(Limits.class)
                            .set(tenant, wanted, Actor.SYSTEM)
                            .id()
                            .toString());
        }
        return names;
    }

    @Test
    void every_operation_is_for_those_roles_that_it_is_for() {
        UUID own = tenants.create("roles-own", Actor.SYSTEM);
        UUID other = tenants.create("roles-other", Actor.SYSTEM);
        for (String tenant : new String[] {"own", "other"}) {
            UUID id = tenant.equals("own") ? own : other;
            server.service(Members.class)
                    .create("viewer-" + tenant, "long enough words", Role.TENANT_VIEWER, id, Actor.SYSTEM);
        }
        assertThat(operations.all().stream().map(RolesTest::key)).containsExactlyInAnyOrderElementsOf(MAY.keySet());
        for (Operation operation : operations.all()) {
            for (Role role : Role.values()) {
                Actor actor = new Actor("somebody", role, role.ofPlatform() ? null : own, "");
                Map<String, String> ids = ids(own, "viewer-own", operation);
                assertThat(passes(operation, actor, "roles-own", ids))
                        .as("%s may %s", role, key(operation))
                        .isEqualTo(MAY.get(key(operation)).contains(role));
                if (!role.ofPlatform() && operation.path().contains("{tenant}")
                        || !role.ofPlatform() && operation.path().contains("{login}")) {
                    assertThat(passes(operation, actor, "roles-other", ids(other, "viewer-other", operation)))
                            .as("%s of another tenant may %s", role, key(operation))
                            .isFalse();
                }
            }
        }
    }

    @Test
    void requests_of_other_tenants_are_not_seen_by_any_way_of_asking() {
        UUID own = tenants.create("requests-own", Actor.SYSTEM);
        var response = server.chat(server.apiKey(), "\"max_tokens\":1");
        String id = response.headers().firstValue("x-request-id").orElseThrow();
        Actor viewer = new Actor("somebody", Role.TENANT_VIEWER, own, "");
        Operation list = operations.reading("/admin/v1/requests");
        Operation one = operations.reading("/admin/v1/requests/{id}");
        assertThat(((Operation.Page<?>) list.work().apply(new Call(viewer, Map.of(), Map.of(), new byte[0]))).data())
                .isEmpty();
        for (Operation operation : List.of(list, one)) {
            for (Map<String, String> query : List.of(Map.<String, String>of(), Map.of("tenant", "demo"))) {
                if (operation == list && query.isEmpty()) {
                    continue;
                }
                Call call = new Call(viewer, Map.of("id", id), query, new byte[0]);
                org.assertj.core.api.Assertions.assertThatThrownBy(
                                () -> operation.work().apply(call))
                        .isInstanceOf(ApiException.class)
                        .satisfies(e -> assertThat(((ApiException) e).status()).isEqualTo(404));
            }
        }
        Actor platform = new Actor("somebody", Role.PLATFORM_VIEWER, null, "");
        assertThat(one.work().apply(new Call(platform, Map.of("id", id), Map.of(), new byte[0])))
                .isNotNull();
    }
}
