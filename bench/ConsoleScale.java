import io.ashlar.access.Actor;
import io.ashlar.app.Configuration;
import io.ashlar.app.Server;
import io.ashlar.audit.AuditFilter;
import io.ashlar.audit.AuditLog;
import io.ashlar.catalog.Catalog;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.Limits;
import io.ashlar.usage.UsageReports;
import io.ashlar.usage.UsageReports.By;
import io.ashlar.usage.UsageReports.Scope;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.LongStream;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * The time of all that a page of the console reads before it shows its first content, in a platform with many tenants, keys and
 * requests. The baseline of usage is the same question asked of the ledger itself.
 */
class ConsoleScale {
    private static final int PAGE = 50;
    private static final int DAYS = 90;
    private static final Actor ACTOR = Actor.administrator("bench", "");

    public static void main(String[] args) throws Exception {
        boolean quick = Arrays.asList(args).contains("--quick");
        int at = Arrays.asList(args).indexOf("--rows");
        long rows = at >= 0 ? Long.parseLong(args[at + 1]) : quick ? 1_000_000 : 50_000_000;
        int rounds = quick ? 5 : 15;
        Path data = Files.createTempDirectory("ashlar-bench");
        try (Server server = new Server(Configuration.read(
                null, Map.of("data", data.toString(), "api.port", "0", "console.port", "0", "management.port", "0")))) {
            generate(server.service(JdbcClient.class), rows);
            measure(server, rows, rounds);
        }
        System.exit(0);
    }

    private static void generate(JdbcClient database, long rows) {
        long begun = System.nanoTime();
        for (String sql : List.of(
                // The table as it is, but filled faster: nothing of this is read again after a crash.
                "alter table usage_record disable trigger user",
                "alter table usage_record set unlogged",
                "drop index usage_record_tenant",
                "drop index usage_record_arrived",
                "insert into tenant (id, name, created_at) select gen_random_uuid(), 'tenant-' || i, now()"
                        + " from generate_series(1, 10000) i",
                "insert into project (id, tenant_id, name, created_at) select gen_random_uuid(), id, 'default', now() from tenant"
                        + " where name like 'tenant-%'",
                "insert into api_key (id, project_id, name, prefix, secret_hash, created_at)"
                        + " select gen_random_uuid(), p.id, 'key ' || i, substr(md5(p.id::text || i), 1, 10),"
                        + " sha256((p.id::text || i)::bytea), now() from project p cross join generate_series(1, 10) i",
                // Keys with their places, numbered, to be drawn from.
                "create unlogged table bench_key as select row_number() over () as n, k.id, p.id as project, p.tenant_id"
                        + " from api_key k join project p on p.id = k.project_id",
                "create unique index on bench_key (n)",
                "analyze")) {
            database.sql(sql).update();
        }
        long keys = database.sql("select count(*) from bench_key").query(Long.class).single();
        long part = 1_000_000;
        LongStream.range(0, rows / part).parallel().map(n -> n * part).forEach(done -> database.sql("""
                    insert into usage_record (request_id, tenant_id, project_id, key_id, model, prompt_tokens, cached_tokens,
                        completion_tokens, arrived_at, queue_micros, ttft_micros, total_micros, finish_reason, status)
                    select gen_random_uuid(), k.tenant_id, k.project, k.id,
                        case when i % 3 = 0 then 'demo-draft' else 'demo-base' end, 100 + i % 900, i % 100, 10 + i % 300,
                        now() - make_interval(secs => (i::bigint * 7919) % (DAYS * 86400)), 1000, 50000 + i % 100000, 2000000,
                        'stop', 'completed'
                    from generate_series(FROM::bigint, TO::bigint) i
                    join bench_key k on k.n = 1 + (i::bigint * 48271) % KEYS"""
                            .replace("DAYS", String.valueOf(DAYS))
                            .replace("FROM", String.valueOf(done))
                            .replace("TO", String.valueOf(done + part - 1))
                            .replace("KEYS", String.valueOf(keys)))
                    .update());
        for (String sql : List.of(
                "create index usage_record_tenant on usage_record (tenant_id, arrived_at)",
                "create index usage_record_arrived on usage_record (arrived_at)",
                "insert into usage_day select day, tenant_id, project_id, key_id, model, sum(requests), sum(failed),"
                        + " sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(cost_nanos), sum(targeted), sum(met)"
                        + " from usage_counted group by day, tenant_id, project_id, key_id, model on conflict do nothing",
                "insert into usage_tenant_day select day, tenant_id, model, sum(requests), sum(failed), sum(prompt_tokens),"
                        + " sum(cached_tokens), sum(completion_tokens), sum(cost_nanos), sum(targeted), sum(met) from usage_day"
                        + " group by day, tenant_id, model on conflict do nothing",
                "insert into usage_model_day select day, model, sum(requests), sum(failed), sum(prompt_tokens),"
                        + " sum(cached_tokens), sum(completion_tokens), sum(cost_nanos), sum(targeted), sum(met)"
                        + " from usage_tenant_day group by day, model on conflict do nothing",
                "alter table usage_record enable trigger user",
                "analyze")) {
            database.sql(sql).update();
        }
        System.out.printf(Locale.ROOT, "%,d rows were made in %.0f s%n", rows, (System.nanoTime() - begun) / 1e9);
    }

    private static void measure(Server server, long rows, int rounds) {
        Tenants tenants = server.service(Tenants.class);
        UsageReports usage = server.service(UsageReports.class);
        LocalDate today = LocalDate.now(ZoneOffset.UTC);
        Scope platform = new Scope(today.minusDays(29), today, null, null, null);
        Tenant one = tenants.named("tenant-5000", ACTOR).orElseThrow();
        Scope own = new Scope(today.minusDays(29), today, one.id(), null, null);
        Map<String, Runnable> pages = new LinkedHashMap<>();
        pages.put("tenants", () -> {
            tenants.count(Tenants.Search.ALL, ACTOR);
            List<Tenant> page = tenants.find(Tenants.Search.ALL, 0, PAGE, ACTOR);
            usage.health(page.stream().map(Tenant::id).toList(), today, ACTOR);
        });
        pages.put("tenants, last page", () -> {
            List<Tenant> page = tenants.find(Tenants.Search.ALL, 9_900, PAGE, ACTOR);
            usage.health(page.stream().map(Tenant::id).toList(), today, ACTOR);
        });
        pages.put("tenants, search", () -> tenants.find(new Tenants.Search("999", null), 0, PAGE, ACTOR));
        pages.put("tenant", () -> {
            usage.health(List.of(one.id()), today, ACTOR);
            usage.lines(own, By.DAY, 30, ACTOR);
            usage.total(own, ACTOR);
            server.service(Catalog.class).grantsOf(one.id(), ACTOR);
            tenants.projects(one.id(), ACTOR);
            server.service(Limits.class).ofTenant(one.id(), ACTOR);
        });
        pages.put("keys", () -> server.service(ApiKeys.class).ofTenant(one.id(), 0, PAGE, ACTOR));
        pages.put("usage by tenant", () -> {
            usage.lines(platform, By.TENANT, 500, ACTOR);
            usage.lines(platform, By.DAY, 60, ACTOR);
            usage.total(platform, ACTOR);
        });
        pages.put("usage by model", () -> usage.lines(platform, By.MODEL, 500, ACTOR));
        pages.put("usage of a tenant by key", () -> usage.lines(own, By.KEY, 500, ACTOR));
        pages.put("members", () -> server.service(Members.class).find(null, "", 0, PAGE, ACTOR));
        pages.put("audit", () -> server.service(AuditLog.class).latest(ACTOR, AuditFilter.ALL, Long.MAX_VALUE, 100));
        JdbcClient database = server.service(JdbcClient.class);
        pages.put("(baseline: usage by tenant from the ledger)", () -> database.sql(
                        "select tenant_id, count(*), sum(prompt_tokens + completion_tokens) from usage_record"
                                + " where arrived_at > now() - interval '30 days' group by 1 order by 3 desc limit 500")
                .query((row, n) -> row.getLong(2))
                .list());
        StringBuilder json = new StringBuilder("{\"benchmark\":\"console\",\"rows\":" + rows);
        System.out.printf("%-45s %10s %10s %10s%n", "page", "median ms", "least", "most");
        double worst = 0;
        for (Map.Entry<String, Runnable> page : pages.entrySet()) {
            boolean baseline = page.getKey().startsWith("(");
            double[] millis = new double[baseline ? 2 : rounds];
            for (int i = 0; i < millis.length; i++) {
                long begun = System.nanoTime();
                page.getValue().run();
                millis[i] = (System.nanoTime() - begun) / 1e6;
            }
            double first = millis[0];
            Arrays.sort(millis);
            double median = millis[millis.length / 2];
            worst = baseline ? worst : Math.max(worst, median);
            System.out.printf(
                    Locale.ROOT,
                    "%-45s %10.1f %10.1f %10.1f  (first %.1f)%n",
                    page.getKey(),
                    median,
                    millis[0],
                    millis[millis.length - 1],
                    first);
            json.append(String.format(Locale.ROOT, ",\"%s\":%.1f", page.getKey().replaceAll("[^a-z]+", "_"), median));
        }
        System.out.println(json + String.format(Locale.ROOT, ",\"worst_page_ms\":%.1f}", worst));
    }
}
