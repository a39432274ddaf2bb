import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.WaitUntilState;
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
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
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
        int kept = Arrays.asList(args).indexOf("--data");
        Path data = kept >= 0 ? Path.of(args[kept + 1]) : Files.createTempDirectory("ashlar-bench");
        try (Server server = new Server(Configuration.read(
                null, Map.of("data", data.toString(), "api.port", "0", "console.port", "0", "management.port", "0")))) {
            String json = "";
            try (Pages browser = new Pages(server.consoleUrl(), data)) {
                // The charts first: what making the rows leaves to do in the background would be counted with them.
                json += browser.live(server.apiUrl(), quick ? 1 : 5, quick ? 5 : 20);
                JdbcClient database = server.service(JdbcClient.class);
                if (database.sql("select to_regclass('bench_key')::text").query(String.class).list().getFirst() == null) {
                    generate(database, rows);
                } else {
                    rows = database.sql("select count(*) from usage_record").query(Long.class).single();
                    System.out.printf(Locale.ROOT, "%,d rows are there already%n", rows);
                }
                json += reads(server, quick ? 5 : 15);
                json += browser.pages(quick ? 1 : 7);
            }
            System.out.println("{\"benchmark\":\"console\",\"rows\":" + rows + json + "}");
        }
        if (kept < 0) {
            remove(data);
        }
        System.exit(0);
    }

    private static void remove(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(each);
            }
        }
    }

    private static void generate(JdbcClient database, long rows) {
        long begun = System.nanoTime();
        for (String sql : List.of(
                // Days in their order, as they come; the table as it is, but filled faster: nothing of this is read again after a crash.
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
                        + " from usage_counted group by day, tenant_id, project_id, key_id, model order by day on conflict do nothing",
                "insert into usage_tenant_day select day, tenant_id, model, sum(requests), sum(failed), sum(prompt_tokens),"
                        + " sum(cached_tokens), sum(completion_tokens), sum(cost_nanos), sum(targeted), sum(met) from usage_day"
                        + " group by day, tenant_id, model order by day on conflict do nothing",
                "insert into usage_tenant_week select day - (extract(isodow from day)::integer - 1) as week, tenant_id, model,"
                        + " sum(requests), sum(failed), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(cost_nanos),"
                        + " sum(targeted), sum(met) from usage_tenant_day group by week, tenant_id, model order by week"
                        + " on conflict do nothing",
                "insert into usage_model_day select day, model, sum(requests), sum(failed), sum(prompt_tokens),"
                        + " sum(cached_tokens), sum(completion_tokens), sum(cost_nanos), sum(targeted), sum(met)"
                        + " from usage_tenant_day group by day, model on conflict do nothing",
                "alter table usage_record enable trigger user",
                "analyze")) {
            database.sql(sql).update();
        }
        System.out.printf(Locale.ROOT, "%,d rows were made in %.0f s%n", rows, (System.nanoTime() - begun) / 1e9);
    }

    private static String reads(Server server, int rounds) {
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
        StringBuilder json = new StringBuilder();
        System.out.printf("%n%-45s %10s %10s %10s%n", "what a page reads", "median ms", "least", "most");
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
            json.append(String.format(Locale.ROOT, ",\"read_%s_ms\":%.1f", name(page.getKey()), median));
        }
        return json + String.format(Locale.ROOT, ",\"worst_read_ms\":%.1f", worst);
    }

    static String name(String words) {
        return words.replaceAll("[^a-z]+", " ").strip().replace(' ', '_');
    }

    /** The console in Chromium, as an administrator has it. */
    private static final class Pages implements AutoCloseable {
        private static final int RATE = 200;

        private final Playwright playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        private final Browser browser = playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(chromium())
                        .setArgs(List.of("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")));
        private final Page page =
                browser.newContext(new Browser.NewContextOptions().setViewportSize(1440, 900)).newPage();
        private final Map<String, String> secrets = new LinkedHashMap<>();
        private final String url;

        Pages(String console, Path data) throws IOException {
            url = console + "/";
            for (String line : Files.readAllLines(data.resolve("first-start.txt"))) {
                String[] parts = line.split("=", 2);
                secrets.put(parts[0], parts[1]);
            }
            page.setDefaultTimeout(60_000);
            page.navigate(url);
            page.getByLabel("User name").fill("admin");
            page.locator("input[name=password]").fill(secrets.get("admin_password"));
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Sign in").setExact(true)).click();
            page.locator("ashlar-chart canvas").first().waitFor();
        }

        private static Path chromium() {
            return Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
                    .map(Path::of)
                    .filter(Files::isExecutable)
                    .findFirst()
                    .orElseThrow(() -> new IllegalStateException("Chromium is needed; Debian: apt install chromium"));
        }

        /**
         * What live charts cost beside requests that go on: the server with nobody looking and with the overview open, in turns.
         * Percent of a core. The requests come from a process of their own.
         */
        String live(String api, int pairs, int seconds) throws Exception {
            double[] more = new double[pairs];
            double[] own = new double[pairs];
            double[] browsers = new double[pairs];
            Process load = load(api, secrets.get("api_key"));
            try {
                // Until the compiler has done most of its work: it is the server's too.
                Thread.sleep(seconds * 2500L);
                for (int i = 0; i < pairs; i++) {
                    // Who is first changes, so that what grows with time falls on both.
                    double[] without = i % 2 == 0 ? server(seconds, false) : null;
                    double[] with = server(seconds, true);
                    without = without == null ? server(seconds, false) : without;
                    more[i] = with[0] - without[0];
                    own[i] = with[2] - without[2];
                    browsers[i] = with[1];
                    System.out.printf(
                            Locale.ROOT,
                            "charts: server %.1f%% of a core, %.1f%% with a browser, which takes %.1f%%; threads of the console %.1f%% and %.1f%%%n",
                            without[0], with[0], with[1], without[2], with[2]);
                }
            } finally {
                load.destroy();
                load.waitFor();
            }
            show("");
            Arrays.sort(more);
            Arrays.sort(browsers);
            Arrays.sort(own);
            System.out.printf(
                    Locale.ROOT,
                    "live charts at %d requests/s: threads of the console %.1f points more (%.1f to %.1f), the whole process %.1f (%.1f to %.1f),"
                            + " browser %.1f%% (%.1f to %.1f)%n",
                    RATE, own[pairs / 2], own[0], own[pairs - 1], more[pairs / 2], more[0], more[pairs - 1],
                    browsers[pairs / 2], browsers[0], browsers[pairs - 1]);
            return String.format(
                    Locale.ROOT,
                    ",\"live_server_percent\":%.1f,\"live_process_percent\":%.1f,\"live_browser_percent\":%.1f",
                    own[pairs / 2], more[pairs / 2], browsers[pairs / 2]);
        }

        private double[] server(int seconds, boolean looks) throws InterruptedException {
            if (looks) {
                show("");
                page.locator("ashlar-chart canvas").first().waitFor();
            } else {
                page.navigate("about:blank");
            }
            Thread.sleep(2000);
            long server = cpu(ProcessHandle.current());
            long browsers = browsers();
            long console = console();
            long begun = System.nanoTime();
            page.waitForTimeout(seconds * 1000.0);
            double elapsed = System.nanoTime() - begun;
            return new double[] {
                100 * (cpu(ProcessHandle.current()) - server) / elapsed,
                100 * (browsers() - browsers) / elapsed,
                100 * (console() - console) / elapsed
            };
        }

        /** CPU time of the console's threads: what it pushes is made on them. The engine's share of the process varies more than they take. */
        private static long console() {
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            return Arrays.stream(threads.getThreadInfo(threads.getAllThreadIds()))
                    .filter(t -> t != null && t.getThreadName().matches("(Atmosphere|http-nio|pulse|Catalina|WebSocket).*"))
                    .mapToLong(t -> Math.max(0, threads.getThreadCpuTime(t.getThreadId())))
                    .sum();
        }

        private static long cpu(ProcessHandle process) {
            return process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos();
        }

        private static long browsers() {
            return ProcessHandle.current()
                    .descendants()
                    .filter(p -> p.info().command().orElse("").contains("chrom"))
                    .mapToLong(Pages::cpu)
                    .sum();
        }

        private static Process load(String api, String key) throws IOException {
            Path source = Files.createTempFile("Load", ".java");
            Files.writeString(source, LOAD);
            return new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                            source.toString(),
                            api,
                            key,
                            String.valueOf(RATE))
                    .inheritIO()
                    .start();
        }

        private void show(String path) {
            page.navigate(url + path);
        }

        /** A page: its heading, its address, and what is its first content. */
        private record Shown(String link, String path, String content) {}

        /** From asking for a page to its first content on the screen: chosen in the menu, and loaded anew with all of the console. */
        String pages(int rounds) {
            List<Shown> all = List.of(
                    new Shown("Overview", "", "ashlar-chart canvas"),
                    new Shown("Tenants", "tenants", "vaadin-grid-cell-content >> text=/tenant-[0-9]+/"),
                    new Shown("tenant-", "tenants/tenant-5000", ".page >> text=Requests"),
                    new Shown("API keys", "keys", "vaadin-grid-cell-content >> text=/key [0-9]+/"),
                    new Shown("Models", "models", ".page >> text=demo-base"),
                    new Shown("Deployments", "deployments", "vaadin-grid-cell-content >> text=demo-base"),
                    new Shown("Requests", "requests", "vaadin-grid"),
                    new Shown("Usage and cost", "usage", ".figures >> text=Targets kept"),
                    new Shown("Usage and cost", "usage", "vaadin-grid-cell-content >> text=/tenant-[0-9]+/"),
                    new Shown("Members", "members", "vaadin-grid-cell-content >> text=admin"),
                    new Shown("Audit", "audit", "vaadin-grid-cell-content >> text=/tenant|member|admin/"));
            System.out.printf("%n%-20s %30s %40s%n", "page in Chromium", "from the menu, ms (range)", "loaded anew, ms (range)");
            StringBuilder json = new StringBuilder();
            double worst = 0;
            for (Shown each : all) {
                double[] menu = new double[rounds];
                double[] anew = new double[rounds];
                for (int i = 0; i < rounds; i++) {
                    boolean oneTenant = each.link.equals("tenant-");
                    show(oneTenant ? "tenants" : "profile");
                    page.waitForTimeout(1500);
                    Locator link = oneTenant
                            ? page.locator("vaadin-grid-cell-content a").first()
                            : page.getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName(each.link).setExact(true)).first();
                    link.waitFor();
                    long begun = System.nanoTime();
                    link.click();
                    page.locator(each.content).first().waitFor();
                    menu[i] = (System.nanoTime() - begun) / 1e6;
                    page.navigate("about:blank");
                    begun = System.nanoTime();
                    page.navigate(url + each.path, new Page.NavigateOptions().setWaitUntil(WaitUntilState.COMMIT));
                    page.locator(each.content).first().waitFor();
                    anew[i] = (System.nanoTime() - begun) / 1e6;
                }
                Arrays.sort(menu);
                Arrays.sort(anew);
                boolean first = !each.content.contains("grid") || !each.path.equals("usage");
                worst = first ? Math.max(worst, menu[rounds / 2]) : worst;
                String what = first ? each.path : each.path + ", its table";
                System.out.printf(Locale.ROOT, "%-20s %12.0f (%.0f to %.0f) %24.0f (%.0f to %.0f)%n", what,
                        menu[rounds / 2], menu[0], menu[rounds - 1], anew[rounds / 2], anew[0], anew[rounds - 1]);
                json.append(String.format(Locale.ROOT, ",\"page_%s_ms\":%.0f", name(each.link.toLowerCase(Locale.ROOT) + (first ? "" : " table")), menu[rounds / 2]));
            }
            return json + String.format(Locale.ROOT, ",\"worst_page_ms\":%.0f", worst);
        }

        @Override
        public void close() {
            browser.close();
            playwright.close();
        }
    }

    /** Requests at a steady rate, whatever is answered. */
    private static final String LOAD = """
            import java.net.URI;
            import java.net.http.*;
            import java.util.concurrent.*;
            class Load {
                public static void main(String[] a) throws Exception {
                    HttpClient http = HttpClient.newHttpClient();
                    HttpRequest request = HttpRequest.newBuilder(URI.create(a[0] + "/v1/completions"))
                            .header("Authorization", "Bearer " + a[1])
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString(
                                    "{\\"model\\":\\"demo-draft\\",\\"prompt\\":\\"a\\",\\"max_tokens\\":1}"))
                            .build();
                    Executors.newScheduledThreadPool(1).scheduleAtFixedRate(
                            () -> http.sendAsync(request, HttpResponse.BodyHandlers.discarding()),
                            0, 1_000_000 / Integer.parseInt(a[2]), TimeUnit.MICROSECONDS);
                }
            }
            """;
}
