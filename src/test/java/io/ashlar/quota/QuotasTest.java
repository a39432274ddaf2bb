package io.ashlar.quota;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.audit.AuditLog;
import io.ashlar.database.ChangeFeed;
import io.ashlar.database.DatabaseAddress;
import io.ashlar.database.EmbeddedPostgres;
import io.ashlar.database.Migrations;
import io.ashlar.identity.Caller;
import io.ashlar.identity.Tenants;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** Limits on a real database, shared by what would be several processes. */
class QuotasTest {
    private static final String MODEL = "demo";

    @TempDir
    static Path folder;

    private static EmbeddedPostgres postgres;
    private static HikariDataSource pool;
    private static JdbcClient database;
    private static TransactionTemplate transactions;
    private static ExecutorService blocking;
    private static ChangeFeed feed;
    private static final AtomicInteger NAMES = new AtomicInteger();

    private final MovedClock clock = new MovedClock(Instant.parse("2031-05-17T10:00:00Z"));
    private final List<Quotas> processes = new ArrayList<>();
    private Limits limits;
    private Caller caller;

    @BeforeAll
    static void open() {
        postgres = EmbeddedPostgres.start(folder.resolve("postgres"), folder.resolve("cache"));
        DatabaseAddress address = postgres.address();
        pool = new HikariDataSource();
        pool.setJdbcUrl(address.url());
        pool.setUsername(address.user());
        pool.setPassword(address.password());
        pool.setMaximumPoolSize(16);
        Migrations.run(pool);
        database = JdbcClient.create(pool);
        transactions = new TransactionTemplate(new DataSourceTransactionManager(pool));
        blocking = Executors.newVirtualThreadPerTaskExecutor();
        feed = new ChangeFeed(address);
        database.sql("insert into model (name, kind, manifest, created_at) values ('demo', 'model', '{}', now())")
                .update();
        database.sql("insert into deployment (name, model, created_at) values ('demo', 'demo', now()),"
                        + " ('other', 'demo', now())")
                .update();
    }

    @AfterAll
    static void close() {
        feed.close();
        pool.close();
        postgres.close();
    }

    @BeforeEach
    void tenant() {
        AuditLog audit = new AuditLog(database, clock);
        limits = new Limits(database, transactions, audit, clock);
        UUID tenant =
                new Tenants(database, transactions, audit, clock).create("t" + NAMES.incrementAndGet(), Actor.SYSTEM);
        UUID project = database.sql("select id from project where tenant_id = :t")
                .param("t", tenant)
                .query(UUID.class)
                .single();
        caller = caller(tenant, project);
    }

    private static Caller caller(UUID tenant, UUID project) {
        UUID key = UUID.randomUUID();
        database.sql("""
                        insert into api_key (id, project_id, name, prefix, secret_hash, created_at)
                        values (:id, :project, 'ci', :prefix, decode(repeat('00', 32), 'hex'), now())""")
                .param("id", key)
                .param("project", project)
                .param("prefix", key.toString())
                .update();
        return new Caller(tenant, "tenant", project, key, Set.of(MODEL), "standard", 1, false);
    }

    @AfterEach
    void closeProcesses() {
        processes.forEach(Quotas::close);
        database.sql("delete from quota_limit").update();
        database.sql("delete from quota_process").update();
        database.sql("delete from model_price").update();
    }

    private Quotas process(UUID instance) {
        Quotas quotas = new Quotas(database, transactions, feed, blocking, clock, instance);
        quotas.begin();
        processes.add(quotas);
        return quotas;
    }

    private Quotas process() {
        return process(UUID.randomUUID());
    }

    private Limit limit(LimitKind kind, long amount, Integer... warn) {
        return limits.set(
                caller.tenant(), new Limits.Wanted(null, null, null, kind, amount, List.of(warn), false), Actor.SYSTEM);
    }

    private Demand demand(int prompt, int most) {
        return new Demand(caller, MODEL, prompt, most, most / 2, clock.instant());
    }

    private static Reservation get(Quotas quotas, Demand demand) {
        try {
            return quotas.reserve(demand).join();
        } catch (CompletionException e) {
            throw (RuntimeException) e.getCause();
        }
    }

    private static QuotaRefusal refusal(Quotas quotas, Demand demand) {
        try {
            quotas.reserve(demand).join();
        } catch (CompletionException e) {
            return (QuotaRefusal) e.getCause();
        }
        throw new AssertionError("it was let in");
    }

    @Test
    void the_worst_case_is_reserved_and_what_was_not_used_comes_back() {
        limit(LimitKind.TOKENS_PER_MINUTE, 1000);
        Quotas quotas = process();
        Reservation first = get(quotas, demand(100, 800));
        assertThat(refusal(quotas, demand(50, 60)).code()).isEqualTo(QuotaRefusal.Code.RATE_LIMIT_EXCEEDED);
        quotas.settle(first, 100, 0, 10);
        assertThat(quotas.rates(caller, MODEL).tokens().remaining()).isEqualTo(890);
        get(quotas, demand(90, 800));
    }

    @Test
    void a_refusal_names_the_limit_and_its_level_and_when_it_resets() {
        clock.move(Duration.ofSeconds(26));
        limits.set(
                caller.tenant(),
                new Limits.Wanted(null, caller.key(), MODEL, LimitKind.REQUESTS_PER_MINUTE, 1, List.of(), false),
                Actor.SYSTEM);
        Quotas quotas = process();
        get(quotas, demand(1, 1));
        QuotaRefusal refusal = refusal(quotas, demand(1, 1));
        assertThat(refusal)
                .hasMessage("The limit of 1 requests per minute of the key 'ci' for the model 'demo' is reached;"
                        + " it resets in 34s.");
        assertThat(refusal.retryAfter()).isEqualTo(Duration.ofSeconds(34));
        clock.move(Duration.ofSeconds(34));
        get(quotas, demand(1, 1));
    }

    @Test
    void limits_of_all_levels_are_in_force_together() {
        Quotas quotas = process();
        limit(LimitKind.REQUESTS_PER_MINUTE, 5);
        limits.set(
                caller.tenant(),
                new Limits.Wanted(caller.project(), null, null, LimitKind.REQUESTS_PER_MINUTE, 4, List.of(), false),
                Actor.SYSTEM);
        limits.set(
                caller.tenant(),
                new Limits.Wanted(null, caller.key(), null, LimitKind.REQUESTS_PER_MINUTE, 2, List.of(), false),
                Actor.SYSTEM);
        limits.set(
                caller.tenant(),
                new Limits.Wanted(null, null, "other", LimitKind.REQUESTS_PER_MINUTE, 1, List.of(), false),
                Actor.SYSTEM);
        get(quotas, demand(1, 1));
        get(quotas, demand(1, 1));
        assertThat(refusal(quotas, demand(1, 1)).limit().level()).isEqualTo(Limit.Level.KEY);
        Caller second = caller(caller.tenant(), caller.project());
        get(quotas, new Demand(second, "other", 1, 1, 1, clock.instant()));
        assertThat(refusal(quotas, new Demand(second, "other", 1, 1, 1, clock.instant()))
                        .limit()
                        .model())
                .isEqualTo("other");
        get(quotas, new Demand(second, MODEL, 1, 1, 1, clock.instant()));
        Caller third = caller(caller.tenant(), caller.project());
        assertThat(refusal(quotas, new Demand(third, MODEL, 1, 1, 1, clock.instant()))
                        .limit()
                        .level())
                .isEqualTo(Limit.Level.PROJECT);
    }

    @Test
    void a_limit_that_refuses_leaves_the_others_untouched() {
        limit(LimitKind.TOKENS_PER_DAY, 1000);
        limit(LimitKind.REQUESTS_PER_MINUTE, 1);
        Quotas quotas = process();
        quotas.settle(get(quotas, demand(10, 10)), 10, 0, 10);
        for (int i = 0; i < 100; i++) {
            refusal(quotas, demand(100, 100));
        }
        clock.move(Duration.ofMinutes(1));
        get(quotas, demand(480, 500));
    }

    @Test
    void money_is_counted_by_price_and_cached_tokens_are_cheaper() {
        limits.setPrice(MODEL, new Price(2_000_000, 500_000, 8_000_000), Actor.SYSTEM);
        // A thousandth of the currency.
        limit(LimitKind.MONEY_PER_MONTH, 1000);
        Quotas quotas = process();
        Reservation r = get(quotas, demand(100, 100));
        quotas.settle(r, 100, 80, 10);
        // 20 x 2 + 80 x 0.5 + 10 x 8 millionths = 160.
        assertThat(quotas.used(caller.tenant()).values()).containsExactly(160L);
        assertThat(refusal(quotas, demand(20, 101)).code()).isEqualTo(QuotaRefusal.Code.INSUFFICIENT_QUOTA);
        get(quotas, demand(20, 100));
    }

    @Test
    void concurrent_requests_come_back_when_they_end() {
        limit(LimitKind.CONCURRENT_REQUESTS, 2);
        Quotas quotas = process();
        Reservation a = get(quotas, demand(1, 1));
        get(quotas, demand(1, 1));
        assertThat(refusal(quotas, demand(1, 1)).code()).isEqualTo(QuotaRefusal.Code.CONCURRENCY_LIMIT);
        quotas.settle(a, 1, 0, 1);
        quotas.settle(a, 1, 0, 1);
        Reservation b = get(quotas, demand(1, 1));
        refusal(quotas, demand(1, 1));
        quotas.cancel(b);
        get(quotas, demand(1, 1));
    }

    @Test
    void overbooking_reserves_what_is_predicted() {
        limits.set(
                caller.tenant(),
                new Limits.Wanted(null, null, null, LimitKind.COMPLETION_TOKENS_PER_MINUTE, 100, List.of(), true),
                Actor.SYSTEM);
        Quotas quotas = process();
        get(quotas, demand(10, 100));
        get(quotas, demand(10, 100));
        refusal(quotas, demand(10, 100));
    }

    @Test
    void what_could_never_fit_is_refused_at_once_and_says_so() {
        limit(LimitKind.TOKENS_PER_MINUTE, 100);
        QuotaRefusal refusal = refusal(process(), demand(60, 60));
        assertThat(refusal).hasMessageContaining("The request alone may need 120");
        assertThat(refusal.retryAfter()).isZero();
    }

    @Test
    void soft_budgets_warn_once_each_in_words_and_in_the_table() throws InterruptedException {
        Limit limit = limit(LimitKind.TOKENS_PER_DAY, 1000, 50, 80);
        Quotas quotas = process();
        assertThat(get(quotas, demand(100, 100)).warnings()).isEmpty();
        assertThat(get(quotas, demand(200, 100)).warnings()).containsExactly("50% of " + limit.words() + " reached");
        assertThat(get(quotas, demand(200, 100)).warnings()).hasSize(2);
        for (int i = 0;
                i < 200 && limits.warnings(caller.tenant(), 10, Actor.SYSTEM).size() < 2;
                i++) {
            Thread.sleep(10);
        }
        assertThat(limits.warnings(caller.tenant(), 10, Actor.SYSTEM))
                .extracting(Limits.Warning::percent)
                .containsExactlyInAnyOrder(50, 80);
    }

    @Test
    void a_process_asks_seldom() {
        limit(LimitKind.REQUESTS_PER_MINUTE, 100_000);
        limit(LimitKind.TOKENS_PER_DAY, 1_000_000_000);
        Quotas quotas = process();
        for (int i = 0; i < 10_000; i++) {
            quotas.settle(get(quotas, demand(100, 100)), 100, 0, 20);
        }
        assertThat(quotas.questions()).isLessThan(20);
    }

    @Test
    void what_one_process_does_not_use_others_can_have_after_two_ticks() {
        limit(LimitKind.TOKENS_PER_DAY, 1000);
        Quotas one = process();
        Quotas two = process();
        one.settle(get(one, demand(1, 99)), 1, 0, 0);
        // An eighth of what is left is more than it asked for, and it holds that.
        refusal(two, demand(1, 998));
        for (int i = 0; i < 3; i++) {
            one.tick();
            clock.move(Duration.ofSeconds(1));
        }
        get(two, demand(1, 998));
    }

    @Test
    void a_clean_end_gives_back_to_the_last_token() {
        limit(LimitKind.TOKENS_PER_DAY, 1000);
        Quotas one = process();
        one.settle(get(one, demand(10, 500)), 10, 0, 20);
        one.close();
        Quotas two = process();
        get(two, demand(470, 500));
        refusal(two, demand(1, 1));
    }

    private void ledger(Caller of, int prompt, int completion) {
        database.sql("""
                        insert into usage_record values (:id, :tenant, :project, :key, :model, :prompt, 0, :completion, :at,
                            0, null, 0, 'stop', 'completed')""")
                .param("id", UUID.randomUUID())
                .param("tenant", of.tenant())
                .param("project", of.project())
                .param("key", of.key())
                .param("model", MODEL)
                .param("prompt", prompt)
                .param("completion", completion)
                .param("at", clock.instant().atOffset(java.time.ZoneOffset.UTC))
                .update();
    }

    @Test
    void after_an_end_without_notice_the_ledger_says_what_was_used() {
        limit(LimitKind.TOKENS_PER_MONTH, 1000);
        limit(LimitKind.CONCURRENT_REQUESTS, 1);
        UUID instance = UUID.randomUUID();
        Quotas killed = process(instance);
        get(killed, demand(100, 700));
        ledger(caller, 100, 33);
        processes.remove(killed);
        Quotas next = process(instance);
        next.recover();
        // What ran in the process that is gone runs no more; of 1000 tokens 867 are left.
        get(next, demand(67, 800));
        assertThat(refusal(next, demand(1, 1)).code()).isEqualTo(QuotaRefusal.Code.CONCURRENCY_LIMIT);
    }

    @Test
    void where_others_hold_a_part_what_a_killed_process_had_counts_as_used() {
        limit(LimitKind.TOKENS_PER_MONTH, 1000);
        UUID instance = UUID.randomUUID();
        Quotas killed = process(instance);
        get(killed, demand(100, 500));
        Quotas other = process();
        Reservation r = get(other, demand(10, 90));
        processes.remove(killed);
        process(instance).recover();
        other.settle(r, 10, 0, 90);
        refusal(other, demand(1, 300));
        get(other, demand(1, 100));
    }

    @Test
    void concurrent_requests_of_a_process_that_is_gone_count_for_ten_seconds() {
        limit(LimitKind.CONCURRENT_REQUESTS, 4);
        Quotas gone = process();
        for (int i = 0; i < 4; i++) {
            get(gone, demand(1, 1));
        }
        processes.remove(gone);
        Quotas other = process();
        refusal(other, demand(1, 1));
        clock.move(Duration.ofSeconds(11));
        other.tick();
        get(other, demand(1, 1));
        // And it would not go on by itself, had it only been cut off from the database.
        assertThatThrownBy(() -> get(gone, demand(1, 1))).isNotNull();
    }

    @Test
    void wrong_limits_are_refused_by_the_name_of_the_field() {
        assertThatThrownBy(() -> limit(LimitKind.TOKENS_PER_DAY, -1))
                .isInstanceOfSatisfying(
                        InvalidRequestException.class,
                        e -> assertThat(e.field()).isEqualTo("amount"));
        assertThatThrownBy(() -> limit(LimitKind.TOKENS_PER_DAY, 1, 101))
                .isInstanceOfSatisfying(
                        InvalidRequestException.class,
                        e -> assertThat(e.field()).isEqualTo("warn_percent"));
        assertThatThrownBy(() -> limits.set(
                        caller.tenant(),
                        new Limits.Wanted(null, UUID.randomUUID(), null, LimitKind.TOKENS_PER_DAY, 1, List.of(), false),
                        Actor.SYSTEM))
                .isInstanceOfSatisfying(
                        InvalidRequestException.class,
                        e -> assertThat(e.field()).isEqualTo("key"));
    }

    /** What was truly let in and used, kept beside; window by window. */
    private static final class Truth {
        final Map<Instant, AtomicLong> used = new ConcurrentHashMap<>();
        final AtomicLong running = new AtomicLong();

        long add(Instant window, long amount) {
            return used.computeIfAbsent(window, w -> new AtomicLong()).addAndGet(amount);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void no_interleaving_in_any_number_of_processes_passes_a_hard_limit(long seed) throws Exception {
        Random setup = new Random(seed);
        int requestsLimit = 30 + setup.nextInt(100);
        int tokensLimit = 2000 + setup.nextInt(4000);
        int running = 1 + setup.nextInt(8);
        limit(LimitKind.REQUESTS_PER_MINUTE, requestsLimit);
        limit(LimitKind.TOKENS_PER_MINUTE, tokensLimit);
        limit(LimitKind.TOKENS_PER_DAY, tokensLimit * 3L);
        limit(LimitKind.CONCURRENT_REQUESTS, running);
        Truth requests = new Truth();
        Truth tokens = new Truth();
        Truth day = new Truth();
        Truth concurrent = new Truth();
        List<Quotas> all = new ArrayList<>();
        for (int i = 0; i < 1 + seed % 3; i++) {
            all.add(process());
        }
        AtomicInteger admitted = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        List<Throwable> failures = java.util.Collections.synchronizedList(new ArrayList<>());
        for (int t = 0; t < 12; t++) {
            int number = t;
            threads.add(Thread.ofPlatform().start(() -> {
                Random random = new Random(seed * 100 + number);
                try {
                    for (int i = 0; i < 120; i++) {
                        Quotas quotas = all.get(random.nextInt(all.size()));
                        Demand demand = demand(1 + random.nextInt(100), 1 + random.nextInt(200));
                        if (number == 0 && random.nextInt(10) == 0) {
                            clock.move(Duration.ofSeconds(random.nextInt(7)));
                            all.forEach(Quotas::tick);
                        }
                        if (random.nextInt(20) == 0) {
                            quotas.tick();
                        }
                        Reservation reservation;
                        try {
                            reservation = get(quotas, demand);
                        } catch (QuotaRefusal refused) {
                            continue;
                        }
                        admitted.incrementAndGet();
                        Instant minute = LimitKind.Window.MINUTE.start(demand.at());
                        long worst = demand.prompt() + demand.most();
                        assertThat(concurrent.running.incrementAndGet()).isLessThanOrEqualTo(running);
                        assertThat(requests.add(minute, 1)).isLessThanOrEqualTo(requestsLimit);
                        assertThat(tokens.add(minute, worst)).isLessThanOrEqualTo(tokensLimit);
                        assertThat(day.add(Instant.EPOCH, worst)).isLessThanOrEqualTo(tokensLimit * 3L);
                        Thread.onSpinWait();
                        int made = random.nextInt(demand.most() + 1);
                        boolean cancelled = random.nextInt(10) == 0;
                        // The truth first: what is given back before it is seen to be free could be taken twice.
                        long used = cancelled ? 0 : demand.prompt() + made;
                        concurrent.running.decrementAndGet();
                        requests.add(minute, cancelled ? -1 : 0);
                        tokens.add(minute, used - worst);
                        day.add(Instant.EPOCH, used - worst);
                        if (cancelled) {
                            quotas.cancel(reservation);
                        } else {
                            quotas.settle(reservation, demand.prompt(), 0, made);
                        }
                    }
                } catch (Throwable e) {
                    failures.add(e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        assertThat(admitted.get()).isGreaterThan(10);
        // And nothing is lost: what the limit of the day still has can be had by a process that comes anew.
        all.forEach(Quotas::close);
        long left = tokensLimit * 3L - day.used.get(Instant.EPOCH).get();
        clock.move(Duration.ofMinutes(2));
        if (clock.instant().isBefore(Instant.parse("2031-05-18T00:00:00Z")) && left > 1 && left <= tokensLimit) {
            Quotas fresh = process();
            refusal(fresh, demand(1, (int) left));
            get(fresh, demand(1, (int) left - 1));
        }
    }
}
