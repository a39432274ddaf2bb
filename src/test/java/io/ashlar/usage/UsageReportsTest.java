package io.ashlar.usage;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.access.Actor;
import io.ashlar.app.TestServer;
import io.ashlar.identity.Tenants;
import io.ashlar.usage.UsageReports.By;
import io.ashlar.usage.UsageReports.Line;
import io.ashlar.usage.UsageReports.Scope;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Reports read roll-ups; the ledger itself is the truth. */
class UsageReportsTest {
    /** Long ago, so that nobody else's rows are there. */
    private static final LocalDate FIRST = LocalDate.of(2019, 1, 30);

    private static final int DAYS = 50;

    private final TestServer server = TestServer.shared();
    private final JdbcClient database = server.service(JdbcClient.class);
    private final UsageReports reports = server.service(UsageReports.class);

    private void use(UUID tenant, UUID project, UUID key, String model, LocalDate day, int prompt) {
        database.sql("""
                        insert into usage_record (request_id, tenant_id, project_id, key_id, model, prompt_tokens,
                            cached_tokens, completion_tokens, arrived_at, queue_micros, ttft_micros, total_micros, finish_reason, status)
                        values (gen_random_uuid(), :tenant, :project, :key, :model, :prompt, 0, 7,
                            cast(:day as date) + time '12:00' at time zone 'UTC', 1, 2, 3, 'stop', 'completed')""")
                .param("tenant", tenant)
                .param("project", project)
                .param("key", key)
                .param("model", model)
                .param("prompt", prompt)
                .param("day", day)
                .update();
    }

    private Map<String, Long> truth(LocalDate from, LocalDate to, String model) {
        Map<String, Long> truth = new HashMap<>();
        database.sql("""
                        select t.name, sum(u.prompt_tokens + u.completion_tokens) as tokens from usage_record u
                        join tenant t on t.id = u.tenant_id
                        where (u.arrived_at at time zone 'UTC')::date between :from and :to
                        and (:model = '' or u.model = :model) group by 1""")
                .param("from", from)
                .param("to", to)
                .param("model", model)
                .query(row -> {
                    truth.put(row.getString("name"), row.getLong("tokens"));
                });
        return truth;
    }

    @Test
    void all_tenants_over_any_days_are_what_the_ledger_says() {
        Random random = new Random(7);
        for (int t = 0; t < 3; t++) {
            UUID tenant = server.service(Tenants.class).create("reports-" + UUID.randomUUID(), Actor.SYSTEM);
            String key = server.service(io.ashlar.identity.ApiKeys.class).create(tenant, "k", null, Actor.SYSTEM);
            assertThat(key).isNotEmpty();
            Map<String, Object> place = database.sql(
                            "select k.id as key, p.id as project from api_key k join project p on p.id = k.project_id where p.tenant_id = :t")
                    .param("t", tenant)
                    .query()
                    .singleRow();
            for (int i = 0; i < 60; i++) {
                use(
                        tenant,
                        (UUID) place.get("project"),
                        (UUID) place.get("key"),
                        random.nextBoolean() ? "demo-base" : "demo-draft",
                        FIRST.plusDays(random.nextInt(DAYS)),
                        1 + random.nextInt(1000));
            }
        }
        for (int i = 0; i < 60; i++) {
            LocalDate from = FIRST.plusDays(random.nextInt(DAYS));
            LocalDate to = from.plusDays(random.nextInt(DAYS));
            String model = i % 3 == 0 ? "demo-base" : "";
            List<Line> lines = reports.lines(
                    new Scope(from, to, null, null, model.isEmpty() ? null : model), By.TENANT, 1000, Actor.SYSTEM);
            Map<String, Long> found = new HashMap<>();
            lines.forEach(l -> found.put(l.name(), l.tokens()));
            assertThat(found).as("%s to %s", from, to).isEqualTo(truth(from, to, model));
        }
    }
}
